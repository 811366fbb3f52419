"""The queue of runs and the workers, on both databases."""

from __future__ import annotations

import asyncio
from itertools import chain

from tests.databases.rows import SCOPE, add_running_job, an_id, at, job

from entrepot.database import job_runs, jobs, workers
from entrepot.database.connection import Database
from entrepot.database.job_runs import QueuedRun
from entrepot.domain.job import JobState, Progress, RunId


async def running(database: Database, count: int) -> list[RunId]:
    """Jobs that were started one after the other."""
    runs = []
    for n in range(count):
        await jobs.insert(database, job(f"job {n}"))
        await jobs.start(database, an_id(f"job {n}"), now=at(n))
        runs.append(RunId(an_id(f"job {n}"), 1))
    return runs


async def test_runs_are_claimed_oldest_first_up_to_the_limit(database: Database) -> None:
    first, second, third = await running(database, 3)
    assert await job_runs.claim(database, "a", 2) == [first, second]
    assert await job_runs.claim(database, "b", 2) == [third]
    assert await job_runs.claim(database, "b", 2) == []
    assert await job_runs.claimed_by(database, "a") == [first, second]
    assert await job_runs.claimed_by(database, "b") == [third]
    assert await job_runs.claimed_by(database, "c") == []


async def test_workers_that_claim_at_once_never_get_the_same_run(database: Database, other: Database) -> None:
    runs = await running(database, 30)

    async def claim_all(each: Database, worker_id: str) -> list[RunId]:
        mine: list[RunId] = []
        while claimed := await job_runs.claim(each, worker_id, 2):
            mine += claimed
        return mine

    claimed = await asyncio.gather(
        *(claim_all(each, f"worker {n}") for n, each in enumerate((database, other, database, other)))
    )
    # Who finds every free run locked by others goes away with nothing; it asks again at its next poll.
    everything = [*chain(*claimed), *await claim_all(database, "the last")]
    assert sorted(everything, key=str) == sorted(runs, key=str)


async def test_a_run_that_is_handed_back_is_another_attempt_at_the_end_of_the_queue(
    database: Database,
) -> None:
    first, second = await running(database, 2)
    await job_runs.claim(database, "a", 1)
    assert await job_runs.hand_back(database, [first], at(99)) == 1
    again = RunId(first.job_id, 2)
    assert await job_runs.claim(database, "b", 9) == [second, again]
    handed_back = await jobs.get(database, SCOPE, first.job_id)
    assert handed_back is not None and handed_back.attempt == 2


async def test_a_run_is_handed_back_once(database: Database, other: Database) -> None:
    runs = await running(database, 4)
    await job_runs.claim(database, "a", 4)
    counts = await asyncio.gather(
        job_runs.hand_back(database, runs, at(99)), job_runs.hand_back(other, runs[::-1], at(99))
    )
    assert sum(counts) == 4
    assert sorted(await job_runs.claim(database, "b", 9), key=str) == sorted(
        (RunId(run.job_id, 2) for run in runs), key=str
    )


async def test_a_run_that_has_ended_is_not_handed_back(database: Database) -> None:
    run_id = await add_running_job(database)
    await jobs.finish(
        database,
        run_id.job_id,
        attempt=1,
        state=JobState.COMPLETED,
        details_json=None,
        errors=(),
        now=at(3),
    )
    assert await job_runs.hand_back(database, [run_id], at(4)) == 0
    assert await job_runs.claim(database, "a", 9) == []


async def test_the_runs_of_dead_workers_are_free_again_and_those_of_the_living_are_not(
    database: Database, other: Database
) -> None:
    runs = await running(database, 4)
    for worker_id in ("silent", "living", "gone"):
        await workers.beat(database, worker_id, at(0))
        await job_runs.claim(database, worker_id, 1)
    await workers.beat(database, "living", at(5_000))
    await workers.remove(database, "gone")

    freed = await asyncio.gather(
        *(job_runs.release_dead(each, at(1).milliseconds, at(6_000)) for each in (database, other))
    )

    assert sum(freed) == 2
    assert await job_runs.claimed_by(database, "living") == [runs[1]]
    assert await job_runs.claimed_by(database, "silent") == []
    assert {str(run) for run in await job_runs.claim(database, "new", 9)} == {
        f"{runs[0].job_id}.2",
        f"{runs[2].job_id}.2",
        f"{runs[3].job_id}.1",
    }


async def test_progress_is_shown_and_a_lost_attempt_no_longer_reports(database: Database) -> None:
    run_id = await add_running_job(database)
    assert await job_runs.report(database, run_id.job_id, 1, Progress(4, 1, 400, 2**40))
    assert await job_runs.get(database, run_id.job_id) == QueuedRun(False, Progress(4, 1, 400, 2**40))
    assert await job_runs.mark_planned(database, run_id.job_id, 1, Progress(5, 0, 500, 0))
    await job_runs.hand_back(database, [run_id], at(9))
    assert not await job_runs.report(database, run_id.job_id, 1, Progress(4, 4, 400, 400))
    assert not await job_runs.mark_planned(database, run_id.job_id, 1, Progress(9, 0, 9, 0))
    assert await job_runs.get(database, run_id.job_id) == QueuedRun(True, Progress(5, 0, 500, 0))


async def test_workers_are_alive_by_their_last_heartbeat(database: Database) -> None:
    await workers.beat(database, "a", at(0))
    await workers.beat(database, "b", at(10))
    assert await workers.alive(database, at(5).milliseconds) == 1
    await workers.beat(database, "a", at(11))
    assert await workers.alive(database, at(5).milliseconds) == 2
    await workers.remove(database, "b")
    assert await workers.alive(database, at(0).milliseconds) == 1
