"""A bucket as a client of S3 sees it: headers, conditions and pages, which the stores' protocol hides.

For whoever passes a bucket's objects on to clients of S3, and wants to pass on what S3 says of them, too.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote_plus

from entrepot.domain.errors import ObjectChanged, ObjectNotFound
from entrepot.http.answer import Answer
from entrepot.stores import s3_xml
from entrepot.stores.s3_client import S3Request
from entrepot.stores.s3_errors import object_name
from entrepot.stores.s3_headers import Headers, etag_in, quoted
from entrepot.stores.s3_reader import S3Reader
from entrepot.stores.s3_uploads import nonsense

if TYPE_CHECKING:
    from entrepot.stores.s3 import S3Store

PAGE = 1000
"""What S3 lists at most in one answer."""
NOT_ERRORS = frozenset({304, 412, 416})
"""Of a request with conditions and a range: the answers that are the client's business."""

_CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(?:\d{1,18}|\*)")


@dataclass(frozen=True, slots=True)
class PageObject:
    key: str
    size_bytes: int
    etag: str
    last_modified: str
    storage_class: str


@dataclass(frozen=True, slots=True)
class Page:
    objects: Sequence[PageObject]
    common_prefixes: Sequence[str]
    next_token: str | None
    """None on the last page."""


@dataclass(frozen=True, slots=True)
class OpenObject:
    """An answer to GET or HEAD; close it."""

    status: int
    headers: Mapping[str, str]
    """By lower-case name."""
    length: int | None
    """How many bytes the body has; None where the endpoint does not say."""
    body: S3Reader | Answer

    def abort(self) -> None:
        self.body.abort()

    def close(self) -> None:
        self.body.close()


class S3View:
    """The objects of an S3 store. May be used by several threads at once; all calls block."""

    def __init__(self, store: S3Store, *, listing_headers: Headers = ()) -> None:
        """`listing_headers` go with every listing."""
        self._store = store
        self._client = store.client
        self._listing_headers = listing_headers

    def check(self) -> None:
        """HeadBucket; raises a `StoreError` where the bucket is not there or may not be used."""
        self._client.call(S3Request("HeadBucket", "HEAD", self._store.bucket))

    def head(self, key: str, *, query: Headers = (), headers: Headers = ()) -> OpenObject:
        """HeadObject with these headers; raises a `StoreError`, but not for a status of `NOT_ERRORS`."""
        request = S3Request(
            "HeadObject", "HEAD", self._store.bucket, self._store.whole_key(key), query, headers
        )
        answer = self._client.stream(request, accepted=NOT_ERRORS)
        return OpenObject(answer.status, answer.headers, answer.announced_length, answer)

    def get(self, key: str, *, query: Headers = (), headers: Headers = ()) -> OpenObject:
        """GetObject with these headers; raises a `StoreError`, but not for a status of `NOT_ERRORS`.

        A connection that breaks is replaced by one for the rest, as long as it is the same object.
        """
        whole = self._store.whole_key(key)
        request = S3Request("GetObject", "GET", self._store.bucket, whole, query, headers)
        answer = self._client.stream(request, accepted=NOT_ERRORS)
        first = _first_byte(answer)
        etag, length = etag_in(answer.headers), answer.length
        if length is None or first is None or not etag:
            return OpenObject(answer.status, answer.headers, length, answer)
        payer = tuple(header for header in headers if header[0] == "x-amz-request-payer")

        def rest(position: int) -> Answer:
            span = ("range", f"bytes={first + position}-{first + length - 1}")
            pinned = (span, ("if-match", quoted(etag)), *payer)
            following = self._client.stream(
                S3Request("GetObject", "GET", self._store.bucket, whole, (), pinned)
            )
            same = etag_in(following.headers) == etag
            if not same or following.status != 206 or _first_byte(following) != first + position:
                following.close()
                kind = ObjectNotFound if same else ObjectChanged
                raise kind(f"The rest of {object_name(self._store.bucket, whole)} cannot be had.")
            return following

        reader = S3Reader(answer, length, etag, rest, object_name(self._store.bucket, whole))
        return OpenObject(answer.status, answer.headers, length, reader)

    def page(
        self,
        prefix: str,
        *,
        delimiter: str = "",
        after: str | None = None,
        token: str | None = None,
        limit: int = PAGE,
    ) -> Page:
        """One page of ListObjectsV2 of the keys that begin with `prefix`; raises a `StoreError`.

        `token` is the `next_token` of the page before; without one, keys are those that follow `after`.
        """
        own = self._store.prefix
        query = [
            ("encoding-type", "url"),
            ("list-type", "2"),
            ("max-keys", str(min(PAGE, limit))),
            ("prefix", own + prefix),
        ]
        if delimiter:
            query.append(("delimiter", delimiter))
        if token is not None:
            query.append(("continuation-token", token))
        elif after:
            query.append(("start-after", own + after))
        bucket, headers = self._store.bucket, self._listing_headers
        reply = self._client.call(S3Request("ListObjectsV2", "GET", bucket, None, tuple(query), headers))
        try:
            return _page(s3_xml.parse(reply.body), len(own), token)
        except ValueError as error:
            raise nonsense(self._client, "ListObjectsV2", self._store.bucket, None, error) from error


def _first_byte(answer: Answer) -> int | None:
    """Which byte of the object an answer begins with; None where its body is none of an object."""
    if answer.status == 200:
        return 0
    match = _CONTENT_RANGE.fullmatch(answer.headers.get("content-range", ""))
    return None if answer.status != 206 or match is None else int(match[1])


def _page(root: ET.Element, strip: int, token: str | None) -> Page:
    encoded = root.findtext("EncodingType") == "url"

    def key_in(text: str) -> str:
        return (unquote_plus(text, errors="strict") if encoded else text)[strip:]

    objects = [
        PageObject(
            key=key_in(s3_xml.required(entry, "Key")),
            size_bytes=s3_xml.required_number(entry, "Size"),
            etag=s3_xml.required_etag(entry),
            last_modified=s3_xml.required(entry, "LastModified"),
            storage_class=entry.findtext("StorageClass") or "STANDARD",
        )
        for entry in root.findall("Contents")
    ]
    prefixes = [key_in(s3_xml.required(entry, "Prefix")) for entry in root.findall("CommonPrefixes")]
    following = root.findtext("NextContinuationToken") if s3_xml.is_truncated(root) else None
    if s3_xml.is_truncated(root) and (not following or following == token):
        raise s3_xml.NotXml("the listing goes on, and does not say where")
    return Page(objects, prefixes, following)
