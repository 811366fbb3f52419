"""How far a run is, gathered from the threads that move bytes and written down in batches.

    results and checkpoints   every quarter of a second, or as soon as a hundred results wait
    progress                  with them, and every second while bytes move

A crash loses at most what waits here: those items are moved again. An upload that was begun is recorded
before its first part is sent, since nobody would ever throw it away otherwise.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress

from entrepot.database import job_items, job_runs
from entrepot.domain.errors import JobLost
from entrepot.domain.job import ItemResult, JobItem, MultipartCheckpoint, Progress
from entrepot.jobs.crash_points import CrashPoint
from entrepot.jobs.definition import Callbacks, Run

RECORD_SECONDS = 0.25
RECORD_ITEMS = 100
PROGRESS_SECONDS = 1.0


class ProgressWriter:
    """Belongs to one run and its event loop; only the callbacks it hands out may be called from elsewhere."""

    def __init__(self, run: Run, items: Sequence[JobItem], at: Callable[[CrashPoint], None]) -> None:
        self._run = run
        self._at = at
        self._loop = asyncio.get_running_loop()
        self._wake = asyncio.Event()
        self._closed = False
        self._least = 1
        self.results = {item.number: item.result for item in items if item.result is not None}
        self._unrecorded: dict[int, ItemResult] = {}
        self._items = len(items)
        self._bytes = sum(item.size_bytes for item in items)
        self._bytes_done = sum(result.size_bytes for result in self.results.values())
        self._reported: Progress | None = None
        self._reported_at = self._loop.time()
        self._lock = threading.Lock()
        self._moving: dict[int, int] = {}
        self._checkpoints: dict[int, MultipartCheckpoint | None] = {}
        self._awaited: set[Future[None]] = set()
        self._is_over = False

    def callbacks(self, number: int) -> Callbacks:
        """What the item with that number tells its progress to."""

        def on_bytes(count: int) -> None:
            with self._lock:
                self._moving[number] = self._moving.get(number, 0) + count

        def on_checkpoint(checkpoint: MultipartCheckpoint | None) -> None:
            recorded: Future[None] = Future()
            is_begun = checkpoint is not None and not checkpoint.parts
            with self._lock:
                if self._is_over:
                    raise self._lost()
                self._checkpoints[number] = checkpoint
                if is_begun:
                    self._awaited.add(recorded)
            if is_begun:
                self._loop.call_soon_threadsafe(self._wake.set)
                recorded.result()

        return Callbacks(on_bytes, on_checkpoint)

    def item_done(self, number: int, result: ItemResult) -> None:
        """The item has arrived and is proven."""
        self.results[number] = self._unrecorded[number] = result
        self._bytes_done += result.size_bytes
        self.forget(number)
        if len(self._unrecorded) >= RECORD_ITEMS:
            self._wake.set()

    def close(self, *, is_last: bool) -> None:
        """Ends `keep_recording`. Where the job ends now, a batch that is not full is left to its end."""
        self._closed = True
        self._least = RECORD_ITEMS if is_last else 1
        self._wake.set()

    async def keep_recording(self) -> None:
        """Writes until `close`. Raises `JobLost` when the job has another attempt by now."""
        try:
            await self._keep_recording()
        finally:
            with self._lock:
                self._is_over = True
                awaited, self._awaited = self._awaited, set()
            for recorded in awaited:
                recorded.set_exception(self._lost())

    async def _keep_recording(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(RECORD_SECONDS):
                    await self._wake.wait()
            self._wake.clear()
            if self._closed and len(self._unrecorded) < self._least:
                return
            await self._record()
            if self._closed:
                return

    async def _record(self) -> None:
        """Writes what waits.

        Crash: before the commit these items are moved again; after it they are skipped, and uploads resumed.
        """
        job = self._run.job
        with self._lock:
            checkpoints, self._checkpoints = self._checkpoints, {}
            awaited = tuple(self._awaited)
        results, self._unrecorded = self._unrecorded, {}
        progress = self._progress()
        due = self._loop.time() >= self._reported_at + PROGRESS_SECONDS and progress != self._reported
        if not results and not checkpoints and not due:
            return
        async with self._run.database.transaction() as connection:
            if results:
                await job_items.record_results(connection, job.id, job.attempt, results)
                await job_runs.gets_on(connection, job.id, job.attempt)
            for number, checkpoint in checkpoints.items():
                await job_items.record_checkpoint(connection, job.id, job.attempt, number, checkpoint)
            await job_runs.report(connection, job.id, job.attempt, progress)
        for recorded in awaited:
            self._awaited.discard(recorded)
            recorded.set_result(None)
        self._reported, self._reported_at = progress, self._loop.time()
        if results:
            self._at(CrashPoint.ITEMS_RECORDED)
        if checkpoints:
            self._at(CrashPoint.CHECKPOINT_RECORDED)

    def _lost(self) -> JobLost:
        return JobLost(
            f"Nothing is recorded any more of attempt {self._run.job.attempt} of {self._run.job.id}."
        )

    def _progress(self) -> Progress:
        with self._lock:
            moving = sum(self._moving.values())
        return Progress(
            items=self._items,
            items_done=len(self.results),
            bytes=self._bytes,
            bytes_done=min(self._bytes, self._bytes_done + moving),
        )

    def forget(self, number: int) -> None:
        with self._lock:
            self._moving.pop(number, None)
            self._checkpoints.pop(number, None)
