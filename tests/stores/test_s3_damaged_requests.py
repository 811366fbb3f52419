"""A request that was damaged on the way is sent again; what is wrong here is not."""

from __future__ import annotations

import pytest
from tests.servers.scripted_http import answer, error
from tests.stores.objects import put
from tests.stores.scripted_bucket import OK, playing

from entrepot.domain.errors import (
    ChecksumMismatch,
    DamagedRequest,
    InvalidStoreRequest,
    StoreAccessDenied,
    StoreUnavailable,
)
from entrepot.domain.job import UploadedPart
from entrepot.stores.s3 import S3Store

DONE = answer(200, b'<Result xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><ETag>"abc"</ETag></Result>')
DAMAGED = [
    error(400, "MalformedXML"),
    error(400, "XAmzContentSHA256Mismatch"),
    error(400, "InvalidDigest"),
    error(400, "IncompleteBody"),
    error(400, "RequestTimeout"),
    error(400, "InvalidPart"),
    error(400, "InvalidPartOrder"),
    error(400, "EntityTooSmall"),
    error(411, "MissingContentLength"),
]
UNSIGNED = [error(403, "SignatureDoesNotMatch"), error(403, "InvalidAccessKeyId")]


def complete(store: S3Store) -> str:
    return store.finish_upload("key", "upload", [UploadedPart(1, 1, "e", None)]).etag


@pytest.mark.parametrize("damaged", DAMAGED)
def test_a_request_that_arrived_damaged_is_sent_again(damaged: bytes) -> None:
    with playing(damaged, damaged, DONE) as (store, server):
        assert complete(store) == "abc"
        assert len({request.body for request in server.requests}) == 1
        assert len(server.requests) == 3


@pytest.mark.parametrize("damaged", DAMAGED)
def test_one_that_always_arrives_damaged_may_pass_later(damaged: bytes) -> None:
    with playing(*[damaged] * 9) as (store, server):
        with pytest.raises(StoreUnavailable):
            complete(store)
        assert len(server.requests) == 5


@pytest.mark.parametrize("code", ["BadDigest", "XAmzContentChecksumMismatch"])
def test_an_objects_bytes_are_read_anew_by_whoever_has_them(code: str) -> None:
    with playing(error(400, code)) as (store, server):
        with pytest.raises(DamagedRequest) as caught:
            put(store, "key", b"bytes")
        assert isinstance(caught.value, ChecksumMismatch)
        assert len(server.requests) == 1


@pytest.mark.parametrize("refused", UNSIGNED)
def test_credentials_that_were_accepted_are_not_wrong_because_of_one_answer(refused: bytes) -> None:
    with playing(OK, refused, OK) as (store, server):
        put(store, "key", b"bytes")
        put(store, "key", b"bytes")
        assert len(server.requests) == 3


@pytest.mark.parametrize("refused", UNSIGNED)
def test_credentials_that_are_accepted_no_more_are_wrong(refused: bytes) -> None:
    with playing(OK, *[refused] * 9) as (store, server):
        put(store, "key", b"bytes")
        with pytest.raises(StoreAccessDenied):
            put(store, "key", b"bytes")
        assert len(server.requests) == 6


@pytest.mark.parametrize("refused", UNSIGNED)
def test_credentials_that_were_never_accepted_are_wrong_at_once(refused: bytes) -> None:
    with playing(refused, OK) as (store, server):
        with pytest.raises(StoreAccessDenied):
            put(store, "key", b"bytes")
        assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("refused", "expected"),
    [
        (error(403, "AccessDenied"), StoreAccessDenied),
        (error(400, "InvalidArgument"), InvalidStoreRequest),
        (error(400, "InvalidRequest"), InvalidStoreRequest),
        (error(400, "KeyTooLongError"), InvalidStoreRequest),
        (error(400, "EntityTooLarge"), InvalidStoreRequest),
        (error(501, "NotImplemented"), InvalidStoreRequest),
    ],
)
def test_what_is_wrong_here_is_not_sent_again(refused: bytes, expected: type[Exception]) -> None:
    with playing(OK, refused, OK) as (store, server):
        put(store, "key", b"bytes")
        with pytest.raises(expected):
            put(store, "key", b"bytes")
        assert len(server.requests) == 2
