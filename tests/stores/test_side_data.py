"""What a bucket keeps of an object beside its bytes, and what of it a copy has: on a real S3 server.

The rule is that of `ObjectHeaders`: five headers are part of the object, and nothing else leaves its owner.
"""

from __future__ import annotations

from collections.abc import Mapping
from secrets import token_hex

import pytest

from entrepot.domain.object_headers import NO_HEADERS, ObjectHeaders
from entrepot.stores.checksum import checksum_of
from entrepot.stores.s3 import S3Store
from entrepot.stores.s3_client import S3Client, S3Request
from entrepot.stores.s3_uploads import CopyLimits
from entrepot.stores.store import ObjectStore

pytestmark = pytest.mark.seaweedfs

HEADERS = ObjectHeaders(
    content_type='text/csv; charset="utf-8"',
    content_encoding="gzip",
    content_language="de, en",
    content_disposition='attachment; filename="a b.csv"',
    cache_control="max-age=5",
)
SECRETS = (
    ("expires", "Thu, 01 Dec 2033 16:00:00 GMT"),
    ("x-amz-meta-owner", "somebody"),
    ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
    ("x-amz-tagging", "cost-centre=4711"),
    ("x-amz-website-redirect-location", "/elsewhere"),
)
DATA = b"x" * 100


@pytest.fixture
def places(client: S3Client) -> tuple[S3Store, S3Store]:
    prefix = f"side-{token_hex(4)}/"
    return S3Store(client, "one", prefix), S3Store(client, "two", prefix)


def put_with(store: S3Store, key: str, *headers: tuple[str, str], data: bytes = DATA) -> None:
    request = S3Request(
        "PutObject", "PUT", store.bucket, store.whole_key(key), (), headers, memoryview(data), len(data)
    )
    store.client.call(request)


def answered(store: S3Store, key: str) -> Mapping[str, str]:
    return store.client.call(S3Request("HeadObject", "HEAD", store.bucket, store.whole_key(key))).headers


def require_nothing_else(store: S3Store, key: str) -> None:
    """Nothing that names or describes the owner's own affairs."""
    told = answered(store, key)
    assert [name for name in told if name.startswith(("x-amz-meta-", "x-amz-tagging", "x-amz-website"))] == []
    assert "expires" not in told
    assert told.get("x-amz-storage-class", "STANDARD") == "STANDARD"
    request = S3Request("GetObjectTagging", "GET", store.bucket, store.whole_key(key), (("tagging", ""),))
    assert b"<Tag>" not in store.client.call(request).body
    assert not store.head(key).carries_more


def test_a_bucket_keeps_the_headers_of_an_object(places: tuple[S3Store, S3Store]) -> None:
    store, _ = places
    view = memoryview(DATA)
    store.put("put", view, len(view), headers=HEADERS)
    upload_id = store.begin_upload("parts", headers=HEADERS)
    part = store.upload_part("parts", upload_id, 1, view, checksum=checksum_of(view))
    store.finish_upload("parts", upload_id, [part])
    for key in ("put", "parts"):
        info = store.head(key)
        assert (info.headers, info.carries_more) == (HEADERS, False)
        with store.open(key) as reader:
            assert reader.headers == HEADERS
        with store.open(key, offset=5, length=10) as reader:
            assert reader.headers == HEADERS


@pytest.mark.parametrize("secret", SECRETS, ids=[name for name, _ in SECRETS])
def test_what_else_an_object_has_is_seen(places: tuple[S3Store, S3Store], secret: tuple[str, str]) -> None:
    store, _ = places
    put_with(store, "object", ("content-type", "text/csv"), secret)
    seen = store.head("object").carries_more
    assert seen is (secret[0] in ("expires", "x-amz-meta-owner", "x-amz-tagging"))


def test_a_whole_copy_has_the_headers_it_is_given_and_nothing_else(places: tuple[S3Store, S3Store]) -> None:
    source, target = places
    put_with(source, "object", ("content-type", "text/html"), ("cache-control", "no-store"), *SECRETS)
    copied = target.copy_from(source, "object", "copy", size_bytes=len(DATA), headers=HEADERS)
    assert copied is not None
    assert target.head("copy").headers == copied.headers == HEADERS
    require_nothing_else(target, "copy")


def test_a_copy_has_the_headers_of_its_source(places: tuple[S3Store, S3Store]) -> None:
    source, target = places
    put_with(source, "object", *HEADERS.named())
    copied = target.copy_from(source, "object", "copy", size_bytes=len(DATA))
    assert copied is not None
    assert target.head("copy").headers == copied.headers == HEADERS
    require_nothing_else(target, "copy")


def test_a_small_object_that_has_more_than_headers_is_left_to_streaming(
    places: tuple[S3Store, S3Store],
) -> None:
    source, target = places
    put_with(source, "object", *HEADERS.named(), *SECRETS)
    assert target.copy_from(source, "object", "copy", size_bytes=len(DATA)) is None


def test_a_large_one_is_copied_in_parts_which_have_nothing_of_it(
    places: tuple[S3Store, S3Store], client: S3Client
) -> None:
    source, target = places
    limits = CopyLimits(streamed=1)
    target = S3Store(client, "two", target.prefix, copy_limits=limits)
    put_with(source, "object", *HEADERS.named(), *SECRETS)
    copied = target.copy_from(source, "object", "copy", size_bytes=len(DATA))
    assert copied is not None
    assert copied.etag.endswith("-1")
    assert target.head("copy").headers == copied.headers == HEADERS
    require_nothing_else(target, "copy")


def test_an_object_that_is_written_over_leaves_nothing_to_its_successor(
    places: tuple[S3Store, S3Store],
) -> None:
    store, _ = places
    put_with(store, "object", *HEADERS.named(), *SECRETS)
    view = memoryview(DATA)
    store.put("object", view, len(view), headers=ObjectHeaders("text/csv"))
    assert store.head("object").headers == ObjectHeaders("text/csv")
    require_nothing_else(store, "object")


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (("content-encoding", "aws-chunked,gzip"), ObjectHeaders("text/csv", "gzip")),
        (("content-encoding", "aws-chunked"), ObjectHeaders("text/csv")),
        (("cache-control", "x" * 3000), ObjectHeaders("text/csv")),
    ],
    ids=["aws-chunked and gzip", "aws-chunked", "too long"],
)
def test_headers_that_s3_would_not_keep_are_not_taken_from_a_server_that_does(
    places: tuple[S3Store, S3Store], sent: tuple[str, str], kept: ObjectHeaders
) -> None:
    source, target = places
    put_with(source, "object", ("content-type", "text/csv"), sent)
    assert source.head("object").headers == kept
    copied = target.copy_from(source, "object", "copy", size_bytes=len(DATA))
    assert copied is not None
    assert target.head("copy").headers == kept


def test_a_folder_keeps_the_bytes_alone(store: ObjectStore) -> None:
    """Who reads from one knows the headers from elsewhere; to a bucket they are told."""
    view = memoryview(DATA)
    store.put("object", view, len(view), headers=HEADERS)
    kept = store.head("object").headers
    assert kept == (NO_HEADERS if store.bucket is None else HEADERS)
