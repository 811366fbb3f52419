"""`/entrepot/objects/…`: the signed URLs of the local store, answered as S3 would answer them."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from uuid import uuid4

from entrepot.domain.asset import Asset
from entrepot.domain.errors import DatabaseError, StoreError
from entrepot.domain.identifiers import job_of_upload
from entrepot.domain.timestamp import Timestamp
from entrepot.http.messages import HttpResponse
from entrepot.s3_gateway.s3_errors import (
    METHOD_NOT_ALLOWED,
    NO_LONGER_ENTITLED,
    UPLOAD_NOT_AWAITED,
    ObjectProblem,
    ObjectRefused,
    damaged,
    problem_of,
    problem_response,
)
from entrepot.server.audit import Metrics
from entrepot.server.object_download import Download, Expected
from entrepot.server.object_upload import Upload
from entrepot.server.upload_quota import UploadQuota
from entrepot.server.upload_slots import UploadSlots
from entrepot.stores.store import ObjectStore
from entrepot.transfer.signed_urls import LocalSignedUrls, SignedObject
from entrepot.transfer.source_proof import of_whole_object
from entrepot.wire.asgi import (
    AsgiScope,
    ClientDisconnected,
    Receive,
    Send,
    connection_headers,
    content_length,
    send_response,
)

UPLOAD_LIMIT_BYTES = 5 * 1024**3
"""What one PUT may carry, as on S3."""
_CLIENT_GONE = 499

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class WhatUrlsWereMadeFor:
    """Asks whether a signed URL is still good; all raise `DatabaseError`."""

    is_waiting: Callable[[str], Awaitable[bool]]
    """Whether the job of that id may still be uploaded to."""
    account_of_job: Callable[[str], Awaitable[str | None]]
    """Whose job that is; None where there is none."""
    is_entitled: Callable[[str], Awaitable[bool]]
    """Whether that receiver may still have what it was given."""
    asset_of: Callable[[str], Awaitable[Asset | None]]
    """The asset whose bytes lie under the store key; None for an upload that waits."""
    mark_damaged: Callable[[str], Awaitable[None]]
    """Says that the bytes under the store key are not those that were recorded."""


@dataclass(frozen=True, slots=True)
class Transfers:
    """What moves bytes: each kind has threads of its own, so that slow uploads hold up no download."""

    uploads: Executor
    """An upload holds one thread until its last byte is here, and some more now and then."""
    downloads: Executor
    slots: UploadSlots
    """As many as leave `uploads` some threads."""


class SignedObjects:
    def __init__(
        self,
        store: ObjectStore,
        signed_urls: LocalSignedUrls,
        clock: Callable[[], Timestamp],
        metrics: Metrics,
        transfers: Transfers,
        holds: WhatUrlsWereMadeFor,
        quota: UploadQuota,
    ) -> None:
        """`holds` says whether a URL still does."""
        self._signed_urls = signed_urls
        self._clock = clock
        self._holds = holds
        self._slots = transfers.slots
        self._quota = quota
        self._upload = Upload(store, transfers.uploads, UPLOAD_LIMIT_BYTES, metrics.received)
        self._download = Download(store, transfers.downloads, metrics.sent)

    async def answer(self, scope: AsgiScope, receive: Receive, send: Send) -> int:
        try:
            return await self._answer(scope, receive, send)
        except ClientDisconnected:
            return _CLIENT_GONE
        except ObjectRefused as refused:
            return await _refuse(scope, send, refused.problem)
        except StoreError as error:
            return await _refuse(scope, send, problem_of(error))
        except DatabaseError as error:
            _log.error("a signed URL is refused, since the database is unavailable: %s", error)
            return await _refuse(scope, send, problem_of(error))

    async def _answer(self, scope: AsgiScope, receive: Receive, send: Send) -> int:
        method = scope["method"]
        if method not in {"GET", "HEAD", "PUT"}:
            raise ObjectRefused(METHOD_NOT_ALLOWED)
        signed = self._signed_urls.verify(
            "GET" if method == "HEAD" else method,
            scope["raw_path"].decode("latin-1"),
            scope["query_string"],
            scope["headers"],
            self._clock(),
        )
        if method != "PUT":
            if signed.receiver is not None and not await self._holds.is_entitled(signed.receiver):
                raise ObjectRefused(NO_LONGER_ENTITLED)
            return await self._give(scope, receive, send, signed)
        await self._require_awaited(signed.store_key)
        require_awaited = partial(self._require_awaited, signed.store_key)
        account_id = await self._account(signed.store_key)
        size_bytes = content_length(scope)
        await self._slots.wait_for_turn(signed.store_key)
        under_way_bytes = self._slots.announced_bytes(account_id)
        await self._quota.require_room(account_id, size_bytes or 0, under_way_bytes)
        with self._slots.take(signed.store_key, account_id, size_bytes) as progress:
            patient = partial(progress.receive, receive)
            stored = await self._upload.receive(scope, patient, signed, require_awaited)
            try:
                await self._require_awaited(signed.store_key)
            except ObjectRefused:
                await self._upload.discard(signed)
                raise
        await send_response(send, HttpResponse(200, ((b"etag", f'"{stored.etag}"'.encode()),), b""))
        return 200

    async def _account(self, store_key: str) -> str:
        """Whose upload that is; all that belong to no job count as one account's."""
        job_id = job_of_upload(store_key)
        return "" if job_id is None else await self._holds.account_of_job(job_id) or ""

    async def _give(self, scope: AsgiScope, receive: Receive, send: Send, signed: SignedObject) -> int:
        """A download; of an asset that is not damaged, and with the bytes that were recorded of it."""
        key = signed.store_key
        asset = await self._holds.asset_of(key)
        expected = None
        if asset is not None:
            if asset.damaged_at is not None:
                raise ObjectRefused(damaged(asset.name))
            if of_whole_object(asset.checksum) is not None and asset.checksum is not None:
                expected = Expected(asset.checksum, partial(self._holds.mark_damaged, key))
        return await self._download.answer(scope, receive, send, key, signed.download_name, expected)

    async def _require_awaited(self, store_key: str) -> None:
        """Raises `ObjectRefused` where the job that the upload is for waits no more, and `DatabaseError`."""
        job_id = job_of_upload(store_key)
        if job_id is not None and not await self._holds.is_waiting(job_id):
            raise ObjectRefused(UPLOAD_NOT_AWAITED)


async def _refuse(scope: AsgiScope, send: Send, problem: ObjectProblem) -> int:
    response = problem_response(problem, uuid4().hex)
    await send_response(send, response, extra=connection_headers(scope) if scope["method"] == "PUT" else ())
    return problem.status
