"""Local signed URLs hold for exactly what was signed, and for nothing else."""

from __future__ import annotations

import base64
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from entrepot.domain.errors import StoreAccessDenied
from entrepot.domain.timestamp import Timestamp
from entrepot.transfer.signed_urls import (
    LocalSignedUrls,
    Refusal,
    SignedObject,
    SignedUrlRefused,
)

NOW = Timestamp(1_700_000_000_000)
LATER = NOW.plus_seconds(3600)
MD5 = base64.b64encode(bytes(range(16))).decode()
URLS = LocalSignedUrls("http://127.0.0.1:8250", b"secret")
ENCODABLE = st.characters(exclude_categories=["Cs"])
KEYS = st.text(ENCODABLE, min_size=1, max_size=40)
NAMES = st.text(ENCODABLE, max_size=40)
MD5S = st.binary(min_size=16, max_size=16).map(lambda raw: base64.b64encode(raw).decode())
TIMES = st.integers(1, 10**12).map(lambda milliseconds: Timestamp(NOW.milliseconds + milliseconds))


def verify(
    url: str, method: str, *, md5: str | None = None, now: Timestamp = NOW, urls: LocalSignedUrls = URLS
) -> SignedObject:
    parts = urlsplit(url)
    headers = [] if md5 is None else [(b"content-md5", md5.encode())]
    return urls.verify(method, parts.path, parts.query.encode(), [(b"host", b"x"), *headers], now)


def refusal(url: str, method: str, *, md5: str | None = None, now: Timestamp = NOW) -> Refusal:
    with pytest.raises(SignedUrlRefused) as caught:
        verify(url, method, md5=md5, now=now)
    return caught.value.refusal


@given(KEYS, MD5S, TIMES)
def test_an_upload_url_allows_the_put_it_was_made_for(key: str, md5: str, expires_at: Timestamp) -> None:
    url = URLS.upload_url(key, content_md5=md5, expires_at=expires_at, now=NOW)
    assert verify(url, "PUT", md5=md5) == SignedObject(key, md5, None)


@given(KEYS, NAMES, TIMES)
def test_a_download_url_allows_the_get_it_was_made_for(key: str, name: str, expires_at: Timestamp) -> None:
    url = URLS.download_url(key, download_name=name, expires_at=expires_at, now=NOW)
    assert verify(url, "GET") == SignedObject(key, None, name)


@given(KEYS, KEYS, NAMES)
def test_a_signature_holds_for_no_other_key(key: str, other: str, name: str) -> None:
    assume(key != other)
    url = urlsplit(URLS.download_url(key, download_name=name, expires_at=LATER, now=NOW))
    moved = url._replace(path=f"/entrepot/objects/{quote(other)}").geturl()
    assert refusal(moved, "GET") is Refusal.SIGNATURE


@given(st.sampled_from(["expires", "md5", "signature"]), st.text(st.characters(codec="ascii"), max_size=30))
def test_no_field_of_an_upload_url_can_be_changed(field: str, value: str) -> None:
    url = URLS.upload_url("uploads/ab/abc", content_md5=MD5, expires_at=LATER, now=NOW)
    changed = dict(parse_qsl(urlsplit(url).query))
    assume(changed[field] != value)
    changed[field] = value
    tampered = urlsplit(url)._replace(query=urlencode(changed)).geturl()
    assert refusal(tampered, "PUT", md5=changed["md5"]) is Refusal.SIGNATURE


@given(st.sampled_from(["expires", "name", "signature"]), st.text(ENCODABLE, max_size=30))
def test_no_field_of_a_download_url_can_be_changed(field: str, value: str) -> None:
    url = URLS.download_url("assets/ab/abc", download_name="a.csv", expires_at=LATER, now=NOW)
    changed = dict(parse_qsl(urlsplit(url).query))
    assume(changed[field] != value)
    changed[field] = value
    tampered = urlsplit(url)._replace(query=urlencode(changed)).geturl()
    assert refusal(tampered, "GET") is Refusal.SIGNATURE


