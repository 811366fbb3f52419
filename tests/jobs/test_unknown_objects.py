"""What a lost attempt has left in the store, under keys that no row knows any more, is found and goes."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.jobs.harness import Harness, Interrupted, import_details, interrupt_at, now, opened

from entrepot.database import garbage, jobs
from entrepot.domain.identifiers import asset_store_key, derived_asset_id, upload_store_key
from entrepot.domain.job import Job, JobState, JobType, RunId
from entrepot.domain.limits import Limits
from entrepot.jobs import unknown_objects
from entrepot.jobs.crash_points import CrashPoint
from entrepot.jobs.sweeps import sweep_garbage
from entrepot.jobs.unknown_objects import LOOKED_BACK_SECONDS, sweep_unknown_objects


async def swept(harness: Harness) -> int:
    found = await sweep_unknown_objects(harness.database, harness.own, Limits(), now())
    await sweep_garbage(harness.database, harness.transfer)
    return found


async def importing(harness: Harness, keys: list[str]) -> tuple[Job, RunId]:
    revision = await harness.revision()
    harness.put("source", {key: key.encode() for key in keys})
    job = await harness.create(JobType.IMPORT_ASSETS_FROM_S3, import_details(revision, "source", keys))
    return job, await harness.start(job)


async def end(harness: Harness, run_id: RunId, state: JobState) -> None:
    assert await jobs.finish(
        harness.database,
        run_id.job_id,
        attempt=run_id.attempt,
        state=state,
        details_json=None,
        errors=(),
        now=now(),
    )


def late(harness: Harness, job: Job, attempt: int, number: int = 0) -> str:
    """An object that an attempt still writes, after its key was swept."""
    key = asset_store_key(derived_asset_id(job.id, number), attempt)
    harness.own.put(key, memoryview(b"late"), 4)
    return key


@pytest.mark.parametrize(
    "state", [JobState.COMPLETED, JobState.ERROR, JobState.TIMED_OUT, JobState.CANCELLED]
)
async def test_what_a_lost_attempt_writes_late_is_found_and_deleted(
    harness: Harness, state: JobState
) -> None:
    job, first = await importing(harness, ["a", "b"])
    second = await harness.taken_over(first)
    if state is JobState.COMPLETED:
        await harness.runner().run(second)
    else:
        await end(harness, RunId(job.id, 2), state)
    kept = harness.stored_keys()
    written = {late(harness, job, 1), late(harness, job, 1, number=1)}
    assert harness.stored_keys() == kept | written
    assert await swept(harness) == 2
    assert harness.stored_keys() == kept
    assert await swept(harness) == 0


async def test_what_the_only_attempt_of_a_cancelled_job_writes_late_is_deleted(harness: Harness) -> None:
    job, run_id = await importing(harness, ["a"])
    await end(harness, run_id, JobState.CANCELLED)
    late(harness, job, run_id.attempt)
    assert await swept(harness) == 1
    assert harness.stored_keys() == set()


async def test_what_a_running_job_writes_stays_and_what_its_lost_attempt_writes_goes(
    harness: Harness,
) -> None:
    job, first = await importing(harness, ["a", "b"])
    with pytest.raises(Interrupted):
        await harness.runner(at=interrupt_at(CrashPoint.PLAN_RECORDED)).run(first)
    second = await harness.taken_over(first)
    with pytest.raises(Interrupted):
        await harness.runner(at=interrupt_at(CrashPoint.ITEM_MOVED)).run(second)
    kept = harness.stored_keys()
    assert kept
    late(harness, job, 1)
    await sweep_garbage(harness.database, harness.transfer)
    late(harness, job, 1)
    assert await swept(harness) == 1
    assert harness.stored_keys() == kept
    await harness.runner().run(await harness.taken_over(second))
    assert (await harness.job(job.id)).state is JobState.COMPLETED
    assert await swept(harness) == 0
    assert len(harness.stored_keys()) == 2


async def test_what_is_not_of_this_exchange_or_was_not_written_by_a_lost_attempt_stays(
    harness: Harness, caplog: pytest.LogCaptureFixture
) -> None:
    job, run_id = await importing(harness, ["a"])
    await harness.runner().run(run_id)
    (asset_key,) = harness.stored_keys()
    others = [
        asset_store_key(derived_asset_id("f" * 32, 0), 1),  # of another exchange's job
        asset_store_key(derived_asset_id(job.id, 0), 2),  # of an attempt that never was
        "assets/00/not one of its keys",
        upload_store_key("f" * 32),
        "elsewhere",
    ]
    for key in others:
        harness.own.put(key, memoryview(b"x"), 1)
    assert await swept(harness) == 0
    assert harness.stored_keys() == {asset_key, *others}
    warning = next(record.message for record in caplog.records if record.levelname == "WARNING")
    assert all(repr(key) in warning for key in others[:3])
    assert asset_key not in warning and "uploads/" not in warning


async def test_garbage_is_not_noted_twice_and_jobs_of_long_ago_are_left_alone(harness: Harness) -> None:
    job, first = await importing(harness, ["a"])
    await harness.taken_over(first)
    await end(harness, RunId(job.id, 2), JobState.ERROR)
    key = late(harness, job, 1)
    later = now().plus_seconds(LOOKED_BACK_SECONDS + 60)
    assert await sweep_unknown_objects(harness.database, harness.own, Limits(), later) == 0
    await garbage.record(harness.database, [key])
    assert await sweep_unknown_objects(harness.database, harness.own, Limits(), now()) == 0


async def test_a_store_of_many_pages_is_compared_whole(
    tmp_path: Path, template: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unknown_objects, "PAGE", 4)
    monkeypatch.setattr(unknown_objects, "AT_ONCE", 3)
    async with opened(tmp_path, template=template) as harness:
        job, first = await importing(harness, [f"{number:02d}" for number in range(10)])
        await harness.runner().run(await harness.taken_over(first))
        kept = harness.stored_keys()
        for number in range(10):
            late(harness, job, 1, number)
        assert await swept(harness) == 10
        assert harness.stored_keys() == kept
