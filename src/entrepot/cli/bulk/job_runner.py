"""Drives any number of jobs through the exchange, as many at once as it allows.

    prepare   in a thread: make the job, and upload where there is something to upload
    start     in a thread: StartJob; "as many as may run already" means later
    follow    here: ListJobs, one call for all that run; soon at first, then less often
    complete  in a thread: what is to be done with a job that is COMPLETED
    fail      here: what a job that ended otherwise means; may ask for other tasks in its place

Ctrl-C in any of it leaves jobs behind that wait, which do nothing, or that run, which go on by themselves.
"""

from __future__ import annotations

import queue
import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Generic, Protocol, Self, TypeVar

from entrepot.cli.bulk.exchange_calls import Exchange, has_ended
from entrepot.cli.bulk.failures import GivenUp, ItemFailed, reason_of, verdict
from entrepot.cli.bulk.run_summary import RunSummary
from entrepot.client.client_errors import ClientError, ServiceAnswer

_STOP_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Outcome:
    task: Task
    action: str
    value: object
    error: Exception | None


class WorkThreads:
    """Threads that do what tasks need, started when there is work. Ctrl-C waits for none of them."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._actions: queue.SimpleQueue[tuple[Task, str, Callable[[], object]] | None] = queue.SimpleQueue()
        self._outcomes: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self.pending = 0
        """Actions whose outcome was not taken yet."""
        self._stopped = False

    def submit(self, task: Task, action: str, do: Callable[[], object]) -> None:
        self.pending += 1
        if self.pending > len(self._threads) and len(self._threads) < self._most:
            thread = threading.Thread(target=self._work, daemon=True)
            self._threads.append(thread)
            thread.start()
        self._actions.put((task, action, do))

    def next_outcome(self, seconds: float) -> Outcome | None:
        """The next outcome; None where there is none within the time."""
        try:
            outcome = self._outcomes.get(timeout=max(0.0, seconds))
        except queue.Empty:
            return None
        self.pending -= 1
        return outcome

    def stop(self) -> None:
        """Begins nothing that waits; what is under way gets a moment to end."""
        self._stopped = True
        for _ in self._threads:
            self._actions.put(None)
        for thread in self._threads:
            thread.join(_STOP_SECONDS / len(self._threads))

    def _work(self) -> None:
        while (taken := self._actions.get()) is not None and not self._stopped:
            task, action, do = taken
            try:
                outcome = Outcome(task, action, do(), None)
            except Exception as error:  # noqa: BLE001 - told by whoever takes the outcome
                outcome = Outcome(task, action, None, error)
            self._outcomes.put(outcome)


_SHORTEST_PAUSE = 0.05
_LONGEST_PAUSE = 2.0
_SHOW_SECONDS = 0.2
_PROGRESS_SECONDS = 2.0
_BUSY_PAUSE = 0.2
_LONGEST_BUSY_PAUSE = 5.0
_PAGES_LOOKED_AT = 2
_ENOUGH_FAILURES = 50
"""After so many, and not one success, nothing further is tried."""


class Task(Protocol):
    """One job, and what belongs to it. `assets` and `size_bytes` count towards the progress."""

    job_id: str
    """Empty until the job exists."""
    is_running: bool
    """Whether it was found running, so that there is nothing to prepare or to start."""
    assets: int
    size_bytes: int

    def prepare(self) -> None:
        """In a thread: makes the job. Raises an `EntrepotError` that becomes the task's failure."""

    def complete(self, job: Mapping[str, Any]) -> None:
        """In a thread: the job is COMPLETED. Raises as `prepare`."""

    def fail(self, problem: Exception | Mapping[str, Any]) -> Sequence[Task]:
        """What to do instead, if anything; otherwise counts what failed.

        The problem is what `prepare` or `complete` raised, or the job that ended without completing.
        """


@dataclass(eq=False, slots=True)
class RunningJob:
    """A job of a former run that goes on by itself; only its end is waited for."""

    job_id: str
    is_running: bool = True
    assets: int = 0
    size_bytes: int = 0

    def prepare(self) -> None:
        """Nothing: it runs."""

    def complete(self, job: Mapping[str, Any]) -> None:
        """What it did is found when the revision, or the destination, is looked at."""

    def fail(self, problem: Exception | Mapping[str, Any]) -> Sequence[Task]:
        """What it did not do is done anew."""
        return ()


