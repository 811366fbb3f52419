"""A job's bytes are right, or the job says so: sources that have an ETag alone, and those that have less."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from tests.jobs.harness import Harness, Interrupted, import_details, interrupt_at, opened
from tests.jobs.s3_buckets import S3Buckets
from tests.transfer.faulty_store import Fault, FaultyStore
from tests.transfer.without_checksums import put_plain

from entrepot.database import job_items
from entrepot.domain.asset import Proof, UnprovenSources
from entrepot.domain.identifiers import upload_store_key
from entrepot.domain.job import JobErrorCode, JobState, JobType, Location
from entrepot.domain.revision import Revision
from entrepot.jobs.crash_points import CrashPoint
from entrepot.stores.checksum import checksum_of
from entrepot.stores.s3 import S3Store
from entrepot.stores.store import ObjectStore

pytestmark = pytest.mark.seaweedfs

DATA = b"0123456789abcdef" * 1000


def flipping(buckets: S3Buckets, faults: Sequence[Fault | None]) -> Callable[[str], ObjectStore]:
    """The users' buckets behind a line that flips bits."""
    stores: dict[str, ObjectStore] = {}
    return lambda name: stores.setdefault(name, FaultyStore(buckets(name), read_faults=faults))


async def exported(harness: Harness, revision: Revision, bucket: str) -> JobState:
    destination = {"RevisionId": revision.id, "Bucket": bucket}
    details = {
        "ExportRevisionsToS3": {
            "DataSetId": revision.data_set_id,
            "RevisionDestinations": [destination],
        }
    }
    return (await harness.finish(await harness.create(JobType.EXPORT_REVISIONS_TO_S3, details))).state


async def test_one_bit_that_flips_on_the_way_in_does_not_become_an_asset(
    tmp_path: Path, template: Path, s3_buckets: S3Buckets
) -> None:
    put_plain(s3_buckets("source"), "object", DATA)
    buckets = flipping(s3_buckets, [Fault.FLIPPED])
    async with opened(tmp_path, template=template, buckets=buckets) as harness:
        revision = await harness.revision()
        details = import_details(revision, "source", ["object"])
        job = await harness.finish(await harness.create(JobType.IMPORT_ASSETS_FROM_S3, details))
        (asset,) = await harness.assets(revision)
        assert (job.state, harness.content(asset)) == (JobState.COMPLETED, DATA)
        assert (asset.proof, asset.checksum) == (Proof.ETAG, checksum_of(DATA))


async def test_bits_that_always_flip_end_the_job_with_an_error_that_names_the_object(
    tmp_path: Path, template: Path, s3_buckets: S3Buckets
) -> None:
    put_plain(s3_buckets("source"), "object", DATA)
    buckets = flipping(s3_buckets, [Fault.FLIPPED] * 99)
    async with opened(tmp_path, template=template, buckets=buckets) as harness:
        revision = await harness.revision()
        details = import_details(revision, "source", ["object"])
        job = await harness.finish(await harness.create(JobType.IMPORT_ASSETS_FROM_S3, details))
        (error,) = job.errors
        assert (job.state, error.objects) == (JobState.ERROR, (Location("source", "object"),))
        assert "Two readings of the object 'object' of bucket 'source' gave different bytes" in error.message


async def test_a_source_that_nothing_proves_is_refused_by_name(
    tmp_path: Path, template: Path, s3_buckets: S3Buckets
) -> None:
    from tests.transfer.test_source_proof import OtherEtags

    source = s3_buckets("source")
    source.put("object", memoryview(DATA), len(DATA))
    for policy, proof in ((UnprovenSources.REFUSE, None), (UnprovenSources.VERIFY, Proof.READ_TWICE)):
        async with opened(
            tmp_path,
            template=template,
            buckets=lambda name: OtherEtags(s3_buckets(name)),
            unproven_sources=policy,
        ) as harness:
            revision = await harness.revision()
            details = import_details(revision, "source", ["object"])
            job = await harness.finish(await harness.create(JobType.IMPORT_ASSETS_FROM_S3, details))
            if proof is not None:
                assert [asset.proof for asset in await harness.assets(revision)] == [proof]
                continue
            (error,) = job.errors
            assert (job.state, error.code) == (JobState.ERROR, JobErrorCode.VALIDATION_EXCEPTION)
            assert error.objects == (Location("source", "object"),)
            assert "object 'object' of bucket 'source'" in error.message


async def test_an_asset_that_the_store_copied_has_a_checksum_that_exports_are_compared_with(
    tmp_path: Path, template: Path, s3_buckets: S3Buckets
) -> None:
    put_plain(s3_buckets("source"), "object", DATA)
    own = FaultyStore(S3Store(s3_buckets.client, "own", s3_buckets.prefix))
    async with opened(tmp_path, template=template, own=own, buckets=s3_buckets) as harness:
        revision = await harness.revision()
        details = import_details(revision, "source", ["object"])
        job = await harness.finish(await harness.create(JobType.IMPORT_ASSETS_FROM_S3, details))
        (asset,) = await harness.assets(revision)
        assert (job.state, asset.checksum, asset.proof) == (JobState.COMPLETED, checksum_of(DATA), Proof.ETAG)
        assert (own.calls["copy_from"], own.calls["open"]) == (1, 1)


async def test_what_is_recorded_is_not_read_again_by_a_job_that_goes_on(
    tmp_path: Path, template: Path, s3_buckets: S3Buckets
) -> None:
    keys = [f"object-{number}" for number in range(40)]
    for key in keys:
        put_plain(s3_buckets("source"), key, key.encode())
    own = FaultyStore(S3Store(s3_buckets.client, "own", s3_buckets.prefix))
    async with opened(tmp_path, template=template, own=own, buckets=s3_buckets) as harness:
        revision = await harness.revision()
        job = await harness.create(JobType.IMPORT_ASSETS_FROM_S3, import_details(revision, "source", keys))
        run_id = await harness.start(job)
        with pytest.raises(Interrupted):
            await harness.runner(at=interrupt_at(CrashPoint.BEFORE_FINISH)).run(run_id)
        before = own.calls["open"]
        unrecorded = [item for item in await job_items.load(harness.database, job.id) if item.result is None]
        await harness.runner().run(await harness.taken_over(run_id))
        assert (await harness.job(job.id)).state is JobState.COMPLETED
        assert {asset.proof for asset in await harness.assets(revision)} == {Proof.ETAG}
        assert own.calls["open"] == before + len(unrecorded)


async def test_a_file_that_was_uploaded_is_known_by_its_md5_and_read_once(
    tmp_path: Path, template: Path, s3_buckets: S3Buckets
) -> None:
    own = FaultyStore(S3Store(s3_buckets.client, "own", s3_buckets.prefix), silent=True)
    md5 = base64.b64encode(hashlib.md5(DATA, usedforsecurity=False).digest()).decode()
    async with opened(tmp_path, template=template, own=own, buckets=s3_buckets) as harness:
        revision = await harness.revision()
        details = {
            "ImportAssetFromSignedUrl": {
                "AssetName": "file",
                "DataSetId": revision.data_set_id,
                "RevisionId": revision.id,
                "Md5Hash": md5,
            }
        }
        job = await harness.create(JobType.IMPORT_ASSET_FROM_SIGNED_URL, details)
        own.put(upload_store_key(job.id), memoryview(DATA), len(DATA))
        assert (await harness.finish(job)).state is JobState.COMPLETED
        (asset,) = await harness.assets(revision)
        assert (asset.proof, asset.checksum) == (Proof.CHECKSUM, checksum_of(DATA))
        assert own.calls["open"] == 1
