from __future__ import annotations

import base64
import hashlib
from dataclasses import replace

import pytest
from tests.jobs.harness import SCOPE, Harness, Interrupted, import_details, imported, interrupt_at, now
from tests.servers.both_databases import on_both_databases

from entrepot.database import data_sets, garbage, revisions, tags
from entrepot.domain.arn import asset_arn
from entrepot.domain.data_set import AssetType
from entrepot.domain.identifiers import derived_asset_id, upload_store_key
from entrepot.domain.job import Job, JobErrorCode, JobState, JobType, Location, RunId
from entrepot.domain.limits import Limit, Limits
from entrepot.domain.revision import Revision
from entrepot.jobs.crash_points import CrashPoint
from entrepot.jobs.sweeps import sweep_garbage

S3 = JobType.IMPORT_ASSETS_FROM_S3
SIGNED_URL = JobType.IMPORT_ASSET_FROM_SIGNED_URL


def md5(content: bytes) -> str:
    return base64.b64encode(hashlib.md5(content).digest()).decode()


async def upload_job(
    harness: Harness,
    revision: Revision,
    content: bytes | None,
    *,
    md5_hash: str | None = None,
    name: str = "./a.csv",
) -> Job:
    """A job that was created, with its file uploaded unless `content` is None."""
    details = {
        "ImportAssetFromSignedUrl": {
            "AssetName": name,
            "DataSetId": revision.data_set_id,
            "RevisionId": revision.id,
            "Md5Hash": md5_hash or md5(content or b""),
        }
    }
    job = await harness.create(SIGNED_URL, details)
    if content is not None:
        harness.own.put(upload_store_key(job.id), memoryview(content), len(content))
    return job


@on_both_databases
async def test_objects_become_assets_named_by_their_keys(harness: Harness) -> None:
    revision = await harness.revision()
    objects = {"2024/prices.csv": b"1,2,3", "a//b/../c ": b"", "é": b"x" * 2_000_000}
    assets = await imported(harness, revision, objects)
    assert {asset.name: harness.content(asset) for asset in assets} == objects
    assert [asset.size_bytes for asset in assets] == [5, 0, 2_000_000]
    assert {asset.asset_type for asset in assets} == {AssetType.S3_SNAPSHOT}
    assert harness.stored_keys() == {asset.store_key for asset in assets}


async def test_a_finished_job_is_completed_and_leaves_nothing_behind(harness: Harness) -> None:
    revision = await harness.revision()
    harness.put("source", {"a": b"a"})
    job = await harness.finish(await harness.create(S3, import_details(revision, "source", ["a"])))
    (asset,) = await harness.assets(revision)
    assert (job.state, job.errors) == (JobState.COMPLETED, ())
    assert job.created_at <= asset.created_at <= job.updated_at
    assert asset.id == derived_asset_id(job.id, 0)
    assert await harness.nothing_is_left_of(job)


async def test_an_object_named_twice_becomes_two_assets(harness: Harness) -> None:
    revision = await harness.revision()
    harness.put("source", {"a": b"a"})
    await harness.finish(await harness.create(S3, import_details(revision, "source", ["a", "a"])))
    assets = await harness.assets(revision)
    assert [asset.name for asset in assets] == ["a", "a"]
    assert len({asset.id for asset in assets}) == 2


async def test_what_happens_to_the_source_later_does_not_matter(harness: Harness) -> None:
    (asset,) = await imported(harness, await harness.revision(), {"a": b"first"})
    harness.put("source", {"a": b"second"})
    assert harness.content(asset) == b"first"


async def test_the_tags_of_the_job_are_put_on_every_asset(harness: Harness) -> None:
    revision = await harness.revision()
    harness.put("source", {"a": b"a", "b": b"b"})
    job = await harness.create(S3, import_details(revision, "source", ["a", "b"]), {"team": "x", "empty": ""})
    await harness.finish(job)
    for asset in await harness.assets(revision):
        arn = asset_arn(SCOPE, revision.data_set_id, revision.id, asset.id)
        assert await tags.get(harness.database, SCOPE, arn) == {"team": "x", "empty": ""}


async def test_one_bad_object_means_no_asset_and_all_bad_ones_are_named(harness: Harness) -> None:
    revision = await harness.revision()
    harness.put("source", {"good": b"a"})
    details = import_details(revision, "source", ["good", "gone/1", "gone/2"])
    job = await harness.finish(await harness.create(S3, details))
    assert job.state is JobState.ERROR
    (error,) = job.errors
    assert error.code is JobErrorCode.RESOURCE_NOT_FOUND_EXCEPTION
    assert error.objects == (Location("source", "gone/1"), Location("source", "gone/2"))
    assert "gone/1" in error.message
    assert await harness.assets(revision) == []
    assert harness.stored_keys() == set()
    assert await harness.nothing_is_left_of(job)


async def test_a_missing_bucket_is_named(harness: Harness) -> None:
    details = import_details(await harness.revision(), "nowhere", ["a"])
    job = await harness.finish(await harness.create(S3, details))
    (error,) = job.errors
    assert (error.code, error.objects) == (
        JobErrorCode.RESOURCE_NOT_FOUND_EXCEPTION,
        (Location("nowhere", "a"),),
    )
    assert "nowhere" in error.message


