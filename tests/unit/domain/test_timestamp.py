from __future__ import annotations

import pickle
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.domain.timestamp import Timestamp

FIRST = -62_135_596_800_000  # 0001-01-01T00:00:00.000Z
LAST = 253_402_300_799_999  # 9999-12-31T23:59:59.999Z
DAY = 24 * 60 * 60 * 1000

milliseconds = st.integers(FIRST, LAST)
away_from_the_ends = st.integers(FIRST + 2 * DAY, LAST - 2 * DAY)
offsets = st.integers(-23 * 60 - 59, 23 * 60 + 59)


@given(milliseconds)
def test_parsing_what_isoformat_wrote_gives_the_same_moment(value: int) -> None:
    assert Timestamp.parse(Timestamp(value).isoformat()) == Timestamp(value)


@given(milliseconds)
def test_isoformat_has_always_the_same_width(value: int) -> None:
    text = Timestamp(value).isoformat()
    assert len(text) == len("2019-10-11T14:12:24.640Z")
    assert text.endswith("Z")


@given(milliseconds)
def test_to_datetime_agrees_with_isoformat(value: int) -> None:
    moment = Timestamp(value).to_datetime()
    assert moment.tzinfo is UTC
    assert (
        moment.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z" == Timestamp(value).isoformat()
    )


@given(milliseconds, st.text("0123456789", max_size=9))
def test_a_fraction_of_any_length_is_cut_to_milliseconds(value: int, further_digits: str) -> None:
    text = Timestamp(value).isoformat().removesuffix("Z") + further_digits + "Z"
    assert Timestamp.parse(text) == Timestamp(value)


@pytest.mark.parametrize(
    ("fraction", "expected"),
    [("", 0), (".5", 500), (".05", 50), (".678000", 678), (",25", 250), (".9999999", 999)],
)
def test_short_and_long_fractions_count_from_the_left(fraction: str, expected: int) -> None:
    assert Timestamp.parse(f"2030-01-02T03:04:05{fraction}Z").milliseconds % 1000 == expected


@given(away_from_the_ends, offsets, st.booleans())
def test_an_offset_names_the_same_moment(value: int, minutes: int, colon: bool) -> None:
    zone = timezone(timedelta(minutes=minutes))
    text = Timestamp(value).to_datetime().astimezone(zone).isoformat(timespec="milliseconds")
    if not colon:
        text = text[:-3] + text[-2:]
    assert Timestamp.parse(text) == Timestamp(value)


@given(away_from_the_ends)
def test_a_text_without_zone_is_utc(value: int) -> None:
    text = Timestamp(value).isoformat()
    assert Timestamp.parse(text.removesuffix("Z")) == Timestamp.parse(
        text.replace("T", " ").replace("Z", "z")
    )


@given(st.integers(FIRST // 1000, LAST // 1000))
def test_whole_epoch_seconds_are_read(seconds: int) -> None:
    assert Timestamp.parse(seconds) == Timestamp(seconds * 1000)


@given(st.integers(0, 4_102_444_800_000))
def test_epoch_seconds_with_a_fraction_are_read_to_the_millisecond(value: int) -> None:
    assert Timestamp.parse(value / 1000) == Timestamp(value)


@pytest.mark.parametrize(
    "value",
    [
        "", "now", "2020-13-01T00:00:00Z", "2020-02-30T00:00:00Z", "2020-01-01T25:00:00Z", "2020-01-01",
        "2020-01-01T00:00Z", "2020-01-01T00:00:00.Z", "2020-01-01T00:00:00Z ", "٢٠٢٠-01-01T00:00:00Z",
        "0000-01-01T00:00:00Z", "0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00",
        True, False, float("nan"), float("inf"), 1e15, -1e15,
    ],
)  # fmt: skip
def test_what_is_no_timestamp_is_refused(value: str | float) -> None:
    with pytest.raises(ValueError, match=r".+"):
        Timestamp.parse(value)


@given(milliseconds, milliseconds)
def test_timestamps_are_ordered_and_equal_as_their_milliseconds(one: int, other: int) -> None:
    assert (Timestamp(one) < Timestamp(other)) == (one < other)
    assert (Timestamp(one) >= Timestamp(other)) == (one >= other)
    assert (Timestamp(one) == Timestamp(other)) == (one == other)
    assert (hash(Timestamp(one)) == hash(Timestamp(other))) or one != other


def test_a_timestamp_is_equal_to_timestamps_only() -> None:
    assert Timestamp(5) != 5
    with pytest.raises(TypeError):
        _ = Timestamp(5) < 6


def test_a_timestamp_cannot_be_changed() -> None:
    timestamp = Timestamp(5)
    with pytest.raises(AttributeError):
        timestamp.milliseconds = 6
    with pytest.raises(AttributeError):
        del timestamp.milliseconds
    assert timestamp == Timestamp(5)


def test_a_timestamp_survives_pickling_and_shows_itself() -> None:
    timestamp = Timestamp(1_570_803_144_640)
    assert pickle.loads(pickle.dumps(timestamp)) == timestamp
    assert repr(timestamp) == "Timestamp(milliseconds=1570803144640)"
    assert timestamp.isoformat() == "2019-10-11T14:12:24.640Z"
    assert timestamp.to_datetime() == datetime(2019, 10, 11, 14, 12, 24, 640_000, tzinfo=UTC)


def test_seconds_are_added_and_taken_away() -> None:
    assert Timestamp(1_000).plus_seconds(2.5) == Timestamp(3_500)
    assert Timestamp(1_000).plus_seconds(-1) == Timestamp(0)
