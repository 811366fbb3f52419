"""The S3 client against a server that does what real servers do on bad days."""

from __future__ import annotations

import time
from email.utils import formatdate

import pytest
from tests.servers.scripted_http import Scripted, answer, error, scripted_server
from tests.stores.objects import MIB, get, pattern, put, read_all
from tests.stores.scripted_bucket import OK, bucket_at, found, playing

from entrepot.domain.errors import (
    BucketNotFound,
    ChecksumMismatch,
    InvalidStoreRequest,
    ObjectChanged,
    ObjectNotFound,
    StoreAccessDenied,
    StoreError,
    StoreFull,
    StoreUnavailable,
)
from entrepot.domain.job import UploadedPart
from entrepot.domain.object_headers import NO_HEADERS
from entrepot.sigv4.signature_parameters import Credentials
from entrepot.stores.checksum import checksum_of
from entrepot.stores.credentials import StaticCredentials
from entrepot.stores.s3 import S3Store
from entrepot.stores.s3_client import S3Client, S3Options


@pytest.mark.parametrize(
    "first",
    [
        error(503, "SlowDown"),
        error(503, "ServiceUnavailable", [("Retry-After", "0")]),
        error(500, "InternalError"),
        error(429, "TooManyRequests"),
        error(400, "RequestTimeout"),
        answer(502, b"<html>bad gateway</html>"),
        answer(504),
        Scripted(hang_up=True),
        Scripted(b"HTTP/1.1 200 OK\r\nContent-Le", hang_up=True),
        Scripted(b"SSH-2.0-OpenSSH_9.2\r\n\r\n", hang_up=True),
    ],
)
def test_what_passes_by_is_tried_again(first: Scripted | bytes) -> None:
    with playing(first, OK) as (store, server):
        assert put(store, "key", b"bytes").etag == "abc"
        assert [request.body for request in server.requests] == [b"bytes", b"bytes"]


def test_after_five_attempts_the_store_is_unavailable() -> None:
    with playing(*[error(503, "SlowDown")] * 9) as (store, server):
        with pytest.raises(StoreUnavailable, match="503 SlowDown"):
            put(store, "key", b"bytes")
        assert len(server.requests) == 5


def test_no_attempt_begins_after_the_time_for_all_of_them() -> None:
    with playing(*[error(503, "SlowDown")] * 9, total_seconds=0.0) as (store, server):
        with pytest.raises(StoreUnavailable):
            put(store, "key", b"bytes")
        assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (404, "NoSuchBucket", BucketNotFound),
        (404, "NoSuchKey", ObjectNotFound),
        (404, "NoSuchUpload", ObjectNotFound),
        (403, "AccessDenied", StoreAccessDenied),
        (403, "InvalidAccessKeyId", StoreAccessDenied),
        (403, "SignatureDoesNotMatch", StoreAccessDenied),
        (400, "ExpiredToken", StoreAccessDenied),
        (401, "Unauthorized", StoreAccessDenied),
        (412, "PreconditionFailed", ObjectChanged),
        (400, "BadDigest", ChecksumMismatch),
        (400, "XAmzContentChecksumMismatch", ChecksumMismatch),
        (400, "KMS.NotFoundException", InvalidStoreRequest),
        (400, "EntityTooLarge", InvalidStoreRequest),
        (501, "NotImplemented", InvalidStoreRequest),
        (507, "XMinioStorageFull", StoreFull),
        (503, "InsufficientStorage", StoreFull),
    ],
)
def test_a_refusal_is_named_at_once_with_all_that_a_person_needs(
    status: int, code: str, expected: type[StoreError]
) -> None:
    with playing(error(status, code)) as (store, server):
        with pytest.raises(expected) as caught:
            put(store, "some key", b"bytes")
        for text in (server.url, "s3://bucket/some key", "PutObject", str(status), code, "as scripted"):
            assert text in caught.value.message
        assert (caught.value.bucket, caught.value.key) == ("bucket", "some key")
        assert len(server.requests) == 1


