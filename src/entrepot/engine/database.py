"""The engine that needs the database alone: workers claim runs, and take over those of workers that died.

    heartbeat   every second: I live; then: whoever has been silent for ten seconds is dead, its runs are free
    claims      takes free runs up to its concurrency, each a task of this process; and every few seconds
                begins anew what broke off: what the queue gives to this worker, and it is not doing

Each loop outlives an outage of the database. The queue (`job_runs`) alone says who has a run: each time it
changes hands its attempt rises by one, and what the former owner still writes is refused.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from entrepot.database import job_runs, workers
from entrepot.database.connection import Database
from entrepot.domain.errors import EntrepotError
from entrepot.domain.job import RunId
from entrepot.domain.timestamp import Timestamp
from entrepot.engine.engine import RunFunction
from entrepot.engine.lease import SILENT_SECONDS, Lease
from entrepot.engine.loops import Loop

DEFAULT_CONCURRENCY = 16
"""How many runs one worker has in hand at once; the transfer's threads are shared among them."""
_BUSY_FOR_SECONDS = 2.0
_CANCEL_SECONDS = 2.0
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


class DatabaseEngine:
    """One worker; its id is its own among all machines, and stays the same when it starts again."""

    def __init__(
        self,
        database: Database,
        worker_id: str,
        clock: Callable[[], Timestamp],
        lease: Lease,
        *,
        concurrency: int = DEFAULT_CONCURRENCY,
        pace: Pace | None = None,
    ) -> None:
        self._database = database
        self._worker_id = worker_id
        self._clock = clock
        self._lease = lease
        self._concurrency = concurrency
        self._pace = pace or Pace()
        self._runs: dict[RunId, asyncio.Task[None]] = {}
        self._nudge = asyncio.Event()
        self._loops: list[asyncio.Task[None]] = []
        self._run: RunFunction

    async def start(self, run: RunFunction) -> None:
        self._run = run
        await self._say_that_it_lives()
        heartbeat = Loop("heartbeat", self._beat, self._pace.heartbeat)
        self._loops = [asyncio.create_task(heartbeat.repeat()), asyncio.create_task(self._claims())]

    def nudge(self) -> None:
        self._nudge.set()

    async def stop(self) -> None:
        """See `Engine`.

        A run that waits for a slow store may take longer to notice. It is left behind: once its job has been
        handed back, whatever it still writes down is refused, and its next request that writes is not sent.
        Crash: whatever is not handed back is freed by another worker's heartbeat, or repeated by this one.
        """
        for loop in self._loops:
            loop.cancel()
        await asyncio.gather(*self._loops, return_exceptions=True)
        for run in self._runs.values():
            run.cancel()
        if self._runs:
            _, unfinished = await asyncio.wait(self._runs.values(), timeout=_CANCEL_SECONDS)
            if unfinished:
                _log.info("%d runs are left behind; they did not notice in time", len(unfinished))
        self._lease.end()
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

    def _begin(self, run_id: RunId) -> None:
        self._runs[run_id] = asyncio.create_task(self._do(run_id), name=f"run {run_id}")

    async def _do(self, run_id: RunId) -> None:
        try:
            await self._run(run_id)
        except Exception:  # noqa: BLE001 - whatever breaks off a run, the worker must live on
            _log.exception("run %s broke off; it will be tried again", run_id)
        finally:
            del self._runs[run_id]
            self._nudge.set()

    async def _beat(self) -> None:
        """First its own heartbeat: a worker that slept for a while must not find itself dead."""
        now = await self._say_that_it_lives()
        silent_since = now.plus_seconds(-SILENT_SECONDS)
        freed = await job_runs.release_dead(self._database, silent_since.milliseconds, now)
        if freed:
            _log.warning("%d runs of workers that died are free again", freed)
            self._nudge.set()

    async def _say_that_it_lives(self) -> Timestamp:
        began_at, now = self._lease.now(), self._clock()
        await workers.beat(self._database, self._worker_id, now)
        self._lease.renew(began_at)
        return now

    async def _claims(self) -> None:
        """Crash: a claimed run that was not begun yet is begun when this worker is back."""
        loop = asyncio.get_running_loop()
        busy_until = compare_at = 0.0
        while True:
            self._nudge.clear()
            try:
                if loop.time() >= compare_at:
                    await self._take_up()
                    compare_at = loop.time() + self._pace.compare
                claimed = await self._claim_once()
            except Exception:  # noqa: BLE001 - the loop outlives whatever the database raises
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
        free = self._concurrency - len(self._runs)
        if free <= 0:
            return 0
        claimed = await job_runs.claim(self._database, self._worker_id, free)
        for run_id in claimed:
            self._begin(run_id)
        return len(claimed)

    async def _take_up(self) -> None:
        """Begins what the queue gives to this worker and it is not doing: a process before it had it when it
        died, or it broke off here. (A run that ended just now finds that it has, and does nothing.)
        """
        for run_id in await job_runs.claimed_by(self._database, self._worker_id):
            if run_id not in self._runs:
                self._begin(run_id)