async def test_an_object_that_changes_under_way_ends_the_job_and_what_was_written_is_swept(
    harness: Harness,
) -> None:
    revision = await harness.revision()
    harness.put("source", {"steady": b"a", "restless": b"b"})

    def change(point: CrashPoint) -> None:
        if point is CrashPoint.PLAN_RECORDED:
            harness.put("source", {"restless": b"changed"})

    details = import_details(revision, "source", ["steady", "restless"])
    job = await harness.finish(await harness.create(S3, details), at=change)
    (error,) = job.errors
    assert (job.state, error.code) == (JobState.ERROR, JobErrorCode.VALIDATION_EXCEPTION)
    assert error.objects == (Location("source", "restless"),)
    assert harness.stored_keys() != set()
    assert await sweep_garbage(harness.database, harness.transfer) == 2
    assert harness.stored_keys() == set()
    assert await garbage.page(harness.database, 10) == []


async def test_an_object_that_is_deleted_under_way_ends_the_job_and_no_asset_is_visible(
    harness: Harness,
) -> None:
    revision = await harness.revision()
    harness.put("source", {"kept": b"a", "gone": b"b"})

    def delete(point: CrashPoint) -> None:
        if point is CrashPoint.PLAN_RECORDED:
            harness.bucket("source").delete("gone")

    details = import_details(revision, "source", ["kept", "gone"])
    job = await harness.finish(await harness.create(S3, details), at=delete)
    (error,) = job.errors
    assert (job.state, error.code) == (JobState.ERROR, JobErrorCode.RESOURCE_NOT_FOUND_EXCEPTION)
    assert error.objects == (Location("source", "gone"),)
    assert await harness.assets(revision) == []
    await sweep_garbage(harness.database, harness.transfer)
    assert harness.stored_keys() == set()


async def test_a_bucket_that_is_deleted_under_way_ends_the_job_and_no_asset_is_visible(
    harness: Harness,
) -> None:
    revision = await harness.revision()
    harness.put("source", {"a": b"a", "b": b"b"})

    def delete(point: CrashPoint) -> None:
        if point is CrashPoint.PLAN_RECORDED:
            harness.delete_bucket("source")

    details = import_details(revision, "source", ["a", "b"])
    job = await harness.finish(await harness.create(S3, details), at=delete)
    (error,) = job.errors
    assert (job.state, error.code) == (JobState.ERROR, JobErrorCode.RESOURCE_NOT_FOUND_EXCEPTION)
    assert error.objects == (Location("source", "a"), Location("source", "b"))
    assert "There is no bucket source" in error.message
    assert await harness.assets(revision) == []
    assert await harness.nothing_is_left_of(job)
    assert harness.stored_keys() == set()


async def test_an_object_over_the_size_limit_is_a_quota_error_that_lists_it(harness: Harness) -> None:
    tiny = replace(harness, limits=Limits({Limit.ASSET_SIZE_IN_GB: 0}))
    tiny.put("source", {"big": b"a", "empty": b""})
    details = import_details(await tiny.revision(), "source", ["big", "empty"])
    job = await tiny.finish(await tiny.create(S3, details))
    (error,) = job.errors
    assert (error.code, error.limit_name, error.limit_value, error.resource_type) == (
        JobErrorCode.SERVICE_QUOTA_EXCEEDED_EXCEPTION,
        "Asset size in GB",
        0.0,
        "ASSET",
    )
    assert error.objects == (Location("source", "big"),)


async def test_a_full_revision_takes_no_more(harness: Harness) -> None:
    small = replace(harness, limits=Limits({Limit.ASSETS_PER_REVISION: 3}))
    revision = await small.revision()
    await imported(small, revision, {"a": b"a", "b": b"b"})
    small.put("source", {"c": b"c", "d": b"d"})
    job = await small.finish(await small.create(S3, import_details(revision, "source", ["c", "d"])))
    (error,) = job.errors
    assert (error.code, error.limit_name, error.limit_value) == (
        JobErrorCode.SERVICE_QUOTA_EXCEEDED_EXCEPTION,
        "Assets per revision",
        3.0,
    )
    assert (error.resource_id, error.resource_type) == (revision.id, "REVISION")
    await imported(small, revision, {"e": b"e"})
    assert len(await small.assets(revision)) == 3


async def test_two_jobs_at_once_cannot_fill_a_revision_over_its_limit(harness: Harness) -> None:
    small = replace(harness, limits=Limits({Limit.ASSETS_PER_REVISION: 3}))
    revision = await small.revision()
    small.put("source", {"a": b"a", "b": b"b"})
    details = import_details(revision, "source", ["a", "b"])
    first, second = await small.create(S3, details), await small.create(S3, details)
    with pytest.raises(Interrupted):
        await small.finish(first, at=interrupt_at(CrashPoint.BEFORE_FINISH))
    assert (await small.finish(second)).state is JobState.COMPLETED
    await small.runner().run(RunId(first.id, 1))
    (error,) = (await small.job(first.id)).errors
    assert error.limit_name == "Assets per revision"
    assert len(await small.assets(revision)) == 2


