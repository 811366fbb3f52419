"""What only S3 has, on a real server: buckets, credentials, encryption, presigned URLs, copies in parts."""

from __future__ import annotations

import base64
import hashlib
import http.client
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest
from tests.stores.objects import MIB, get, pattern, put, send_parts

from entrepot.domain.errors import (
    BucketNotFound,
    InvalidStoreRequest,
    ObjectNotFound,
    StoreAccessDenied,
    StoreUnavailable,
)
from entrepot.domain.job import Encryption
from entrepot.stores.checksum import checksum_of
from entrepot.stores.credentials import StaticCredentials
from entrepot.stores.local import LocalStore
from entrepot.stores.s3 import S3Store
from entrepot.stores.s3_client import S3Client, S3Options, S3Request
from entrepot.stores.s3_uploads import CopyLimits
from entrepot.testing import S3Server

pytestmark = pytest.mark.seaweedfs

AES256 = Encryption("AES256")


@contextmanager
def client_of(endpoint_url: str, access_key_id: str, secret: str, **options: object) -> Iterator[S3Client]:
    client = S3Client(
        StaticCredentials(access_key_id, secret),
        endpoint_url=endpoint_url,
        options=S3Options(pause_seconds=0.001, **options),  # type: ignore[arg-type]
    )
    try:
        yield client
    finally:
        client.close()


@pytest.fixture
def bucket(client: S3Client, request: pytest.FixtureRequest) -> S3Store:
    return S3Store(client, "one", f"{request.node.name}/")


def send(method: str, url: str, body: bytes = b"", **headers: str) -> tuple[int, dict[str, str], bytes]:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
    try:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, f"{parts.path}?{parts.query}", body=body, headers=named)
        response = connection.getresponse()
        return (
            response.status,
            {name.lower(): value for name, value in response.getheaders()},
            response.read(),
        )
    finally:
        connection.close()


def test_a_missing_bucket_is_told_from_a_missing_key(client: S3Client) -> None:
    store = S3Store(client, "no-such-bucket")
    for attempt in (store.head, store.open, store.delete, store.list, store.begin_upload):
        with pytest.raises(BucketNotFound) as caught:
            attempt("key")
        assert caught.value.bucket == "no-such-bucket"
        assert "no-such-bucket" in caught.value.message
    with pytest.raises(BucketNotFound):
        put(store, "key", b"x")
    with pytest.raises(BucketNotFound):
        store.check()


def test_what_cannot_be_a_bucket_is_refused_without_a_request(client: S3Client) -> None:
    for name in ("", "a/b", "..", "a b", "ü"):
        with pytest.raises(InvalidStoreRequest):
            S3Store(client, name).head("key")


@pytest.mark.parametrize("wrong", ["access key", "secret"])
def test_wrong_credentials_are_denied_and_say_so(seaweedfs: S3Server, wrong: str) -> None:
    access_key = "UNKNOWN" if wrong == "access key" else seaweedfs.access_key_id
    with client_of(seaweedfs.endpoint_url, access_key, "wrong") as client:
        store = S3Store(client, "one")
        with pytest.raises(StoreAccessDenied, match=f"{seaweedfs.endpoint_url}.*credentials"):
            put(store, "key", b"x")
        for attempt in (store.head, store.open, store.list, store.delete):
            with pytest.raises(StoreAccessDenied):
                attempt("key")


def test_an_endpoint_that_is_down_is_unavailable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with (
        client_of(f"http://127.0.0.1:{port}", "key", "secret") as client,
        pytest.raises(StoreUnavailable, match=rf"s3://one/key at http://127.0.0.1:{port} failed"),
    ):
        S3Store(client, "one").head("key")


def test_a_name_that_does_not_resolve_is_unavailable() -> None:
    with (
        client_of("http://nothing.invalid", "key", "secret", attempts=1) as client,
        pytest.raises(StoreUnavailable, match=r"nothing\.invalid"),
    ):
        S3Store(client, "one").head("key")


def test_encryption_is_asked_for_and_reported(bucket: S3Store) -> None:
    stored = bucket.put("single", memoryview(b"secret"), 6, encryption=AES256)
    assert stored.encryption == AES256
    assert bucket.head("single").encryption == AES256
    assert get(bucket, "single") == b"secret"
    upload_id = bucket.begin_upload("parts", encryption=AES256)
    bucket.finish_upload(
        "parts", upload_id, send_parts(bucket, "parts", upload_id, [pattern(5 * MIB), b"end"])
    )
    assert bucket.head("parts").encryption == AES256
    assert get(bucket, "parts") == pattern(5 * MIB) + b"end"
    put(bucket, "plain", b"plain")
    assert bucket.head("plain").encryption is None


def test_a_copy_is_encrypted_as_asked(bucket: S3Store, client: S3Client) -> None:
    put(bucket, "plain", b"plain")
    other = S3Store(client, "two", "copies/")
    stored = other.copy_from(bucket, "plain", "encrypted", size_bytes=5, encryption=AES256)
    assert stored is not None
    assert other.head("encrypted").encryption == AES256