@dataclass(frozen=True, slots=True)
class Revision:
    """The revision that jobs fill or read, the exchange, and where to count what they do."""

    data_set_id: str
    id: str
    exchange: Exchange
    totals: RunSummary

    @property
    def place(self) -> dict[str, str]:
        return {"DataSetId": self.data_set_id, "RevisionId": self.id}


class Sized(Protocol):
    """A file, an object or an asset."""

    @property
    def size_bytes(self) -> int: ...


Item = TypeVar("Item", bound=Sized)


@dataclass(eq=False)
class ItemsTask(ABC, Generic[Item]):
    """One job that moves some items: counts them, and tries again without those that made it fail."""

    revision: Revision
    items: Sequence[Item]
    job_id: str = field(default="", kw_only=True)
    is_running: bool = field(default=False, kw_only=True)
    tried_before: bool = field(default=False, kw_only=True)
    assets: int = field(init=False)
    size_bytes: int = field(init=False)

    def __post_init__(self) -> None:
        self.assets, self.size_bytes = len(self.items), sum(item.size_bytes for item in self.items)

    @property
    def totals(self) -> RunSummary:
        return self.revision.totals

    @abstractmethod
    def name_of(self, item: Item) -> str:
        """The name that people know it by."""

    def key_of(self, item: Item) -> str:
        """The name that errors of a job give it."""
        return self.name_of(item)

    @abstractmethod
    def prepare(self) -> None: ...

    def complete(self, job: Mapping[str, Any]) -> None:
        """Does nothing: for most jobs there is nothing left to do."""

    def fail(self, problem: Exception | Mapping[str, Any]) -> Sequence[Task]:
        """One bad item fails the whole job: the others are tried again without it."""
        by_key = {self.key_of(item): item for item in self.items}
        found = verdict(problem, list(by_key), tried_before=self.tried_before)
        for key, reason in found.failed.items():
            self.totals.fail(self.name_of(by_key[key]), reason)
        return [self.again([by_key[key] for key in part]) for part in found.again]

    def again(self, items: Sequence[Item]) -> Self:
        return replace(self, items=items, job_id="", tried_before=True)


