"""Numbers, dates and ranges as strangers write them: the one place where their text becomes a value.

Every function takes any text, takes time in proportion to its length, and has a result within bounds, or None
for what is no such thing. `int` does not: it refuses long texts by an error of its own, and takes time that
grows with the square of the length; neither do the dates of the standard library.
Settings and what the exchange wrote itself (its tokens, its signed fields) are not from outside.
"""

from __future__ import annotations

import re
from calendar import timegm
from datetime import date

MOST = 2**63 - 1
"""What PostgreSQL, HTTP libraries and file systems can hold. A larger number counts as this one."""

_DIGITS = re.compile(r"[0-9]+")
_RANGE = re.compile(r"bytes=([0-9]*)-([0-9]*)")
_BASIC = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})T([0-9]{2})([0-9]{2})([0-9]{2})Z")
_HTTP_DATE = re.compile(
    r"(?:[A-Za-z]{3,9}, )?([0-9]{1,2}) ([A-Za-z]{3}) ([0-9]{4}) ([0-9]{2}):([0-9]{2}):([0-9]{2})"
    r" (?:GMT|UTC|UT|Z|([+-])([0-9]{2})([0-9]{2}))"
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


def whole_number(text: str, *, most: int = MOST) -> int | None:
    """The number that ASCII digits write; `most` where it is larger. None for any other text."""
    if _DIGITS.fullmatch(text) is None:
        return None
    digits = text.lstrip("0")
    return most if len(digits) > len(str(most)) else min(int(digits or "0"), most)


def integer(text: str) -> int | None:
    """The number that ASCII digits write, perhaps with a sign; None beyond `MOST`, too."""
    number = number_within(text[1:] if text.startswith(("+", "-")) else text, 0, MOST)
    return -number if number is not None and text.startswith("-") else number


def number_within(text: str, least: int, most: int) -> int | None:
    """The number that ASCII digits write, None unless it is from `least` to `most`."""
    number = whole_number(text, most=most + 1)
    return number if number is not None and least <= number <= most else None


def byte_range(text: str) -> tuple[int | None, int | None] | None:
    """First and last byte of a `Range` header of one range; None where it is absent there.

    `(None, n)` are the last n bytes. None for several ranges, and for what is no range.
    """
    found = _RANGE.fullmatch(text)
    if found is None or found.groups() == ("", ""):
        return None
    first, last = found.groups()
    return whole_number(first), whole_number(last)


def basic_iso_date(text: str) -> int | None:
    """Epoch seconds of `YYYYMMDDTHHMMSSZ`, the form of `X-Amz-Date`."""
    found = _BASIC.fullmatch(text)
    return None if found is None else _epoch_seconds(*map(int, found.groups()))


def http_date(text: str) -> int | None:
    """Epoch seconds of an HTTP date (RFC 9110, section 5.6.7), or of that of an e-mail, which clients send.

    The name of the day of the week is not compared.
    """
    found = _HTTP_DATE.fullmatch(text.strip())
    if found is None or found[2].lower() not in _MONTHS:
        return None
    month = _MONTHS.index(found[2].lower()) + 1
    moment = _epoch_seconds(int(found[3]), month, *(int(found[group]) for group in (1, 4, 5, 6)))
    if moment is None or found[7] is None:
        return moment
    offset_seconds = (int(found[8]) * 60 + int(found[9])) * 60
    return moment - offset_seconds if found[7] == "+" else moment + offset_seconds


def _epoch_seconds(year: int, month: int, day: int, hour: int, minute: int, second: int) -> int | None:
    """None where there is no such day or time of day."""
    try:
        date(year, month, day)
    except ValueError:
        return None
    if hour > 23 or minute > 59 or second > 59:
        return None
    return timegm((year, month, day, hour, minute, second))
