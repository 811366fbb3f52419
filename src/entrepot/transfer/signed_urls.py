"""Signed URLs: one PUT, or any number of GETs, of one object, without credentials, until a moment.

With a local store the exchange signs and serves them itself (`LocalSignedUrls`); with an S3 store S3 does
(`StoreSignedUrls`). The local ones behave like S3's presigned URLs, refusals included.

What a local URL's signature binds: the method, the store key, the moment it ends, the `Content-MD5` an upload
must carry, the name a download is saved under, and the receiver that it was made for: the server looks
whether that account is still entitled. Nothing else may be in the URL. S3 looks at nothing but
the moment: a URL that S3 serves is good until then.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from entrepot.domain.errors import StoreAccessDenied
from entrepot.domain.timestamp import Timestamp
from entrepot.stores.store import Presigner

OBJECTS_PATH = "/entrepot/objects/"
"""Below this path the server serves local signed URLs."""
_LONGEST_SECONDS = 7 * 24 * 3600
"""S3's own limit for a presigned URL."""
_UPLOAD, _DOWNLOAD = "PUT", "GET"
_BOUND = {_UPLOAD: ({"md5"},), _DOWNLOAD: ({"name"}, {"name", "for"})}
"""What the query may hold beside the end and the signature."""


class Refusal(Enum):
    """Why a signed URL is refused: S3's error code, its HTTP status, and S3's words."""

    INCOMPLETE = (
        "AuthorizationQueryParametersError",
        400,
        "The query parameters of the signed URL are not complete.",
    )
    EXPIRED = ("AccessDenied", 403, "Request has expired")
    SIGNATURE = (
        "SignatureDoesNotMatch",
        403,
        "The request signature we calculated does not match the signature you provided. "
        "Check your key and signing method.",
    )
    INVALID_DIGEST = ("InvalidDigest", 400, "The Content-MD5 you specified is not valid.")
    BAD_DIGEST = ("BadDigest", 400, "The Content-MD5 you specified did not match what we received.")

    def __init__(self, code: str, status: int, words: str) -> None:
        self.code = code
        self.status = status
        self.words = words


class SignedUrlRefused(StoreAccessDenied):
    """A request by a signed URL that does not hold; the server answers with its code, as S3 would."""

    def __init__(self, refusal: Refusal, *, key: str | None = None) -> None:
        super().__init__(refusal.words, key=key)
        self.refusal = refusal


@dataclass(frozen=True, slots=True)
class SignedObject:
    """What a request by a signed URL may do: read or write one object."""

    store_key: str
    content_md5: str | None
    """What the body's MD5 must be, in base64; only of uploads."""
    download_name: str | None
    """What a client saves the object as; only of downloads."""
    receiver: str | None = None
    """Who must still be entitled to the revision it is of (`download_receiver`); only of downloads."""


class SignedUrls(Protocol):
    """Makes URLs that need no credentials."""

    def upload_url(self, store_key: str, *, content_md5: str, expires_at: Timestamp, now: Timestamp) -> str:
        """A URL for one PUT with exactly this `Content-MD5` header (base64)."""

    def download_url(
        self,
        store_key: str,
        *,
        download_name: str,
        expires_at: Timestamp,
        now: Timestamp,
        receiver: str | None = None,
        content_disposition: str | None = None,
    ) -> str:
        """A URL to GET the object; clients save it as `download_name`.

        Unless the object has a `content_disposition` of its own, which its answer has then.
        With `receiver` (`download_receiver`), and served by this exchange, only while that one is entitled.
        """


class StoreSignedUrls:
    def __init__(self, store: Presigner) -> None:
        self._store = store

    def upload_url(self, store_key: str, *, content_md5: str, expires_at: Timestamp, now: Timestamp) -> str:
        return self._store.presign_upload(
            store_key, content_md5=content_md5, expires_in_seconds=_seconds(now, expires_at)
        )

    def download_url(
        self,
        store_key: str,
        *,
        download_name: str,
        expires_at: Timestamp,
        now: Timestamp,
        receiver: str | None = None,
        content_disposition: str | None = None,
    ) -> str:
        del receiver  # S3 knows none
        return self._store.presign_download(
            store_key,
            expires_in_seconds=_seconds(now, expires_at),
            download_name=download_name if content_disposition is None else None,
        )


