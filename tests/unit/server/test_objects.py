"""The signed-URL routes, spoken to in ASGI: what a client sends and what it gets, without a socket."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tests.unit.server.signed_urls_in_asgi import (
    CONTENT,
    JOB_ID,
    KEY,
    LATER,
    NOW,
    Exchange,
    asset_with,
    md5,
)

from entrepot.domain.asset import Checksum
from entrepot.domain.errors import DatabaseUnavailable, ObjectNotFound, StoreFull
from entrepot.domain.identifiers import upload_store_key
from entrepot.domain.object_headers import ObjectHeaders
from entrepot.s3_gateway.s3_errors import damaged
from entrepot.server import object_download, upload_slots
from entrepot.server.object_download import Download, Expected, Served, content_disposition
from entrepot.server.objects import UPLOAD_LIMIT_BYTES
from entrepot.stores.checksum import checksum_of
from entrepot.stores.local import LocalStore
from entrepot.stores.store import Reader, Stored
from entrepot.transfer.signed_urls import LocalSignedUrls
from entrepot.transfer.verification import ProvenReader


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


async def test_a_body_in_pieces_is_taken(exchange: Exchange) -> None:
    chunks = [CONTENT[start : start + 700_000] for start in range(0, len(CONTENT), 700_000)]
    length = str(len(CONTENT))
    url = exchange.upload_url(CONTENT)
    put = await exchange.ask("PUT", url, chunks, content_md5=md5(CONTENT), content_length=length)
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


async def test_a_body_whose_length_is_not_told_is_refused_as_by_s3(exchange: Exchange) -> None:
    url, content_md5 = exchange.upload_url(CONTENT), md5(CONTENT)
    chunks = [CONTENT[:1000], CONTENT[1000:]]
    chunked = await exchange.ask("PUT", url, chunks, content_md5=content_md5, transfer_encoding="chunked")
    assert chunked.status == 501
    assert b"<Code>NotImplemented</Code>" in chunked.body and b"transfer-encoding" in chunked.body
    for content_length in ({}, {"content_length": "ten"}, {"content_length": "-1"}):
        put = await exchange.ask("PUT", url, chunks, content_md5=content_md5, **content_length)
        assert put.status == 411
        assert b"<Code>MissingContentLength</Code>" in put.body
    assert chunked.headers["connection"] == "close"
    assert temporary_files(exchange) == []


async def test_a_put_may_demand_that_there_is_no_object_or_a_certain_one(exchange: Exchange) -> None:
    content_md5 = md5(CONTENT)

    async def put(**conditions: str) -> tuple[int, str]:
        url = exchange.upload_url(CONTENT)
        answer = await exchange.ask("PUT", url, CONTENT, content_md5=content_md5, **conditions)
        code = answer.body.partition(b"<Code>")[2].partition(b"</Code>")[0].decode()
        return answer.status, answer.headers.get("etag", code)

    assert await put(if_match='"any"') == (404, "NoSuchKey")
    assert await put(if_match="*") == (404, "NoSuchKey")
    status, etag = await put(if_none_match="*")
    assert status == 200
    assert await put(if_none_match="*") == (412, "PreconditionFailed")
    assert await put(if_match='"other"') == (412, "PreconditionFailed")
    assert await put(if_none_match=etag) == (501, "NotImplemented")
    assert await put(if_match=etag) == (200, etag)
    assert await put() == (200, etag)


async def test_what_goes_with_an_upload_becomes_that_of_its_job(exchange: Exchange) -> None:
    exchange.waiting.add(JOB_ID)
    url, length = exchange.upload_url(b"abc", upload_store_key(JOB_ID)), 1900
    said = {
        "content_type": "text/csv",
        "content_encoding": "gzip, aws-chunked",
        "cache_control": "c" * length,
    }
    assert (await exchange.ask("PUT", url, b"abc", content_md5=md5(b"abc"), **said)).status == 200
    kept = ObjectHeaders("text/csv", "gzip", cache_control="c" * length)
    assert exchange.upload_headers == {JOB_ID: kept}
    for wrong, code in (
        ({"content_language": "l" * 2000}, b"MetadataTooLarge"),
        ({"content_type": "text/\x07"}, b"InvalidArgument"),
        ({"content_disposition": "für dich"}, b"InvalidArgument"),
    ):
        put = await exchange.ask("PUT", url, b"abc", content_md5=md5(b"abc"), **(said | wrong))
        assert put.status == 400
        assert b"<Code>%s</Code>" % code in put.body
    assert exchange.upload_headers == {JOB_ID: kept}


async def test_what_belongs_to_an_asset_is_said_with_its_bytes(exchange: Exchange) -> None:
    exchange.store.put(KEY, memoryview(CONTENT), len(CONTENT))
    exchange.assets[KEY] = asset_with(CONTENT)
    for method in ("GET", "HEAD"):
        got = await exchange.ask(method, exchange.download_url())
        assert got.headers["content-type"] == "binary/octet-stream"
        assert got.headers["last-modified"] == "Tue, 14 Nov 2023 22:13:20 GMT"
        assert got.headers["content-security-policy"] == "sandbox"
        assert got.headers["x-content-type-options"] == "nosniff"
    headers = ObjectHeaders("text/html", "gzip", "de", "attachment; filename=y", "no-store")
    exchange.assets[KEY] = asset_with(CONTENT, headers=headers)
    for method, status, asked in (("GET", 200, {}), ("HEAD", 200, {}), ("GET", 206, {"range": "bytes=0-1"})):
        got = await exchange.ask(method, exchange.download_url(), **asked)
        assert got.status == status
        assert dict(headers.named()).items() <= got.headers.items()


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
@pytest.mark.parametrize("in_pieces", [False, True])
@pytest.mark.parametrize("asked_before", [1, 2])
async def test_an_upload_that_outlives_its_job_is_refused_and_not_kept(
    exchange: Exchange, content: bytes, in_pieces: bool, asked_before: int
) -> None:
    """The job is gone while the body is on its way, or while its last bytes are written."""
    answers = [True] * asked_before

    async def is_waiting(job_id: str) -> bool:
        return bool(answers) and answers.pop()

    exchange.is_waiting = is_waiting  # type: ignore[method-assign]
    url = exchange.upload_url(content, upload_store_key(JOB_ID))
    body: bytes | list[bytes] = [content[:2], content[2:], b""] if in_pieces else content
    length = str(len(content))
    put = await exchange.ask("PUT", url, body, content_md5=md5(content), content_length=length)
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


@pytest.mark.parametrize("asked", ["bytes=0-9", "bytes=-1", "bytes=1000000-2000000"])
async def test_no_range_is_sent_of_bytes_that_are_not_those_that_were_recorded(
    exchange: Exchange, asked: str
) -> None:
    exchange.store.put(KEY, memoryview(CONTENT), len(CONTENT))
    exchange.assets[KEY] = asset_with(CONTENT)
    assert (await exchange.ask("GET", exchange.download_url(), range=asked)).status == 206
    file = exchange.store.path_of(KEY)
    file.write_bytes(b"?" + CONTENT[1:])
    got = await exchange.ask("GET", exchange.download_url(), range=asked)
    assert got.status == 403
    assert b"<Code>InvalidObjectState</Code>" in got.body and b"prices.csv" in got.body
    assert exchange.assets[KEY].damaged_at is not None


async def test_a_file_is_read_once_before_ranges_of_it_and_again_when_it_was_touched(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = []

    class Counting(ProvenReader):
        def __init__(self, reader: Reader, checksum: Checksum) -> None:
            read.append(reader)
            super().__init__(reader, checksum)

    monkeypatch.setattr(object_download, "ProvenReader", Counting)
    exchange.store.put(KEY, memoryview(CONTENT), len(CONTENT))
    download = Download(exchange.store, exchange.executor, lambda _: None)
    damages: list[str] = []

    async def on_damage() -> None:
        damages.append(KEY)

    expected = Expected(checksum_of(CONTENT), on_damage, damaged("prices.csv"))
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def get_range() -> int:
        forever = asyncio.Event().wait
        headers = {"range": "bytes=5-9"}
        return await download.answer("GET", headers, forever, send, Served(KEY, (), None, expected))  # type: ignore[arg-type]

    assert await asyncio.gather(*(get_range() for _ in range(5))) == [206] * 5
    assert await get_range() == 206
    assert len(read) == 1
    os.utime(exchange.store.path_of(KEY), ns=(0, 0))
    assert await get_range() == 206
    assert len(read) == 2
    assert damages == []


async def test_a_range_of_what_is_not_read_yet_is_to_be_asked_for_again(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(object_download, "_PROOF_SECONDS", 0.0)
    exchange.store.put(KEY, memoryview(CONTENT), len(CONTENT))
    exchange.assets[KEY] = asset_with(CONTENT)
    got = await exchange.ask("GET", exchange.download_url(), range="bytes=0-9")
    assert (got.status, got.headers["retry-after"]) == (503, "20")
    assert b"<Code>SlowDown</Code>" in got.body
    assert (await exchange.ask("GET", exchange.download_url())).body == CONTENT


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


async def test_an_upload_ends_where_others_have_filled_the_disk_meanwhile(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload_slots, "_LOOK_BYTES", 1000)
    chunks = [CONTENT[:1000], CONTENT[1000:2000], CONTENT[2000:]]
    url, length = exchange.upload_url(CONTENT), str(len(CONTENT))
    looks = iter((1 << 50, 9))
    monkeypatch.setattr(Exchange, "free_bytes", property(lambda _: next(looks)), raising=False)
    put = await exchange.ask("PUT", url, chunks, content_md5=md5(CONTENT), content_length=length)
    assert put.status == 507
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
