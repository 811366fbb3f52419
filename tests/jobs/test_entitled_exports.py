"""Exports by an account that was granted the data set, for as long as it is."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace

import pytest
from tests.grants import an_accepted_grant
from tests.jobs.harness import (
    OTHER_SCOPE,
    SCOPE,
    Harness,
    Interrupted,
    contents,
    imported,
    interrupt_at,
    now,
)
from tests.servers.both_databases import on_both_databases

from entrepot.database import data_grants, revisions
from entrepot.domain.data_grant import DataGrant
from entrepot.domain.errors import AccessDenied, ResourceNotFound
from entrepot.domain.job import ItemResult, Job, JobErrorCode, JobItem, JobState, JobType, RunId
from entrepot.domain.revision import Revision
from entrepot.domain.timestamp import Timestamp
from entrepot.entitlements.visibility import assets as seen_assets
from entrepot.entitlements.visibility import revisions as seen_revisions
from entrepot.entitlements.visibility.data_sets import entitled
from entrepot.jobs.crash_points import CrashPoint
from entrepot.jobs.definition import Callbacks, Run
from entrepot.jobs.export_revisions_to_s3 import ExportRevisionsToS3
from entrepot.model import shapes


@dataclass(frozen=True)
class Granted:
    """A data set of SCOPE's with one finalized revision, granted to OTHER_SCOPE, and accepted."""

    harness: Harness
    grant: DataGrant
    source: Revision
    seen: Revision
    """The revision as the receiver knows it."""

    @classmethod
    async def on(
        cls, harness: Harness, objects: Mapping[str, bytes], ends_at: Timestamp | None = None
    ) -> Granted:
        source = await harness.revision()
        await imported(harness, source, objects)
        source = await harness.finalized(source)
        moment = now()
        grant = an_accepted_grant(
            moment,
            scope=SCOPE,
            receiver_id=OTHER_SCOPE.account_id,
            source_data_set_id=source.data_set_id,
            ends_at=ends_at,
        )
        await data_grants.insert(harness.database, grant)
        seen = await entitled(harness.database, OTHER_SCOPE, grant.data_set_id, now())
        assert seen is not None
        ((revision, _),) = await seen_revisions.page_entitled(harness.database, seen, after=None, limit=2)
        return cls(harness, grant, source, revision)

    async def export(self, pattern: str | None = None) -> Job:
        harness = self.harness
        harness.bucket("target")
        more = {} if pattern is None else {"KeyPattern": pattern}
        details = {
            "ExportRevisionsToS3": {
                "DataSetId": self.grant.data_set_id,
                "RevisionDestinations": [{"RevisionId": self.seen.id, "Bucket": "target", **more}],
            }
        }
        return await harness.create(JobType.EXPORT_REVISIONS_TO_S3, details, scope=OTHER_SCOPE)

    async def take_back(self) -> None:
        assert await data_grants.delete(self.harness.database, SCOPE, self.grant.id)

    async def revoke(self) -> None:
        revoked = replace(self.source, revocation_comment="wrong numbers", revoked_at=now())
        assert await revisions.save(self.harness.database, revoked)


class HeldUp(ExportRevisionsToS3):
    """An export that has begun to move and never gets further."""

    def __init__(self) -> None:
        self.moving = asyncio.Event()

    async def run_item(self, run: Run, item: JobItem, callbacks: Callbacks) -> ItemResult:
        self.moving.set()
        await asyncio.Event().wait()
        raise AssertionError


@on_both_databases
async def test_a_receiver_exports_under_the_identifiers_that_it_knows(harness: Harness) -> None:
    granted = await Granted.on(harness, {"a": b"1", "b": b"22"})
    assets = await seen_assets.all_of_revision(
        harness.database, OTHER_SCOPE, granted.grant.data_set_id, granted.seen.id, now()
    )
    job = await granted.export("${DataSet.Id}/${Revision.Id}/${Revision.CreatedAt}/${Asset.Id}")
    ended = await harness.finish(job)
    assert (ended.state, ended.errors) == (JobState.COMPLETED, ())
    created_at = granted.seen.created_at.isoformat()
    prefix = f"{granted.grant.data_set_id}/{granted.seen.id}/{created_at}"
    by_name = {asset.name: f"{prefix}/{asset.id}" for asset in assets}
    assert contents(harness.bucket("target")) == {by_name["a"]: b"1", by_name["b"]: b"22"}


