"""A store or a service that cannot be used for a while holds up the jobs that need it, and ends none."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio
from tests.jobs.harness import (
    Harness,
    content,
    existing_buckets,
    exporting,
    import_details,
    now,
    opened,
)
from tests.servers.open_buckets import OpenBuckets
from tests.transfer.faulty_store import FaultyStore

from entrepot.database import job_items, job_runs
from entrepot.domain.errors import (
    DamagedRequest,
    IntegrationUnavailable,
    InvalidStoreRequest,
    ObjectNotFound,
    StoreAccessDenied,
    StoreError,
    StoreUnavailable,
)
from entrepot.domain.job import Job, JobErrorCode, JobItem, JobState, JobType, RunId, Waiting
from entrepot.domain.limits import Timeouts
from entrepot.domain.revision import Revision
from entrepot.domain.timestamp import Timestamp
from entrepot.jobs.definition import Run
from entrepot.jobs.import_assets_from_s3 import ImportAssetsFromS3
from entrepot.jobs.runner import FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS
from entrepot.stores.store import ObjectStore
from entrepot.transfer.multipart import PART_BYTES

DOWN = StoreUnavailable("The S3 endpoint http://s3.test answers 503 SlowDown.")
HOUR = 3600.0


class Outages:
    """Buckets whose calls of some name fail, as long as that is so."""

    def __init__(self, harness: Harness) -> None:
        self.errors: dict[str, StoreError] = {}
        """By the name of the call."""
        self.after: dict[str, int] = {}
        """How many of them pass first."""
        self._find = existing_buckets(harness.folder)
        self.harness = replace(harness, buckets=OpenBuckets(self._faulty))

    def _faulty(self, name: str) -> ObjectStore:
        return FaultyStore(self._find(name), before=self._before, server_side=False)

    def _before(self, call: str) -> None:
        if call in self.errors:
            self.after[call] = self.after.get(call, 0) - 1
            if self.after[call] < 0:
                raise self.errors[call]


@pytest_asyncio.fixture
async def outages(tmp_path: Path, template: Path) -> AsyncIterator[Outages]:
    async with opened(tmp_path, template=template) as harness:
        yield Outages(harness)


async def started(harness: Harness, contents: dict[str, bytes]) -> tuple[Revision, Job, RunId]:
    revision = await harness.revision()
    harness.put("source", contents)
    job = await harness.create(JobType.IMPORT_ASSETS_FROM_S3, import_details(revision, "source", contents))
    return revision, job, await harness.start(job)


async def waiting_of(harness: Harness, job: Job) -> Waiting | None:
    run = await job_runs.get(harness.database, job.id)
    return None if run is None else run.waiting


def next_attempt(run_id: RunId) -> RunId:
    return RunId(run_id.job_id, run_id.attempt + 1)


@pytest.mark.parametrize("call", ["head", "open"])
async def test_a_job_waits_while_its_bucket_cannot_be_used_and_completes_afterwards(
    outages: Outages, call: str
) -> None:
    harness = outages.harness
    contents = {"a": b"1", "b": b"2"}
    revision, job, run_id = await started(harness, contents)
    outages.errors[call] = DOWN
    await harness.runner(outage_seconds=HOUR).run(run_id)
    assert (await harness.job(job.id)).state is JobState.IN_PROGRESS
    first = await waiting_of(harness, job)
    assert first is not None
    assert DOWN.message in first.reason
    assert first.until <= now().plus_seconds(FIRST_PAUSE_SECONDS)
    second_attempt = next_attempt(run_id)
    await harness.runner(outage_seconds=HOUR).run(second_attempt)
    second = await waiting_of(harness, job)
    assert second is not None
    assert (second.since, second.times) == (first.since, first.times + 1)
    outages.errors.clear()
    await harness.runner(outage_seconds=HOUR).run(next_attempt(second_attempt))
    assert (await harness.job(job.id)).state is JobState.COMPLETED
    found = {asset.name: harness.content(asset) for asset in await harness.assets(revision)}
    assert found == contents


async def test_the_pauses_grow_up_to_a_minute_and_differ(outages: Outages) -> None:
    harness = outages.harness
    _, job, run_id = await started(harness, {"a": b"1"})
    outages.errors["head"] = DOWN
    pauses = []
    for _ in range(20):
        began = now()
        await harness.runner(outage_seconds=HOUR).run(run_id)
        waiting = await waiting_of(harness, job)
        assert waiting is not None
        pauses.append((waiting.until.milliseconds - began.milliseconds) / 1000)
        run_id = next_attempt(run_id)
    assert pauses[0] <= FIRST_PAUSE_SECONDS + 1
    assert all(pause <= LONGEST_PAUSE_SECONDS + 1 for pause in pauses)
    assert max(pauses) > 5 * FIRST_PAUSE_SECONDS
    assert len(set(pauses)) > 10


async def test_a_job_whose_outage_lasts_longer_than_allowed_ends_with_its_reason(outages: Outages) -> None:
    harness = outages.harness
    _, job, run_id = await started(harness, {"a": b"1"})
    outages.errors["head"] = DOWN
    await harness.runner(outage_seconds=HOUR).run(run_id)
    patient = harness.runner(outage_seconds=HOUR, timeout_seconds=2 * HOUR)
    later = replace(patient, clock=lambda: now().plus_seconds(HOUR))
    await later.run(next_attempt(run_id))
    ended = await harness.job(job.id)
    assert ended.state is JobState.ERROR
    assert DOWN.message in ended.errors[0].message
    assert await harness.nothing_is_left_of(job)


async def test_what_is_wrong_for_good_ends_the_job_at_once_and_all_of_it_is_named(outages: Outages) -> None:
    harness = outages.harness
    revision = await harness.revision()
    harness.put("source", {"there": b"1"})
    keys = ["there", "missing", "missing too"]
    job = await harness.create(JobType.IMPORT_ASSETS_FROM_S3, import_details(revision, "source", keys))
    await harness.runner(outage_seconds=HOUR).run(await harness.start(job))
    ended = await harness.job(job.id)
    assert ended.state is JobState.ERROR
    (error,) = ended.errors
    assert error.code is JobErrorCode.RESOURCE_NOT_FOUND_EXCEPTION
    assert [place.key for place in error.objects] == ["missing", "missing too"]


async def test_one_object_that_is_wrong_for_good_is_enough(outages: Outages) -> None:
    class Both(ImportAssetsFromS3):
        async def run_item(self, run: Run, item: JobItem, *_: object) -> None:  # type: ignore[override]
            raise DOWN if item.number else StoreAccessDenied("Not yours.", bucket="source", key="0")

    harness = outages.harness
    _, job, run_id = await started(harness, {"0": b"1", "1": b"2"})
    await harness.runner(outage_seconds=HOUR, definition=Both()).run(run_id)
    assert (await harness.job(job.id)).state is JobState.ERROR


async def test_what_has_arrived_before_the_outage_is_not_moved_again_and_the_wait_is_over(
    outages: Outages,
) -> None:
    harness = outages.harness
    contents = {f"{number:03d}": b"bytes %d" % number for number in range(60)}
    _, job, run_id = await started(harness, contents)
    outages.errors["open"], outages.after["open"] = DOWN, 40
    await harness.runner(outage_seconds=HOUR).run(run_id)
    assert await waiting_of(harness, job) is not None
    items = await job_items.load(harness.database, job.id)
    arrived = {item.number: item.destination.key for item in items if item.result is not None}
    assert arrived
    outages.errors.clear()
    await harness.runner(outage_seconds=HOUR).run(next_attempt(run_id))
    assert (await harness.job(job.id)).state is JobState.COMPLETED
    assert set(arrived.values()) <= harness.stored_keys()


async def test_a_large_upload_is_gone_on_with_after_the_outage(outages: Outages) -> None:
    harness = outages.harness
    revision, job, run_id = await started(harness, {"large": bytes(4 * PART_BYTES)})
    outages.errors["open"], outages.after["open"] = DOWN, 2
    await harness.runner(outage_seconds=HOUR).run(run_id)
    (item,) = await job_items.load(harness.database, job.id)
    assert item.checkpoint is not None
    assert harness.own.uploaded_parts(item.destination.key, item.checkpoint.upload_id)
    outages.errors.clear()
    await harness.runner(outage_seconds=HOUR).run(next_attempt(run_id))
    (asset,) = await harness.assets(revision)
    assert asset.store_key == item.destination.key
    assert harness.content(asset) == bytes(4 * PART_BYTES)


async def test_nobody_takes_a_job_before_it_is_due_and_others_go_on(outages: Outages) -> None:
    harness = outages.harness
    _, held_up, run_id = await started(harness, {"a": b"1"})
    _, other, other_run_id = await started(harness, {"b": b"1"})
    later = Waiting(now(), "The store is away.", 1, now().plus_seconds(HOUR))
    await job_runs.wait(harness.database, run_id, later)
    assert await job_runs.claim(harness.database, "a worker", 9) == [other_run_id]
    earlier = replace(later, until=Timestamp(0))
    await job_runs.wait(harness.database, next_attempt(run_id), earlier)
    assert await job_runs.claim(harness.database, "a worker", 9) == [next_attempt(next_attempt(run_id))]
    assert (
        (await harness.job(held_up.id)).state is (await harness.job(other.id)).state is JobState.IN_PROGRESS
    )


@pytest.mark.parametrize(
    ("call", "error", "state"),
    [
        ("put", DamagedRequest("PutObject failed: 400 BadDigest."), JobState.IN_PROGRESS),
        ("upload_part", DamagedRequest("UploadPart failed: 400 BadDigest."), JobState.IN_PROGRESS),
        ("finish_upload", DamagedRequest("The whole has another CRC64NVME."), JobState.IN_PROGRESS),
        ("finish_upload", StoreUnavailable("It failed: 400 MalformedXML."), JobState.IN_PROGRESS),
        ("put", StoreAccessDenied("403 SignatureDoesNotMatch."), JobState.ERROR),
        ("upload_part", StoreAccessDenied("403 SignatureDoesNotMatch."), JobState.ERROR),
        ("put", InvalidStoreRequest("400 InvalidArgument."), JobState.ERROR),
    ],
)
async def test_requests_that_are_damaged_on_the_way_hold_a_job_up(
    outages: Outages, call: str, error: StoreError, state: JobState
) -> None:
    size = 2 if call == "put" else PART_BYTES + 1
    harness = outages.harness
    job = await exporting(harness, {"a": bytes(size)})
    run_id = await harness.start(job)
    outages.errors[call] = error
    await harness.runner(outage_seconds=HOUR).run(run_id)
    assert (await harness.job(job.id)).state is state
    outages.errors.clear()
    if state is JobState.IN_PROGRESS:
        await harness.runner(outage_seconds=HOUR).run(next_attempt(run_id))
        assert (await harness.job(job.id)).state is JobState.COMPLETED
        assert content(harness.bucket("target"), "a") == bytes(size)


async def test_a_service_that_cannot_be_used_holds_up_a_job_as_well(outages: Outages) -> None:
    class Away(ImportAssetsFromS3):
        async def plan(self, run: Run) -> tuple[JobItem, ...]:
            raise IntegrationUnavailable("AWS KMS is overloaded.")

    harness = outages.harness
    _, job, run_id = await started(harness, {"a": b"1"})
    await harness.runner(outage_seconds=HOUR, definition=Away()).run(run_id)
    waiting = await waiting_of(harness, job)
    assert waiting is not None
    assert waiting.reason == "AWS KMS is overloaded."


async def test_a_job_may_take_its_time_once_over_all_attempts(outages: Outages) -> None:
    harness = outages.harness
    _, job, run_id = await started(harness, {"a": b"1"})
    outages.errors["head"] = DOWN
    await harness.runner(outage_seconds=HOUR, timeout_seconds=100).run(run_id)
    outages.errors.clear()
    later = replace(
        harness.runner(outage_seconds=HOUR, timeout_seconds=100), clock=lambda: now().plus_seconds(101)
    )
    await later.run(next_attempt(run_id))
    assert (await harness.job(job.id)).state is JobState.TIMED_OUT


async def test_a_job_may_take_the_time_of_its_type(outages: Outages) -> None:
    harness = outages.harness
    timeouts = Timeouts(100, {JobType.IMPORT_ASSETS_FROM_S3: HOUR})
    longer = replace(harness.runner(timeouts=timeouts), clock=lambda: now().plus_seconds(200))
    _, job, run_id = await started(harness, {"a": b"1"})
    await longer.run(run_id)
    assert (await harness.job(job.id)).state is JobState.COMPLETED
    timeouts = Timeouts(HOUR, {JobType.IMPORT_ASSETS_FROM_S3: 100})
    shorter = replace(harness.runner(timeouts=timeouts), clock=lambda: now().plus_seconds(200))
    _, job, run_id = await started(harness, {"a": b"1"})
    await shorter.run(run_id)
    ended = await harness.job(job.id)
    assert ended.state is JobState.TIMED_OUT
    assert "100 seconds" in ended.errors[0].message
    assert "IMPORT_ASSETS_FROM_S3" in ended.errors[0].message


async def test_a_source_that_is_gone_after_the_outage_is_named(outages: Outages) -> None:
    harness = outages.harness
    _, job, run_id = await started(harness, {"a": b"1"})
    outages.errors["open"] = DOWN
    await harness.runner(outage_seconds=HOUR).run(run_id)
    outages.errors["open"] = ObjectNotFound("There is no object 'a'.", bucket="source", key="a")
    await harness.runner(outage_seconds=HOUR).run(next_attempt(run_id))
    ended = await harness.job(job.id)
    assert (ended.state, ended.errors[0].code) == (JobState.ERROR, JobErrorCode.RESOURCE_NOT_FOUND_EXCEPTION)