def test_what_is_too_large_for_one_copy_is_copied_in_parts_with_its_headers(
    bucket: S3Store, client: S3Client
) -> None:
    data = pattern(11 * MIB + 3)
    headers = (("content-type", "text/csv"), ("x-amz-meta-colour", "blue"))
    key = bucket.whole_key("large")
    client.call(S3Request("PutObject", "PUT", "one", key, (), headers, memoryview(data), len(data)))
    limits = CopyLimits(largest_copy=6 * MIB, streamed=6 * MIB, part=5 * MIB)
    other = S3Store(client, "two", "parts/", copy_limits=limits)
    etag = bucket.head("large").etag
    stored = other.copy_from(bucket, "large", "copy", size_bytes=len(data), if_match=etag)
    assert stored is not None
    assert stored.etag.endswith("-3")
    assert get(other, "copy") == data
    copied = send("GET", other.presign_download("copy", expires_in_seconds=60))[1]
    assert copied["content-type"] == "text/csv"
    assert "x-amz-meta-colour" not in copied


def test_a_copy_in_parts_that_fails_leaves_nothing(bucket: S3Store, client: S3Client) -> None:
    put(bucket, "small", b"not as large as it was said to be")
    other = S3Store(client, "two", "failing/", copy_limits=CopyLimits(largest_copy=MIB, part=5 * MIB))
    with pytest.raises(InvalidStoreRequest):
        other.copy_from(bucket, "small", "copy", size_bytes=11 * MIB)
    with pytest.raises(ObjectNotFound):
        other.head("copy")


def test_stores_of_other_services_or_credentials_are_not_copied_within(
    bucket: S3Store, seaweedfs: S3Server, tmp_path_factory: pytest.TempPathFactory
) -> None:
    put(bucket, "object", b"x")
    local = LocalStore(tmp_path_factory.mktemp("local"))
    assert local.copy_from(bucket, "object", "copy", size_bytes=1) is None
    assert bucket.copy_from(local, "object", "copy", size_bytes=1) is None
    with client_of(seaweedfs.endpoint_url, "OTHER", "other") as other:
        assert S3Store(other, "two").copy_from(bucket, "object", "copy", size_bytes=1) is None
    with client_of(seaweedfs.endpoint_url, seaweedfs.access_key_id, seaweedfs.secret_access_key) as same:
        assert S3Store(same, "two").copy_from(bucket, "object", "copy", size_bytes=1) is not None


def test_the_prefix_is_invisible_to_callers(client: S3Client) -> None:
    inner, outer = S3Store(client, "one", "exchange/bytes/"), S3Store(client, "one")
    put(inner, "key", b"x")
    assert outer.head("exchange/bytes/key").size_bytes == 1
    assert [each.key for each in inner.list("")] == ["key"]
    assert inner.list("", after="key") == []
    with pytest.raises(InvalidStoreRequest):
        inner.head("k" * 1020)


def test_a_signed_upload_takes_the_body_with_its_md5_and_no_other(bucket: S3Store) -> None:
    body = b"the body"
    md5 = base64.b64encode(hashlib.md5(body).digest()).decode()
    url = bucket.presign_upload("up load+é", content_md5=md5, expires_in_seconds=60)
    assert send("PUT", url, b"another", Content_MD5=md5)[0] == 400
    assert send("PUT", url, body)[0] == 403
    other = base64.b64encode(hashlib.md5(b"another").digest()).decode()
    assert send("PUT", url, b"another", Content_MD5=other)[0] == 403
    assert send("PUT", url, body, Content_MD5=md5)[0] == 200
    assert get(bucket, "up load+é") == body


def test_a_signed_download_gives_the_object_under_a_name(bucket: S3Store) -> None:
    put(bucket, "object", b"the body")
    url = bucket.presign_download("object", expires_in_seconds=60, download_name='ü "x".csv')
    status, headers, body = send("GET", url)
    assert (status, body) == (200, b"the body")
    assert headers["content-disposition"] == "attachment; filename*=UTF-8''%C3%BC%20%22x%22.csv"
    assert send("GET", url.replace("object", "others"))[0] == 403


def test_a_signed_url_lives_for_seven_days_at_most(bucket: S3Store) -> None:
    for seconds in (0, 7 * 24 * 60 * 60 + 1):
        with pytest.raises(InvalidStoreRequest):
            bucket.presign_download("object", expires_in_seconds=seconds)


def test_the_etag_of_a_plain_object_is_its_md5(bucket: S3Store) -> None:
    assert put(bucket, "object", b"x").etag == hashlib.md5(b"x").hexdigest()
    assert bucket.head("object").checksum == checksum_of(b"x")


def test_control_characters_never_reach_a_header(bucket: S3Store) -> None:
    before = time.monotonic()
    with pytest.raises(InvalidStoreRequest, match="control characters"):
        bucket.put("object", memoryview(b"x"), 1, encryption=Encryption("aws:kms", "arn\r\nx-injected: 1"))
    assert time.monotonic() - before < 5