@given(st.text(st.characters(codec="ascii", categories=["L"]), min_size=1, max_size=10))
def test_no_field_can_be_added(name: str) -> None:
    assume(name not in {"expires", "name", "signature"})
    url = URLS.download_url("assets/ab/abc", download_name="a.csv", expires_at=LATER, now=NOW)
    assert refusal(f"{url}&{name}=1", "GET") is Refusal.SIGNATURE


@pytest.mark.parametrize("field", ["expires", "md5", "signature"])
def test_no_field_can_be_left_out_or_repeated(field: str) -> None:
    url = URLS.upload_url("uploads/ab/abc", content_md5=MD5, expires_at=LATER, now=NOW)
    pairs = parse_qsl(urlsplit(url).query)
    fewer = urlencode([pair for pair in pairs if pair[0] != field])
    more = urlencode([*pairs, *(pair for pair in pairs if pair[0] == field)])
    assert refusal(urlsplit(url)._replace(query=fewer).geturl(), "PUT", md5=MD5) in {
        Refusal.INCOMPLETE,
        Refusal.SIGNATURE,
    }
    assert refusal(urlsplit(url)._replace(query=more).geturl(), "PUT", md5=MD5) is Refusal.INCOMPLETE


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "DELETE", "put", ""])
def test_an_upload_url_allows_no_other_method(method: str) -> None:
    url = URLS.upload_url("uploads/ab/abc", content_md5=MD5, expires_at=LATER, now=NOW)
    assert refusal(url, method, md5=MD5) is Refusal.SIGNATURE


@pytest.mark.parametrize("method", ["PUT", "HEAD", "POST", "DELETE"])
def test_a_download_url_allows_no_other_method(method: str) -> None:
    url = URLS.download_url("assets/ab/abc", download_name="a.csv", expires_at=LATER, now=NOW)
    assert refusal(url, method) is Refusal.SIGNATURE


@pytest.mark.parametrize("md5", [None, "", base64.b64encode(bytes(16)).decode(), MD5.lower()])
def test_an_upload_needs_exactly_the_content_md5_that_was_signed(md5: str | None) -> None:
    url = URLS.upload_url("uploads/ab/abc", content_md5=MD5, expires_at=LATER, now=NOW)
    assert refusal(url, "PUT", md5=md5) is Refusal.SIGNATURE


def test_a_url_ends_at_its_moment_as_s3_says_it() -> None:
    url = URLS.upload_url("uploads/ab/abc", content_md5=MD5, expires_at=LATER, now=NOW)
    assert verify(url, "PUT", md5=MD5, now=Timestamp(LATER.milliseconds - 1)).store_key == "uploads/ab/abc"
    with pytest.raises(SignedUrlRefused, match="Request has expired") as caught:
        verify(url, "PUT", md5=MD5, now=LATER)
    assert (caught.value.refusal.code, caught.value.refusal.status) == ("AccessDenied", 403)


def test_another_secret_makes_other_signatures() -> None:
    url = URLS.download_url("assets/ab/abc", download_name="a.csv", expires_at=LATER, now=NOW)
    with pytest.raises(StoreAccessDenied):
        verify(url, "GET", urls=LocalSignedUrls("http://127.0.0.1:8250", b"other"))


def test_a_public_url_with_a_path_works_whether_a_proxy_keeps_the_path_or_takes_it_away() -> None:
    urls = LocalSignedUrls("https://data.example/exchange/", b"secret")
    url = urls.download_url("assets/ab/abc", download_name="a.csv", expires_at=LATER, now=NOW)
    assert url.startswith("https://data.example/exchange/entrepot/objects/assets/ab/abc?")
    assert verify(url, "GET", urls=urls).store_key == "assets/ab/abc"
    assert verify(url.replace("/exchange/", "/"), "GET", urls=urls).store_key == "assets/ab/abc"


def test_any_other_path_is_refused() -> None:
    url = URLS.download_url("assets/ab/abc", download_name="a.csv", expires_at=LATER, now=NOW)
    assert refusal(url.replace("/entrepot/objects/", "/other/"), "GET") is Refusal.INCOMPLETE
