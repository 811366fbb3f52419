from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace

import pytest
from tests.jobs.harness import Harness, Interrupted, import_details, interrupt_at

from entrepot.database import garbage, job_items, job_runs, jobs
from entrepot.domain.errors import BucketNotFound, DatabaseUnavailable, ObjectNotFound, StoreAccessDenied
from entrepot.domain.job import (
    ItemResult,
    Job,
    JobErrorCode,
    JobItem,
    JobState,
    JobType,
    MultipartCheckpoint,
    RunId,
)
from entrepot.domain.limits import Limit, Limits
from entrepot.domain.revision import Revision
from entrepot.jobs.crash_points import CrashPoint
from entrepot.jobs.definition import Callbacks, Run
from entrepot.jobs.import_assets_from_s3 import ImportAssetsFromS3
from entrepot.jobs.runner import ITEMS_AT_ONCE
from entrepot.jobs.sweeps import sweep_garbage

WIDE = Limits({Limit.ASSETS_PER_IMPORT_JOB: 1000})


class Observed(ImportAssetsFromS3):
    """The import with somebody who looks on, and may wait or fail, before each item."""

    def __init__(self, before: Callable[[JobItem], Awaitable[None]] | None = None) -> None:
        self.moved: list[int] = []
        self._before = before

    async def run_item(self, run: Run, item: JobItem, callbacks: Callbacks) -> ItemResult:
        if self._before is not None:
            await self._before(item)
        self.moved.append(item.number)
        return await super().run_item(run, item, callbacks)


