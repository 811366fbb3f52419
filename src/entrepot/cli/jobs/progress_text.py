"""The words and numbers of progress: sizes, rates, times, and how many columns a text takes on a terminal."""

from __future__ import annotations

import math
import unicodedata
from dataclasses import dataclass

_UNITS = (("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10))
_MEMORY_SECONDS = 10.0
_SETTLING_SECONDS = 1.0


@dataclass(slots=True)
class Rate:
    """How fast a growing number grows, smoothed: what happened ten seconds ago counts about a third.

    The first number is where it starts from, so what was done before somebody looked is no part of the rate.
    """

    _started: float | None = None
    _at: float = 0.0
    _done: float = 0.0
    _grown: float = 0.0
    _lasted: float = 0.0

    def add(self, now: float, done: float) -> None:
        """Takes the number of now. When it shrinks, as after a restart, the rate starts anew."""
        if self._started is None or done < self._done:
            self._started, self._grown, self._lasted = now, 0.0, 0.0
        else:
            passed = max(0.0, now - self._at)
            # Both sums forget alike, so their quotient is an average with recent seconds weighing most.
            kept = math.exp(-passed / _MEMORY_SECONDS)
            self._grown = self._grown * kept + (done - self._done)
            self._lasted = self._lasted * kept + passed
        self._at, self._done = now, done

    @property
    def per_second(self) -> float | None:
        """None in the first second, when it would only be noise."""
        if self._started is None or self._at - self._started < _SETTLING_SECONDS or self._lasted <= 0:
            return None
        return self._grown / self._lasted

    def seconds_for(self, more: float) -> float | None:
        """How long so much more takes at this rate; None while nothing moves."""
        rate = self.per_second
        if more <= 0:
            return 0.0
        return more / rate if rate else None


def size_text(size_bytes: float) -> str:
    """`512 bytes`, `1.5 KiB`, `2.25 GiB`."""
    unit, factor = _unit(size_bytes)
    return f"{_number(size_bytes, factor)} {unit}"


def bytes_of(done: int, whole: int | None, joint: str) -> str:
    """`0.5 of 1.0 MiB`: both in the unit of the whole. `joint` stands between the two."""
    if whole is None:
        return size_text(done)
    unit, factor = _unit(whole)
    return f"{_number(done, factor)}{joint}{_number(whole, factor)} {unit}"


def items_of(done: int, whole: int | None, noun: str, joint: str) -> str:
    """`7 of 12 assets`."""
    return f"{done:,} {noun}" if whole is None else f"{done:,}{joint}{whole:,} {noun}"


def rate_text(bytes_per_second: float) -> str:
    """`3.1 MiB/s`."""
    return f"{size_text(bytes_per_second).replace('bytes', 'B')}/s"


def duration_text(seconds: float) -> str:
    """`12 s`, `3 min 20 s`, `1 h 05 min`, `2 d 3 h`; the two largest units, rounded up."""
    whole = math.ceil(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    minutes = math.ceil(seconds / 60)
    if minutes < 24 * 60:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    hours = math.ceil(seconds / 3600)
    return f"{hours // 24} d {hours % 24} h"


def cells(text: str) -> int:
    """The columns a text takes on a terminal: two for wide characters, none for combining ones."""
    return len(text) if text.isascii() else sum(_cells(one) for one in text)


def cut(text: str, room: int, ellipsis: str) -> str:
    """The text, or as much of its beginning as fits with an ellipsis behind it."""
    if cells(text) <= room:
        return text
    kept, used = [], cells(ellipsis)
    for one in text:
        used += _cells(one)
        if used > room:
            break
        kept.append(one)
    return "".join(kept) + ellipsis


def _cells(one: str) -> int:
    if unicodedata.combining(one) or unicodedata.category(one) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(one) in {"W", "F"} else 1


def _unit(size_bytes: float) -> tuple[str, int]:
    # Whatever would read "1024.0 KiB" is said in the next unit.
    return next((unit for unit in _UNITS if size_bytes >= unit[1] - unit[1] / 20480), ("bytes", 1))


def _number(size_bytes: float, factor: int) -> str:
    if factor == 1:
        return f"{size_bytes:,.0f}"
    return f"{size_bytes / factor:.{2 if factor >= 1 << 30 else 1}f}"
