from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from entrepot.database import job_runs, jobs, workers
from entrepot.domain.job import JobState, RunId
from entrepot.engine.engine import RunFunction
from entrepot.engine.worker import SILENT_SECONDS, Loop, Pace, Worker

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.unit.engine.conftest import Queue

ME, OTHER = "0a0a0a0a-0", "0b0b0b0b-0"
FAST = Pace(heartbeat=0.01, busy_poll=0.01, idle_poll=0.01, compare=0.02)


class TaskEngine:
    """The smallest engine: a task per run, and no memory of what the process before left behind."""

    def __init__(self) -> None:
        self.tasks: dict[RunId, asyncio.Task[None]] = {}
        self.refusals = 0
        """How many submissions fail from now on."""

    async def start(self, run: RunFunction) -> None:
        self._run = run

    async def submit(self, run_id: RunId, *, again: bool = False) -> None:
        if self.refusals:
            self.refusals -= 1
            raise ConnectionError("the engine's database is away")
        if again or run_id not in self.tasks:
            self.tasks[run_id] = asyncio.create_task(self._do(run_id))

    async def _do(self, run_id: RunId) -> None:
        await self._run(run_id)

    async def stop(self) -> None:
        for task in self.tasks.values():
            task.cancel()
        await asyncio.gather(*self.tasks.values(), return_exceptions=True)

    async def close(self) -> None:
        """Holds nothing."""


class Work:
    """What runs do here: note that they began, and go on until they are let go."""

    def __init__(self, queue: Queue) -> None:
        self.queue = queue
        self.begun: asyncio.Queue[RunId] = asyncio.Queue()
        self.let_go = asyncio.Event()
        self.going_on = 0
        self.most = 0

    async def __call__(self, run_id: RunId) -> None:
        self.going_on += 1
        self.most = max(self.most, self.going_on)
        self.begun.put_nowait(run_id)
        try:
            await self.let_go.wait()
        finally:
            self.going_on -= 1
        await jobs.finish(
            self.queue.database,
            run_id.job_id,
            attempt=run_id.attempt,
            state=JobState.COMPLETED,
            details_json=None,
            errors=(),
            now=self.queue.now,
        )

    async def next(self) -> RunId:
        async with asyncio.timeout(60):
            return await self.begun.get()


@asynccontextmanager
async def at_work(
    queue: Queue,
    run: RunFunction,
    *,
    engine: TaskEngine | None = None,
    concurrency: int = 16,
    loops: Sequence[Loop] = (),
    pace: Pace = FAST,
) -> AsyncIterator[Worker]:
    worker = Worker(
        queue.database,
        engine or TaskEngine(),
        ME,
        queue.clock,
        concurrency=concurrency,
        loops=loops,
        pace=pace,
    )
    await worker.start(run)
    try:
        yield worker
    finally:
        await worker.stop()


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(60):
        while not await holds():
            await asyncio.sleep(0)


async def test_a_free_run_is_claimed_and_run(queue: Queue) -> None:
    run_id, work = await queue.add("a"), Work(queue)
    async with at_work(queue, work):
        assert await work.next() == run_id
        assert await job_runs.claimed_by(queue.database, ME) == [run_id]
        assert await workers.alive(queue.database, queue.now.milliseconds) == 1


async def test_a_nudge_is_quicker_than_any_poll(queue: Queue) -> None:
    work = Work(queue)
    never = Pace(heartbeat=3600, busy_poll=3600, idle_poll=3600, compare=3600)
    async with at_work(queue, work, pace=never) as worker:
        await asyncio.sleep(0)
        run_id = await queue.add("a")
        worker.nudge()
        assert await work.next() == run_id


async def test_a_worker_has_no_more_runs_in_hand_than_it_may(queue: Queue) -> None:
    expected = {await queue.add(name) for name in "abcde"}
    work = Work(queue)
    async with at_work(queue, work, concurrency=2):
        begun = {await work.next(), await work.next()}
        assert len(await job_runs.claimed_by(queue.database, ME)) == 2
        work.let_go.set()
        begun |= {await work.next() for _ in range(3)}
    assert begun == expected
    assert work.most == 2


async def test_a_stopped_worker_hands_its_runs_back_and_signs_off(queue: Queue) -> None:
    run_id, work = await queue.add("a"), Work(queue)
    async with at_work(queue, work):
        await work.next()
    assert work.going_on == 0
    assert await workers.alive(queue.database, 0) == 0
    assert await queue.claim(OTHER) == [RunId(run_id.job_id, 2)]


async def test_a_worker_goes_on_with_what_it_had_when_it_died(queue: Queue) -> None:
    run_id, work = await queue.add("a"), Work(queue)
    assert await queue.claim(ME) == [run_id]
    async with at_work(queue, work):
        assert await work.next() == run_id


async def test_the_runs_of_a_silent_worker_are_taken_over(queue: Queue) -> None:
    run_id, work = await queue.add("a"), Work(queue)
    assert await queue.claim(OTHER) == [run_id]
    async with at_work(queue, work):
        queue.now = queue.now.plus_seconds(SILENT_SECONDS + 1)
        assert await work.next() == RunId(run_id.job_id, 2)


async def test_the_runs_of_a_living_worker_are_left_alone(queue: Queue) -> None:
    run_id, work = await queue.add("a"), Work(queue)
    assert await queue.claim(OTHER) == [run_id]
    async with at_work(queue, work):
        queue.now = queue.now.plus_seconds(SILENT_SECONDS - 1)
        mine = await queue.add("b")
        assert await work.next() == mine
    assert await job_runs.claimed_by(queue.database, OTHER) == [run_id]


async def test_a_worker_that_slept_does_not_take_its_own_runs_for_a_dead_ones(queue: Queue) -> None:
    run_id, work = await queue.add("a"), Work(queue)
    async with at_work(queue, work):
        await work.next()
        queue.now = queue.now.plus_seconds(3600)
        other = await queue.add("b")
        assert await work.next() == other
        assert run_id in await job_runs.claimed_by(queue.database, ME)


async def test_a_run_that_broke_off_begins_again(queue: Queue) -> None:
    run_id, begun = await queue.add("a"), Work(queue)

    async def breaks_off_once(run_id: RunId) -> None:
        if begun.begun.empty() and begun.most == 0:
            begun.most = 1
            raise ConnectionError("the database is away")
        await begun(run_id)

    async with at_work(queue, breaks_off_once):
        assert await begun.next() == run_id


async def test_a_run_whose_submission_failed_is_submitted_later(
    queue: Queue, caplog: pytest.LogCaptureFixture
) -> None:
    run_id, work, engine = await queue.add("a"), Work(queue), TaskEngine()
    engine.refusals = 1
    async with at_work(queue, work, engine=engine):
        assert await work.next() == run_id
    assert "claiming runs failed" in caplog.text


async def test_other_loops_go_on_after_they_have_failed(
    queue: Queue, caplog: pytest.LogCaptureFixture
) -> None:
    swept = 0

    async def sweep() -> None:
        nonlocal swept
        swept += 1
        raise ConnectionError("the store is away")

    async def often() -> bool:
        return swept >= 3

    async with at_work(queue, Work(queue), loops=(Loop("sweep", sweep, 0.01),)):
        await until(often)
    assert caplog.text.count("sweep failed") == 1
