"""A job worker: says that it lives, takes runs from the queue, and takes over what the dead left behind.

Loops in one event loop, each of which outlives an outage of the database:

    heartbeat   every second: I live; then: whoever has been silent for ten seconds is dead, its runs are free
    claims      takes free runs up to its concurrency and submits them to the engine; and every few seconds
                compares what the queue gives it with what it is doing

and others that it is given, of whose topics it knows nothing: sweeps, deliveries.

The queue (`job_runs`) alone says who has a run: each time it changes hands its attempt rises by one, and what
the former owner still writes is refused.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from entrepot.database import job_runs, workers
from entrepot.database.connection import Database
from entrepot.domain.errors import EntrepotError
from entrepot.domain.job import RunId
from entrepot.domain.timestamp import Timestamp
from entrepot.engine.engine import Engine, RunFunction

SILENT_SECONDS = 10.0
"""A worker whose last heartbeat is older than this is dead to the others."""
DEFAULT_CONCURRENCY = 16
"""How many runs one worker has in hand at once; the transfer's threads are shared among them."""
_BUSY_FOR_SECONDS = 2.0
_HAND_BACK_SECONDS = 2.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pace:
    """How often a worker does what it does, in seconds."""

    heartbeat: float = 1.0
    busy_poll: float = 0.05
    """Between two looks at the queue, shortly after there was something in it."""
    idle_poll: float = 0.2
    compare: float = 5.0


@dataclass(frozen=True, slots=True)
class Loop:
    """Something that a worker does again and again beside its runs; errors are logged, and it goes on."""

    name: str
    act: Callable[[], Awaitable[object]]
    every_seconds: float
    """Between the end of one time and the beginning of the next."""


class Worker:
    """One worker; its id is its own among all machines, and stays the same when it starts again."""

    def __init__(
        self,
        database: Database,
        engine: Engine,
        worker_id: str,
        clock: Callable[[], Timestamp],
        *,
        concurrency: int = DEFAULT_CONCURRENCY,
        loops: Sequence[Loop] = (),
        pace: Pace | None = None,
    ) -> None:
        self._database = database
        self._engine = engine
        self._worker_id = worker_id
        self._clock = clock
        self._concurrency = concurrency
        self._others = loops
        self._pace = pace or Pace()
        self._held: set[RunId] = set()
        """Submitted and not ended: what counts against the concurrency."""
        self._running: set[RunId] = set()
        self._missing: set[RunId] = set()
        """Given to this worker, yet not running when last compared."""
        self._nudge = asyncio.Event()
        self._loops: list[asyncio.Task[None]] = []
        self._run: RunFunction

    async def start(self, run: RunFunction) -> None:
        """Becomes alive and begins to work; goes on with what this worker had when it last died.

        Raises `DatabaseUnavailable` when there is no database.
        """
        self._run = run
        await workers.beat(self._database, self._worker_id, self._clock())
        await self._engine.start(self._run_and_let_go)
        for run_id in await job_runs.claimed_by(self._database, self._worker_id):
            await self._submit(run_id)
        loops = [
            self._forever("heartbeat", self._beat, self._pace.heartbeat),
            self._claims(),
            *(self._forever(loop.name, loop.act, loop.every_seconds) for loop in self._others),
        ]
        self._loops = [asyncio.create_task(loop) for loop in loops]

    def nudge(self) -> None:
        """There may be something to claim: look now instead of at the next poll."""
        self._nudge.set()

    async def stop(self) -> None:
        """Cancels its runs, hands them back and signs off; takes seven seconds at most.

        Crash: whatever is not handed back is freed by another worker's heartbeat, or repeated by this one.
        """
        for loop in self._loops:
            loop.cancel()
        await asyncio.gather(*self._loops, return_exceptions=True)
        await self._engine.stop()
        try:
            async with asyncio.timeout(_HAND_BACK_SECONDS):
                held = await job_runs.claimed_by(self._database, self._worker_id)
                if held:
                    await job_runs.hand_back(self._database, held, self._clock())
                await workers.remove(self._database, self._worker_id)
        except (EntrepotError, TimeoutError) as error:
            _log.warning(
                "runs were not handed back, others will take them over in %g s: %s", SILENT_SECONDS, error
            )

    async def _run_and_let_go(self, run_id: RunId) -> None:
        self._held.add(run_id)
        self._running.add(run_id)
        try:
            await self._run(run_id)
        finally:
            self._running.discard(run_id)
            self._held.discard(run_id)
            self._nudge.set()

    async def _submit(self, run_id: RunId, *, again: bool = False) -> None:
        self._held.add(run_id)
        try:
            await self._engine.submit(run_id, again=again)
        except Exception:
            self._held.discard(run_id)
            raise

    async def _beat(self) -> None:
        """First its own heartbeat: a worker that slept for a while must not find itself dead."""
        now = self._clock()
        await workers.beat(self._database, self._worker_id, now)
        silent_since = now.plus_seconds(-SILENT_SECONDS)
        freed = await job_runs.release_dead(self._database, silent_since.milliseconds, now)
        if freed:
            _log.warning("%d runs of workers that died are free again", freed)
            self._nudge.set()

    async def _claims(self) -> None:
        """Crash: a claimed run that was not submitted yet is submitted when this worker is back."""
        loop = asyncio.get_running_loop()
        busy_until = compared_at = 0.0
        while True:
            self._nudge.clear()
            try:
                claimed = await self._claim_once()
                if loop.time() >= compared_at + self._pace.compare:
                    await self._compare()
                    compared_at = loop.time()
            except Exception:  # noqa: BLE001 - the loop outlives whatever the database or the engine raises
                _log.exception("claiming runs failed; trying again soon")
                await asyncio.sleep(self._pace.heartbeat)
                continue
            if claimed:
                busy_until = loop.time() + _BUSY_FOR_SECONDS
            pause = self._pace.busy_poll if loop.time() < busy_until else self._pace.idle_poll
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._nudge.wait()

    async def _claim_once(self) -> int:
        free = self._concurrency - len(self._held)
        if free <= 0:
            return 0
        claimed = await job_runs.claim(self._database, self._worker_id, free)
        for run_id in claimed:
            await self._submit(run_id)
        return len(claimed)

    async def _compare(self) -> None:
        """Runs that the queue gives to this worker, but that broke off here, begin again.

        Only what is missing twice in a row: the engine may just be about to begin it, or the run to end.
        """
        claimed = await job_runs.claimed_by(self._database, self._worker_id)
        missing = set(claimed) - self._running
        for run_id in missing & self._missing:
            await self._submit(run_id, again=True)
        self._missing = missing - self._missing

    async def _forever(self, name: str, act: Callable[[], Awaitable[object]], every_seconds: float) -> None:
        failing = False
        while True:
            try:
                await act()
                failing = False
            except Exception as error:  # noqa: BLE001 - the loop outlives whatever the database raises
                if not failing:
                    _log.warning("%s failed, and is tried again every %g s: %s", name, every_seconds, error)
                failing = True
            await asyncio.sleep(every_seconds)
