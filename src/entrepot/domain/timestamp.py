"""A moment in UTC, to the millisecond, as AWS Data Exchange shows it (`2019-10-11T14:12:24.640Z`)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import total_ordering

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NAIVE_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - `isoformat` writes the zone itself
_ISO_8601 = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})[Tt ](\d{2}):(\d{2}):(\d{2})(?:[.,](\d{1,12}))?(Z|z|[+-]\d{2}:?\d{2})?", re.ASCII
)


@total_ordering
class Timestamp:
    """Milliseconds since 1970-01-01T00:00:00Z; a frozen value.

    Written out rather than made a dataclass: JSON libraries that know dataclasses write them as objects.
    """

    __slots__ = ("milliseconds",)
    milliseconds: int

    def __init__(self, milliseconds: int) -> None:
        object.__setattr__(self, "milliseconds", milliseconds)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a Timestamp is frozen; {name} cannot be set")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"a Timestamp is frozen; {name} cannot be deleted")

    def __eq__(self, other: object) -> bool:
        return self.milliseconds == other.milliseconds if isinstance(other, Timestamp) else NotImplemented

    def __lt__(self, other: object) -> bool:
        return self.milliseconds < other.milliseconds if isinstance(other, Timestamp) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.milliseconds)

    def __repr__(self) -> str:
        return f"Timestamp(milliseconds={self.milliseconds})"

    def __reduce__(self) -> tuple[type[Timestamp], tuple[int]]:
        return Timestamp, (self.milliseconds,)

    def isoformat(self) -> str:
        """The form of the wire: four digits of a year, always three fractional digits, and `Z`."""
        moment = _NAIVE_EPOCH + timedelta(milliseconds=self.milliseconds)
        return moment.isoformat(timespec="milliseconds") + "Z"

    def to_datetime(self) -> datetime:
        return _EPOCH + timedelta(milliseconds=self.milliseconds)

    def plus_seconds(self, seconds: float) -> Timestamp:
        """This moment moved by `seconds`, which may be negative."""
        return Timestamp(self.milliseconds + round(seconds * 1000))

    @classmethod
    def parse(cls, value: str | float) -> Timestamp:
        """Reads ISO 8601 text with a fraction of any length, or epoch seconds; a text without zone is UTC.

        Raises `ValueError` when the value is neither, or lies outside the years 1 to 9999.
        """
        if isinstance(value, bool):
            raise ValueError(f"{value!r} is not a timestamp")  # noqa: TRY004 - one kind of error for callers
        try:
            timestamp = cls(round(value * 1000) if isinstance(value, int | float) else _parse_text(value))
            timestamp.to_datetime()
        except OverflowError as error:
            raise ValueError(f"{value!r} is out of the range of timestamps") from error
        return timestamp


def _parse_text(text: str) -> int:
    """Milliseconds since the epoch of an ISO 8601 text."""
    match = _ISO_8601.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not an ISO 8601 timestamp")
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    moment = datetime(
        int(year), int(month), int(day), int(hour), int(minute), int(second), tzinfo=UTC
    )  # raises ValueError for the 13th month and the like
    milliseconds = (moment - _EPOCH) // timedelta(milliseconds=1) + int((fraction or "0").ljust(3, "0")[:3])
    if zone and zone not in "Zz":
        digits = zone[1:].replace(":", "")
        offset_minutes = int(digits[:2]) * 60 + int(digits[2:])
        milliseconds -= offset_minutes * 60_000 * (-1 if zone[0] == "-" else 1)
    return milliseconds
