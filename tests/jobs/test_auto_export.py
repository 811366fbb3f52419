"""Jobs that event actions began: they run as any other, and their end is told to their account."""

from __future__ import annotations

import json
from dataclasses import replace
from secrets import token_hex
from typing import Any

import pytest
from tests.grants import an_accepted_grant
from tests.jobs.harness import SCOPE, Harness, Interrupted, contents, imported, interrupt_at, now
from tests.servers.both_databases import on_both_databases

from entrepot.database import data_grants, events, jobs, revisions
from entrepot.domain.data_grant import DataGrant, MaskedKind
from entrepot.domain.event_action import EventAction
from entrepot.domain.job import Job, JobState
from entrepot.domain.revision import Revision
from entrepot.domain.scope import Scope
from entrepot.domain.timestamp import Timestamp
from entrepot.jobs.auto_export import export_job
from entrepot.jobs.crash_points import CrashPoint
from entrepot.model import shapes

RECEIVER = Scope("222222222222", "us-east-1")


async def published(harness: Harness) -> Revision:
    revision = await harness.revision()
    await imported(harness, revision, {"a.csv": b"1", "b/c.csv": b"22"})
    final = await harness.finalized(replace(revision, comment="the first"))
    found = await revisions.get_published(harness.database, SCOPE, final.data_set_id, final.id)
    assert found is not None
    return final


async def granted(harness: Harness, revision: Revision, *, ends_at: Timestamp | None = None) -> DataGrant:
    moment = now().plus_seconds(-3600)
    grant = an_accepted_grant(
        moment,
        scope=SCOPE,
        receiver_id=RECEIVER.account_id,
        source_data_set_id=revision.data_set_id,
        ends_at=ends_at,
    )
    await data_grants.insert(harness.database, grant)
    return grant


async def auto_exported(
    harness: Harness, grant: DataGrant, revision: Revision, pattern: str | None = None
) -> Job:
    """A waiting job as a publication makes one."""
    action = shapes.Action(
        export_revision_to_s3=shapes.AutoExportRevisionToS3RequestDetails(
            revision_destination=shapes.AutoExportRevisionDestinationEntry(
                bucket="target", key_pattern=pattern
            )
        )
    )
    moment = now()
    made = EventAction(RECEIVER, token_hex(16), grant.data_set_id, shapes.encode(action), moment, moment)
    seen_id = grant.masked(MaskedKind.REVISION, revision.id)
    job = export_job(made, seen_id, job_id=token_hex(16), now=moment)
    await jobs.insert(harness.database, job)
    return job


async def told(
    harness: Harness, scope: Scope = RECEIVER
) -> list[tuple[str, tuple[str, ...], dict[str, Any]]]:
    found = await events.after(harness.database, scope, 0, 100)
    return [(event.detail_type, event.resources, json.loads(event.detail_json)) for event in found]


@on_both_databases
async def test_it_exports_under_the_default_pattern_and_says_so(harness: Harness) -> None:
    target = harness.bucket("target")
    revision = await published(harness)
    grant = await granted(harness, revision)
    job = await auto_exported(harness, grant, revision)
    assert (await harness.finish(job)).state is JobState.COMPLETED
    found = await revisions.get_published(harness.database, SCOPE, revision.data_set_id, revision.id)
    assert found is not None
    folder = found[1].isoformat()
    assert contents(target) == {f"{folder}/a.csv": b"1", f"{folder}/b/c.csv": b"22"}
    seen_id = grant.masked(MaskedKind.REVISION, revision.id)
    assert await told(harness) == [
        (
            "Auto-export Job Completed",
            (grant.data_set_id,),
            {
                "RevisionIds": [seen_id],
                "Revisions": [{"Id": seen_id, "Comment": "the first"}],
                "DataSetIds": [grant.data_set_id],
                "DataSets": [{"Id": grant.data_set_id, "Name": grant.data_set_name}],
                "DataGrant": {
                    "Arn": f"arn:aws:dataexchange:us-east-1:{SCOPE.account_id}:data-grants/{grant.id}",
                    "Name": "for you",
                },
            },
        )
    ]
    assert await told(harness, SCOPE) == []


