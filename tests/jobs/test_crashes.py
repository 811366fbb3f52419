"""A worker dies on each line that matters; another process finds what is left, and the end is the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from tests.jobs.crash_process import CrashingWorkers, Order
from tests.jobs.harness import Harness, contents, import_details, imported, opened
from tests.jobs.s3_buckets import S3Buckets

from entrepot.database import garbage, job_items
from entrepot.domain.job import Job, JobErrorCode, JobState, JobType, RunId
from entrepot.domain.limits import Limit, Limits
from entrepot.domain.revision import Revision
from entrepot.jobs.crash_points import CrashPoint
from entrepot.jobs.sweeps import sweep_garbage

OBJECTS = {f"{number:03d}": b"content of %d" % number for number in range(110)}
WIDE = Limits({Limit.ASSETS_PER_IMPORT_JOB: len(OBJECTS)})
LARGE = bytes(range(256)) * (40 * 4096)
"""Forty MiB: three parts."""


@pytest.fixture(scope="module")
def crashing_workers() -> Iterator[CrashingWorkers]:
    with CrashingWorkers.ready() as workers:
        yield workers


async def import_job(harness: Harness) -> tuple[Revision, Job]:
    revision = await harness.revision()
    harness.put("source", OBJECTS)
    details = import_details(revision, "source", OBJECTS)
    return revision, await replace(harness, limits=WIDE).create(JobType.IMPORT_ASSETS_FROM_S3, details)


async def resume(harness: Harness, job: Job, *, taken_over: bool) -> Job:
    """Runs the job to its end here, as a worker that is back or as another one."""
    if (await harness.job(job.id)).state is JobState.IN_PROGRESS:
        run_id = RunId(job.id, 1)
        await harness.runner().run(await harness.taken_over(run_id) if taken_over else run_id)
    else:
        await harness.runner().run(RunId(job.id, 1))
    return await harness.job(job.id)


@pytest.mark.parametrize(
    ("point", "database_kind"),
    [
        (CrashPoint.PLAN_RECORDED, "sqlite"),
        (CrashPoint.ITEM_MOVED, "sqlite"),
        (CrashPoint.ITEMS_RECORDED, "sqlite"),
        (CrashPoint.BEFORE_FINISH, "sqlite"),
        (CrashPoint.INSIDE_FINISH, "sqlite"),
        pytest.param(CrashPoint.INSIDE_FINISH, "postgresql", marks=pytest.mark.postgresql),
        (CrashPoint.AFTER_FINISH, "sqlite"),
    ],
    ids=lambda value: getattr(value, "name", value),
    indirect=["database_kind"],
)
async def test_an_import_that_crashes_ends_with_each_asset_once_and_no_other_bytes(
    harness: Harness, crashing_workers: CrashingWorkers, point: CrashPoint
) -> None:
    revision, job = await import_job(harness)
    await harness.start(job)
    crashing_workers.die(Order(str(harness.folder), job.id, 1, point.name, database_url=harness.database_url))

    visible = await harness.assets(revision)
    assert len(visible) == (len(OBJECTS) if point is CrashPoint.AFTER_FINISH else 0)
    async with opened(harness.folder, database_url=harness.database_url) as restarted:
        ended = await resume(restarted, job, taken_over=point is not CrashPoint.ITEM_MOVED)
        assert (ended.state, ended.errors) == (JobState.COMPLETED, ())
        assets = await restarted.assets(revision)
        assert len(assets) == len(OBJECTS)
        assert {asset.name: restarted.content(asset) for asset in assets} == OBJECTS
        await sweep_garbage(restarted.database, restarted.transfer)
        assert restarted.stored_keys() == {asset.store_key for asset in assets}
        assert await restarted.nothing_is_left_of(job)


@pytest.mark.parametrize(
    "point",
    [CrashPoint.BEFORE_FAILURE, CrashPoint.AFTER_FAILURE, CrashPoint.GARBAGE_DELETED],
    ids=lambda point: point.name,
)
async def test_an_import_that_fails_and_crashes_leaves_an_error_and_no_bytes(
    harness: Harness, crashing_workers: CrashingWorkers, point: CrashPoint
) -> None:
    revision, job = await import_job(harness)
    await harness.start(job)
    crashing_workers.die(Order(str(harness.folder), job.id, 1, point.name, vanishing_key="077"))

    async with opened(harness.folder) as restarted:
        ended = await resume(restarted, job, taken_over=True)
        (error,) = ended.errors
        assert (ended.state, error.code) == (JobState.ERROR, JobErrorCode.RESOURCE_NOT_FOUND_EXCEPTION)
        assert [place.key for place in error.objects] == ["077"]
        assert await restarted.assets(revision) == []
        await sweep_garbage(restarted.database, restarted.transfer)
        assert restarted.stored_keys() == set()
        assert await garbage.page(restarted.database, 1) == []


@pytest.mark.seaweedfs
async def test_a_large_import_goes_on_with_the_upload_that_was_begun(
    harness: Harness, crashing_workers: CrashingWorkers, s3_buckets: S3Buckets
) -> None:
    revision = await harness.revision()
    s3_buckets("source").put("large", memoryview(LARGE), len(LARGE))
    details = import_details(revision, "source", ["large"])
    job = await harness.create(JobType.IMPORT_ASSETS_FROM_S3, details)
    await harness.start(job)
    point = CrashPoint.CHECKPOINT_RECORDED.name
    crashing_workers.die(
        Order(str(harness.folder), job.id, 1, point, s3=s3_buckets.server, prefix=s3_buckets.prefix)
    )
    (begun,) = await job_items.load(harness.database, job.id)
    assert begun.checkpoint is not None and begun.result is None

    async with opened(harness.folder, buckets=s3_buckets) as restarted:
        ended = await resume(restarted, job, taken_over=True)
        assert ended.state is JobState.COMPLETED
        (asset,) = await restarted.assets(revision)
        assert restarted.content(asset) == LARGE
        assert restarted.stored_keys() == {asset.store_key}
    assert list((harness.folder / "own" / ".uploads").iterdir()) == []


@pytest.mark.seaweedfs
@pytest.mark.parametrize(
    "point", [CrashPoint.CHECKPOINT_RECORDED, CrashPoint.ITEM_MOVED], ids=lambda point: point.name
)
async def test_an_export_that_crashes_ends_with_every_object_whole(
    harness: Harness, crashing_workers: CrashingWorkers, s3_buckets: S3Buckets, point: CrashPoint
) -> None:
    revision = await harness.revision()
    objects = {"large": LARGE, "small": b"small"}
    await imported(harness, revision, objects)
    destination = {"RevisionId": revision.id, "Bucket": "target"}
    job = await harness.create(
        JobType.EXPORT_REVISIONS_TO_S3,
        {"ExportRevisionsToS3": {"DataSetId": revision.data_set_id, "RevisionDestinations": [destination]}},
    )
    await harness.start(job)
    crashing_workers.die(
        Order(str(harness.folder), job.id, 1, point.name, s3=s3_buckets.server, prefix=s3_buckets.prefix)
    )
    assert (await harness.job(job.id)).state is JobState.IN_PROGRESS

    async with opened(harness.folder, buckets=s3_buckets) as restarted:
        ended = await resume(restarted, job, taken_over=True)
        assert (ended.state, ended.errors) == (JobState.COMPLETED, ())
    assert contents(s3_buckets("target")) == objects