def test_an_answer_in_chunks_is_read_to_its_end_and_the_connection_kept() -> None:
    body = pattern(100_000)
    chunked = b'HTTP/1.1 200 OK\r\nETag: "abc"\r\nTransfer-Encoding: chunked\r\n\r\n'
    for start in range(0, len(body), 30_000):
        piece = body[start : start + 30_000]
        chunked += f"{len(piece):x};extension=1\r\n".encode() + piece + b"\r\n"
    chunked += b"0\r\nTrailer: x\r\n\r\n"
    head = b'HTTP/1.1 200 OK\r\nETag: "abc"\r\nContent-Length: 100000\r\n\r\n'
    with playing(chunked, head, chunked, head) as (store, server):
        assert get(store, "key") == body
        assert get(store, "key") == body
        assert server.requests[1].headers["if-match"] == '"abc"'


def test_a_connection_that_breaks_in_the_middle_is_replaced_for_the_rest() -> None:
    body = pattern(200_000)
    torn = Scripted(found(body)[:-120_000], hang_up=True)
    rest_range = ("Content-Range", "bytes 80000-199999/200000")
    rest = answer(206, body[80_000:], [("ETag", '"abc"'), rest_range])
    with playing(torn, rest) as (store, server):
        assert get(store, "key") == body
        again = server.requests[1].headers
        assert (again["range"], again["if-match"]) == ("bytes=80000-199999", '"abc"')


def test_an_object_that_changed_in_the_middle_is_not_patched_together() -> None:
    torn = Scripted(found(pattern(1000))[:-500], hang_up=True)
    with playing(torn, error(412, "PreconditionFailed")) as (store, _), pytest.raises(ObjectChanged):
        get(store, "key")


def test_a_body_that_never_comes_whole_is_an_error_and_not_an_end() -> None:
    script = [Scripted(found(pattern(1000))[:-500], hang_up=True)]
    for _ in range(9):
        rest = answer(206, pattern(500), [("ETag", '"abc"'), ("Content-Range", "bytes 500-999/1000")])
        script.append(Scripted(rest[:-500], hang_up=True))
    with (
        playing(*script) as (store, _),
        pytest.raises(StoreUnavailable, match="broke off at byte 500 of 1,000"),
    ):
        get(store, "key")


def test_a_server_that_ignores_ranges_is_found_out() -> None:
    with playing(found(b"0123456789")) as (store, _), pytest.raises(InvalidStoreRequest, match="range"):
        store.open("key", offset=5)


@pytest.mark.parametrize("code", ["InternalError", "SlowDown"])
@pytest.mark.parametrize("operation", ["copy", "finish"])
def test_an_error_inside_a_success_is_an_error(operation: str, code: str) -> None:
    inside = answer(200, f"<?xml version='1.0'?>\n\n<Error><Code>{code}</Code></Error>".encode())
    done = answer(200, b'<Result xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><ETag>"abc"</ETag></Result>')
    with playing(inside, done) as (store, server):
        if operation == "copy":
            stored = store.copy_from(store, "from", "to", size_bytes=1, headers=NO_HEADERS)
        else:
            stored = store.finish_upload("to", "upload", [UploadedPart(1, 1, "e", None)])
        assert stored is not None
        assert stored.etag == "abc"
        assert len(server.requests) == 2


def test_an_access_denied_inside_a_success_is_denied() -> None:
    inside = answer(200, b"<Error><Code>AccessDenied</Code><Message>no</Message></Error>")
    with playing(inside) as (store, _), pytest.raises(StoreAccessDenied):
        store.copy_from(store, "from", "to", size_bytes=1, headers=NO_HEADERS)


def test_a_success_that_is_no_s3_is_no_success() -> None:
    with playing(answer(200, b"<html>It works!"), answer(200, b"<!DOCTYPE x><ListBucketResult/>")) as (
        store,
        _,
    ):
        for _ in range(2):
            with pytest.raises(StoreUnavailable, match="Check that the endpoint is an S3 service"):
                store.list("")


@pytest.mark.parametrize("status", [301, 307, 400])
def test_a_bucket_in_another_region_is_signed_for_it_from_then_on(status: int) -> None:
    moved = error(status, "AuthorizationHeaderMalformed", [("x-amz-bucket-region", "eu-west-1")])
    with playing(moved, OK, OK) as (store, server):
        put(store, "key", b"bytes")
        put(store, "key", b"bytes")
        regions = [request.headers["authorization"].split("/")[2] for request in server.requests]
        assert regions == ["us-east-1", "eu-west-1", "eu-west-1"]