class Unplannable(ImportAssetsFromS3):
    """An import that must not be planned."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def plan(self, run: Run) -> tuple[JobItem, ...]:
        raise self._error


def failing(error: Exception, *, at: int) -> Observed:
    async def fail(item: JobItem) -> None:
        if item.number == at:
            raise error

    return Observed(fail)


async def import_job(harness: Harness, count: int) -> tuple[Revision, Job]:
    revision = await harness.revision()
    keys = [f"{number:04d}" for number in range(count)]
    harness.put("source", {key: key.encode() for key in keys})
    details = import_details(revision, "source", keys)
    return revision, await replace(harness, limits=WIDE).create(JobType.IMPORT_ASSETS_FROM_S3, details)


async def names(harness: Harness, revision: Revision) -> list[str]:
    return sorted(asset.name for asset in await harness.assets(revision))


def numbered(numbers: Iterable[int]) -> list[str]:
    return [f"{number:04d}" for number in numbers]


async def test_a_job_that_waits_or_is_unknown_is_not_run(harness: Harness) -> None:
    revision, job = await import_job(harness, 1)
    await harness.runner().run(RunId(job.id, 0))
    await harness.runner().run(RunId(job.id, 1))
    await harness.runner().run(RunId("f" * 32, 1))
    assert (await harness.job(job.id)).state is JobState.WAITING
    assert await harness.assets(revision) == []


async def test_an_attempt_that_is_no_longer_the_jobs_does_nothing(harness: Harness) -> None:
    revision, job = await import_job(harness, 1)
    old = await harness.start(job)
    new = await harness.taken_over(old)
    await harness.runner().run(old)
    assert (await harness.job(job.id)).state is JobState.IN_PROGRESS
    await harness.runner().run(new)
    assert (await harness.job(job.id)).state is JobState.COMPLETED
    assert await names(harness, revision) == numbered(range(1))


async def test_a_job_that_has_ended_is_not_run_again(harness: Harness) -> None:
    revision, job = await import_job(harness, 2)
    ended = await harness.finish(job)
    await harness.runner().run(RunId(job.id, 1))
    assert await harness.job(job.id) == ended
    assert await names(harness, revision) == numbered(range(2))


async def test_two_attempts_at_once_make_every_asset_once(harness: Harness) -> None:
    revision, job = await import_job(harness, 3)
    old = await harness.start(job)
    reached, go_on = asyncio.Event(), asyncio.Event()

    async def wait(item: JobItem) -> None:
        reached.set()
        await go_on.wait()

    late = asyncio.create_task(harness.runner(definition=Observed(wait)).run(old))
    await reached.wait()
    await harness.runner().run(await harness.taken_over(old))
    completed = await harness.job(job.id)
    go_on.set()
    await late
    assert completed.state is JobState.COMPLETED
    assert await harness.job(job.id) == completed
    assert await names(harness, revision) == numbered(range(3))
    await sweep_garbage(harness.database, harness.transfer)
    assert harness.stored_keys() == {asset.store_key for asset in await harness.assets(revision)}


async def test_an_attempt_lets_go_as_soon_as_it_finds_that_it_lost_the_job(harness: Harness) -> None:
    _, job = await import_job(harness, 5)
    old = await harness.start(job)
    reached = asyncio.Event()

    async def wait(item: JobItem) -> None:
        if item.number == 4:
            reached.set()
            await asyncio.Event().wait()

    late = asyncio.create_task(harness.runner(definition=Observed(wait)).run(old))
    await reached.wait()
    await harness.taken_over(old)
    await late
    assert (await harness.job(job.id)).state is JobState.IN_PROGRESS


async def test_a_resumed_run_moves_only_what_is_not_recorded_by_the_plan_that_is(harness: Harness) -> None:
    revision, job = await import_job(harness, 140)
    run_id = await harness.start(job)
    first = Observed()
    with pytest.raises(Interrupted):
        await harness.runner(definition=first, at=interrupt_at(CrashPoint.ITEMS_RECORDED)).run(run_id)
    recorded = {item.number for item in await job_items.load(harness.database, job.id) if item.result}
    assert recorded
    harness.bucket("source").delete(f"{min(recorded):04d}")  # moved and recorded: it is no longer needed

    class Resumed(Observed):
        async def plan(self, run: Run) -> tuple[JobItem, ...]:
            raise AssertionError("the plan is recorded")

    second = Resumed()
    await harness.runner(definition=second).run(await harness.taken_over(run_id))
    assert sorted(second.moved) == sorted(set(range(140)) - recorded)
    assert (await harness.job(job.id)).state is JobState.COMPLETED
    assert await names(harness, revision) == numbered(range(140))


async def test_progress_can_be_seen_while_a_job_runs(harness: Harness) -> None:
    _, job = await import_job(harness, 140)
    run_id = await harness.start(job)
    recorded, go_on = asyncio.Event(), asyncio.Event()

    async def wait(item: JobItem) -> None:
        if item.number == 139:
            await go_on.wait()

    def at(point: CrashPoint) -> None:
        if point is CrashPoint.ITEMS_RECORDED:
            recorded.set()

    running = asyncio.create_task(harness.runner(definition=Observed(wait), at=at).run(run_id))
    await recorded.wait()
    seen = await job_runs.get(harness.database, job.id)
    go_on.set()
    await running
    assert seen is not None
    planned, progress = seen.is_planned, seen.progress
    assert planned
    assert (progress.items, progress.bytes) == (140, 560)
    assert 0 < progress.items_done < 140
    assert progress.items_done * 4 <= progress.bytes_done <= 560


async def test_a_cancelled_run_leaves_a_job_that_can_go_on(harness: Harness) -> None:
    revision, job = await import_job(harness, 3)
    run_id = await harness.start(job)
    reached = asyncio.Event()

    async def wait(item: JobItem) -> None:
        if item.number == 2:
            reached.set()
            await asyncio.Event().wait()

    running = asyncio.create_task(harness.runner(definition=Observed(wait)).run(run_id))
    await reached.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert (await harness.job(job.id)).state is JobState.IN_PROGRESS
    await harness.runner().run(await harness.taken_over(run_id))
    assert await names(harness, revision) == numbered(range(3))


async def test_a_job_that_takes_too_long_is_timed_out_and_cleaned_up(harness: Harness) -> None:
    revision, job = await import_job(harness, 3)

    async def hang(item: JobItem) -> None:
        if item.number == 2:
            await asyncio.Event().wait()

    run_id = await harness.start(job)
    await harness.runner(definition=Observed(hang), timeout_seconds=0.2).run(run_id)
    ended = await harness.job(job.id)
    (error,) = ended.errors
    assert (ended.state, error.code) == (JobState.TIMED_OUT, JobErrorCode.INTERNAL_SERVER_EXCEPTION)
    assert "0.2 seconds" in error.message
    assert await harness.assets(revision) == []
    assert await harness.nothing_is_left_of(job)
    await sweep_garbage(harness.database, harness.transfer)
    assert harness.stored_keys() == set()


async def test_a_job_whose_details_nobody_can_read_ends_in_error_and_is_not_tried_for_ever(
    harness: Harness, caplog: pytest.LogCaptureFixture
) -> None:
    revision, job = await import_job(harness, 1)
    unreadable = replace(job, id="e" * 32, details_json=b'{"ImportAssetsFromS3": "of another version"}')
    await jobs.insert(harness.database, unreadable)
    await harness.runner().run(await harness.start(unreadable))
    ended = await harness.job(unreadable.id)
    (error,) = ended.errors
    assert (ended.state, error.code) == (JobState.ERROR, JobErrorCode.INTERNAL_SERVER_EXCEPTION)
    assert await harness.assets(revision) == []
    assert await harness.nothing_is_left_of(unreadable)
    assert unreadable.id in caplog.text and "Traceback" in caplog.text


@pytest.mark.parametrize("end", ["timed out", "failed"])
async def test_an_upload_that_was_begun_is_thrown_away_when_the_job_fails(harness: Harness, end: str) -> None:
    revision = await harness.revision()
    harness.put("source", {"large": b"x"})
    job = await harness.create(JobType.IMPORT_ASSETS_FROM_S3, import_details(revision, "source", ["large"]))
    run_id = await harness.start(job)
    with pytest.raises(Interrupted):
        await harness.runner(at=interrupt_at(CrashPoint.PLAN_RECORDED)).run(run_id)
    (item,) = await job_items.load(harness.database, job.id)
    key = item.destination.key
    checkpoint = MultipartCheckpoint(harness.own.begin_upload(key), 5 * 1024**2)
    await job_items.record_checkpoint(harness.database, job.id, 1, item.number, checkpoint)
    assert harness.own.uploaded_parts(key, checkpoint.upload_id) == ()

    async def before(item: JobItem) -> None:
        if end == "failed":
            raise StoreAccessDenied("The bucket is not yours.", bucket="source")
        await asyncio.Event().wait()

    patience = 60 if end == "failed" else 0.2
    await harness.runner(definition=Observed(before), timeout_seconds=patience).run(run_id)
    state = JobState.ERROR if end == "failed" else JobState.TIMED_OUT
    assert (await harness.job(job.id)).state is state
    with pytest.raises(ObjectNotFound):
        harness.own.uploaded_parts(key, checkpoint.upload_id)


async def test_an_upload_stays_while_another_attempt_may_go_on_with_it(harness: Harness) -> None:
    revision = await harness.revision()
    harness.put("source", {"large": b"x"})
    job = await harness.create(JobType.IMPORT_ASSETS_FROM_S3, import_details(revision, "source", ["large"]))
    old = await harness.start(job)
    with pytest.raises(Interrupted):
        await harness.runner(at=interrupt_at(CrashPoint.PLAN_RECORDED)).run(old)
    (item,) = await job_items.load(harness.database, job.id)
    checkpoint = MultipartCheckpoint(harness.own.begin_upload(item.destination.key), 5 * 1024**2)
    await job_items.record_checkpoint(harness.database, job.id, 1, item.number, checkpoint)

    async def lose(item: JobItem) -> None:
        await harness.taken_over(old)
        raise StoreAccessDenied("The bucket is not yours.", bucket="source")

    await harness.runner(definition=Observed(lose)).run(old)
    assert (await harness.job(job.id)).state is JobState.IN_PROGRESS
    assert harness.own.uploaded_parts(item.destination.key, checkpoint.upload_id) == ()


async def test_nothing_is_looked_at_for_a_revision_that_was_closed(harness: Harness) -> None:
    revision, job = await import_job(harness, 1)
    run_id = await harness.start(job)
    await harness.finalized(revision)
    await harness.runner(definition=Unplannable(RuntimeError("planned"))).run(run_id)
    (error,) = (await harness.job(job.id)).errors
    assert error.code is JobErrorCode.VALIDATION_EXCEPTION


async def test_nothing_moves_into_a_revision_that_has_no_room_for_all_of_it(harness: Harness) -> None:
    _, job = await import_job(harness, 3)
    observed, small = Observed(), replace(harness, limits=Limits({Limit.ASSETS_PER_REVISION: 2}))
    await small.runner(definition=observed).run(await harness.start(job))
    (error,) = (await harness.job(job.id)).errors
    assert error.code is JobErrorCode.SERVICE_QUOTA_EXCEEDED_EXCEPTION
    assert observed.moved == []


async def test_a_timeout_inside_a_job_is_not_the_jobs(harness: Harness) -> None:
    _, job = await import_job(harness, 1)
    run_id = await harness.start(job)
    await harness.runner(definition=Unplannable(TimeoutError("of some socket"))).run(run_id)
    assert (await harness.job(job.id)).state is JobState.ERROR


async def test_an_unexpected_failure_is_logged_and_told_without_its_details(
    harness: Harness, caplog: pytest.LogCaptureFixture
) -> None:
    for definition in (Unplannable(RuntimeError("hunter2")), failing(RuntimeError("hunter2"), at=1)):
        _, job = await import_job(harness, 3)
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            await harness.runner(definition=definition).run(await harness.start(job))
        ended = await harness.job(job.id)
        (error,) = ended.errors
        assert (ended.state, error.code) == (JobState.ERROR, JobErrorCode.INTERNAL_SERVER_EXCEPTION)
        assert "hunter2" not in error.message
        assert "hunter2" in caplog.text and job.id in caplog.text and "Traceback" in caplog.text


async def test_what_is_under_way_is_finished_when_another_item_fails(harness: Harness) -> None:
    _, job = await import_job(harness, 3)
    failed = asyncio.Event()

    async def before(item: JobItem) -> None:
        if item.number == 0:
            failed.set()
            raise BucketNotFound("There is no bucket.", bucket="source")
        await failed.wait()

    definition = Observed(before)
    await harness.runner(definition=definition).run(await harness.start(job))
    assert sorted(definition.moved) == [1, 2]
    assert (await harness.job(job.id)).state is JobState.ERROR


async def test_no_further_item_begins_when_all_would_fail_alike(harness: Harness) -> None:
    _, job = await import_job(harness, 2 * ITEMS_AT_ONCE)

    async def refuse(item: JobItem) -> None:
        raise StoreAccessDenied("The bucket is not yours.", bucket="source")

    asked: list[int] = []

    async def before(item: JobItem) -> None:
        asked.append(item.number)
        await refuse(item)

    await harness.runner(definition=Observed(before)).run(await harness.start(job))
    (error,) = (await harness.job(job.id)).errors
    assert error.code is JobErrorCode.ACCESS_DENIED_EXCEPTION
    assert len(asked) <= ITEMS_AT_ONCE


async def test_after_a_hundred_bad_objects_no_further_one_is_tried(harness: Harness) -> None:
    _, job = await import_job(harness, 140)

    async def refuse(item: JobItem) -> None:
        raise StoreAccessDenied("Not yours.", bucket="source", key=item.name)

    await harness.runner(definition=Observed(refuse)).run(await harness.start(job))
    (error,) = (await harness.job(job.id)).errors
    assert 100 <= len(error.objects) < 100 + ITEMS_AT_ONCE


async def test_only_so_many_items_move_at_once(harness: Harness) -> None:
    _, job = await import_job(harness, 2 * ITEMS_AT_ONCE)
    together: list[int] = []
    waiting: set[int] = set()
    full = asyncio.Event()

    async def wait(item: JobItem) -> None:
        waiting.add(item.number)
        together.append(len(waiting))
        if len(waiting) == ITEMS_AT_ONCE:
            full.set()
        await full.wait()
        waiting.discard(item.number)

    await harness.runner(definition=Observed(wait)).run(await harness.start(job))
    assert max(together) == ITEMS_AT_ONCE
    assert (await harness.job(job.id)).state is JobState.COMPLETED


async def test_without_a_database_the_run_breaks_off_and_the_job_can_go_on(harness: Harness) -> None:
    _, job = await import_job(harness, 1)
    run_id = await harness.start(job)
    with pytest.raises(DatabaseUnavailable):
        await harness.runner(definition=Unplannable(DatabaseUnavailable("It is down."))).run(run_id)
    assert (await harness.job(job.id)).state is JobState.IN_PROGRESS
    await harness.runner().run(run_id)
    assert (await harness.job(job.id)).state is JobState.COMPLETED


async def test_what_failed_once_is_swept_only_once(harness: Harness) -> None:
    _, job = await import_job(harness, 2)
    await harness.runner(definition=failing(RuntimeError(), at=1)).run(await harness.start(job))
    assert len(await garbage.page(harness.database, 10)) == 2
    assert await sweep_garbage(harness.database, harness.transfer) == 2
    assert await sweep_garbage(harness.database, harness.transfer) == 0
