"""Which failures are tried again, and when."""

from __future__ import annotations

import pytest
from botocore.retries import adaptive, bucket, throttling
from hypothesis import given
from hypothesis import strategies as st

from entrepot.client.client_errors import ConnectionClosed, ReadTimedOut, TransportError
from entrepot.client.retries import THROTTLING_CODES, Failure, RequestRate, Retries

TRANSIENT = {"RequestTimeout", "RequestTimeoutException", "PriorRequestNotComplete"}


@pytest.mark.parametrize("status", [400, 403, 404, 409, 429, 500, 501, 502, 503, 504, 505])
def test_of_answers_those_of_a_server_in_trouble_are_tried_again(status: int) -> None:
    failure = Failure(status=status, code="ValidationException")
    assert failure.is_transient is (status in {500, 502, 503, 504})


@pytest.mark.parametrize("code", sorted(TRANSIENT | THROTTLING_CODES))
def test_some_codes_are_tried_again_whatever_the_status(code: str) -> None:
    assert Failure(status=400, code=code).is_transient


@pytest.mark.parametrize("error", [ReadTimedOut("http://x"), ConnectionClosed("http://x")])
def test_no_answer_is_always_tried_again(error: TransportError) -> None:
    assert Retries(2).wait_after(1, Failure(error)) is not None


def test_waits_double_up_to_20_s_and_are_a_random_part_of_that() -> None:
    retries = Retries(20, chance=lambda: 0.5)
    waits = [retries.wait_after(attempt, Failure(status=500)) for attempt in range(1, 9)]
    assert waits == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 20.0, 20.0]


def test_attempts_are_bounded() -> None:
    retries = Retries(3, chance=lambda: 0)
    assert [retries.wait_after(attempt, Failure(status=500)) for attempt in (1, 2, 3)] == [0, 0, None]
    assert Retries(1).wait_after(1, Failure(status=500)) is None


def _retries_until_refused(retries: Retries, failure: Failure) -> int:
    for count in range(1000):
        if retries.wait_after(1, failure) is None:
            return count
    raise AssertionError("retries are without bounds")


def test_a_client_to_which_nothing_succeeds_stops_trying_again() -> None:
    assert _retries_until_refused(Retries(3), Failure(status=500)) == 100
    assert _retries_until_refused(Retries(3), Failure(ReadTimedOut("http://x"))) == 50


@pytest.mark.parametrize(("attempt", "gained"), [(1, 0), (2, 1)])
def test_a_retry_that_succeeds_costs_nothing(attempt: int, gained: int) -> None:
    retries = Retries(3)
    _retries_until_refused(retries, Failure(status=500))
    retries._spent_last = 5
    retries.succeeded(attempt)
    assert _retries_until_refused(retries, Failure(status=500)) == gained


def test_five_calls_that_succeed_at_once_pay_for_a_retry() -> None:
    retries = Retries(3)
    _retries_until_refused(retries, Failure(status=500))
    for _ in range(5):
        retries.succeeded(1)
    assert _retries_until_refused(retries, Failure(status=500)) == 1


class Clock:
    """A clock that stands still unless somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    current_time = __call__

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@given(st.lists(st.tuples(st.floats(0.01, 3), st.booleans()), min_size=1, max_size=40))
def test_the_adaptive_rate_is_botocores(steps: list[tuple[float, bool]]) -> None:
    clock = Clock()
    tokens = bucket.TokenBucket(max_rate=1, clock=clock)

    class Detector:
        def is_throttling_error(self, throttled: bool) -> bool:
            return throttled

    theirs = adaptive.ClientRateLimiter(
        rate_adjustor=throttling.CubicCalculator(starting_max_rate=0, start_time=clock.now),
        rate_clocker=adaptive.RateClocker(clock),
        token_bucket=tokens,
        throttling_detector=Detector(),
        clock=clock,
    )
    ours = RequestRate(clock, clock.sleep)
    for seconds, throttled in steps:
        clock.now += seconds
        theirs.on_receiving_response(throttled=throttled)
        ours.after_answer(throttled=throttled)
        assert ours._fill_rate == pytest.approx(tokens.max_rate)
        assert ours._tokens == pytest.approx(tokens.available_capacity)


def test_nobody_waits_before_the_first_throttled_answer() -> None:
    clock = Clock()
    rate = RequestRate(clock, clock.sleep)
    for _ in range(50):
        rate.before_sending()
        rate.after_answer(throttled=False)
    assert clock.now == 1000.0


def test_after_a_throttled_answer_requests_wait_for_their_turn() -> None:
    clock = Clock()
    rate = RequestRate(clock, clock.sleep)
    rate.after_answer(throttled=True)
    for _ in range(4):
        rate.before_sending()
    assert clock.now >= 1000.0 + 3 / 0.5  # the least rate is one request every two seconds