def test_redirects_in_a_circle_end() -> None:
    with playing(
        *[error(307, "TemporaryRedirect", [("x-amz-bucket-region", f"eu-west-{n}")]) for n in range(9)]
    ) as (store, server):
        with pytest.raises(StoreError):
            put(store, "key", b"bytes")
        assert len(server.requests) == 4


def test_silence_ends_with_the_time_out() -> None:
    silent = [Scripted(silent=True)] * 2
    with (
        playing(*silent, read_seconds=0.1, attempts=2) as (store, _),
        pytest.raises(StoreUnavailable, match="did not answer in time"),
    ):
        store.head("key")


def test_silence_in_the_middle_of_a_body_is_a_break() -> None:
    body = pattern(1000)
    stopped = Scripted(found(body)[:-400], silent=True)
    rest = answer(206, body[600:], [("ETag", '"abc"'), ("Content-Range", "bytes 600-999/1000")])
    with playing(stopped, rest, read_seconds=1.0) as (store, _):
        assert get(store, "key") == body


def test_a_connection_is_used_again_until_the_server_closes_it() -> None:
    close = Scripted(found(b"", [("Connection", "close")]), hang_up=True)
    with playing(OK, OK, close, OK) as (store, server):
        for _ in range(4):
            put(store, "key", b"bytes")
        assert [request.connection for request in server.requests] == [1, 1, 1, 2]


def test_an_answer_without_length_ends_with_its_connection() -> None:
    listing = b"HTTP/1.1 200 OK\r\n\r\n<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>"
    with playing(Scripted(listing, hang_up=True), OK) as (store, server):
        assert store.list("") == []
        put(store, "key", b"bytes")
        assert [request.connection for request in server.requests] == [1, 2]


def test_a_kept_connection_that_died_costs_no_attempt() -> None:
    died = Scripted(hang_up=True)
    with playing(OK, died, OK, attempts=1) as (store, server):
        put(store, "key", b"one")
        put(store, "key", b"two")
        assert [request.body for request in server.requests] == [b"one", b"two", b"two"]


def test_an_early_refusal_ends_the_sending() -> None:
    refused = Scripted(error(403, "AccessDenied"), reads_body=False, silent=True)
    body = memoryview(bytes(64 * MIB))
    with playing(refused, attempts=1) as (store, server):
        with pytest.raises(StoreAccessDenied):
            store.put("key", body, len(body), checksum=checksum_of(b""))
        assert len(server.requests) == 1


def test_a_refusal_before_the_connection_ends_is_read() -> None:
    refused = Scripted(error(403, "AccessDenied"), reads_body=False, hang_up=True)
    body = memoryview(bytes(8 * MIB))
    with (
        playing(refused, refused, refused, refused, refused) as (store, _),
        pytest.raises((StoreAccessDenied, StoreUnavailable)),
    ):
        store.put("key", body, len(body), checksum=checksum_of(b""))


def test_interim_answers_are_passed_over() -> None:
    with playing(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + OK) as (
        store,
        _,
    ):
        assert put(store, "key", b"bytes").etag == "abc"


def test_a_body_from_a_reader_is_sent_once() -> None:
    with playing(found(b"bytes"), error(503, "SlowDown"), OK) as (store, server):
        with store.open("source") as reader, pytest.raises(StoreUnavailable):
            store.put("key", reader, 5)
        assert [request.line.split()[0] for request in server.requests] == ["GET", "PUT"]


class Renewable:
    """Credentials that are expired until they are renewed."""

    def __init__(self) -> None:
        self.number = 1

    def get(self) -> Credentials:
        return Credentials(f"key{self.number}", "secret", "token")

    def refresh(self, refused: Credentials) -> bool:
        self.number += 1
        return self.get() != refused


@pytest.mark.parametrize("operation", ["put", "head"])
def test_expired_credentials_are_renewed_once(operation: str) -> None:
    expired = error(400, "ExpiredToken") if operation == "put" else b"HTTP/1.1 400 Bad Request\r\n\r\n"
    with scripted_server(expired, OK) as server, bucket_at(server.url, credentials=Renewable()) as store:
        if operation == "put":
            put(store, "key", b"bytes")
        else:
            store.head("key")
        used = [request.headers["authorization"].split("=")[1].split("/")[0] for request in server.requests]
        assert used == ["key1", "key2"]
        assert server.requests[1].headers["x-amz-security-token"] == "token"


