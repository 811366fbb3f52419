from __future__ import annotations

import asyncio
import sqlite3
from contextlib import asynccontextmanager, closing
from typing import TYPE_CHECKING

import pytest

from entrepot.database import job_runs, jobs, workers
from entrepot.database.sqlite import SqliteDatabase
from entrepot.domain.errors import JobLost
from entrepot.domain.job import JobState, RunId
from entrepot.engine.database import DatabaseEngine, Pace, RunFunction
from entrepot.engine.lease import LEASE_SECONDS, SILENT_SECONDS, Lease

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.unit.engine.conftest import Queue

ME, OTHER = "0a0a0a0a-0", "0b0b0b0b-0"
FAST = Pace(heartbeat=0.01, busy_poll=0.01, idle_poll=0.01, compare=0.02)


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
    concurrency: int = 16,
    pace: Pace = FAST,
    lease: Lease | None = None,
) -> AsyncIterator[DatabaseEngine]:
    engine = DatabaseEngine(
        queue.database, ME, queue.clock, lease or Lease(), concurrency=concurrency, pace=pace
    )
    await engine.start(run)
    try:
        yield engine
    finally:
        await engine.stop()


async def test_a_free_run_is_claimed_and_run(queue: Queue) -> None:
    run_id, work = await queue.add("a"), Work(queue)
    async with at_work(queue, work):
        assert await work.next() == run_id
        assert await job_runs.claimed_by(queue.database, ME) == [run_id]
        assert await workers.alive(queue.database, queue.now.milliseconds) == 1


async def test_a_nudge_is_quicker_than_any_poll(queue: Queue) -> None:
    work = Work(queue)
    never = Pace(heartbeat=3600, busy_poll=3600, idle_poll=3600, compare=3600)
    async with at_work(queue, work, pace=never) as engine:
        await asyncio.sleep(0)
        run_id = await queue.add("a")
        engine.nudge()
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


async def test_the_next_attempt_of_a_run_is_another_run(queue: Queue) -> None:
    run_id, work = await queue.add("a"), Work(queue)
    async with at_work(queue, work):
        assert await work.next() == run_id
        assert await job_runs.hand_back(queue.database, [run_id], queue.now) == 1
        assert await work.next() == RunId(run_id.job_id, 2)
        assert work.going_on == 2


async def test_what_the_queue_gives_is_taken_up_and_what_goes_on_is_not_begun_twice(queue: Queue) -> None:
    going_on, work = await queue.add("a"), Work(queue)
    async with at_work(queue, work, concurrency=1):
        assert await work.next() == going_on
        missing = await queue.add("b")
        assert await queue.claim(ME) == [missing]  # as if the answer to its claim had been lost
        assert await work.next() == missing
        assert work.begun.empty()


async def test_a_run_that_broke_off_begins_again_and_no_other_is_held_up(
    queue: Queue, caplog: pytest.LogCaptureFixture
) -> None:
    broken, whole = await queue.add("a"), await queue.add("b")
    work, broke_off = Work(queue), False

    async def breaks_off_once(run_id: RunId) -> None:
        nonlocal broke_off
        if run_id == broken and not broke_off:
            broke_off = True
            raise ConnectionError("the database is away")
        await work(run_id)

    async with at_work(queue, breaks_off_once):
        assert {await work.next(), await work.next()} == {broken, whole}
    assert f"run {broken} broke off" in caplog.text


async def test_an_outage_of_the_database_is_outlived(
    queue: Queue, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    work = Work(queue)
    assert isinstance(queue.database, SqliteDatabase)
    queue.database._busy_seconds = 0.01
    async with at_work(queue, work):
        run_id = await queue.add("a")
        with closing(sqlite3.connect(tmp_path / "entrepot.sqlite", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            while "claiming runs failed" not in caplog.text or "heartbeat failed" not in caplog.text:
                await asyncio.sleep(0.01)
            assert work.begun.empty()
        assert await work.next() == run_id


async def test_a_worker_that_cannot_hand_back_stops_all_the_same(
    queue: Queue, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run_id, work = await queue.add("a"), Work(queue)
    with closing(sqlite3.connect(tmp_path / "entrepot.sqlite", isolation_level=None)) as other:
        async with at_work(queue, work):
            await work.next()
            other.execute("BEGIN IMMEDIATE")
    assert work.going_on == 0
    assert "runs were not handed back" in caplog.text
    async with at_work(queue, work):
        assert await work.next() == run_id


async def test_a_worker_may_write_after_a_heartbeat_and_not_when_it_slept_longer_than_others_wait(
    queue: Queue,
) -> None:
    now = [1000.0]
    lease = Lease(lambda: now[0])
    assert not _may_write(lease)
    async with at_work(queue, Work(queue), lease=lease):
        assert _may_write(lease)
        now[0] += LEASE_SECONDS
        assert not _may_write(lease)
        async with asyncio.timeout(60):
            while not _may_write(lease):  # until the next heartbeat
                await asyncio.sleep(0.005)
    assert not _may_write(lease)
    assert LEASE_SECONDS < SILENT_SECONDS


async def test_a_worker_writes_no_more_when_it_hands_back_its_jobs(queue: Queue) -> None:
    """A run that did not notice in time that it is to stop may still be in the midst of something."""
    await queue.add("a")
    lease, begun, let_go = Lease(), asyncio.Event(), asyncio.Event()
    may_write: list[bool] = []

    async def deaf(_: RunId) -> None:
        begun.set()
        while not let_go.is_set():
            try:
                await let_go.wait()
            except asyncio.CancelledError:
                continue
        may_write.append(_may_write(lease))

    async with at_work(queue, deaf, lease=lease):
        await begun.wait()
        assert _may_write(lease)
    assert await job_runs.claimed_by(queue.database, ME) == []
    let_go.set()
    async with asyncio.timeout(60):
        while not may_write:
            await asyncio.sleep(0.005)
    assert may_write == [False]


def _may_write(lease: Lease) -> bool:
    try:
        lease.require()
    except JobLost:
        return False
    return True