@on_both_databases
async def test_one_that_fails_says_so(harness: Harness) -> None:
    revision = await published(harness)  # and there is no bucket `target`
    grant = await granted(harness, revision)
    job = await auto_exported(harness, grant, revision)
    assert (await harness.finish(job)).state is JobState.ERROR
    ((kind, resources, detail),) = await told(harness)
    assert (kind, resources) == ("Auto-export Job Failed", (grant.data_set_id,))
    assert detail["RevisionIds"] == [grant.masked(MaskedKind.REVISION, revision.id)]


async def test_one_that_takes_too_long_has_failed(harness: Harness) -> None:
    harness.bucket("target")
    revision = await published(harness)
    job = await auto_exported(harness, await granted(harness, revision), revision)
    run_id = await harness.start(job)
    await harness.runner(timeout_seconds=0).run(run_id)
    assert (await harness.job(job.id)).state is JobState.TIMED_OUT
    assert [kind for kind, _, _ in await told(harness)] == ["Auto-export Job Failed"]


async def test_a_job_that_a_user_made_tells_nobody(harness: Harness) -> None:
    target = harness.bucket("target")
    revision = await published(harness)
    job = await auto_exported(harness, await granted(harness, revision), revision)
    by_user = replace(job, id=token_hex(16), event_action_id=None)
    await jobs.insert(harness.database, by_user)
    assert (await harness.finish(by_user)).state is JobState.COMPLETED
    assert len(contents(target)) == 2
    assert await told(harness) == []


@on_both_databases
async def test_an_end_that_was_not_committed_is_not_told_and_then_told_once(harness: Harness) -> None:
    harness.bucket("target")
    revision = await published(harness)
    job = await auto_exported(harness, await granted(harness, revision), revision)
    run_id = await harness.start(job)
    with pytest.raises(Interrupted):
        await harness.runner(at=interrupt_at(CrashPoint.INSIDE_FINISH)).run(run_id)
    assert await told(harness) == []
    taken_over = await harness.taken_over(run_id)
    await harness.runner().run(run_id)  # who lost it says nothing
    assert await told(harness) == []
    await harness.runner().run(taken_over)
    await harness.runner().run(taken_over)
    assert [kind for kind, _, _ in await told(harness)] == ["Auto-export Job Completed"]


async def test_after_the_end_of_the_grant_nothing_is_exported_and_that_is_told(harness: Harness) -> None:
    target = harness.bucket("target")
    revision = await published(harness)
    grant = await granted(harness, revision, ends_at=now().plus_seconds(-1))
    job = await auto_exported(harness, grant, revision)
    assert (await harness.finish(job)).state is JobState.ERROR
    assert contents(target) == {}
    assert [kind for kind, _, _ in await told(harness)] == ["Auto-export Job Failed"]


async def test_where_the_grant_was_taken_back_nothing_is_exported_nor_told_once_more(
    harness: Harness,
) -> None:
    target = harness.bucket("target")
    revision = await published(harness)
    grant = await granted(harness, revision)
    job = await auto_exported(harness, grant, revision)
    assert await data_grants.delete(harness.database, SCOPE, grant.id)
    assert (await harness.finish(job)).state is JobState.ERROR
    assert contents(target) == {}
    assert await told(harness) == []


async def test_a_revoked_revision_is_not_exported(harness: Harness) -> None:
    target = harness.bucket("target")
    revision = await published(harness)
    job = await auto_exported(harness, await granted(harness, revision), revision)
    revoked = replace(revision, revocation_comment="wrong numbers", revoked_at=now())
    await revisions.save(harness.database, revoked)
    ended = await harness.finish(job)
    assert ended.state is JobState.ERROR
    assert "wrong numbers" in ended.errors[0].message
    assert contents(target) == {}
    assert [kind for kind, _, _ in await told(harness)] == ["Auto-export Job Failed"]