class LocalSignedUrls:
    """URLs below `{public_url}/entrepot/objects/`, signed by HMAC-SHA256 with a secret of the exchange."""

    def __init__(self, public_url: str, secret: bytes) -> None:
        self._public_url = public_url.rstrip("/")
        self._path_prefix = urlsplit(self._public_url).path
        self._key = hmac.new(secret, b"entrepot signed urls 1", hashlib.sha256).digest()

    def upload_url(self, store_key: str, *, content_md5: str, expires_at: Timestamp, now: Timestamp) -> str:
        del now  # the moment it ends is in the URL itself
        return self._url(_UPLOAD, store_key, expires_at, {"md5": content_md5})

    def download_url(
        self,
        store_key: str,
        *,
        download_name: str,
        expires_at: Timestamp,
        now: Timestamp,
        receiver: str | None = None,
        content_disposition: str | None = None,
    ) -> str:
        del now, content_disposition  # whoever serves it knows the asset, too
        bound = {"name": download_name} | ({} if receiver is None else {"for": receiver})
        return self._url(_DOWNLOAD, store_key, expires_at, bound)

    def verify(
        self,
        method: str,
        raw_path: str,
        query_string: bytes,
        headers: Iterable[tuple[bytes, bytes]],
        now: Timestamp,
    ) -> SignedObject:
        """What the request may do; raises `SignedUrlRefused`.

        `raw_path` is still percent-encoded, header names are lower-case. That an upload's body has the MD5 of
        its header is the receiver's to check; it raises `SignedUrlRefused(Refusal.BAD_DIGEST)` where not.
        """
        store_key = self._store_key(raw_path)
        given = _only_once(query_string)
        if store_key is None or given is None or not {"expires", "signature"} <= given.keys():
            raise SignedUrlRefused(Refusal.INCOMPLETE, key=store_key)
        signature = given.pop("signature")
        expires = given.pop("expires")
        expected = self._signature(method, store_key, expires, given)
        complete = given.keys() in _BOUND.get(method, ())
        if not complete or not hmac.compare_digest(expected.encode(), signature.encode()):
            raise SignedUrlRefused(Refusal.SIGNATURE, key=store_key)
        if now.milliseconds >= int(expires):
            raise SignedUrlRefused(Refusal.EXPIRED, key=store_key)
        content_md5 = given.get("md5")
        if content_md5 is not None and _all(headers, b"content-md5") != [content_md5.encode()]:
            raise SignedUrlRefused(Refusal.SIGNATURE, key=store_key)
        return SignedObject(store_key, content_md5, given.get("name"), given.get("for"))

    def _url(self, method: str, store_key: str, expires_at: Timestamp, bound: dict[str, str]) -> str:
        expires = str(expires_at.milliseconds)
        signature = self._signature(method, store_key, expires, bound)
        query = urlencode({"expires": expires, **bound, "signature": signature}, quote_via=quote)
        return f"{self._public_url}{OBJECTS_PATH}{quote(store_key)}?{query}"

    def _signature(self, method: str, store_key: str, expires: str, bound: dict[str, str]) -> str:
        fields = [method, store_key, expires, *(f"{name}={bound[name]}" for name in sorted(bound))]
        text = "\n".join(quote(field, safe="") for field in fields)  # quoted: no field can hold a line's end
        return hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()

    def _store_key(self, raw_path: str) -> str | None:
        """The key in a path, with or without the path of the public URL, which a proxy may take away."""
        for start in (self._path_prefix + OBJECTS_PATH, OBJECTS_PATH):
            if raw_path.startswith(start):
                return unquote(raw_path.removeprefix(start)) or None
        return None


def _only_once(query_string: bytes) -> dict[str, str] | None:
    """The query's fields; None where it is malformed or a name comes twice."""
    try:
        pairs = parse_qsl(
            query_string.decode("ascii"), keep_blank_values=True, strict_parsing=True, errors="strict"
        )
    except ValueError:
        return None
    fields = dict(pairs)
    return fields if len(fields) == len(pairs) else None


def _all(headers: Iterable[tuple[bytes, bytes]], wanted: bytes) -> list[bytes]:
    return [value.strip() for name, value in headers if name == wanted]


def _seconds(now: Timestamp, expires_at: Timestamp) -> int:
    """How long from now, for S3: whole seconds, between one and seven days."""
    return max(1, min(_LONGEST_SECONDS, (expires_at.milliseconds - now.milliseconds) // 1000))
