"""Asks a provider's endpoint for an object, and understands which part of it the answer is.

Conditions and ranges are decided here, by what the endpoint says of the object: S3 servers differ in what
they make of them, and receivers are to be answered as by S3. So conditions are never sent on. Where a request
has some, HeadObject comes first, and what is read then is pinned by its ETag.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from entrepot.domain.errors import StoreUnavailable
from entrepot.domain.outside_numbers import http_date, number_within
from entrepot.s3_gateway.portions import AskedPortion, Described, Portion
from entrepot.s3_gateway.s3_errors import ObjectProblem, ObjectRefused
from entrepot.stores.s3_headers import Headers, etag_in, quoted
from entrepot.stores.s3_view import OpenObject, S3View

_SENT_ON = (("x-amz-checksum-mode", "ENABLED"), ("x-amz-request-payer", "requester"))
_CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18})")
_BAD_PART = ObjectProblem(400, "InvalidArgument", "Part number must be an integer between 1 and 10000")
_PART_AND_RANGE = ObjectProblem(
    400, "InvalidRequest", "Cannot specify both Range header and partNumber query parameter"
)
_NO_SUCH_PART = ObjectProblem(416, "InvalidPartNumber", "The requested partnumber is not satisfiable")
_NO_PORTIONS = ObjectProblem(
    501, "NotImplemented", "The provider's bucket does not serve parts of objects. Ask for the whole object."
)


@dataclass(frozen=True, slots=True)
class Found:
    """An answer of the endpoint, and what of it is for the client; close the answer."""

    answer: OpenObject
    portion: Portion | None
    """None for a whole object of unknown length."""

    @property
    def status(self) -> int:
        return 200 if self.portion is None else self.portion.status


@dataclass(frozen=True, slots=True)
class ObjectRequest:
    provider_id: str
    key: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    """By lower-case name; `require_honoured` has passed them."""
    is_head: bool

    def open(self, view: S3View) -> Found:
        """Asks the endpoint. Blocks; raises a `StoreError`, or `ObjectRefused`."""
        part = _part_number(self.query)
        if part is not None and "range" in self.headers:
            raise ObjectRefused(_PART_AND_RANGE)
        sent_on = tuple((name, value) for name, value in _SENT_ON if name in self.headers)
        asking = _Asking(view, self.key, AskedPortion.of(self.headers), sent_on)
        return asking.head(part) if self.is_head else asking.get(part)


@dataclass(frozen=True, slots=True)
class _Asking:
    view: S3View
    key: str
    asked: AskedPortion
    sent_on: Headers

    def head(self, part: int | None) -> Found:
        opened = self.view.head(self.key, query=_part_query(part), headers=self.sent_on)
        return self._understood(opened, part, is_head=True)

    def get(self, part: int | None) -> Found:
        pinned, is_ranged = "", self.asked.span is not None
        if self.asked.conditions:
            found = self.head(None)
            if found.portion is not None and found.portion.length == 0:
                return found
            found.answer.close()
            pinned, is_ranged = etag_in(found.answer.headers), found.status == 206
        headers = list(self.sent_on)
        if pinned:
            headers.append(("if-match", quoted(pinned)))
        if self.asked.span is not None and is_ranged:
            first, last = ("" if end is None else str(end) for end in self.asked.span)
            headers.append(("range", f"bytes={first}-{last}"))
        opened = self.view.get(self.key, query=_part_query(part), headers=tuple(headers))
        if opened.status == 416 and part is None:
            opened.close()
            return self._of_no_satisfiable_range()
        if pinned and opened.status != 416 and etag_in(opened.headers) != pinned:
            opened.close()
            raise self._nonsense(opened)
        return self._understood(opened, part, is_head=False)

    def _of_no_satisfiable_range(self) -> Found:
        """The last bytes of an empty object; raises `ObjectRefused` with the size, which few servers tell."""
        found = self.head(None)
        if found.portion is None or found.portion.length > 0:
            found.answer.close()
            raise self._nonsense(found.answer)
        return found

    def _understood(self, opened: OpenObject, part: int | None, *, is_head: bool) -> Found:
        try:
            return Found(opened, self._portion(opened, part, is_head=is_head))
        except BaseException:
            opened.close()
            raise

    def _portion(self, opened: OpenObject, part: int | None, *, is_head: bool) -> Portion | None:
        if part is not None and opened.status == 416:
            raise ObjectRefused(_NO_SUCH_PART)
        actual = _actual(opened)
        if actual is None and opened.status != 200:
            raise self._nonsense(opened)
        if part is not None:
            return self._part(opened, actual, part)
        if actual is None and self.asked.span is not None:
            raise ObjectRefused(_NO_PORTIONS)
        wanted = self.asked.of_object(_described(opened, 0 if actual is None else actual.size_bytes))
        if actual is None:
            return wanted if wanted.status == 304 else None
        is_sent = (wanted.offset, wanted.length) == (actual.offset, actual.length)
        if is_sent or (is_head and actual.status == 200):
            return wanted
        if actual.status == 200:
            raise ObjectRefused(_NO_PORTIONS)
        raise self._nonsense(opened)

    def _part(self, opened: OpenObject, actual: Portion | None, number: int) -> Portion:
        if actual is None:
            raise ObjectRefused(_NO_PORTIONS)
        if self.asked.of_object(_described(opened, actual.size_bytes)).status == 304:
            return Portion(304, 0, 0, actual.size_bytes)
        if actual.status == 206:
            return actual
        if number != 1 or "-" in etag_in(opened.headers):
            raise ObjectRefused(_NO_PORTIONS)
        if actual.size_bytes == 0:
            return actual
        return Portion(206, 0, actual.size_bytes, actual.size_bytes)

    def _nonsense(self, opened: OpenObject) -> StoreUnavailable:
        return StoreUnavailable(
            f"The endpoint answered a request for {self.key!r} as S3 does not: status {opened.status}, "
            f"Content-Range {opened.headers.get('content-range')!r}. Or the object was replaced just now."
        )


def _actual(opened: OpenObject) -> Portion | None:
    """Which part of the object an answer has; None where it does not say."""
    if opened.status == 200 and opened.length is not None:
        return Portion(200, 0, opened.length, opened.length)
    found = _CONTENT_RANGE.fullmatch(opened.headers.get("content-range", ""))
    if opened.status != 206 or found is None:
        return None
    first, last, size_bytes = (int(number) for number in found.groups())
    length = last - first + 1
    if not first <= last < size_bytes or opened.length not in (length, None):
        return None
    return Portion(206, first, length, size_bytes)


def _described(opened: OpenObject, size_bytes: int) -> Described:
    modified_at = http_date(opened.headers.get("last-modified", ""))
    return Described(size_bytes, etag_in(opened.headers), modified_at)


def _part_number(query: Mapping[str, str]) -> int | None:
    text = query.get("partNumber")
    if text is None:
        return None
    number = number_within(text, 1, 10_000)
    if number is None:
        raise ObjectRefused(_BAD_PART)
    return number


def _part_query(part: int | None) -> Headers:
    return () if part is None else (("partNumber", str(part)),)
