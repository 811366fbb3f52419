"""Job items, on both databases."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from tests.databases.rows import add_running_job, an_id, at, item, job

from entrepot.database import job_items, job_runs, jobs
from entrepot.database.connection import Database
from entrepot.database.job_runs import QueuedRun
from entrepot.domain.asset import Checksum
from entrepot.domain.errors import JobLost
from entrepot.domain.job import ItemResult, JobState, Location, MultipartCheckpoint, Progress, UploadedPart
from entrepot.domain.object_headers import ObjectHeaders

CHECKSUM = Checksum("CRC64NVME", "AAAAAAAAAAE=")
RESULT = ItemResult(101, "an-etag", CHECKSUM, headers=ObjectHeaders("text/csv", cache_control="no-store"))
CHECKPOINT = MultipartCheckpoint(
    "upload", 16 * 1024**2, (UploadedPart(1, 16 * 1024**2, "e1", CHECKSUM), UploadedPart(2, 5, "e2", None))
)


async def test_a_plan_is_read_as_it_was_written_by_number(database: Database) -> None:
    run_id = await add_running_job(database)
    plan = [
        item(1, source=Location(None, "assets/x"), destination=Location("b", "k//ä"), source_etag=None),
        item(0, size_bytes=5 * 1024**4, source_checksum=CHECKSUM, headers=ObjectHeaders("text/csv", "gzip")),
        item(2, size_bytes=0, headers=ObjectHeaders()),
    ]
    await job_items.record_plan(database, run_id.job_id, 1, plan)
    assert await job_items.load(database, run_id.job_id) == [plan[1], plan[0], plan[2]]
    assert await job_runs.get(database, run_id.job_id) == QueuedRun(
        True, Progress(3, 0, 101 + 5 * 1024**4, 0)
    )


async def test_an_empty_plan_is_a_plan(database: Database) -> None:
    run_id = await add_running_job(database)
    await job_items.record_plan(database, run_id.job_id, 1, [])
    assert await job_runs.get(database, run_id.job_id) == QueuedRun(True, Progress(0, 0, 0, 0))
    assert await job_items.load(database, run_id.job_id) == []


async def test_a_plan_replaces_the_one_before(database: Database) -> None:
    run_id = await add_running_job(database)
    await job_items.record_plan(database, run_id.job_id, 1, [item(0), item(1)])
    await job_items.record_plan(database, run_id.job_id, 1, [item(0, name="new")])
    assert await job_items.load(database, run_id.job_id) == [item(0, name="new")]


async def test_results_and_checkpoints_are_kept_by_item(database: Database) -> None:
    run_id = await add_running_job(database)
    await job_items.record_plan(database, run_id.job_id, 1, [item(n) for n in range(4)])
    await job_items.record_checkpoint(database, run_id.job_id, 1, 1, CHECKPOINT)
    await job_items.record_checkpoint(database, run_id.job_id, 1, 2, CHECKPOINT)
    await job_items.record_checkpoint(database, run_id.job_id, 1, 3, CHECKPOINT)
    await job_items.record_checkpoint(database, run_id.job_id, 1, 3, None)
    results = {0: RESULT, 1: ItemResult(0, "empty", None)}
    await job_items.record_results(database, run_id.job_id, 1, results)
    assert await job_items.load(database, run_id.job_id) == [
        replace(item(0), result=RESULT),
        replace(item(1), result=ItemResult(0, "empty", None)),
        replace(item(2), checkpoint=CHECKPOINT),
        item(3),
    ]
    await job_items.remove(database, run_id.job_id)
    assert await job_items.load(database, run_id.job_id) == []


WRITES: dict[str, Callable[[Database, str, int], Awaitable[None]]] = {
    "plan": lambda d, job_id, attempt: job_items.record_plan(d, job_id, attempt, [item(0, name="late")]),
    "results": lambda d, job_id, attempt: job_items.record_results(d, job_id, attempt, {0: RESULT}),
    "checkpoint": lambda d, job_id, attempt: job_items.record_checkpoint(d, job_id, attempt, 0, CHECKPOINT),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES.keys())
async def test_an_attempt_that_lost_the_job_writes_nothing(
    database: Database, write: Callable[[Database, str, int], Awaitable[None]]
) -> None:
    run_id = await add_running_job(database)
    await job_items.record_plan(database, run_id.job_id, 1, [item(0)])
    await job_runs.hand_back(database, [run_id], at(2))
    with pytest.raises(JobLost):
        await write(database, run_id.job_id, 1)
    assert await job_items.load(database, run_id.job_id) == [item(0)]
    await write(database, run_id.job_id, 2)
    await jobs.finish(
        database,
        run_id.job_id,
        attempt=2,
        state=JobState.ERROR,
        details_json=None,
        errors=(),
        now=at(3),
    )
    with pytest.raises(JobLost):
        await write(database, run_id.job_id, 2)


async def test_a_job_that_waits_has_no_plan_yet(database: Database) -> None:
    await jobs.insert(database, job())
    with pytest.raises(JobLost):
        await job_items.record_plan(database, an_id("a job"), 0, [item(0)])
