"""The same jobs where the users' buckets, and the exchange's own store, are on a real S3 server."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from tests.jobs.harness import Interrupted, contents, import_details, interrupt_at, now, opened
from tests.jobs.s3_buckets import S3Buckets

from entrepot.database import garbage, job_items
from entrepot.domain.identifiers import upload_store_key
from entrepot.domain.job import JobErrorCode, JobState, JobType, Location
from entrepot.jobs.abandoned_uploads import LATE_SECONDS, sweep_abandoned_uploads
from entrepot.jobs.crash_points import CrashPoint
from entrepot.jobs.sweeps import sweep_garbage, sweep_unknown_uploads
from entrepot.stores.s3 import S3Store

pytestmark = pytest.mark.seaweedfs

OBJECTS = {"folder/a b+c.csv": b"1,2,3", "é/ü": b"", "large": b"0123456789abcdef" * (20 * 65536)}
EMPTY_MD5 = "1B2M2Y8AsgTpgAmY7PhCfg=="


@pytest.mark.parametrize("own", ["folder", "bucket"])
async def test_objects_are_imported_and_exported_again(
    tmp_path: Path, template: Path, s3_buckets: S3Buckets, own: str
) -> None:
    source, target = s3_buckets("source"), s3_buckets("target")
    for key, content in OBJECTS.items():
        source.put(key, memoryview(content), len(content))
    store = S3Store(s3_buckets.client, "own", s3_buckets.prefix) if own == "bucket" else None
    async with opened(tmp_path, template=template, own=store, buckets=s3_buckets) as harness:
        revision = await harness.revision()
        job = await harness.create(JobType.IMPORT_ASSETS_FROM_S3, import_details(revision, "source", OBJECTS))
        ended = await harness.finish(job)
        assert (ended.state, ended.errors) == (JobState.COMPLETED, ())
        assets = await harness.assets(revision)
        assert {asset.name: harness.content(asset) for asset in assets} == OBJECTS
        destination = {"RevisionId": revision.id, "Bucket": "target", "KeyPattern": "copy/${Asset.Name}"}
        details = {
            "ExportRevisionsToS3": {
                "DataSetId": revision.data_set_id,
                "RevisionDestinations": [destination],
                "Encryption": {"Type": "AES256"},
            }
        }
        ended = await harness.finish(await harness.create(JobType.EXPORT_REVISIONS_TO_S3, details))
        assert (ended.state, ended.errors) == (JobState.COMPLETED, ())
    assert contents(target) == {f"copy/{key}": content for key, content in OBJECTS.items()}


async def test_missing_objects_and_buckets_are_named(
    tmp_path: Path, template: Path, s3_buckets: S3Buckets
) -> None:
    async with opened(tmp_path, template=template, buckets=s3_buckets) as harness:
        revision = await harness.revision()
        for bucket in ("source", "no-such-bucket"):
            details = import_details(revision, bucket, ["gone/1", "gone/2"])
            ended = await harness.finish(await harness.create(JobType.IMPORT_ASSETS_FROM_S3, details))
            (error,) = ended.errors
            assert (ended.state, error.code) == (
                JobState.ERROR,
                JobErrorCode.RESOURCE_NOT_FOUND_EXCEPTION,
            )
            assert error.objects == (Location(bucket, "gone/1"), Location(bucket, "gone/2"))
            assert bucket in error.message


async def test_an_upload_to_an_s3_store_becomes_an_asset(
    tmp_path: Path, template: Path, s3_buckets: S3Buckets
) -> None:
    store = S3Store(s3_buckets.client, "own", s3_buckets.prefix)
    async with opened(tmp_path, template=template, own=store, buckets=s3_buckets) as harness:
        revision = await harness.revision()
        details = {
            "ImportAssetFromSignedUrl": {
                "AssetName": "empty",
                "DataSetId": revision.data_set_id,
                "RevisionId": revision.id,
                "Md5Hash": EMPTY_MD5,
            }
        }
        job = await harness.create(JobType.IMPORT_ASSET_FROM_SIGNED_URL, details)
        store.put(upload_store_key(job.id), memoryview(b""), 0)
        ended = await harness.finish(job)
        assert (ended.state, ended.errors) == (JobState.COMPLETED, ())
        (asset,) = await harness.assets(revision)
        await sweep_garbage(harness.database, harness.transfer)
        assert harness.stored_keys() == {asset.store_key}


async def test_garbage_stays_noted_while_its_store_refuses(
    tmp_path: Path, template: Path, s3_buckets: S3Buckets
) -> None:
    store = S3Store(s3_buckets.client, "no-such-bucket")
    async with opened(tmp_path, template=template, own=store, buckets=s3_buckets) as harness:
        await garbage.record(harness.database, ["assets/aa/a", "assets/bb/b"])
        assert await sweep_garbage(harness.database, harness.transfer) == 0
        assert await garbage.page(harness.database, 10) == ["assets/aa/a", "assets/bb/b"]


async def test_uploads_in_the_store_that_no_job_knows_of_are_aborted(
    tmp_path: Path, template: Path, s3_buckets: S3Buckets
) -> None:
    """Their worker died before it knew, or wrote down, their ids. What a job may go on with stays."""
    store, large = S3Store(s3_buckets.client, "own", s3_buckets.prefix), OBJECTS["large"]
    s3_buckets("source").put("large", memoryview(large), len(large))
    async with opened(tmp_path, template=template, own=store, buckets=s3_buckets) as harness:
        revision = await harness.revision()
        details = import_details(revision, "source", ["large"])
        job = await harness.create(JobType.IMPORT_ASSETS_FROM_S3, details)
        run_id = await harness.start(job)
        with pytest.raises(Interrupted):
            await harness.runner(at=interrupt_at(CrashPoint.PLAN_RECORDED)).run(run_id)
        (item,) = await job_items.load(harness.database, job.id)
        in_use = (item.destination.key, store.begin_upload(item.destination.key))
        store.begin_upload("assets/00/of-an-attempt-that-has-ended")
        assert await sweep_unknown_uploads(harness.database, harness.transfer) == 1
        assert store.unfinished_uploads("") == [in_use]
        await harness.runner().run(run_id)
        assert (await harness.job(job.id)).state is JobState.COMPLETED
        assert await sweep_unknown_uploads(harness.database, harness.transfer) == 1
        assert store.unfinished_uploads("") == []
        (asset,) = await harness.assets(revision)
        assert harness.content(asset) == large


@pytest.mark.parametrize("end", [JobState.COMPLETED, JobState.ERROR])
async def test_an_export_leaves_no_upload_whose_id_was_lost_for_long_and_no_other_is_touched(
    tmp_path: Path, template: Path, s3_buckets: S3Buckets, end: JobState
) -> None:
    """Its worker died, or the answer was lost, when the upload had begun and nobody knew of it yet."""
    source, target, large = s3_buckets("source"), s3_buckets("target"), OBJECTS["large"]
    source.put("large", memoryview(large), len(large))
    async with opened(tmp_path, template=template, buckets=s3_buckets) as harness:
        revision = await harness.revision()
        await harness.finish(
            await harness.create(JobType.IMPORT_ASSETS_FROM_S3, import_details(revision, "source", ["large"]))
        )
        (asset,) = await harness.assets(revision)
        destination = {"AssetId": asset.id, "Bucket": "target", "Key": "lost"}
        details = {
            "DataSetId": revision.data_set_id,
            "RevisionId": revision.id,
            "AssetDestinations": [destination],
        }
        job = await harness.create(JobType.EXPORT_ASSETS_TO_S3, {"ExportAssetsToS3": details})
        run_id = await harness.start(job)
        with pytest.raises(Interrupted):
            await harness.runner(at=interrupt_at(CrashPoint.PLAN_RECORDED)).run(run_id)
        target.begin_upload("lost")
        others = [("lost", target.begin_upload("lost")), ("lost-not", target.begin_upload("lost-not"))]
        target.upload_part(*others[0], 1, memoryview(b"a user's own"))
        if end is JobState.ERROR:
            harness.own.delete(asset.store_key)
        await harness.runner().run(run_id)
        assert (await harness.job(job.id)).state is end
        late = target.begin_upload("lost")  # a request that is carried out when its job has ended
        sweep = partial(sweep_abandoned_uploads, harness.database, harness.transfer, harness.buckets)
        assert await sweep(now()) == 0
        assert ("lost", late) in target.unfinished_uploads("lost")
        assert await sweep(now().plus_seconds(LATE_SECONDS)) == 1
        assert await sweep(now().plus_seconds(LATE_SECONDS)) == 0
    assert sorted(target.unfinished_uploads("lost")) == sorted(others)
    for key, upload_id in others:
        target.abort_upload(key, upload_id)
