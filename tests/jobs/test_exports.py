from __future__ import annotations

import asyncio

import pytest
from tests.jobs.harness import SCOPE, Harness, Interrupted, contents, imported, interrupt_at, now
from tests.servers.both_databases import on_both_databases

from entrepot.database import assets as asset_rows
from entrepot.database import revisions
from entrepot.domain.job import ItemResult, Job, JobErrorCode, JobItem, JobState, JobType
from entrepot.domain.revision import Revision
from entrepot.jobs.crash_points import CrashPoint
from entrepot.jobs.definition import Callbacks, Run
from entrepot.jobs.export_revisions_to_s3 import ExportRevisionsToS3
from entrepot.jobs.sweeps import sweep_garbage
from entrepot.model import shapes

ASSETS = JobType.EXPORT_ASSETS_TO_S3
REVISIONS = JobType.EXPORT_REVISIONS_TO_S3
SIGNED_URL = JobType.EXPORT_ASSET_TO_SIGNED_URL


def assets_details(revision: Revision, *destinations: dict[str, str], **more: object) -> dict[str, object]:
    return {
        "ExportAssetsToS3": {
            "AssetDestinations": list(destinations),
            "DataSetId": revision.data_set_id,
            "RevisionId": revision.id,
            **more,
        }
    }


def revision_details(revision: Revision, **destination: str) -> dict[str, object]:
    return {
        "ExportRevisionsToS3": {
            "DataSetId": revision.data_set_id,
            "RevisionDestinations": [{"RevisionId": revision.id, "Bucket": "target", **destination}],
        }
    }


async def signed_url_job(harness: Harness, revision: Revision, asset_id: str) -> Job:
    return await harness.create(
        SIGNED_URL,
        {
            "ExportAssetToSignedUrl": {
                "AssetId": asset_id,
                "DataSetId": revision.data_set_id,
                "RevisionId": revision.id,
            }
        },
    )


async def test_assets_go_to_the_keys_that_are_named_or_to_their_names(harness: Harness) -> None:
    revision = await harness.revision()
    one, two = await imported(harness, revision, {"a//one": b"1", "two": b"22"})
    harness.bucket("target")
    job = await harness.create(
        ASSETS,
        assets_details(
            revision,
            {"AssetId": one.id, "Bucket": "target"},
            {"AssetId": two.id, "Bucket": "target", "Key": "renamed/2"},
        ),
    )
    ended = await harness.finish(job)
    assert (ended.state, ended.errors) == (JobState.COMPLETED, ())
    assert contents(harness.bucket("target")) == {"a//one": b"1", "renamed/2": b"22"}
    assert await harness.nothing_is_left_of(job)


async def test_a_default_key_is_the_name_the_asset_has_when_the_job_runs(harness: Harness) -> None:
    revision = await harness.revision()
    (asset,) = await imported(harness, revision, {"old": b"1"})
    harness.bucket("target")
    job = await harness.create(ASSETS, assets_details(revision, {"AssetId": asset.id, "Bucket": "target"}))
    await asset_rows.rename(
        harness.database, SCOPE, revision.data_set_id, revision.id, asset.id, name="new", updated_at=now()
    )
    await harness.finish(job)
    assert contents(harness.bucket("target")) == {"new": b"1"}


async def test_what_lies_under_the_key_is_overwritten(harness: Harness) -> None:
    revision = await harness.revision()
    await imported(harness, revision, {"a": b"new"})
    harness.put("target", {"a": b"something old"})
    await harness.finish(await harness.create(REVISIONS, revision_details(revision)))
    assert contents(harness.bucket("target")) == {"a": b"new"}


@on_both_databases
async def test_a_revision_goes_to_the_keys_of_its_pattern(harness: Harness) -> None:
    revision = await harness.revision()
    objects = {f"folder/{number}": str(number).encode() for number in range(40)}
    await imported(harness, revision, objects)
    harness.bucket("target")
    pattern = "${DataSet.Id}/${Revision.Id}/${Asset.Name}.copy"
    job = await harness.create(REVISIONS, revision_details(revision, KeyPattern=pattern))
    assert (await harness.finish(job)).state is JobState.COMPLETED
    prefix = f"{revision.data_set_id}/{revision.id}"
    assert contents(harness.bucket("target")) == {
        f"{prefix}/{name}.copy": content for name, content in objects.items()
    }