def test_credentials_that_stay_expired_are_denied() -> None:
    expired = error(400, "ExpiredToken")
    with (
        scripted_server(expired, expired, OK) as server,
        bucket_at(server.url, credentials=Renewable()) as store,
    ):
        with pytest.raises(StoreAccessDenied, match="ExpiredToken"):
            put(store, "key", b"bytes")
        assert len(server.requests) == 2


def test_a_clock_that_is_wrong_is_corrected_by_the_servers() -> None:
    ahead = time.time() + 3600
    skewed = error(403, "RequestTimeTooSkewed", [("Date", formatdate(ahead, usegmt=True))])
    with playing(skewed, OK, OK) as (store, server):
        put(store, "key", b"bytes")
        put(store, "key", b"bytes")
        hours = [request.headers["x-amz-date"][:11] for request in server.requests]
        assert hours[0] != hours[1]
        assert abs(_seconds(server.requests[2].headers["x-amz-date"]) - ahead) < 60


def _seconds(amz_date: str) -> float:
    from entrepot.sigv4.signature_parameters import parse_timestamp

    return parse_timestamp(amz_date)


def test_a_head_that_is_forbidden_is_denied_and_not_sent_again() -> None:
    with playing(b"HTTP/1.1 403 Forbidden\r\n\r\n") as (store, server):
        with pytest.raises(StoreAccessDenied):
            store.head("key")
        assert len(server.requests) == 1


def test_a_missing_key_is_told_from_a_missing_bucket_by_one_more_request() -> None:
    nothing = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
    with playing(nothing, nothing, nothing, OK, nothing, b"HTTP/1.1 403 Forbidden\r\n\r\n") as (
        store,
        server,
    ):
        with pytest.raises(BucketNotFound):
            store.head("key")
        for _ in range(2):
            with pytest.raises(ObjectNotFound):
                store.head("key")
        assert [request.line for request in server.requests[:2]] == [
            "HEAD /bucket/key HTTP/1.1",
            "HEAD /bucket HTTP/1.1",
        ]


@pytest.mark.parametrize(
    "key", ["f/../g", "./a", "a/./b", "..", "a//b/", "/", "//", "%2F", "a\0b", "é" * 512]
)
def test_every_key_is_sent_as_it_is(key: str) -> None:
    from urllib.parse import unquote

    with playing(OK, found(b"x")) as (store, server):
        put(store, key, b"x")
        get(store, key)
        for request in server.requests:
            path = request.line.split(" ")[1]
            assert unquote(path) == f"/bucket/{key}"
            assert path.count("/") == key.count("/") + 2


def test_a_listing_goes_on_through_all_pages() -> None:
    page = (
        "<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>{}</IsTruncated>{}{}"
        "</ListBucketResult>"
    )
    entry = "<Contents><Key>{}</Key><Size>1</Size><ETag>&quot;e&quot;</ETag></Contents>"
    first = page.format(
        "true", "<NextContinuationToken>t/+=</NextContinuationToken>", entry.format("a%2Bb+c")
    )
    with playing(
        answer(200, first.encode()), answer(200, page.format("false", "", entry.format("z")).encode())
    ) as (store, server):
        assert [each.key for each in store.list("", after="0")] == ["a+b c", "z"]
        assert "start-after=0" in server.requests[0].line
        assert "continuation-token=t%2F%2B%3D" in server.requests[1].line


def test_a_closed_client_makes_no_further_attempts() -> None:
    client = S3Client(
        StaticCredentials("key", "secret"),
        endpoint_url="http://127.0.0.1:1",
        options=S3Options(pause_seconds=60, longest_pause_seconds=60),
    )
    client.close()
    before = time.monotonic()
    with pytest.raises(StoreUnavailable):
        S3Store(client, "bucket").head("key")
    assert time.monotonic() - before < 10


def test_bytes_left_unread_do_not_spoil_the_next_request() -> None:
    with playing(found(pattern(100_000)), OK) as (store, server):
        with store.open("key") as reader:
            reader.readinto(memoryview(bytearray(10)))
        put(store, "key", b"bytes")
        assert [request.connection for request in server.requests] == [1, 2]


def test_a_reader_reads_into_a_buffer_of_any_size() -> None:
    with playing(found(b"0123456789")) as (store, _):
        reader = store.open("key")
        assert reader.readinto(memoryview(b"")) == 0
        assert read_all(reader) == b"0123456789"
