"""How fast a client may send: the adaptive retry mode's limit, lowered by throttling and lifted by success.

After the first throttled answer requests are let through at a rate that grows along a cubic curve around the
rate at which throttling set in (as TCP's CUBIC does), 0.7 times that to begin with.
"""

from __future__ import annotations

import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_SCALE = 0.4
_LOWERED_TO = 0.7
_LEAST_RATE = 0.5
_MOST_OF_MEASURED = 2.0
_SMOOTHING = 0.8
_MEASURED_EVERY_SECONDS = 0.5


class RequestRate:
    """The rates of one client, in requests a second."""

    def __init__(
        self, clock: Callable[[], float] = time.time, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        now = clock()
        self._limited = False
        self._measured = 0.0
        self._counted = 0
        self._counting_since = float(int(now))
        self._rate_at_throttling = 0.0
        self._throttled_at = now
        self._fill_rate = 1.0
        self._capacity = 1.0
        self._tokens = 0.0
        self._filled_at = now

    def before_sending(self) -> None:
        if not self._limited:
            return
        self._refill()
        while self._tokens < 1:
            self._sleep((1 - self._tokens) / self._fill_rate)
            self._refill()
        self._tokens -= 1

    def after_answer(self, *, throttled: bool) -> None:
        """Adjusts the limit by what came: an answer of any kind, or none."""
        measured = self._measure()
        now = self._clock()
        if throttled:
            rate = min(measured, self._fill_rate) if self._limited else measured
            self._rate_at_throttling = rate
            self._throttled_at = now
            self._limited = True
            allowed = rate * _LOWERED_TO
        else:
            plateau = (self._rate_at_throttling * (1 - _LOWERED_TO) / _SCALE) ** (1 / 3)
            allowed = _SCALE * (now - self._throttled_at - plateau) ** 3 + self._rate_at_throttling
        self._limit(min(allowed, _MOST_OF_MEASURED * measured))

    def _measure(self) -> float:
        """Counts one more request; the rate is taken anew every half second, and smoothed."""
        now = self._clock()
        mark = now // _MEASURED_EVERY_SECONDS * _MEASURED_EVERY_SECONDS
        self._counted += 1
        if mark > self._counting_since:
            current = self._counted / (mark - self._counting_since)
            self._measured = current * _SMOOTHING + self._measured * (1 - _SMOOTHING)
            self._counted = 0
            self._counting_since = mark
        return self._measured

    def _limit(self, rate: float) -> None:
        self._refill()
        self._fill_rate = max(rate, _LEAST_RATE)
        self._capacity = max(rate, 1.0)
        self._tokens = min(self._tokens, self._capacity)

    def _refill(self) -> None:
        now = self._clock()
        self._tokens = min(self._capacity, self._tokens + (now - self._filled_at) * self._fill_rate)
        self._filled_at = now
