"""What is said between one command and the stub servers: the answers it is to get, the requests it made."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from typing import Any

from tests.parity.answers import Answer, jobs_by_id

Request = dict[str, Any]


class Conversation:
    """One case's. Servers add to it from their threads."""

    def __init__(self, script: Sequence[Answer] = (), *, tunnels: bool = True) -> None:
        self.tunnels = tunnels
        """Whether CONNECT is allowed."""
        self.heard = threading.Event()
        """Set once a request arrived."""
        self.over = threading.Event()
        """Set when nobody waits for an answer any more."""
        self._script = list(script)
        self._requests: list[Request] = []
        self._given: Counter[str] = Counter()
        self._lock = threading.Lock()

    def note(self, request: Request) -> None:
        """Records a request."""
        with self._lock:
            self._requests.append(request)
        self.heard.set()

    def requests(self) -> list[Request]:
        """What was recorded, in order of arrival."""
        with self._lock:
            return list(self._requests)

    def answer_to(self, job_id: str | None) -> Answer | None:
        """The next of the script, whose last is given again and again; without a script, the job's."""
        with self._lock:
            if self._script:
                return self._script.pop(0) if len(self._script) > 1 else self._script[0]
        return None if job_id is None else jobs_by_id().get(job_id)

    def times_given(self, answer: Answer) -> int:
        """How often that answer was asked for, this time included."""
        with self._lock:
            self._given[answer.name] += 1
            return self._given[answer.name]
