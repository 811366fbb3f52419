"""Stored bytes that are no longer those that were recorded are noticed, marked, and served to nobody."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.jobs.harness import Harness, import_details, imported, now, opened
from tests.transfer.faulty_store import Fault, FaultyStore

from entrepot.database import stored_assets, workers
from entrepot.domain.asset import Asset
from entrepot.domain.errors import StoreUnavailable
from entrepot.domain.job import Job, JobErrorCode, JobState, JobType
from entrepot.domain.revision import Revision
from entrepot.jobs.scrubber import Scrubber
from entrepot.jobs.verification import verify_asset
from entrepot.stores.local import LocalStore
from entrepot.transfer.verification import Condition

DATA = b"0123456789abcdef" * 1000


def flip(harness: Harness, asset: Asset) -> None:
    """A disk that changes a bit: size, times and attributes of the file stay."""
    assert isinstance(harness.own, LocalStore)
    path = harness.own.path_of(asset.store_key)
    times = path.stat()
    with path.open("r+b") as file:
        first = file.read(1)
        file.seek(0)
        file.write(bytes([first[0] ^ 1]))
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def replace(harness: Harness, asset: Asset) -> None:
    """Somebody who writes to the store, in the way that the exchange does."""
    harness.own.put(asset.store_key, memoryview(DATA[::-1]), len(DATA))


def shorten(harness: Harness, asset: Asset) -> None:
    assert isinstance(harness.own, LocalStore)
    os.truncate(harness.own.path_of(asset.store_key), 100)


def remove(harness: Harness, asset: Asset) -> None:
    harness.own.delete(asset.store_key)


Damage = Callable[[Harness, Asset], None]


async def export(harness: Harness, revision: Revision, job_type: JobType, asset: Asset) -> Job:
    place = {"DataSetId": revision.data_set_id, "RevisionId": revision.id}
    details: dict[str, object]
    if job_type is JobType.EXPORT_ASSET_TO_SIGNED_URL:
        details = {"ExportAssetToSignedUrl": {**place, "AssetId": asset.id}}
    elif job_type is JobType.EXPORT_ASSETS_TO_S3:
        destination = {"AssetId": asset.id, "Bucket": "target", "Key": asset.name}
        details = {"ExportAssetsToS3": {**place, "AssetDestinations": [destination]}}
    else:
        destination = {"RevisionId": revision.id, "Bucket": "target"}
        details = {
            "ExportRevisionsToS3": {
                "DataSetId": revision.data_set_id,
                "RevisionDestinations": [destination],
            }
        }
    return await harness.finish(await harness.create(job_type, details))


EXPORTS = [
    JobType.EXPORT_ASSETS_TO_S3,
    JobType.EXPORT_REVISIONS_TO_S3,
    JobType.EXPORT_ASSET_TO_SIGNED_URL,
]


async def current(harness: Harness, asset: Asset) -> Asset:
    found = await stored_assets.of_store_key(harness.database, asset.store_key)
    assert found is not None
    return found


async def with_damage(harness: Harness, damage: Damage) -> tuple[Revision, Asset]:
    """An asset whose stored bytes were damaged, and a bucket to export it to."""
    harness.bucket("target")
    revision = await harness.revision()
    (asset,) = await imported(harness, revision, {"prices.csv": DATA})
    damage(harness, asset)
    return revision, asset


def assert_refused(job: Job, asset: Asset) -> None:
    (error,) = job.errors
    assert (job.state, error.code) == (JobState.ERROR, JobErrorCode.INTERNAL_SERVER_EXCEPTION)
    assert f"The stored bytes of asset {asset.name!r}" in error.message
    assert "entrepot verify" in error.message


@pytest.mark.parametrize("damage", [flip, replace, shorten, remove])
@pytest.mark.parametrize("job_type", EXPORTS)
async def test_what_was_found_damaged_is_served_to_nobody(
    harness: Harness, damage: Damage, job_type: JobType
) -> None:
    revision, asset = await with_damage(harness, damage)
    verdict = await verify_asset(harness.database, harness.transfer, now, asset)
    assert verdict is not None
    assert verdict.condition is (Condition.MISSING if damage is remove else Condition.DAMAGED)
    assert (await current(harness, asset)).damaged_at is not None
    assert_refused(await export(harness, revision, job_type, asset), asset)
    assert not harness.bucket("target").list("")


@pytest.mark.parametrize("damage", [replace, shorten])
@pytest.mark.parametrize("job_type", EXPORTS)
async def test_other_bytes_are_noticed_by_the_next_export(
    harness: Harness, damage: Damage, job_type: JobType
) -> None:
    revision, asset = await with_damage(harness, damage)
    job = await export(harness, revision, job_type, asset)
    assert job.state is JobState.ERROR
    assert "prices.csv" in job.errors[0].message
    assert not harness.bucket("target").list("")
    assert (await current(harness, asset)).damaged_at is not None
    assert_refused(await export(harness, revision, job_type, asset), asset)


async def test_a_flipped_bit_is_noticed_by_the_next_export_that_reads(tmp_path: Path, template: Path) -> None:
    target = FaultyStore(LocalStore(tmp_path / "target"), server_side=False)
    source = LocalStore(tmp_path / "source")
    buckets = {"source": source, "target": target}
    async with opened(tmp_path, template=template, buckets=buckets.__getitem__) as harness:
        revision = await harness.revision()
        for key in ("good", "bad"):
            source.put(key, memoryview(DATA), len(DATA))
        details = import_details(revision, "source", ["good", "bad"])
        await harness.finish(await harness.create(JobType.IMPORT_ASSETS_FROM_S3, details))
        by_name = {asset.name: asset for asset in await harness.assets(revision)}
        # of its own file: a local import is a link to the bucket's
        harness.own.put(by_name["bad"].store_key, memoryview(DATA), len(DATA))
        flip(harness, by_name["bad"])
        job = await export(harness, revision, JobType.EXPORT_REVISIONS_TO_S3, by_name["bad"])
        assert_refused(job, by_name["bad"])
        assert [listed.key for listed in target.list("")] == ["good"]
        assert (await current(harness, by_name["bad"])).damaged_at is not None
        assert (await current(harness, by_name["good"])).damaged_at is None


async def test_bytes_that_are_right_again_are_served_again(harness: Harness) -> None:
    harness.bucket("target")
    revision = await harness.revision()
    (asset,) = await imported(harness, revision, {"prices.csv": DATA})
    remove(harness, asset)
    await verify_asset(harness.database, harness.transfer, now, asset)
    harness.own.put(asset.store_key, memoryview(DATA), len(DATA))
    verdict = await verify_asset(harness.database, harness.transfer, now, await current(harness, asset))
    assert verdict is not None and verdict.condition is Condition.SOUND
    found = await current(harness, asset)
    assert (found.damaged_at, found.verified_at is None) == (None, False)
    job = await export(harness, revision, JobType.EXPORT_REVISIONS_TO_S3, asset)
    assert job.state is JobState.COMPLETED


async def test_an_asset_that_an_earlier_version_copied_gets_a_checksum(harness: Harness) -> None:
    revision = await harness.revision()
    (asset,) = await imported(harness, revision, {"prices.csv": DATA})
    await stored_assets.mark_sound(
        harness.database, asset.store_key, now(), etag=asset.store_etag, checksum=None
    )
    without = await current(harness, asset)
    assert without.checksum is None
    await verify_asset(harness.database, harness.transfer, now, without)
    assert (await current(harness, asset)).checksum == asset.checksum


async def test_damage_on_the_way_is_not_taken_for_damage_in_the_store(tmp_path: Path, template: Path) -> None:
    own = FaultyStore(LocalStore(tmp_path / "own"))
    async with opened(tmp_path, template=template, own=own) as harness:
        revision = await harness.revision()
        (asset,) = await imported(harness, revision, {"prices.csv": DATA})
        own._read_faults = [Fault.FLIPPED]
        verdict = await verify_asset(harness.database, harness.transfer, now, asset)
        assert verdict is not None and verdict.condition is Condition.SOUND
        own._read_faults = [Fault.FLIPPED] * 9
        with pytest.raises(StoreUnavailable, match="different bytes"):
            await verify_asset(harness.database, harness.transfer, now, asset)
        assert (await current(harness, asset)).damaged_at is None


async def test_the_pace_bounds_how_fast_it_reads(harness: Harness) -> None:
    """All who share a pace wait for each other: the time is that of the bytes together."""
    revision = await harness.revision()
    (asset,) = await imported(harness, revision, {"prices.csv": DATA})
    pace = harness.transfer.pace(10 * len(DATA))
    began = pace._due
    for _ in range(3):
        await verify_asset(harness.database, harness.transfer, now, asset, pace)
    assert pace._due - began >= 0.3 - 1e-6


async def test_the_first_worker_reads_what_was_not_read_for_days(harness: Harness) -> None:
    """The clock of the test is ten days ahead of the imports."""
    revision = await harness.revision()
    good, bad = await imported(harness, revision, {"good": DATA, "bad": DATA[1:]})
    flip(harness, bad)
    later = now().plus_seconds(10 * 86_400)

    def scrubber(worker_id: str, every_days: int) -> Scrubber:
        return Scrubber(harness.database, harness.transfer, lambda: later, worker_id, every_days, 10.0)

    for worker_id in ("worker-1", "worker-2"):
        await workers.beat(harness.database, worker_id, later)
    assert await scrubber("worker-1", 11).work() == 0  # nothing is due
    assert await scrubber("worker-2", 9).work() == 0  # another one does it
    assert await scrubber("worker-1", 9).work() == 2
    assert (await current(harness, bad)).damaged_at == later
    assert (await current(harness, good)).verified_at == later
    assert await scrubber("worker-1", 9).work() == 0
    await workers.remove(harness.database, "worker-1")
    later = later.plus_seconds(9 * 86_400 + 1)
    await workers.beat(harness.database, "worker-2", later)
    assert await scrubber("worker-2", 9).work() == 1  # what is known to be damaged is left to `verify`
