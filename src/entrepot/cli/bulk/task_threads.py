"""Threads that take actions from one queue and put what becomes of them into another."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

Subject = TypeVar("Subject")
_STOP_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Outcome(Generic[Subject]):
    """What became of one action."""

    subject: Subject
    action: str
    value: object
    error: Exception | None


class WorkThreads(Generic[Subject]):
    """Started when there is work for them. They never outlive the process: Ctrl-C waits for none of them."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._actions: queue.SimpleQueue[tuple[Subject, str, Callable[[], object]] | None] = (
            queue.SimpleQueue()
        )
        self._outcomes: queue.SimpleQueue[Outcome[Subject]] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._pending = 0
        self._stopped = False

    @property
    def pending(self) -> int:
        """Actions whose outcome was not taken yet."""
        return self._pending

    def submit(self, subject: Subject, action: str, do: Callable[[], object]) -> None:
        """Has it done in a thread; the outcome carries the subject and the action's name."""
        self._pending += 1
        if self._pending > len(self._threads) and len(self._threads) < self._most:
            thread = threading.Thread(target=self._work, daemon=True)
            self._threads.append(thread)
            thread.start()
        self._actions.put((subject, action, do))

    def next_outcome(self, seconds: float) -> Outcome[Subject] | None:
        """The next outcome, or None when there is none within the time."""
        try:
            outcome = self._outcomes.get(timeout=max(0.0, seconds))
        except queue.Empty:
            return None
        self._pending -= 1
        return outcome

    def stop(self) -> None:
        """What waits is not begun; what is under way gets a moment to end."""
        self._stopped = True
        for _ in self._threads:
            self._actions.put(None)
        for thread in self._threads:
            thread.join(_STOP_SECONDS / len(self._threads))

    def _work(self) -> None:
        while (taken := self._actions.get()) is not None and not self._stopped:
            subject, action, do = taken
            try:
                outcome = Outcome(subject, action, do(), None)
            except Exception as error:  # noqa: BLE001 - told by whoever takes the outcome
                outcome = Outcome(subject, action, None, error)
            self._outcomes.put(outcome)
