"""How many requests are under way at an endpoint that throttles: fewer when it says so, slowly more again.

AIMD, as TCP does it: an answer that asks for fewer requests halves what may be under way at that endpoint,
every other answer raises it, all those of `ROUNDS` rounds together by one. An endpoint that has never
throttled, or has recovered, is not limited at all; neither are the others while one of them throttles.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

ROUNDS = 8
"""So few answers in a hundred are refusals, however little an endpoint bears."""
UNLIMITED_FROM = 64
"""Where the limit has grown to this, there is none any more; a worker seldom has more under way."""
_LOOK_EVERY_SECONDS = 0.5
"""How often whoever waits for a turn looks whether that is of use still."""


class NoTurn(Exception):
    """The endpoint throttles, and the request has waited for its turn in vain."""


class Turn:
    """One request under way. `throttled` is for its sender to set; None means that there was no answer."""

    __slots__ = ("round", "throttled")

    def __init__(self, round_: int) -> None:
        self.round = round_
        self.throttled: bool | None = None


class _Endpoint:
    __slots__ = ("limit", "round", "under_way", "waiting")

    def __init__(self) -> None:
        self.under_way = 0
        self.limit = math.inf
        self.round = 0
        """How often the limit was lowered."""
        self.waiting: deque[threading.Event] = deque()
        """Set for whoever is under way from then on."""

    def has_room(self) -> bool:
        return self.under_way + 1 <= self.limit

    def learn(self, turn: Turn) -> None:
        if turn.throttled and turn.round == self.round:  # those sent before it was lowered say nothing new
            self.limit = max(1.0, min(self.limit, self.under_way) / 2)
            self.round += 1
        elif turn.throttled is False:
            self.limit += 1 / (ROUNDS * self.limit)
            if self.limit >= UNLIMITED_FROM:
                self.limit = math.inf


class Throttle:
    """The limits of all endpoints that a process talks to; for any thread, and for several clients.

    Whoever came first has the first turn. Nothing is locked while a request is under way.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._endpoints: dict[str, _Endpoint] = {}

    @contextmanager
    def turn(self, endpoint: str, closing: threading.Event, deadline: float) -> Iterator[Turn]:
        """Waits until one more request may be under way, for as long as the block lasts.

        Raises `NoTurn` where it may not by `deadline`, of the monotonic clock, or before `closing` is set.
        """
        with self._lock:
            state = self._endpoints.setdefault(endpoint, _Endpoint())
            turn = None
            if not state.waiting and state.has_room():
                state.under_way += 1
                turn = Turn(state.round)
            else:
                mine = threading.Event()
                state.waiting.append(mine)
        if turn is None:
            self._wait(state, mine, closing, deadline)
            turn = Turn(state.round)
        try:
            yield turn
        finally:
            with self._lock:
                state.learn(turn)
                state.under_way -= 1
                while state.waiting and state.has_room():
                    state.under_way += 1
                    state.waiting.popleft().set()
                if state.under_way == 0 and state.limit == math.inf:
                    del self._endpoints[endpoint]

    def limit_of(self, endpoint: str) -> float | None:
        """How many may be under way there; None where nothing limits them."""
        state = self._endpoints.get(endpoint)
        return None if state is None or state.limit == math.inf else state.limit

    def waiting_at(self, endpoint: str) -> int:
        """How many wait for their turn there."""
        state = self._endpoints.get(endpoint)
        return 0 if state is None else len(state.waiting)

    def _wait(
        self, state: _Endpoint, mine: threading.Event, closing: threading.Event, deadline: float
    ) -> None:
        while not mine.wait(max(0.0, min(_LOOK_EVERY_SECONDS, deadline - time.monotonic()))):
            if closing.is_set() or time.monotonic() >= deadline:
                with self._lock:
                    if not mine.is_set():
                        state.waiting.remove(mine)
                        raise NoTurn
