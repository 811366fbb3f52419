"""Which failed requests are tried again, how often and when, and how fast a client may send.

`Retries` are the AWS CLI's standard and adaptive retry modes, which every request has. Waits grow: a random
part of 1 s, 2 s, 4 s and so on, at most 20 s. A quota bounds how many retries a client that lives long may
make while nothing succeeds. Commands that work for long have `Patience` beyond that, with a server that
restarts. Operations need nothing of this module before something fails, unless the mode is adaptive: then
`RequestRate` limits how fast they send. After the first throttled answer requests are let through at a rate
that grows along a cubic curve around the rate at which throttling set in (as TCP's CUBIC does), 0.7 times
that to begin with.
"""

from __future__ import annotations

import random
import sys
import time

from entrepot.client.client_errors import ServiceAnswer, TransportError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_LONGEST_WAIT_SECONDS = 20.0
_LONGEST_PAUSE_SECONDS = 5.0
_WHOLE_QUOTA = 500
_COST = 5
_COST_OF_A_TIMEOUT = 10
_REWARD_OF_A_SUCCESS = 1

_TRANSIENT_STATUSES = frozenset({500, 502, 503, 504})
_TRANSIENT_CODES = frozenset({"RequestTimeout", "RequestTimeoutException", "PriorRequestNotComplete"})
THROTTLING_CODES = frozenset(
    {
        "BandwidthLimitExceeded",
        "EC2ThrottledException",
        "LimitExceededException",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionInProgressException",
    }
)
"""Codes by which services say: too often. They are retried whatever the status."""


class Failure:
    """Why a request did not succeed: an error on the way, or the status and code of an answer."""

    __slots__ = ("code", "error", "status")

    def __init__(self, error: TransportError | None = None, status: int = 0, code: str = "") -> None:
        self.error = error
        self.status = status
        self.code = code

    @property
    def is_transient(self) -> bool:
        """Whether another try may succeed."""
        return (
            self.error is not None
            or self.status in _TRANSIENT_STATUSES
            or self.code in _TRANSIENT_CODES
            or self.code in THROTTLING_CODES
        )


class Retries:
    """What one client has spent on retries; the policy it follows."""

    def __init__(self, max_attempts: int, chance: Callable[[], float] = random.random) -> None:
        """`max_attempts` counts the first try; `chance` gives numbers from 0 to 1."""
        self._max_attempts = max_attempts
        self._chance = chance
        self._quota = _WHOLE_QUOTA
        self._spent_last = 0

    def wait_after(self, attempt: int, failure: Failure) -> float | None:
        """The seconds to wait before the next try, or None where there is none; `attempt` counts from 1."""
        if attempt == 1:
            self._spent_last = 0
        if attempt >= self._max_attempts or not failure.is_transient:
            return None
        cost = _COST_OF_A_TIMEOUT if failure.error is not None and failure.error.timed_out else _COST
        if cost > self._quota:
            return None
        self._quota -= cost
        self._spent_last = cost
        wait: float = self._chance() * 2 ** (attempt - 1)
        return min(wait, _LONGEST_WAIT_SECONDS)

    def succeeded(self, attempt: int) -> None:
        """Gives back what the last retry of this call cost, or a little if there was none."""
        gained = self._spent_last if attempt > 1 else _REWARD_OF_A_SUCCESS
        self._quota = min(_WHOLE_QUOTA, self._quota + gained)


def may_pass(error: Exception) -> bool:
    """Whether the same request may succeed later: a server is overloaded, restarts, or is out of reach."""
    if isinstance(error, ServiceAnswer):
        return error.status == 429 or error.status >= 500 or Failure(code=error.code).is_transient
    return isinstance(error, TransportError)


class Patience:
    """With one thing that fails: attempts after growing pauses, until a time or a number of them is over."""

    def __init__(
        self,
        *,
        seconds: float = float("inf"),
        attempts: int = sys.maxsize,
        first_pause_seconds: float = 0.1,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`seconds` count from the first failure, `attempts` with the first one."""
        self._seconds = seconds
        self._attempts = attempts
        self._first_pause = first_pause_seconds
        self._clock = clock
        self._failures = 0
        self._failing_since = 0.0

    @property
    def is_tried(self) -> bool:
        """Whether it has failed since it succeeded last."""
        return self._failures > 0

    def pause_after_failure(self) -> float | None:
        """The seconds to wait before the next attempt, or None where there is none."""
        if self._failures == 0:
            self._failing_since = self._clock()
        self._failures += 1
        if self._failures >= self._attempts or self._clock() - self._failing_since > self._seconds:
            return None
        pause = min(self._first_pause * 2 ** min(self._failures - 1, 30), _LONGEST_PAUSE_SECONDS)
        return random.uniform(pause / 2, pause)

    def renew(self) -> None:
        self._failures = 0


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