async def test_chosen_assets_go_to_the_bucket_and_one_to_a_url(harness: Harness) -> None:
    granted = await Granted.on(harness, {"a": b"1", "b": b"22"})
    place = {"DataSetId": granted.grant.data_set_id, "RevisionId": granted.seen.id}
    assets = await seen_assets.all_of_revision(
        harness.database, OTHER_SCOPE, granted.grant.data_set_id, granted.seen.id, now()
    )
    harness.bucket("target")
    destinations = [{"AssetId": assets[0].id, "Bucket": "target"}]
    details = {"ExportAssetsToS3": {"AssetDestinations": destinations, **place}}
    job = await harness.create(JobType.EXPORT_ASSETS_TO_S3, details, scope=OTHER_SCOPE)
    assert (await harness.finish(job)).state is JobState.COMPLETED
    assert contents(harness.bucket("target")) == {"b": b"22"}
    details = {"ExportAssetToSignedUrl": {"AssetId": assets[1].id, **place}}
    job = await harness.create(JobType.EXPORT_ASSET_TO_SIGNED_URL, details, scope=OTHER_SCOPE)
    ended = await harness.finish(job)
    export = shapes.decode(ended.details_json, shapes.ResponseDetails).export_asset_to_signed_url
    assert export is not None
    assert export.signed_url is not None


@pytest.mark.parametrize("loss", ["take_back", "revoke"])
async def test_what_is_lost_before_the_job_runs_ends_it_in_error(harness: Harness, loss: str) -> None:
    granted = await Granted.on(harness, {"a": b"1"})
    job = await granted.export()
    await getattr(granted, loss)()
    ended = await harness.finish(job)
    assert ended.state is JobState.ERROR
    assert contents(harness.bucket("target")) == {}


@on_both_databases
@pytest.mark.parametrize("loss", ["take_back", "revoke"])
async def test_a_running_export_ends_when_its_account_loses_the_data_set(harness: Harness, loss: str) -> None:
    granted = await Granted.on(harness, {"a": b"1"})
    job = await granted.export()
    assert await _end(harness, job, granted, loss) is JobErrorCode.ACCESS_DENIED_EXCEPTION
    assert await harness.nothing_is_left_of(job)


async def _end(harness: Harness, job: Job, granted: Granted, loss: str) -> JobErrorCode:
    """Takes the entitlement away while bytes move; the code that the job ends with."""
    held_up = HeldUp()
    run_id: RunId = await harness.start(job)
    running = asyncio.create_task(harness.runner(definition=held_up).run(run_id))
    await held_up.moving.wait()
    await getattr(granted, loss)()
    await running
    ended = await harness.job(job.id)
    assert ended.state is JobState.ERROR
    (error,) = ended.errors
    return error.code


@pytest.mark.parametrize("loss", ["take_back", "revoke"])
async def test_an_export_does_not_complete_after_the_loss(harness: Harness, loss: str) -> None:
    """Everything has moved, so nobody looks any more but the transaction that ends the job."""
    granted = await Granted.on(harness, {"a": b"1"})
    job = await granted.export()
    run_id = await harness.start(job)
    with pytest.raises(Interrupted):
        await harness.runner(at=interrupt_at(CrashPoint.BEFORE_FINISH)).run(run_id)
    await getattr(granted, loss)()
    await harness.runner().run(run_id)
    ended = await harness.job(job.id)
    (error,) = ended.errors
    assert (ended.state, error.code) == (JobState.ERROR, JobErrorCode.ACCESS_DENIED_EXCEPTION)


async def test_a_running_export_ends_with_the_grant(harness: Harness) -> None:
    granted = await Granted.on(harness, {"a": b"1"}, ends_at=now().plus_seconds(1.5))
    job = await granted.export()
    held_up = HeldUp()
    await harness.runner(definition=held_up).run(await harness.start(job))
    (error,) = (await harness.job(job.id)).errors
    assert error.code is JobErrorCode.ACCESS_DENIED_EXCEPTION
    assert "no longer entitled" in error.message


async def test_a_revocation_does_not_stop_the_owners_own_export(harness: Harness) -> None:
    granted = await Granted.on(harness, {"a": b"1"})
    await granted.revoke()
    harness.bucket("target")
    details = {
        "ExportRevisionsToS3": {
            "DataSetId": granted.source.data_set_id,
            "RevisionDestinations": [{"RevisionId": granted.source.id, "Bucket": "target"}],
        }
    }
    job = await harness.create(JobType.EXPORT_REVISIONS_TO_S3, details)
    assert (await harness.finish(job)).state is JobState.COMPLETED


async def test_a_receiver_cannot_begin_an_export_of_what_it_has_lost(harness: Harness) -> None:
    granted = await Granted.on(harness, {"a": b"1"})
    await granted.revoke()
    with pytest.raises(AccessDenied, match="wrong numbers"):
        await granted.export()
    await granted.take_back()
    with pytest.raises(ResourceNotFound):
        await granted.export()
