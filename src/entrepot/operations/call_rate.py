"""How often something may be called, counted in this process: each server of an exchange counts alone."""

from __future__ import annotations

from dataclasses import dataclass

from entrepot.domain.api_call import CALLS_PER_SECOND
from entrepot.domain.timestamp import Timestamp

_MOST_KEYS = 4096


@dataclass(slots=True)
class _Bucket:
    """Calls that may still be made at a moment."""

    left: float
    at_milliseconds: int


class CallRate:
    """A bucket for each key: a second's calls fit in, and it fills up again as time passes."""

    def __init__(self, per_second: int = CALLS_PER_SECOND) -> None:
        self._per_second = per_second
        self._buckets: dict[str, _Bucket] = {}

    def admits(self, key: str, now: Timestamp) -> bool:
        """Whether one more call may be made now, which then counts."""
        bucket = self._buckets.pop(key, None) or _Bucket(float(self._per_second), now.milliseconds)
        # A clock that was set back must not empty a bucket.
        passed = max(0, now.milliseconds - bucket.at_milliseconds)
        bucket.left = min(float(self._per_second), bucket.left + passed * self._per_second / 1000)
        bucket.at_milliseconds = now.milliseconds
        # The last that was used goes to the end, so the first is the one longest unused: it is full again.
        if len(self._buckets) >= _MOST_KEYS:
            del self._buckets[next(iter(self._buckets))]
        self._buckets[key] = bucket
        if bucket.left < 1:
            return False
        bucket.left -= 1
        return True
