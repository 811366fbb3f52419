"""The signed-URL routes on a local store, spoken to in ASGI."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from entrepot.domain.asset import Asset
from entrepot.domain.data_set import AssetType
from entrepot.domain.object_headers import ObjectHeaders
from entrepot.domain.scope import Scope
from entrepot.domain.timestamp import Timestamp
from entrepot.server.audit import Metrics
from entrepot.server.objects import SignedObjects, Transfers, WhatUrlsWereMadeFor
from entrepot.server.upload_quota import UploadQuota
from entrepot.server.upload_slots import UploadSlots
from entrepot.stores.checksum import checksum_of
from entrepot.transfer.signed_urls import LocalSignedUrls

NOW = Timestamp(1_700_000_000_000)
LATER = NOW.plus_seconds(60)
KEY = "assets/0f/0f0f"
JOB_ID = "0f" * 16
CONTENT = bytes(range(256)) * 10_000  # some chunks of the server's size


@dataclass
class Answer:
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass
class Exchange:
    """The routes on a store, and the clock they believe."""

    store: Any
    urls: LocalSignedUrls
    executor: ThreadPoolExecutor
    now: Timestamp = NOW
    waiting: set[str] = field(default_factory=set)
    """The ids of the jobs that may still be uploaded to."""

    entitled: set[str] = field(default_factory=set)
    """The receivers that are still entitled."""

    free_bytes: int = 1 << 50
    quota_bytes: int = 1 << 50

    async def waiting_jobs(self, account_id: str) -> list[str]:
        return sorted(self.waiting)

    async def is_waiting(self, job_id: str) -> bool:
        return job_id in self.waiting

    async def account_of_job(self, job_id: str) -> str | None:
        return "1" * 12 if job_id in self.waiting else None

    async def is_entitled(self, receiver: str) -> bool:
        return receiver in self.entitled

    assets: dict[str, Asset] = field(default_factory=dict)
    """By their store keys."""

    async def asset_of(self, store_key: str) -> Asset | None:
        return self.assets.get(store_key)

    upload_headers: dict[str, ObjectHeaders] = field(default_factory=dict)
    """By the ids of the jobs that were uploaded to."""

    async def keep_upload_headers(self, job_id: str, headers: ObjectHeaders) -> bool:
        self.upload_headers[job_id] = headers
        return await self.is_waiting(job_id)

    async def mark_damaged(self, store_key: str) -> None:
        self.assets[store_key] = replace(self.assets[store_key], damaged_at=self.now)

    async def ask(
        self,
        method: str,
        url: str,
        body: bytes | Sequence[bytes] = b"",
        *,
        gone_after: int | None = None,
        **headers: str,
    ) -> Answer:
        """One request; of a body in several chunks no length is told. The client may go away in it."""
        chunks = [body] if isinstance(body, bytes) else list(body)
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        if isinstance(body, bytes) and method == "PUT":
            given.setdefault("content-length", str(len(body)))
        parts = urlsplit(url)
        scope = {
            "type": "http",
            "method": method,
            "raw_path": parts.path.encode(),
            "query_string": parts.query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in given.items()],
        }
        events: list[dict[str, Any]] = [
            {"type": "http.request", "body": chunk, "more_body": number < len(chunks) - 1}
            for number, chunk in enumerate(chunks)
        ]
        if gone_after is not None:
            events = [event | {"more_body": True} for event in events[:gone_after]]
            events.append({"type": "http.disconnect"})
        answer, forever = Answer(), asyncio.Event()

        async def receive() -> dict[str, Any]:
            if not events:
                await forever.wait()
            return events.pop(0)

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                answer.status = message["status"]
                answer.headers = {name.decode(): value.decode() for name, value in message["headers"]}
            else:
                answer.body += message.get("body", b"")

        objects = SignedObjects(
            self.store,
            self.urls,
            lambda: self.now,
            Metrics("0"),
            Transfers(
                self.executor,
                self.executor,
                UploadSlots(most=4, most_of_account=4, free_bytes=lambda: self.free_bytes, reserve_bytes=10),
            ),
            WhatUrlsWereMadeFor(
                self.is_waiting,
                self.account_of_job,
                self.is_entitled,
                self.asset_of,
                self.keep_upload_headers,
                self.mark_damaged,
            ),
            UploadQuota(self.store, self.executor, self.waiting_jobs, self.quota_bytes),
        )
        status = await objects.answer(scope, receive, send)
        assert answer.status in {status, 0}
        return answer

    def upload_url(self, content: bytes, key: str = KEY) -> str:
        return self.urls.upload_url(key, content_md5=md5(content), expires_at=LATER, now=NOW)

    def download_url(self, name: str = "file.csv") -> str:
        return self.urls.download_url(KEY, download_name=name, expires_at=LATER, now=NOW)


def md5(content: bytes) -> str:
    return base64.b64encode(hashlib.md5(content).digest()).decode()


def asset_with(content: bytes, **changes: Any) -> Asset:
    """An asset whose bytes lie under `KEY`, as it was recorded."""
    asset = Asset(
        Scope("123456789012", "us-east-1"), "data-set", "revision", "asset", AssetType.S3_SNAPSHOT,
        "prices.csv", NOW, NOW, len(content), KEY, "", checksum_of(content),
    )  # fmt: skip
    return replace(asset, **changes)
