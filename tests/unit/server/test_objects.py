"""The signed-URL routes, spoken to in ASGI: what a client sends and what it gets, without a socket."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from entrepot.domain.asset import Asset
from entrepot.domain.data_set import AssetType
from entrepot.domain.errors import DatabaseUnavailable, ObjectNotFound, StoreFull
from entrepot.domain.identifiers import upload_store_key
from entrepot.domain.scope import Scope
from entrepot.domain.timestamp import Timestamp
from entrepot.server import upload_slots
from entrepot.server.audit import Metrics
from entrepot.server.object_download import content_disposition
from entrepot.server.objects import UPLOAD_LIMIT_BYTES, SignedObjects, Transfers, WhatUrlsWereMadeFor
from entrepot.server.upload_quota import UploadQuota
from entrepot.server.upload_slots import UploadSlots
from entrepot.stores.checksum import checksum_of
from entrepot.stores.local import LocalStore
from entrepot.stores.store import Stored
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
        """One request; a body of several chunks has no Content-Length; the client may go away in it."""
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
                self.is_waiting, self.account_of_job, self.is_entitled, self.asset_of, self.mark_damaged
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


@pytest.fixture
def exchange(tmp_path: Path) -> Iterator[Exchange]:
    with ThreadPoolExecutor(4) as executor:
        yield Exchange(
            LocalStore(tmp_path / "assets"), LocalSignedUrls("http://127.0.0.1:8250", b"secret"), executor
        )


def temporary_files(exchange: Exchange) -> list[Path]:
    return [path for path in exchange.store.path_of("x").parent.rglob("*") if path.is_file()]


async def test_what_is_put_can_be_got(exchange: Exchange) -> None:
    put = await exchange.ask("PUT", exchange.upload_url(CONTENT), CONTENT, content_md5=md5(CONTENT))
    assert (put.status, put.body) == (200, b"")
    got = await exchange.ask("GET", exchange.download_url())
    assert got.status == 200
    assert got.body == CONTENT
    assert got.headers["content-length"] == str(len(CONTENT))
    assert got.headers["etag"] == put.headers["etag"]
    assert (
        got.headers["content-disposition"] == "attachment; filename=\"file.csv\"; filename*=UTF-8''file.csv"
    )


@pytest.mark.parametrize("content", [b"", b"x"])
async def test_small_and_empty_objects_are_objects(exchange: Exchange, content: bytes) -> None:
    put = await exchange.ask("PUT", exchange.upload_url(content), content, content_md5=md5(content))
    assert put.status == 200
    got = await exchange.ask("GET", exchange.download_url())
    assert (got.status, got.body) == (200, content)


async def test_a_chunked_body_is_taken_as_well(exchange: Exchange) -> None:
    chunks = [CONTENT[start : start + 700_000] for start in range(0, len(CONTENT), 700_000)]
    put = await exchange.ask("PUT", exchange.upload_url(CONTENT), chunks, content_md5=md5(CONTENT))
    assert put.status == 200
    assert (await exchange.ask("GET", exchange.download_url())).body == CONTENT


@pytest.mark.parametrize("wrong", [b"z" * len(CONTENT), CONTENT[:-1] + b"!"])
async def test_a_body_with_another_md5_is_a_bad_digest_and_nothing_is_kept(
    exchange: Exchange, wrong: bytes
) -> None:
    put = await exchange.ask("PUT", exchange.upload_url(CONTENT), wrong, content_md5=md5(CONTENT))
    assert put.status == 400
    assert b"<Code>BadDigest</Code>" in put.body
    assert temporary_files(exchange) == []


async def test_an_empty_body_with_another_md5_is_a_bad_digest(exchange: Exchange) -> None:
    put = await exchange.ask("PUT", exchange.upload_url(CONTENT), b"", content_md5=md5(CONTENT))
    assert put.status == 400
    assert b"BadDigest" in put.body


async def test_a_client_that_goes_away_leaves_nothing(exchange: Exchange) -> None:
    answer = await exchange.ask(
        "PUT",
        exchange.upload_url(CONTENT),
        [CONTENT[:1000], CONTENT[1000:]],
        gone_after=1,
        content_md5=md5(CONTENT),
        content_length=str(len(CONTENT)),
    )
    assert answer.status == 0
    assert temporary_files(exchange) == []


async def test_a_body_shorter_than_it_declares_is_incomplete(exchange: Exchange) -> None:
    put = await exchange.ask(
        "PUT", exchange.upload_url(b"abc"), b"ab", content_md5=md5(b"abc"), content_length="3"
    )
    assert put.status == 400
    assert b"IncompleteBody" in put.body
    assert temporary_files(exchange) == []


async def test_more_than_a_signed_url_takes_is_refused_unread(exchange: Exchange) -> None:
    put = await exchange.ask(
        "PUT",
        exchange.upload_url(b"abc"),
        b"abc",
        content_md5=md5(b"abc"),
        content_length=str(UPLOAD_LIMIT_BYTES + 1),
    )
    assert put.status == 400
    assert b"EntityTooLarge" in put.body
    assert put.headers["connection"] == "close"


async def test_an_upload_is_taken_while_its_job_waits_and_refused_unread_after(exchange: Exchange) -> None:
    url = exchange.upload_url(b"abc", upload_store_key(JOB_ID))
    exchange.waiting.add(JOB_ID)
    assert (await exchange.ask("PUT", url, b"abc", content_md5=md5(b"abc"))).status == 200
    exchange.waiting.clear()
    exchange.store.delete(upload_store_key(JOB_ID))
    large = str(UPLOAD_LIMIT_BYTES)
    put = await exchange.ask("PUT", url, gone_after=0, content_md5=md5(b"abc"), content_length=large)
    assert put.status == 403
    assert b"<Code>AccessDenied</Code><Message>Request has expired: the job" in put.body
    assert b"no longer waiting" in put.body
    assert (put.headers["content-type"], put.headers["connection"]) == ("application/xml", "close")
    assert temporary_files(exchange) == []


@pytest.mark.parametrize("content", [b"", b"abc", CONTENT])
@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("asked_before", [1, 2])
async def test_an_upload_that_outlives_its_job_is_refused_and_not_kept(
    exchange: Exchange, content: bytes, chunked: bool, asked_before: int
) -> None:
    """The job is gone while the body is on its way, or while its last bytes are written."""
    answers = [True] * asked_before

    async def is_waiting(job_id: str) -> bool:
        return bool(answers) and answers.pop()

    exchange.is_waiting = is_waiting  # type: ignore[method-assign]
    url = exchange.upload_url(content, upload_store_key(JOB_ID))
    body: bytes | list[bytes] = [content[:2], content[2:], b""] if chunked else content
    put = await exchange.ask("PUT", url, body, content_md5=md5(content))
    assert (put.status, answers) == (403, [])
    assert b"no longer waiting" in put.body
    assert temporary_files(exchange) == []


async def test_an_upload_that_comes_too_late_leaves_what_was_there(exchange: Exchange) -> None:
    key = upload_store_key(JOB_ID)
    exchange.store.put(key, memoryview(b"earlier"), 7)
    answers = [True]

    async def is_waiting(job_id: str) -> bool:
        return bool(answers) and answers.pop()

    exchange.is_waiting = is_waiting  # type: ignore[method-assign]
    put = await exchange.ask("PUT", exchange.upload_url(b"abc", key), b"abc", content_md5=md5(b"abc"))
    assert put.status == 403
    assert exchange.store.head(key).size_bytes == 7


async def test_an_upload_is_put_off_while_nobody_knows_of_its_job(
    exchange: Exchange, caplog: pytest.LogCaptureFixture
) -> None:
    async def unknown(job_id: str) -> bool:
        raise DatabaseUnavailable(f"The database of {job_id} is down.")

    exchange.is_waiting = unknown  # type: ignore[method-assign]
    url = exchange.upload_url(b"abc", upload_store_key(JOB_ID))
    put = await exchange.ask("PUT", url, b"abc", content_md5=md5(b"abc"))
    assert put.status == 503
    assert b"<Code>ServiceUnavailable</Code>" in put.body and b"down" not in put.body
    assert "is down" in caplog.text


async def test_a_full_store_answers_507_and_keeps_nothing(exchange: Exchange) -> None:
    class FullStore:
        def put(self, key: str, body: Any, size_bytes: int) -> Stored:
            body.readinto(memoryview(bytearray(10)))
            raise StoreFull("no space left on the disk of /secret/folder")

    exchange.store = FullStore()
    put = await exchange.ask("PUT", exchange.upload_url(CONTENT), CONTENT, content_md5=md5(CONTENT))
    assert put.status == 507
    assert b"no space left" in put.body
    assert b"/secret/folder" not in put.body


async def test_the_upload_header_must_be_the_one_that_was_signed(exchange: Exchange) -> None:
    for headers in ({}, {"content_md5": md5(b"other")}):
        put = await exchange.ask("PUT", exchange.upload_url(CONTENT), CONTENT, **headers)
        assert put.status == 403
        assert b"SignatureDoesNotMatch" in put.body


async def test_a_url_is_good_for_its_method_its_object_and_its_time_alone(exchange: Exchange) -> None:
    url = exchange.download_url()
    for method, changed in (
        ("PUT", url),
        ("GET", url.replace("0f0f", "0f0e")),
        ("GET", url.replace("file.csv", "file.exe")),
        ("GET", exchange.upload_url(CONTENT)),
    ):
        answer = await exchange.ask(method, changed, content_md5=md5(b""))
        assert answer.status == 403
        assert answer.headers["content-type"] == "application/xml"
    exchange.now = LATER
    expired = await exchange.ask("GET", url)
    assert expired.status == 403
    assert b"Request has expired" in expired.body


async def test_another_method_is_not_allowed(exchange: Exchange) -> None:
    answer = await exchange.ask("DELETE", exchange.download_url())
    assert answer.status == 405
    assert answer.headers["allow"] == "GET, HEAD, PUT"


async def test_an_object_that_is_gone_is_no_such_key(exchange: Exchange) -> None:
    answer = await exchange.ask("GET", exchange.download_url())
    assert answer.status == 404
    assert b"<Code>NoSuchKey</Code>" in answer.body


@pytest.mark.parametrize(
    ("asked", "status", "first", "end"),
    [
        ("bytes=0-0", 206, 0, 1),
        ("bytes=10-19", 206, 10, 20),
        ("bytes=2559990-", 206, 2_559_990, 2_560_000),
        ("bytes=2559990-9999999", 206, 2_559_990, 2_560_000),
        ("bytes=-5", 206, 2_559_995, 2_560_000),
        ("bytes=-9999999", 206, 0, 2_560_000),
        ("bytes=5-4", 200, 0, 2_560_000),
        ("bytes=0-1,5-6", 200, 0, 2_560_000),
        ("bytes=-", 200, 0, 2_560_000),
        ("lines=1-2", 200, 0, 2_560_000),
    ],
)
async def test_one_range_is_served(exchange: Exchange, asked: str, status: int, first: int, end: int) -> None:
    exchange.store.put(KEY, memoryview(CONTENT), len(CONTENT))
    got = await exchange.ask("GET", exchange.download_url(), range=asked)
    assert (got.status, got.body) == (status, CONTENT[first:end])
    assert got.headers["content-length"] == str(end - first)
    if status == 206:
        assert got.headers["content-range"] == f"bytes {first}-{end - 1}/{len(CONTENT)}"


@pytest.mark.parametrize("asked", ["bytes=2560000-", "bytes=9999999-10000000", "bytes=-0"])
async def test_a_range_outside_the_object_is_not_satisfiable(exchange: Exchange, asked: str) -> None:
    exchange.store.put(KEY, memoryview(CONTENT), len(CONTENT))
    got = await exchange.ask("GET", exchange.download_url(), range=asked)
    assert got.status == 416
    assert got.headers["content-range"] == "bytes */2560000"
    assert b"InvalidRange" in got.body


async def test_conditions_are_kept(exchange: Exchange) -> None:
    exchange.store.put(KEY, memoryview(CONTENT), len(CONTENT))
    url = exchange.download_url()
    etag = (await exchange.ask("HEAD", url)).headers["etag"]
    assert (await exchange.ask("GET", url, if_none_match=etag)).status == 304
    assert (await exchange.ask("GET", url, if_none_match="*")).status == 304
    assert (await exchange.ask("GET", url, if_none_match='"other"')).status == 200
    assert (await exchange.ask("GET", url, if_match=f'"other", {etag}')).status == 200
    assert (await exchange.ask("GET", url, if_match='"other"')).status == 412
    assert (await exchange.ask("GET", url, range="bytes=0-0", if_range=etag)).status == 206
    assert (await exchange.ask("GET", url, range="bytes=0-0", if_range='"other"')).status == 200


async def test_head_says_what_get_would_without_the_bytes(exchange: Exchange) -> None:
    exchange.store.put(KEY, memoryview(CONTENT), len(CONTENT))
    head = await exchange.ask("HEAD", exchange.download_url())
    assert (head.status, head.body) == (200, b"")
    assert head.headers["content-length"] == str(len(CONTENT))


async def test_a_download_ends_when_the_client_leaves(exchange: Exchange) -> None:
    exchange.store.put(KEY, memoryview(CONTENT), len(CONTENT))
    got = await exchange.ask("GET", exchange.download_url(), gone_after=0)
    assert len(got.body) < len(CONTENT)


async def test_an_error_of_the_store_is_told_without_its_names(exchange: Exchange) -> None:
    class BrokenStore:
        def head(self, key: str) -> Any:
            raise ObjectNotFound("nothing at /secret/folder", key=key)

    exchange.store = BrokenStore()
    answer = await exchange.ask("GET", exchange.download_url())
    assert answer.status == 404
    assert b"secret" not in answer.body


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("a b.csv", "attachment; filename=\"a b.csv\"; filename*=UTF-8''a%20b.csv"),
        ('say "hi"\r\n', "attachment; filename=\"say _hi___\"; filename*=UTF-8''say%20%22hi%22%0D%0A"),
        ("größe.csv", "attachment; filename=\"gr__e.csv\"; filename*=UTF-8''gr%C3%B6%C3%9Fe.csv"),
        ("a/b", "attachment; filename=\"a/b\"; filename*=UTF-8''a%2Fb"),
    ],
)
def test_any_name_is_a_safe_header(name: str, header: str) -> None:
    assert content_disposition(name) == header.encode()


async def test_a_receivers_url_holds_while_its_account_is_entitled(exchange: Exchange) -> None:
    exchange.store.put(KEY, memoryview(CONTENT), len(CONTENT))
    url = exchange.urls.download_url(KEY, download_name="a", expires_at=LATER, now=NOW, receiver="them")
    exchange.entitled.add("them")
    assert (await exchange.ask("GET", url)).body == CONTENT
    exchange.entitled.clear()
    for method in ("GET", "HEAD"):
        assert (await exchange.ask(method, url)).status == 403
    without = url.replace("for=them&", "")
    assert without != url
    assert (await exchange.ask("GET", without)).status == 403


def asset_with(content: bytes, **changes: Any) -> Asset:
    """An asset whose bytes lie under `KEY`, as it was recorded."""
    asset = Asset(
        Scope("123456789012", "us-east-1"), "data-set", "revision", "asset", AssetType.S3_SNAPSHOT,
        "prices.csv", NOW, NOW, len(content), KEY, "", checksum_of(content),
    )  # fmt: skip
    return replace(asset, **changes)


async def test_an_asset_that_is_marked_as_damaged_is_refused_by_name(exchange: Exchange) -> None:
    exchange.store.put(KEY, memoryview(CONTENT), len(CONTENT))
    exchange.assets[KEY] = asset_with(CONTENT, damaged_at=NOW)
    for headers in ({}, {"range": "bytes=0-9"}):
        got = await exchange.ask("GET", exchange.download_url(), **headers)
        assert got.status == 403
        assert b"<Code>InvalidObjectState</Code>" in got.body and b"prices.csv" in got.body


@pytest.mark.parametrize("content", [b"x", CONTENT], ids=["one byte", "chunks"])
async def test_bytes_that_are_not_those_that_were_recorded_never_arrive_whole(
    exchange: Exchange, content: bytes
) -> None:
    """The connection ends before the last ones; whoever asks for the rest is refused."""
    exchange.store.put(KEY, memoryview(content), len(content))
    exchange.assets[KEY] = asset_with(content[:-1] + b"?")
    got = await exchange.ask("GET", exchange.download_url())
    assert len(got.body) < len(content)
    assert exchange.assets[KEY].damaged_at is not None
    rest = await exchange.ask("GET", exchange.download_url(), range=f"bytes={len(got.body)}-")
    assert rest.status == 403


@pytest.mark.parametrize("content", [b"", b"x", CONTENT], ids=["nothing", "one byte", "chunks"])
async def test_bytes_that_are_those_that_were_recorded_arrive(exchange: Exchange, content: bytes) -> None:
    exchange.store.put(KEY, memoryview(content), len(content))
    exchange.assets[KEY] = asset_with(content)
    assert (await exchange.ask("GET", exchange.download_url())).body == content
    assert exchange.assets[KEY].damaged_at is None


async def test_uploads_leave_the_disk_its_reserve(exchange: Exchange) -> None:
    url = exchange.upload_url(CONTENT)
    exchange.free_bytes = len(CONTENT) + 9
    put = await exchange.ask("PUT", url, CONTENT, content_md5=md5(CONTENT))
    assert put.status == 507
    assert b"<Code>InsufficientStorage</Code>" in put.body
    assert temporary_files(exchange) == []
    exchange.free_bytes += 1
    assert (await exchange.ask("PUT", url, CONTENT, content_md5=md5(CONTENT))).status == 200


async def test_an_upload_without_a_length_ends_where_the_reserve_begins(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload_slots, "_LOOK_BYTES", 1000)
    chunks = [CONTENT[:1000], CONTENT[1000:2000], CONTENT[2000:]]
    url = exchange.upload_url(CONTENT)
    exchange.free_bytes = 9
    assert (await exchange.ask("PUT", url, chunks, content_md5=md5(CONTENT))).status == 507
    assert temporary_files(exchange) == []


async def test_an_account_uploads_no_more_than_its_quota_for_jobs_it_does_not_start(
    exchange: Exchange,
) -> None:
    exchange.quota_bytes = 250
    jobs = [f"{number:032x}" for number in range(4)]
    exchange.waiting.update(jobs)
    content = b"a" * 100

    async def put(job_id: str) -> int:
        url = exchange.upload_url(content, upload_store_key(job_id))
        return (await exchange.ask("PUT", url, content, content_md5=md5(content))).status

    assert [await put(job) for job in jobs[:3]] == [200, 200, 507]
    exchange.waiting.remove(jobs[0])  # started, or cancelled
    assert await put(jobs[2]) == 200
    assert await put(jobs[3]) == 507
