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
        ...

    def complete(self, job: Mapping[str, Any]) -> None:
        """In a thread: the job is COMPLETED. Raises as `prepare`."""
        ...

    def fail(self, problem: Exception | Mapping[str, Any]) -> Sequence[Task]:
        """What to do instead, if anything; otherwise tells the tally what failed.

        The problem is what `prepare` or `complete` raised, or the job that ended without completing.
        """
        ...


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
    """What jobs are about, and what everybody who has to do with them needs."""

    data_set_id: str
    id: str
    exchange: Exchange
    totals: RunSummary

    @property
    def place(self) -> dict[str, str]:
        """Data set and revision, as the details of a job name them."""
        return {"DataSetId": self.data_set_id, "RevisionId": self.id}


class Sized(Protocol):
    """A file, an object or an asset."""

    @property
    def size_bytes(self) -> int:
        """Its size."""
        ...


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
        self.take(self.items)

    def take(self, items: Sequence[Item]) -> None:
        """Makes these its items."""
        self.items = items
        self.assets, self.size_bytes = len(items), sum(item.size_bytes for item in items)

    @property
    def totals(self) -> RunSummary:
        """Where failures are told."""
        return self.revision.totals

    @abstractmethod
    def name_of(self, item: Item) -> str:
        """The item's name for people."""

    def key_of(self, item: Item) -> str:
        """What the errors of a job name it by."""
        return self.name_of(item)

    @abstractmethod
    def prepare(self) -> None:
        """See `Task`."""

    def complete(self, job: Mapping[str, Any]) -> None:
        """See `Task`; for most there is nothing left to do."""

    def fail(self, problem: Exception | Mapping[str, Any]) -> Sequence[Task]:
        """One bad item fails the whole job: the others are tried again without it."""
        by_key = {self.key_of(item): item for item in self.items}
        found = verdict(problem, list(by_key), tried_before=self.tried_before)
        for key, reason in found.failed.items():
            self.totals.fail(self.name_of(by_key[key]), reason)
        return [self.again([by_key[key] for key in part]) for part in found.again]

    def again(self, items: Sequence[Item]) -> Self:
        """Another job for these, after this one has failed."""
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
        """`doing` is what its jobs do, for the display."""
        self._exchange = exchange
        self._revision_id = revision_id
        self._tally = totals
        self._concurrency = concurrency
        self._doing = doing
        self._lookahead = concurrency + threads // 2
        self._threads: WorkThreads[Task] = WorkThreads(threads)
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
        """Returns when every task is done or has failed.

        Raises a `ClientError` where the exchange itself is what fails: it is away, or refuses the work.
        """
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
                self._tally.show(self._doing, len(self._running) + self._starting)
        finally:
            self._exchange_stops_if_unfinished()
            self._threads.stop()

    def _exchange_stops_if_unfinished(self) -> None:
        if self._threads.pending or self._ready or self._running:
            self._exchange.stop()

    def _prepare(self, waiting: Iterator[Task]) -> None:
        # What is still to be completed counts: a signed URL must not expire while it waits for a thread.
        while self._preparing + len(self._ready) + self._completing < self._lookahead:
            task = self._again.popleft() if self._again else next(waiting, None)
            if task is None:
                return
            if task.is_running:
                self._running[task.job_id] = task
                self._tally.jobs += 1
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

    def _take(self, outcome: Outcome[Task]) -> None:
        task, error = outcome.subject, outcome.error
        match outcome.action:
            case "prepare":
                self._preparing -= 1
                if error is None and task.job_id:  # without: there was nothing left to make a job of
                    self._tally.jobs += 1
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
                    self._tally.done(task, task.assets, task.size_bytes)
        if error is not None:
            self._failed(task, error)

    def _started(self, task: Task) -> None:
        if not self._running:
            self._poll_at = time.monotonic() + _SHORTEST_PAUSE
        self._running[task.job_id] = task
        self._busy_pause = _BUSY_PAUSE

    def _wait_for_a_place(self) -> None:
        """Others run jobs of this type, too: all places are taken."""
        self._start_at = time.monotonic() + self._busy_pause
        if self._busy_pause >= _LONGEST_BUSY_PAUSE and not self._running:
            self._tally.note(f"{self._tally.verb}: other jobs of this account take all the places; waiting.")
        self._busy_pause = min(2 * self._busy_pause, _LONGEST_BUSY_PAUSE)

    def _failed(self, task: Task, problem: Exception | Mapping[str, Any]) -> None:
        if isinstance(problem, ClientError) and _ends_all(problem):
            raise problem
        self._failures += 1
        if self._failures >= _ENOUGH_FAILURES and not self._successes:
            reason = problem if isinstance(problem, Exception) else reason_of(problem)
            raise GivenUp(f"{self._failures} attempts failed and none succeeded, the last because {reason}")
        self._tally.settle(task)
        self._again.extend(task.fail(problem))

    def _poll(self) -> None:
        ended = [job for job in self._states() if has_ended(job)]
        for job in ended:
            task = self._running.pop(job["Id"])
            self._tally.jobs_done += 1
            if job["State"] == "COMPLETED":
                self._completing += 1
                self._threads.submit(task, "complete", partial(task.complete, job))
            else:
                self._failed(task, job)
        now = time.monotonic()
        if ended:
            self._pause = max(_SHORTEST_PAUSE, self._pause / 2)
        else:
            self._pause = min(_LONGEST_PAUSE, 1.5 * self._pause)
            self._ask_for_progress(now)
        self._poll_at = time.monotonic() + self._pause

    def _states(self) -> Iterator[dict[str, Any]]:
        """The jobs that run, as they are now."""
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
        """Between the ends of jobs that take long; an exchange that never answers is not asked again."""
        if not self._tells_progress or now < self._progress_at + _PROGRESS_SECONDS:
            return
        self._progress_at = now
        for job_id, task in self._running.items():
            progress = self._exchange.progress(job_id)
            if progress is None:
                self._tells_progress = False
                return
            self._tally.moving(task, progress.get("BytesDone", 0), progress.get("ItemsDone", 0))


def _ends_all(error: ClientError) -> bool:
    """Whether the other tasks would fail alike, so that trying them is of no use."""
    if isinstance(error, ServiceAnswer):
        return error.code not in {"ValidationException", "ResourceNotFoundException"}
    return not isinstance(error, ItemFailed)