class JobRunner:
    """Runs tasks whose jobs are all about one revision."""

    def __init__(
        self,
        exchange: Exchange,
        revision_id: str,
        totals: RunSummary,
        *,
        concurrency: int,
        threads: int,
        doing: str,
    ) -> None:
        self._exchange = exchange
        self._revision_id = revision_id
        self._totals = totals
        self._concurrency = concurrency
        self._doing = doing
        self._lookahead = concurrency + threads // 2
        self._threads = WorkThreads(threads)
        self._again: deque[Task] = deque()
        self._ready: deque[Task] = deque()
        self._running: dict[str, Task] = {}
        self._preparing = self._starting = self._completing = 0
        self._pause = _SHORTEST_PAUSE
        self._poll_at = 0.0
        self._busy_pause = _BUSY_PAUSE
        self._start_at = 0.0
        self._progress_at = 0.0
        self._tells_progress = True
        self._successes = self._failures = 0

    def run(self, tasks: Iterable[Task]) -> None:
        """Runs all tasks to their end. Raises `ClientError` when the exchange is away or refuses."""
        waiting = iter(tasks)
        try:
            while True:
                self._prepare(waiting)
                self._start()
                if not (self._threads.pending or self._ready or self._running):
                    return
                self._take_outcomes()
                if self._running and time.monotonic() >= self._poll_at:
                    self._poll()
                self._totals.show(self._doing, len(self._running) + self._starting)
        finally:
            if self._threads.pending or self._ready or self._running:
                self._exchange.stop()
            self._threads.stop()

    def _prepare(self, waiting: Iterator[Task]) -> None:
        # What is still to be completed counts: a signed URL must not expire while it waits for a thread.
        while self._preparing + len(self._ready) + self._completing < self._lookahead:
            task = self._again.popleft() if self._again else next(waiting, None)
            if task is None:
                return
            if task.is_running:
                self._running[task.job_id] = task
                self._totals.jobs += 1
                continue
            self._preparing += 1
            self._threads.submit(task, "prepare", task.prepare)

    def _start(self) -> None:
        if time.monotonic() < self._start_at:
            return
        while self._ready and len(self._running) + self._starting < self._concurrency:
            task = self._ready.popleft()
            self._starting += 1
            self._threads.submit(task, "start", partial(self._exchange.start_job, task.job_id))

    def _take_outcomes(self) -> None:
        outcome = self._threads.next_outcome(self._seconds_to_wait())
        while outcome is not None:
            self._take(outcome)
            outcome = self._threads.next_outcome(0) if self._threads.pending else None

    def _seconds_to_wait(self) -> float:
        now = time.monotonic()
        moments = [now + _SHOW_SECONDS]
        if self._running:
            moments.append(self._poll_at)
        if self._ready and len(self._running) + self._starting < self._concurrency:
            moments.append(self._start_at)
        return min(moments) - now

    def _take(self, outcome: Outcome) -> None:
        task, error = outcome.task, outcome.error
        match outcome.action:
            case "prepare":
                self._preparing -= 1
                if error is None and task.job_id:  # without: there was nothing left to make a job of
                    self._totals.jobs += 1
                    self._ready.append(task)
            case "start":
                self._starting -= 1
                if error is None and outcome.value:
                    self._started(task)
                elif error is None:
                    self._ready.appendleft(task)
                    self._wait_for_a_place()
            case _:
                self._completing -= 1
                if error is None:
                    self._successes += 1
                    self._totals.done(task, task.assets, task.size_bytes)
        if error is not None:
            self._failed(task, error)

    def _started(self, task: Task) -> None:
        if not self._running:
            self._poll_at = time.monotonic() + _SHORTEST_PAUSE
        self._running[task.job_id] = task
        self._busy_pause = _BUSY_PAUSE

    def _wait_for_a_place(self) -> None:
        self._start_at = time.monotonic() + self._busy_pause
        if self._busy_pause >= _LONGEST_BUSY_PAUSE and not self._running:
            self._totals.note(
                f"{self._totals.verb}: other jobs of this account take all the places; waiting."
            )
        self._busy_pause = min(2 * self._busy_pause, _LONGEST_BUSY_PAUSE)

    def _failed(self, task: Task, problem: Exception | Mapping[str, Any]) -> None:
        if isinstance(problem, ClientError) and _ends_all(problem):
            raise problem
        self._failures += 1
        if self._failures >= _ENOUGH_FAILURES and not self._successes:
            reason = problem if isinstance(problem, Exception) else reason_of(problem)
            raise GivenUp(f"{self._failures} attempts failed and none succeeded, the last because {reason}")
        self._totals.settle(task)
        self._again.extend(task.fail(problem))

    def _poll(self) -> None:
        ended = [job for job in self._states() if has_ended(job)]
        for job in ended:
            task = self._running.pop(job["Id"])
            self._totals.jobs_done += 1
            if job["State"] == "COMPLETED":
                self._completing += 1
                self._threads.submit(task, "complete", partial(task.complete, job))
            else:
                self._failed(task, job)
        if ended:
            self._pause = max(_SHORTEST_PAUSE, self._pause / 2)
        else:
            self._pause = min(_LONGEST_PAUSE, 1.5 * self._pause)
            self._ask_for_progress(time.monotonic())
        self._poll_at = time.monotonic() + self._pause

    def _states(self) -> Iterator[dict[str, Any]]:
        missing = set(self._running)
        size = len(missing) + len(self._ready) + self._preparing + 5
        for looked_at, job in enumerate(self._exchange.newest_jobs(self._revision_id, size), 1):
            if job["Id"] in missing:
                missing.discard(job["Id"])
                yield job
            if not missing or looked_at >= _PAGES_LOOKED_AT * size:
                break
        for job_id in missing:
            yield self._exchange.job(job_id)

    def _ask_for_progress(self, now: float) -> None:
        """Asks about jobs that take long; an exchange that does not answer is not asked again."""
        if not self._tells_progress or now < self._progress_at + _PROGRESS_SECONDS:
            return
        self._progress_at = now
        for job_id, task in self._running.items():
            progress = self._exchange.progress(job_id)
            if progress is None:
                self._tells_progress = False
                return
            self._totals.moving(task, progress.get("BytesDone", 0), progress.get("ItemsDone", 0))


def _ends_all(error: ClientError) -> bool:
    """Whether the other tasks would fail alike."""
    if isinstance(error, ServiceAnswer):
        return error.code not in {"ValidationException", "ResourceNotFoundException"}
    return not isinstance(error, ItemFailed)
