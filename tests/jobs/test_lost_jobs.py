"""A worker that slept while another one did its job, and wakes up: it destroys nothing of what it finds."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from tests.jobs.harness import Harness, Interrupted, content, exporting, import_details, interrupt_at
from tests.servers.open_buckets import OpenBuckets
from tests.transfer.faulty_store import FaultyStore

from entrepot.database import garbage, job_items
from entrepot.domain.errors import ObjectNotFound
from entrepot.domain.job import ItemResult, JobState, JobType, RunId
from entrepot.engine.lease import LEASE_SECONDS, Lease
from entrepot.jobs.crash_points import CrashPoint
from entrepot.stores.local import LocalStore
from entrepot.transfer.multipart import PART_BYTES
from entrepot.transfer.transfer import Transfer


class Sleep:
    """Whoever comes here falls asleep, until all are woken."""

    def __init__(self, call: str) -> None:
        self.call = call
        self.asleep = threading.Event()
        self.awake = threading.Event()

    def __call__(self, call: str) -> None:
        if call == self.call:
            self.asleep.set()
            assert self.awake.wait(120)


@asynccontextmanager
async def sleeper(
    harness: Harness, run_id: RunId, sleep: Sleep, *, corrupt: int = 0
) -> AsyncIterator[Harness]:
    """A worker that has begun the run and sleeps in it; at the end of the block it has woken up and ended."""
    own = FaultyStore(harness.own, before=sleep, server_side=False, corrupt_writes=corrupt)
    async with asyncio.timeout(120):
        transfer = Transfer(own, threads=8)
        worker = replace(harness, own=own, transfer=transfer)
        run = asyncio.create_task(worker.runner().run(run_id))
        await asyncio.to_thread(sleep.asleep.wait)
        yield worker
        sleep.awake.set()
        await run
        await transfer.close()


def named(*keys: str) -> dict[str, bytes]:
    return {key: b"bytes of " + key.encode() for key in keys}


async def test_what_it_still_writes_in_the_store_is_not_what_became_the_assets(harness: Harness) -> None:
    """Even where nothing stops it: its bytes are others, and go under keys of its own."""
    revision = await harness.revision()
    objects = {f"{number:02d}": b"bytes %d" % number for number in range(20)}
    harness.put("source", objects)
    job = await harness.create(JobType.IMPORT_ASSETS_FROM_S3, import_details(revision, "source", objects))
    first = await harness.start(job)
    async with sleeper(harness, first, Sleep("put"), corrupt=1000):
        second = await harness.taken_over(first)
        await harness.runner().run(second)
        assert (await harness.job(job.id)).state is JobState.COMPLETED
    found = {asset.name: harness.content(asset) for asset in await harness.assets(revision)}
    assert found == objects
    for asset in await harness.assets(revision):
        assert harness.own.head(asset.store_key).etag == asset.store_etag


async def test_what_a_former_attempt_has_finished_is_taken_as_it_is(harness: Harness) -> None:
    revision = await harness.revision()
    harness.put("source", {"a": b"1", "b": b"2"})
    job = await harness.create(JobType.IMPORT_ASSETS_FROM_S3, import_details(revision, "source", ["a", "b"]))
    run_id = await harness.start(job)
    with pytest.raises(Interrupted):
        await harness.runner(at=interrupt_at(CrashPoint.PLAN_RECORDED)).run(run_id)
    first, second = await job_items.load(harness.database, job.id)
    stored = harness.own.put(first.destination.key, memoryview(b"1"), 1)
    result = ItemResult(1, stored.etag, stored.checksum)
    await job_items.record_results(harness.database, job.id, 1, {first.number: result})
    await harness.runner().run(await harness.taken_over(run_id))
    keys = {asset.name: asset.store_key for asset in await harness.assets(revision)}
    assert keys["a"] == first.destination.key
    assert keys["b"] != second.destination.key
    assert await garbage.page(harness.database, 10) == [second.destination.key]


async def test_objects_of_users_are_not_written_once_the_lease_is_over(harness: Harness) -> None:
    """An export was finished by another worker, and the user has replaced the objects since."""
    job = await exporting(harness, named("a", "b", "c"))
    run_id = await harness.start(job)
    now = [0.0]
    lease = Lease(lambda: now[0])
    lease.renew(now[0])

    def guarded(name: str) -> LocalStore:
        return LocalStore(harness.folder / "buckets" / name, before_write=lease.require)

    sleeping = replace(harness, buckets=OpenBuckets(guarded))
    async with sleeper(sleeping, run_id, Sleep("open")):
        second = await harness.taken_over(run_id)
        await harness.runner().run(second)
        assert (await harness.job(job.id)).state is JobState.COMPLETED
        target = harness.bucket("target")
        assert content(target, "a") == b"bytes of a"
        harness.put("target", {"a": b"the user's", "b": b"the user's"})
        target.delete("c")
        now[0] = LEASE_SECONDS
    assert content(target, "a") == content(target, "b") == b"the user's"
    with pytest.raises(ObjectNotFound):
        target.head("c")
    assert (await harness.job(job.id)).state is JobState.COMPLETED


async def test_a_run_whose_lease_is_over_leaves_its_job_as_it_is(harness: Harness) -> None:
    """Nobody has taken it over yet: it is not failed, and goes on where it was."""
    job = await exporting(harness, named("a", "b"))
    run_id = await harness.start(job)
    lease = Lease(lambda: 0.0)
    lease.end()

    def guarded(name: str) -> LocalStore:
        return LocalStore(harness.folder / "buckets" / name, before_write=lease.require)

    await replace(harness, buckets=OpenBuckets(guarded)).runner().run(run_id)
    assert (await harness.job(job.id)).state is JobState.IN_PROGRESS
    assert harness.bucket("target").list("") == []
    await harness.runner().run(run_id)
    assert (await harness.job(job.id)).state is JobState.COMPLETED


async def test_an_upload_is_recorded_before_its_first_part_is_sent(harness: Harness) -> None:
    """Where it cannot be recorded, because the job has another attempt, it is thrown away."""
    revision = await harness.revision()
    harness.put("source", {"large": bytes(PART_BYTES + 1)})
    job = await harness.create(JobType.IMPORT_ASSETS_FROM_S3, import_details(revision, "source", ["large"]))
    run_id = await harness.start(job)
    async with sleeper(harness, run_id, Sleep("begin_upload")) as worker:
        second = await harness.taken_over(run_id)
    assert isinstance(worker.own, FaultyStore)
    calls = worker.own.calls
    assert (calls["begin_upload"], calls["upload_part"], calls["abort_upload"]) == (1, 0, 1)
    await harness.runner().run(second)
    (asset,) = await harness.assets(revision)
    assert harness.content(asset) == bytes(PART_BYTES + 1)
