"""Whatever a stranger writes where a number, a date or a range belongs has a value within bounds, or none."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.domain.outside_numbers import (
    MOST,
    basic_iso_date,
    byte_range,
    http_date,
    integer,
    number_within,
    whole_number,
)

ENDLESS = "9" * 1_000_000
"""`int` would refuse it, and without its limit take hours."""


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        ("007", 7),
        (str(MOST), MOST),
        (str(MOST + 1), MOST),
        (ENDLESS, MOST),
        ("0" * 1_000_000 + "5", 5),
        ("", None),
        ("-1", None),
        ("+1", None),
        (" 1", None),
        ("1_0", None),
        ("1.0", None),
        ("0x5", None),
        ("²", None),
        ("٣", None),
        ("１", None),
        ("1\n", None),
    ],
    ids=lambda value: ascii(value)[:20],
)
def test_a_whole_number_is_written_in_ascii_digits_and_has_a_bound(text: str, number: int | None) -> None:
    assert whole_number(text) == number


@given(st.integers(0, 10**30), st.integers(1, 10**20))
def test_every_number_has_its_value_or_the_bound(number: int, most: int) -> None:
    assert whole_number(str(number), most=most) == min(number, most)


@pytest.mark.parametrize(
    ("text", "number"),
    [("1", 1), ("10", 10), ("0", None), ("11", None), (ENDLESS, None), ("ten", None), ("", None)],
    ids=lambda value: ascii(value)[:20],
)
def test_a_number_within_bounds_is_refused_beyond_them(text: str, number: int | None) -> None:
    assert number_within(text, 1, 10) == number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("-5", -5),
        ("+5", 5),
        ("5", 5),
        (f"-{MOST}", -MOST),
        (ENDLESS, None),
        ("", None),
        ("-", None),
        ("--1", None),
    ],
    ids=lambda value: ascii(value)[:20],
)
def test_an_integer_may_have_a_sign(text: str, number: int | None) -> None:
    assert integer(text) == number


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("bytes=0-5", (0, 5)),
        ("bytes=7-", (7, None)),
        ("bytes=-3", (None, 3)),
        (f"bytes=0-{ENDLESS}", (0, MOST)),
        (f"bytes={ENDLESS}-", (MOST, None)),
        (f"bytes=-{ENDLESS}", (None, MOST)),
        ("bytes=-", None),
        ("bytes=0-1,2-3", None),
        ("bytes=a-b", None),
        ("bytes= 0-1", None),
        ("items=0-1", None),
        ("", None),
    ],
    ids=lambda value: ascii(value)[:20],
)
def test_a_range_is_one_of_bytes(text: str, span: tuple[int | None, int | None] | None) -> None:
    assert byte_range(text) == span


@given(st.integers(-62_135_596_800, 253_402_300_799))
def test_dates_of_all_years_are_read(seconds: int) -> None:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    assert basic_iso_date(f"{moment:%Y%m%dT%H%M%SZ}".rjust(16, "0")) == seconds
    assert http_date(format_datetime(moment, usegmt=True)) == seconds
    assert http_date(format_datetime(moment)) == seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Thu, 29 Feb 2024 12:00:00 GMT", 1_709_208_000),
        ("29 Feb 2024 12:00:00 -0000", 1_709_208_000),
        ("Thu, 29 Feb 2024 14:30:00 +0230", 1_709_208_000),
        ("Thu, 29 Feb 2024 07:00:00 -0500", 1_709_208_000),
        ("Fri, 30 Feb 2024 12:00:00 GMT", None),
        ("Thu, 29 Feb 2024 24:00:00 GMT", None),
        ("Thu, 29 Foo 2024 12:00:00 GMT", None),
        ("Thu, 29 Feb 99999999999 12:00:00 GMT", None),
        ("Thu, 29 Feb 99999 12:00:00 GMT", None),
        ("Thu, 29 Feb 0000 12:00:00 GMT", None),
        (f"Thu, 29 Feb {ENDLESS} 12:00:00 GMT", None),
        (f"Thu, {ENDLESS} Feb 2024 12:00:00 GMT", None),
        (f"Thu, 29 Feb 2024 12:00:00 +{ENDLESS}", None),
        ("", None),
        (" ", None),
        ("1", None),
        ("," * 1000, None),
    ],
    ids=lambda value: ascii(value)[:30],
)
def test_an_http_date_is_a_moment_or_nothing(text: str, seconds: int | None) -> None:
    assert http_date(text) == seconds


@pytest.mark.parametrize(
    "text",
    ["00000101T000000Z", "20240230T120000Z", "20240229T240000Z", "20240229T126000Z", "99999999T999999Z", ""],
)
def test_what_is_no_moment_is_none_in_the_form_of_aws_either(text: str) -> None:
    assert basic_iso_date(text) is None
