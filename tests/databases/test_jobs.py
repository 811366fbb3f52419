"""Jobs: the row that alone decides, on both databases."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from tests.databases.rows import ELSEWHERE, SCOPE, add_running_job, an_id, at, job

from entrepot.database import job_runs, jobs
from entrepot.database.connection import Database
from entrepot.database.job_runs import QueuedRun
from entrepot.domain.job import Job, JobError, JobErrorCode, JobState, JobType, Location, Progress, RunId
from entrepot.domain.object_headers import ObjectHeaders
from entrepot.domain.scope import Scope

ERRORS = (
    JobError(
        JobErrorCode.RESOURCE_NOT_FOUND_EXCEPTION,
        "2 objects are missing.",
        objects=(Location("a-bucket", "a/ä"), Location(None, "uploads/x")),
    ),
    JobError(
        JobErrorCode.SERVICE_QUOTA_EXCEEDED_EXCEPTION,
        "too many",
        asset_name="an asset",
        limit_name="Assets per revision",
        limit_value=10_000.0,
        resource_id=an_id("r"),
        resource_type="REVISION",
    ),
)


async def finish(database: Database, run_id: RunId, state: JobState = JobState.COMPLETED) -> bool:
    """Ends a job with nothing to tell."""
    return await jobs.finish(
        database,
        run_id.job_id,
        attempt=run_id.attempt,
        state=state,
        details_json=None,
        errors=(),
        now=at(9),
    )


@pytest.mark.parametrize(
    "written",
    [
        job(),
        job(
            type=JobType.EXPORT_REVISIONS_TO_S3,
            state=JobState.ERROR,
            created_at=at(3),
            updated_at=at(4),
            details_json=b"{}",
            revision_ids=(an_id("r1"), an_id("r2")),
            asset_configuration_json=b'{"Tags":[]}',
            errors=ERRORS,
            event_action_id=an_id("an event action"),
            attempt=7,
            upload_headers=ObjectHeaders("text/csv", content_language="de"),
            scope=Scope("123456789012", "us-east-1", "aws-cn"),
        ),
        job(revision_ids=()),
    ],
    ids=["new", "ended", "of no revision"],
)
async def test_a_job_is_read_as_it_was_written(database: Database, written: Job) -> None:
    await jobs.insert(database, written)
    assert await jobs.get(database, written.scope, written.id) == written
    assert await jobs.get_unscoped(database, written.id) == written
    assert await jobs.get_unscoped(database, an_id("another")) is None


async def test_headers_of_an_upload_are_kept_while_the_job_waits(database: Database) -> None:
    await jobs.insert(database, job())
    for headers in (ObjectHeaders("text/csv", "gzip"), ObjectHeaders()):
        assert await jobs.keep_upload_headers(database, job().id, headers)
        assert await jobs.get(database, SCOPE, job().id) == replace(job(), upload_headers=headers)
    assert await jobs.start(database, job().id, now=at(5))
    assert not await jobs.keep_upload_headers(database, job().id, ObjectHeaders("text/html"))
    read = await jobs.get(database, SCOPE, job().id)
    assert read is not None
    assert read.upload_headers == ObjectHeaders()


async def test_starting_a_job_enqueues_its_run_once(database: Database) -> None:
    await jobs.insert(database, job())
    assert await jobs.start(database, job().id, now=at(5))
    assert not await jobs.start(database, job().id, now=at(6))
    started = replace(job(), state=JobState.IN_PROGRESS, attempt=1, updated_at=at(5))
    assert await jobs.get(database, SCOPE, job().id) == started
    assert await job_runs.get(database, job().id) == QueuedRun(False, Progress(0, 0, 0, 0))
    assert await job_runs.claim(database, "a worker", 9) == [RunId(job().id, 1)]


async def test_a_start_that_is_rolled_back_leaves_no_run(database: Database) -> None:
    await jobs.insert(database, job())

    async def start_and_fail() -> None:
        async with database.transaction() as c:
            assert await jobs.start(c, job().id, now=at(5))
            raise LookupError

    with pytest.raises(LookupError):
        await start_and_fail()
    assert await jobs.get(database, SCOPE, job().id) == job()
    assert await job_runs.claim(database, "a worker", 9) == []


async def test_only_a_job_that_waits_is_cancelled(database: Database) -> None:
    await jobs.insert(database, job())
    assert await jobs.cancel(database, job().id, at(5))
    assert not await jobs.cancel(database, job().id, at(6))
    assert not await jobs.start(database, job().id, now=at(6))
    cancelled = replace(job(), state=JobState.CANCELLED, updated_at=at(5))
    assert await jobs.get(database, SCOPE, job().id) == cancelled
    run_id = await add_running_job(database, "running")
    assert not await jobs.cancel(database, run_id.job_id, at(6))


async def test_finishing_writes_the_end_and_empties_the_queue(database: Database) -> None:
    run_id = await add_running_job(database)
    assert await jobs.finish(
        database,
        run_id.job_id,
        attempt=1,
        state=JobState.ERROR,
        details_json=b'{"new":1}',
        errors=ERRORS,
        now=at(9),
    )
    ended = replace(
        job(), state=JobState.ERROR, attempt=1, updated_at=at(9), details_json=b'{"new":1}', errors=ERRORS
    )
    assert await jobs.get(database, SCOPE, run_id.job_id) == ended
    assert await job_runs.get(database, run_id.job_id) is None


async def test_a_job_ends_once(database: Database) -> None:
    run_id = await add_running_job(database)
    assert await finish(database, run_id)
    assert not await finish(database, run_id, JobState.ERROR)
    ended = await jobs.get(database, SCOPE, run_id.job_id)
    assert ended == replace(job(), state=JobState.COMPLETED, attempt=1, updated_at=at(9))


async def test_an_attempt_that_lost_the_job_cannot_end_it(database: Database) -> None:
    run_id = await add_running_job(database)
    await job_runs.hand_back(database, [run_id], at(2))
    assert not await finish(database, run_id)
    assert not await finish(database, RunId(run_id.job_id, 3))
    assert await finish(database, RunId(run_id.job_id, 2))


async def test_a_job_that_was_not_started_cannot_end(database: Database) -> None:
    await jobs.insert(database, job())
    assert not await finish(database, RunId(job().id, 0))


async def test_of_two_ends_at_once_one_wins(database: Database, other: Database) -> None:
    run_id = await add_running_job(database)
    states = (JobState.COMPLETED, JobState.TIMED_OUT)
    won = await asyncio.gather(
        *(finish(each, run_id, state) for each, state in zip((database, other), states, strict=True))
    )
    assert sorted(won) == [False, True]
    ended = await jobs.get(database, SCOPE, run_id.job_id)
    assert ended is not None and ended.state is states[won.index(True)]


async def test_jobs_in_progress_are_counted_by_scope_and_type(database: Database) -> None:
    await add_running_job(database, "one")
    await add_running_job(database, "other type", type=JobType.EXPORT_ASSETS_TO_S3)
    await add_running_job(database, "other Region", scope=ELSEWHERE[0])
    await add_running_job(database, "other account", scope=ELSEWHERE[1])
    await jobs.insert(database, job("waits"))
    await finish(database, await add_running_job(database, "ended"))
    assert await jobs.count_in_progress(database, SCOPE, JobType.IMPORT_ASSETS_FROM_S3) == 1


async def test_no_more_jobs_start_than_were_counted_under_the_lock(
    database: Database, other: Database
) -> None:
    for n in range(8):
        await jobs.insert(database, job(f"job {n}"))

    async def start_if_fewer_than_three(each: Database, name: str) -> bool:
        async with each.transaction() as c:
            await c.hold("123456789012:us-east-1:IMPORT_ASSETS_FROM_S3")
            if await jobs.count_in_progress(c, SCOPE, JobType.IMPORT_ASSETS_FROM_S3) >= 3:
                return False
            return await jobs.start(c, an_id(name), now=at(1))

    started = await asyncio.gather(
        *(start_if_fewer_than_three((database, other)[n % 2], f"job {n}") for n in range(8))
    )
    assert started.count(True) == 3
    assert await jobs.count_in_progress(database, SCOPE, JobType.IMPORT_ASSETS_FROM_S3) == 3