@pytest.mark.parametrize("at", ["before the plan", "before the end"])
async def test_a_revision_that_is_closed_meanwhile_takes_nothing(harness: Harness, at: str) -> None:
    revision = await harness.revision()
    harness.put("source", {"a": b"a"})
    job = await harness.create(S3, import_details(revision, "source", ["a"]))
    run_id = await harness.start(job)
    if at == "before the end":
        with pytest.raises(Interrupted):
            await harness.runner(at=interrupt_at(CrashPoint.BEFORE_FINISH)).run(run_id)
    await harness.finalized(revision)
    await harness.runner().run(run_id)
    ended = await harness.job(job.id)
    (error,) = ended.errors
    assert (ended.state, error.code, error.resource_id) == (
        JobState.ERROR,
        JobErrorCode.VALIDATION_EXCEPTION,
        revision.id,
    )
    assert await harness.assets(revision) == []
    await sweep_garbage(harness.database, harness.transfer)
    assert harness.stored_keys() == set()


@pytest.mark.parametrize("what", ["revision", "data set"])
async def test_a_parent_that_is_deleted_meanwhile_is_not_found(harness: Harness, what: str) -> None:
    revision = await harness.revision()
    harness.put("source", {"a": b"a"})
    job = await harness.create(S3, import_details(revision, "source", ["a"]))
    if what == "revision":
        await revisions.delete(harness.database, SCOPE, revision.data_set_id, revision.id)
    else:
        await data_sets.delete(harness.database, SCOPE, revision.data_set_id)
    (error,) = (await harness.finish(job)).errors
    assert error.code is JobErrorCode.RESOURCE_NOT_FOUND_EXCEPTION
    assert (error.resource_id, error.resource_type) == (revision.id, "REVISION")


async def test_an_uploaded_file_becomes_an_asset_under_the_name_that_was_given(harness: Harness) -> None:
    revision = await harness.revision()
    job = await harness.finish(await upload_job(harness, revision, b"uploaded"))
    (asset,) = await harness.assets(revision)
    assert job.state is JobState.COMPLETED
    assert (asset.name, asset.size_bytes, harness.content(asset)) == ("./a.csv", 8, b"uploaded")
    await sweep_garbage(harness.database, harness.transfer)
    assert harness.stored_keys() == {asset.store_key}
    assert harness.content(asset) == b"uploaded"


async def test_starting_before_the_upload_fails_and_names_the_asset(harness: Harness) -> None:
    job = await harness.finish(await upload_job(harness, await harness.revision(), None))
    (error,) = job.errors
    assert (job.state, error.code, error.asset_name, error.objects) == (
        JobState.ERROR,
        JobErrorCode.RESOURCE_NOT_FOUND_EXCEPTION,
        "./a.csv",
        (),
    )


@pytest.mark.parametrize("md5_hash", [md5(b"something else"), "A" * 24])
async def test_a_file_with_another_md5_fails_the_job_and_is_swept(harness: Harness, md5_hash: str) -> None:
    revision = await harness.revision()
    job = await harness.finish(await upload_job(harness, revision, b"uploaded", md5_hash=md5_hash))
    (error,) = job.errors
    assert (job.state, error.code, error.asset_name) == (
        JobState.ERROR,
        JobErrorCode.VALIDATION_EXCEPTION,
        "./a.csv",
    )
    assert await harness.assets(revision) == []
    await sweep_garbage(harness.database, harness.transfer)
    assert harness.stored_keys() == set()


async def test_an_uploaded_file_over_the_size_limit_is_a_quota_error(harness: Harness) -> None:
    tiny = replace(harness, limits=Limits({Limit.SIGNED_URL_IMPORT_SIZE_IN_GB: 0}))
    job = await tiny.finish(await upload_job(tiny, await tiny.revision(), b"uploaded"))
    (error,) = job.errors
    assert (error.code, error.limit_name, error.asset_name) == (
        JobErrorCode.SERVICE_QUOTA_EXCEEDED_EXCEPTION,
        "Asset size in GB",
        "./a.csv",
    )


async def test_a_file_that_is_replaced_after_its_proof_ends_the_job(harness: Harness) -> None:
    revision = await harness.revision()
    job = await upload_job(harness, revision, b"uploaded")

    def replace_upload(point: CrashPoint) -> None:
        if point is CrashPoint.PLAN_RECORDED:
            harness.own.put(upload_store_key(job.id), memoryview(b"replaced"), 8)

    ended = await harness.finish(job, at=replace_upload)
    (error,) = ended.errors
    assert (error.code, error.asset_name) == (JobErrorCode.VALIDATION_EXCEPTION, "./a.csv")
    assert await harness.assets(revision) == []


async def test_an_asset_is_younger_than_its_job(harness: Harness) -> None:
    before = now()
    (asset,) = await imported(harness, await harness.revision(), {"a": b"a"})
    assert before <= asset.created_at == asset.updated_at <= now()
