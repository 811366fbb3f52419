"""Following jobs to their end: what `watch` shows and `wait-job` waits for.

A server that restarts, is overloaded or does not answer in time is asked again until it has been silent for
minutes; only the first question must succeed, so that a wrong address or id is told at once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import quote

from entrepot.client.client_errors import ClientError, ServiceAnswer
from entrepot.client.command_line_model import Operation, load_operation
from entrepot.client.retries import Patience, may_pass

PATIENCE_SECONDS = 300.0
"""How long a server that has answered before may be silent."""
_LARGEST_COUNT = 2**63
ENDS = ("COMPLETED", "CANCELLED", "TIMED_OUT", "ERROR")
"""The states in which a job stays, the best first."""


@dataclass(frozen=True, slots=True)
class Counts:
    """How far something is; a total of None is not known (yet)."""

    items: int | None = None
    items_done: int = 0
    bytes: int | None = None
    bytes_done: int = 0


def progress_path(job_id: str) -> str:
    """Where an exchange tells how far a job is; AWS knows no such path."""
    return f"/entrepot/jobs/{quote(job_id, safe='')}/progress"


class Asked(Protocol):
    """What is used of a client of the exchange."""

    def call(self, operation: Operation, parameters: dict[str, Any], /) -> dict[str, Any]:
        """One operation. Raises `ClientError`."""

    def get_json(self, path: str, name: str, /) -> dict[str, Any]:
        """A signed GET outside the API of AWS. Raises `ClientError`."""


class FollowedJob:
    """One job as it was last seen."""

    __slots__ = ("answer", "counts", "id", "state", "waits_for")

    def __init__(self, job_id: str) -> None:
        self.id = job_id
        self.state = ""
        """Empty until it was seen for the first time."""
        self.answer: dict[str, Any] = {}
        """What GetJob answered last; current once the job has ended."""
        self.counts: Counts | None = None
        self.waits_for = ""
        """Why it does not get on now, where a store or a service cannot be used."""

    @property
    def has_ended(self) -> bool:
        """Whether it stays as it is."""
        return self.state in ENDS


class Follower:
    """Asks for jobs, one round at a time; knows what can be told of each of them."""

    def __init__(
        self,
        client: Asked,
        job_ids: Iterable[str],
        *,
        wants_counts: bool,
        note: Callable[[str], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`wants_counts` asks for assets and bytes, too, where the server tells them; AWS does not.

        `note` is told, in a sentence, when the server is silent and when it answers again.
        """
        self.jobs = [FollowedJob(job_id) for job_id in dict.fromkeys(job_ids)]
        self._client = client
        self._wants_counts = wants_counts
        self._note = note
        self._clock = clock
        self._get_job = load_operation("get-job")
        self._patience = Patience(seconds=PATIENCE_SECONDS, clock=clock)
        self._began = clock()
        self._answered = False

    @property
    def ended(self) -> list[FollowedJob]:
        return [job for job in self.jobs if job.has_ended]

    @property
    def all_ended(self) -> bool:
        return all(job.has_ended for job in self.jobs)

    def look(self) -> None:
        """One round. Raises `ClientError` where asking again would not help, or did not help for minutes."""
        trouble: ClientError | None = None
        for job in self.jobs:
            if job.has_ended:
                continue
            try:
                self._ask(job)
            except ClientError as error:
                if not self._answered or not may_pass(error):
                    raise
                trouble = error
                if not isinstance(error, ServiceAnswer):
                    break  # nobody is there for the others either
            else:
                self._answered = True
        if trouble is not None:
            if not self._patience.is_tried:
                self._note(f"{trouble.message.strip()} Asking again.")
            if self._patience.pause_after_failure() is None:
                raise trouble
        elif self._patience.is_tried:
            self._patience.renew()
            self._note("The exchange answers again.")

    def pause(self, longest_seconds: float) -> float:
        """How long to wait before the next round: short for short jobs, longer for those that run long."""
        return min(max((self._clock() - self._began) / 10, 0.1), longest_seconds)

    def _ask(self, job: FollowedJob) -> None:
        if job.state and self._wants_counts and self._ask_for_counts(job):
            return
        answer = self._client.call(self._get_job, {"JobId": job.id})
        job.answer, job.state = answer, str(answer.get("State", ""))
        if job.state == "COMPLETED" and job.counts is not None:
            items, size = job.counts.items, job.counts.bytes
            job.counts = Counts(items, items or 0, size, size or 0)

    def _ask_for_counts(self, job: FollowedJob) -> bool:
        """Whether this said all there is to say: not for a job that has ended, nor where nobody counts."""
        try:
            told = self._client.get_json(progress_path(job.id), "GetProgress")
        except ServiceAnswer as error:
            if not may_pass(error):
                self._wants_counts = False  # AWS itself, which knows no such path
            return False
        if "Bytes" in told:
            job.counts = Counts(
                count_of(told, "Items"),
                count_of(told, "ItemsDone") or 0,
                count_of(told, "Bytes"),
                count_of(told, "BytesDone") or 0,
            )
        waiting = told.get("Waiting")
        reason = waiting.get("Reason") if isinstance(waiting, dict) else None
        job.waits_for = reason if isinstance(reason, str) else ""
        if told.get("State") in ENDS:
            return False
        job.state = str(told.get("State", job.state))
        return True


def count_of(told: dict[str, Any], name: str) -> int | None:
    """A number of an answer; None where there is none, or what is no count."""
    value = told.get(name)
    is_count = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _LARGEST_COUNT
    return value if is_count else None