async def test_two_assets_for_one_key_fail_the_job_before_anything_is_written(harness: Harness) -> None:
    revision = await harness.revision()
    await imported(harness, revision, {"one": b"1", "two": b"2", "three": b"3"})
    for old in ("one", "two"):
        (asset,) = [each for each in await harness.assets(revision) if each.name == old]
        await asset_rows.rename(
            harness.database,
            SCOPE,
            revision.data_set_id,
            revision.id,
            asset.id,
            name="same",
            updated_at=now(),
        )
    harness.bucket("target")
    ended = await harness.finish(await harness.create(REVISIONS, revision_details(revision)))
    (error,) = ended.errors
    assert (ended.state, error.code) == (JobState.ERROR, JobErrorCode.VALIDATION_EXCEPTION)
    assert "'same', 'same'" in error.message
    assert contents(harness.bucket("target")) == {}


async def test_a_key_that_becomes_too_long_fails_the_job(harness: Harness) -> None:
    revision = await harness.revision()
    await imported(harness, revision, {"n" * 600: b"1"})
    harness.bucket("target")
    details = revision_details(revision, KeyPattern="${Asset.Name}${Asset.Name}")
    (error,) = (await harness.finish(await harness.create(REVISIONS, details))).errors
    assert error.code is JobErrorCode.VALIDATION_EXCEPTION
    assert "1024 bytes" in error.message


async def test_a_missing_bucket_fails_the_job_with_one_entry(harness: Harness) -> None:
    revision = await harness.revision()
    await imported(harness, revision, {str(number): b"x" for number in range(50)})
    ended = await harness.finish(await harness.create(REVISIONS, revision_details(revision)))
    (error,) = ended.errors
    assert (ended.state, error.code, error.objects) == (
        JobState.ERROR,
        JobErrorCode.RESOURCE_NOT_FOUND_EXCEPTION,
        (),
    )
    assert "There is no bucket target" in error.message


async def test_a_bucket_that_is_deleted_under_way_fails_the_job_which_keeps_nothing(harness: Harness) -> None:
    class Waiting(ExportRevisionsToS3):
        async def run_item(self, run: Run, item: JobItem, callbacks: Callbacks) -> ItemResult:
            if item.number == 1:
                await deleted.wait()
            return await super().run_item(run, item, callbacks)

    revision = await harness.revision()
    await imported(harness, revision, {"one": b"1", "two": b"2"})
    harness.bucket("target")
    job = await harness.create(REVISIONS, revision_details(revision))
    deleted = asyncio.Event()

    def delete(point: CrashPoint) -> None:
        if point is CrashPoint.ITEMS_RECORDED and not deleted.is_set():
            assert len(contents(harness.bucket("target"))) == 1
            harness.delete_bucket("target")
            deleted.set()

    run_id = await harness.start(job)
    await harness.runner(definition=Waiting(), at=delete).run(run_id)
    ended = await harness.job(job.id)
    (error,) = ended.errors
    assert (ended.state, error.code, error.objects) == (
        JobState.ERROR,
        JobErrorCode.RESOURCE_NOT_FOUND_EXCEPTION,
        (),
    )
    assert "There is no bucket target" in error.message
    assert await harness.nothing_is_left_of(job)
    assert {asset.name for asset in await harness.assets(revision)} == {"one", "two"}


async def test_every_object_that_fails_by_itself_is_told_and_the_others_are_written(harness: Harness) -> None:
    revision = await harness.revision()
    objects = {str(number): b"%d" % number for number in range(20)}
    assets = await imported(harness, revision, objects)
    harness.bucket("target")
    for lost in (3, 14):
        harness.own.delete(assets[lost].store_key)
    ended = await harness.finish(await harness.create(REVISIONS, revision_details(revision)))
    (error,) = ended.errors
    assert (ended.state, error.code) == (JobState.ERROR, JobErrorCode.RESOURCE_NOT_FOUND_EXCEPTION)
    assert "'3'" in error.message and "'14'" in error.message
    assert set(contents(harness.bucket("target"))) == set(objects) - {"3", "14"}


async def test_encryption_that_the_bucket_does_not_apply_fails_the_job(harness: Harness) -> None:
    revision = await harness.revision()
    (asset,) = await imported(harness, revision, {"a": b"1"})
    harness.bucket("target")
    details = assets_details(
        revision, {"AssetId": asset.id, "Bucket": "target"}, Encryption={"Type": "AES256"}
    )
    (error,) = (await harness.finish(await harness.create(ASSETS, details))).errors
    assert error.code is JobErrorCode.VALIDATION_EXCEPTION
    assert contents(harness.bucket("target")) == {}


