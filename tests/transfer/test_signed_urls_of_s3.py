"""URLs that the S3 store signs: S3 itself holds its clients to them."""

from __future__ import annotations

import base64
import hashlib
import urllib.error
import urllib.request
from urllib.parse import parse_qs, urlsplit

import pytest
from tests.transfer.moving import S3Places, get, put

from entrepot.domain.timestamp import Timestamp
from entrepot.transfer.signed_urls import StoreSignedUrls

pytestmark = pytest.mark.seaweedfs

NOW = Timestamp(1_700_000_000_000)
LATER = NOW.plus_seconds(3600)
BODY = b"the bytes of a user"
MD5 = base64.b64encode(hashlib.md5(BODY).digest()).decode()


def request(url: str, method: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> bytes:
    made = urllib.request.Request(url, body, headers or {}, method=method)
    with urllib.request.urlopen(made, timeout=10) as response:
        return response.read()


def test_an_upload_with_the_signed_md5_is_stored(s3: S3Places) -> None:
    url = StoreSignedUrls(s3(0)).upload_url("uploads/1", content_md5=MD5, expires_at=LATER, now=NOW)
    request(url, "PUT", BODY, {"Content-MD5": MD5})
    assert get(s3(0), "uploads/1") == BODY


@pytest.mark.parametrize(
    ("body", "headers"),
    [(BODY, {}), (b"other bytes", {"Content-MD5": MD5}), (BODY, {"Content-MD5": MD5[::-1]})],
)
def test_any_other_upload_is_refused(body: bytes, headers: dict[str, str], s3: S3Places) -> None:
    url = StoreSignedUrls(s3(0)).upload_url("uploads/1", content_md5=MD5, expires_at=LATER, now=NOW)
    with pytest.raises(urllib.error.HTTPError) as caught:
        request(url, "PUT", body, headers)
    caught.value.close()
    assert caught.value.code in (400, 403)


def test_a_download_gives_the_object(s3: S3Places) -> None:
    put(s3(0), "assets/1", BODY)
    urls = StoreSignedUrls(s3(0))
    url = urls.download_url("assets/1", download_name="ä.csv", expires_at=LATER, now=NOW)
    assert request(url, "GET") == BODY


@pytest.mark.parametrize(("seconds", "expected"), [(3600.9, "3600"), (10**7, "604800"), (-5, "1")])
def test_a_url_ends_when_it_is_told_to_within_the_limits_of_s3(
    seconds: float, expected: str, s3: S3Places
) -> None:
    urls, moment = StoreSignedUrls(s3(0)), NOW.plus_seconds(seconds)
    upload = urls.upload_url("k", content_md5=MD5, expires_at=moment, now=NOW)
    download = urls.download_url("k", download_name="n", expires_at=moment, now=NOW)
    for url in (upload, download):
        assert parse_qs(urlsplit(url).query)["X-Amz-Expires"] == [expected]
