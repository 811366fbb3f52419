"""Conditions and ranges of GetObject and HeadObject: which part of an object is sent, or why none.

One place for every route, so that all answer as S3 does, whatever store or server the bytes come from.
Amazon S3 API reference, GetObject and HeadObject; RFC 9110, sections 13 and 14.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from entrepot.domain.outside_numbers import byte_range, http_date
from entrepot.http.messages import Header
from entrepot.s3_gateway.s3_errors import PRECONDITION_FAILED, ObjectRefused, invalid_range

_ETAG = re.compile(r'(W/)?"([^"]*)"|([^\s,"]+)')
_CONDITIONS = ("if-match", "if-none-match", "if-modified-since", "if-unmodified-since", "if-range")


@dataclass(frozen=True, slots=True)
class Described:
    """What conditions and ranges are about."""

    size_bytes: int
    etag: str
    """Without quotes; empty where the object has none."""
    modified_at: int | None = None
    """Epoch seconds; None where nobody knows."""


@dataclass(frozen=True, slots=True)
class Portion:
    """What of an object is sent: status 200 (all), 206 (one range) or 304 (nothing)."""

    status: int
    offset: int
    length: int
    size_bytes: int
    """Of the whole object."""

    def headers(self) -> list[Header]:
        """`Content-Length` and `Content-Range`; neither with a 304."""
        if self.status == 304:
            return []
        length = (b"content-length", b"%d" % self.length)
        if self.status == 200:
            return [length]
        last = self.offset + self.length - 1
        return [length, (b"content-range", b"bytes %d-%d/%d" % (self.offset, last, self.size_bytes))]


@dataclass(frozen=True, slots=True)
class AskedPortion:
    """The conditions and the range of one request; what is malformed among them is as if absent, as on S3."""

    conditions: Mapping[str, str]
    span: tuple[int | None, int | None] | None
    """First and last byte, or None and how many from the end; None for the whole.

    Several ranges at once are the whole object: S3 sends one range only.
    """

    @classmethod
    def of(cls, headers: Mapping[str, str]) -> AskedPortion:
        """`headers` by lower-case name."""
        conditions = {name: headers[name] for name in _CONDITIONS if name in headers}
        span = byte_range(headers.get("range", ""))
        if span is not None:
            first, last = span
            if first is not None and last is not None and last < first:
                span = None
        return cls(conditions, span)

    def of_object(self, found: Described) -> Portion:
        """Raises `ObjectRefused`: a condition fails (412), or the range begins behind the object (416)."""
        conditions = self.conditions
        if "if-match" in conditions:
            if not _names(conditions["if-match"], found.etag, strong=True):
                raise ObjectRefused(PRECONDITION_FAILED)
        elif _is_newer(found, conditions.get("if-unmodified-since")) is True:
            raise ObjectRefused(PRECONDITION_FAILED)
        if "if-none-match" in conditions:
            if _names(conditions["if-none-match"], found.etag, strong=False):
                return Portion(304, 0, 0, found.size_bytes)
        elif _is_newer(found, conditions.get("if-modified-since")) is False:
            return Portion(304, 0, 0, found.size_bytes)
        if self.span is None or not _range_is_of(conditions.get("if-range"), found):
            return Portion(200, 0, found.size_bytes, found.size_bytes)
        return self._ranged(self.span, found.size_bytes)

    def _ranged(self, span: tuple[int | None, int | None], size_bytes: int) -> Portion:
        first, last = span
        if first is None:
            count = last or 0
            if count > 0 and size_bytes == 0:  # the last bytes of nothing are all of it
                return Portion(200, 0, 0, 0)
            first, last = max(0, size_bytes - count), None
            if count == 0:
                raise ObjectRefused(invalid_range(size_bytes))
        if first >= size_bytes:
            raise ObjectRefused(invalid_range(size_bytes))
        end = size_bytes if last is None else min(last + 1, size_bytes)
        return Portion(206, first, end - first, size_bytes)


def _names(condition: str, etag: str, *, strong: bool) -> bool:
    """Whether a list of ETags names this one; `*` names any. Clients leave the quotes away, too."""
    for weak, with_quotes, bare in _ETAG.findall(condition):
        if bare == "*":
            return True
        if etag and (with_quotes or bare) == etag and not (weak and strong):
            return True
    return False


def _is_newer(found: Described, date: str | None) -> bool | None:
    """Whether the object was changed after the date; None where one of the two is not known."""
    moment = None if date is None else http_date(date)
    return None if moment is None or found.modified_at is None else found.modified_at > moment


def _range_is_of(condition: str | None, found: Described) -> bool:
    """Whether the range holds, by an `If-Range` of one strong ETag or of the exact date."""
    if condition is None:
        return True
    moment = http_date(condition)
    if moment is not None:
        return moment == found.modified_at
    return condition != "*" and _names(condition, found.etag, strong=True)