async def test_an_asset_that_is_deleted_meanwhile_is_not_found(harness: Harness) -> None:
    revision = await harness.revision()
    one, two = await imported(harness, revision, {"one": b"1", "two": b"2"})
    harness.bucket("target")
    jobs = [
        await harness.create(
            ASSETS,
            assets_details(
                revision, {"AssetId": one.id, "Bucket": "target"}, {"AssetId": two.id, "Bucket": "target"}
            ),
        ),
        await signed_url_job(harness, revision, two.id),
    ]
    await asset_rows.delete(harness.database, SCOPE, revision.data_set_id, revision.id, two.id)
    for job in jobs:
        (error,) = (await harness.finish(job)).errors
        assert (error.code, error.resource_id, error.resource_type) == (
            JobErrorCode.RESOURCE_NOT_FOUND_EXCEPTION,
            two.id,
            "ASSET",
        )
    assert contents(harness.bucket("target")) == {}


async def test_bytes_that_an_export_still_reads_are_not_swept(harness: Harness) -> None:
    revision = await harness.revision()
    (asset,) = await imported(harness, revision, {"a": b"1"})
    harness.bucket("target")
    job = await harness.create(ASSETS, assets_details(revision, {"AssetId": asset.id, "Bucket": "target"}))
    run_id = await harness.start(job)
    with pytest.raises(Interrupted):
        await harness.runner(at=interrupt_at(CrashPoint.PLAN_RECORDED)).run(run_id)
    await revisions.delete(harness.database, SCOPE, revision.data_set_id, revision.id)
    assert await sweep_garbage(harness.database, harness.transfer) == 0
    await harness.runner().run(run_id)
    assert (await harness.job(job.id)).state is JobState.COMPLETED
    assert contents(harness.bucket("target")) == {"a": b"1"}
    assert await sweep_garbage(harness.database, harness.transfer) == 1
    assert harness.stored_keys() == set()


async def test_a_download_url_appears_when_the_job_is_completed(harness: Harness) -> None:
    revision = await harness.revision()
    (asset,) = await imported(harness, revision, {"2024/prices of may.csv": b"1"})
    before = now()
    job = await harness.finish(await signed_url_job(harness, revision, asset.id))
    answer = shapes.decode(job.details_json, shapes.ResponseDetails).export_asset_to_signed_url
    assert job.state is JobState.COMPLETED
    assert answer is not None and answer.signed_url is not None and answer.signed_url_expires_at is not None
    assert before.plus_seconds(3600) <= answer.signed_url_expires_at <= now().plus_seconds(3600)
    path, _, query = answer.signed_url.removeprefix("http://127.0.0.1:8250").partition("?")
    verified = harness.signed_urls.verify("GET", path, query.encode(), [], now())
    assert (verified.store_key, verified.download_name) == (asset.store_key, "prices of may.csv")


@pytest.mark.parametrize(("name", "saved_as"), [("a/b/", "b"), ("///", None)])
async def test_a_download_has_a_name_whatever_the_asset_is_called(
    harness: Harness, name: str, saved_as: str | None
) -> None:
    revision = await harness.revision()
    (asset,) = await imported(harness, revision, {name: b"1"})
    job = await harness.finish(await signed_url_job(harness, revision, asset.id))
    answer = shapes.decode(job.details_json, shapes.ResponseDetails).export_asset_to_signed_url
    assert answer is not None and answer.signed_url is not None
    path, _, query = answer.signed_url.removeprefix("http://127.0.0.1:8250").partition("?")
    verified = harness.signed_urls.verify("GET", path, query.encode(), [], now())
    assert verified.download_name == (saved_as or asset.id)


async def test_no_url_is_made_for_bytes_that_are_gone(harness: Harness) -> None:
    revision = await harness.revision()
    (asset,) = await imported(harness, revision, {"a": b"1"})
    harness.own.delete(asset.store_key)
    job = await harness.finish(await signed_url_job(harness, revision, asset.id))
    (error,) = job.errors
    assert (job.state, error.code) == (JobState.ERROR, JobErrorCode.RESOURCE_NOT_FOUND_EXCEPTION)
    assert b"SignedUrl" not in job.details_json.replace(b"ExportAssetToSignedUrl", b"")
