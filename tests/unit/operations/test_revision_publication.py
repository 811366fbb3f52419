"""What a publication, or a revocation, begins at the receivers."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from tests.servers.both_databases import BOTH_DATABASES
from tests.unit.operations.application import Application, present
from tests.unit.operations.granting import RECEIVER_ID, STRANGER_ID, Exchange
from tests.unit.operations.receiving import BUCKET, action, create, create_id, jobs_of, told, with_buckets

from entrepot.database import data_sets, job_runs, revisions
from entrepot.domain.errors import Conflict
from entrepot.domain.job import JobState, JobType
from entrepot.domain.limits import Limit
from entrepot.model import shapes
from entrepot.operations.context import Context
from entrepot.operations.event_actions import delete_event_action
from entrepot.operations.jobs import create_job, get_job, start_job
from entrepot.operations.revisions import publish


@pytest.fixture(params=BOTH_DATABASES)
def database_kind(request: pytest.FixtureRequest) -> str:
    kind: str = request.param
    return kind


@pytest.fixture
async def exchange(application: Application, tmp_path: Path) -> Exchange:
    return (await with_buckets(application, tmp_path / "buckets"))[0]


@pytest.fixture
def receiver(exchange: Exchange) -> Context:
    return exchange.receiver


async def published_to(context: Context) -> list[dict[str, object]]:
    return [detail for kind, _, detail in await told(context) if kind == "Revision Published To Data Set"]


async def test_receivers_are_told_of_a_published_revision_under_ids_of_their_own(
    exchange: Exchange, receiver: Context
) -> None:
    other = exchange.application.context(STRANGER_ID)
    mine = await exchange.entitle()
    theirs = await exchange.grant(STRANGER_ID)
    await exchange.accept(theirs.arn, other)
    assert await told(receiver) == []  # what was published before is not told of
    source_id = await exchange.publish()
    seen = set()
    for context, granted in ((receiver, mine), (other, theirs)):
        ((kind, resources, detail),) = await told(context)
        assert kind == "Revision Published To Data Set"
        assert resources == (granted.data_set_id,)
        (revision_id,) = detail["RevisionIds"]
        assert detail["Revisions"] == [{"Id": revision_id, "Comment": ""}]
        assert detail["DataSets"] == [{"Id": granted.data_set_id, "Name": "prices"}]
        assert detail["DataGrant"] == {"Arn": granted.arn, "Name": "for you"}
        seen.add(revision_id)
    assert len(seen) == 2
    assert source_id not in seen


async def test_nobody_else_is_told(exchange: Exchange, receiver: Context) -> None:
    end = exchange.application.clock().plus_seconds(10)
    await exchange.entitle(ends_at=end)
    taken = await exchange.entitle()
    await exchange.grant()  # pending
    await exchange.take_back(taken.id)
    exchange.application.clock.advance(10_000)
    await exchange.publish()
    assert await published_to(receiver) == []


async def test_changing_a_comment_or_finalizing_twice_publishes_nothing(
    exchange: Exchange, receiver: Context
) -> None:
    await exchange.entitle()
    revision_id = await exchange.publish()
    await exchange.finalize(revision_id)
    assert len(await published_to(receiver)) == 1


async def test_receivers_are_told_of_one_reason_once(exchange: Exchange, receiver: Context) -> None:
    await exchange.entitle()
    for _ in range(3):
        await exchange.revoke(exchange.revision_id)
    assert [kind for kind, _, _ in await told(receiver)] == ["Revision Revoked"]


async def test_receivers_are_told_of_a_revocation_and_of_a_new_reason(
    exchange: Exchange, receiver: Context
) -> None:
    granted = await exchange.entitle()
    await exchange.publish()
    (published,) = await published_to(receiver)
    await exchange.revoke(exchange.revision_id)
    await exchange.revoke(exchange.revision_id, "really wrong numbers")
    first, second = (await told(receiver))[1:]
    assert (first[0], first[1]) == ("Revision Revoked", (granted.data_set_id,))
    assert first[2]["RevocationComment"] == "wrong numbers"
    assert second[2]["RevocationComment"] == "really wrong numbers"
    assert first[2]["RevisionIds"] == second[2]["RevisionIds"] != published["RevisionIds"]


async def test_an_event_action_exports_what_is_published_from_then_on(
    exchange: Exchange, receiver: Context
) -> None:
    granted = await exchange.entitle()
    created = await create(receiver, granted.data_set_id)
    assert await jobs_of(receiver) == []
    await exchange.publish()
    (event,) = await published_to(receiver)
    (job,) = await jobs_of(receiver)
    assert (job.type, job.state, job.attempt) == (
        JobType.EXPORT_REVISIONS_TO_S3,
        JobState.IN_PROGRESS,
        1,
    )
    assert [job.id] == [
        run.job_id for run in await job_runs.claim(exchange.application.database, "a worker", 9)
    ]
    answer = await get_job(receiver, shapes.GetJobRequest(job_id=job.id))
    assert json.loads(shapes.encode(answer))["Details"] == {
        "ExportRevisionsToS3": {
            "DataSetId": granted.data_set_id,
            "RevisionDestinations": [
                {
                    "Bucket": BUCKET,
                    "KeyPattern": "${Revision.CreatedAt}/${Asset.Name}",
                    "RevisionId": event["RevisionIds"][0],  # type: ignore[index]
                }
            ],
            "EventActionArn": created.arn,
        }
    }
    assert await jobs_of(exchange.provider) == []


async def test_pattern_and_encryption_are_those_of_the_action(exchange: Exchange, receiver: Context) -> None:
    granted = await exchange.entitle()
    await create(receiver, granted.data_set_id, action(pattern="x/${Asset.Id}", Type="AES256"))
    await exchange.publish()
    (job,) = await jobs_of(receiver)
    details = json.loads(job.details_json)["ExportRevisionsToS3"]
    assert details["RevisionDestinations"][0]["KeyPattern"] == "x/${Asset.Id}"
    assert details["Encryption"] == {"Type": "AES256"}


async def test_every_event_action_of_every_receiver_exports_its_own_copy(
    exchange: Exchange, receiver: Context
) -> None:
    other = exchange.application.context(STRANGER_ID)
    mine, again = await exchange.entitle(), await exchange.entitle()
    theirs = await exchange.grant(STRANGER_ID)
    await exchange.accept(theirs.arn, other)
    for context, granted in ((receiver, mine), (receiver, mine), (receiver, again), (other, theirs)):
        await create(context, granted.data_set_id)
    await exchange.publish()
    of_receiver, of_other = await jobs_of(receiver), await jobs_of(other)
    assert sorted(job.data_set_id for job in of_receiver) == sorted(
        [mine.data_set_id, mine.data_set_id, again.data_set_id]
    )
    assert [job.data_set_id for job in of_other] == [theirs.data_set_id]
    assert len({job.revision_ids for job in [*of_receiver, *of_other]}) == 3


async def test_a_deleted_event_action_exports_nothing(exchange: Exchange, receiver: Context) -> None:
    granted = await exchange.entitle()
    gone, kept = [await create_id(receiver, granted.data_set_id) for _ in range(2)]
    await delete_event_action(receiver, shapes.DeleteEventActionRequest(event_action_id=gone))
    await exchange.publish()
    assert [job.event_action_id for job in await jobs_of(receiver)] == [kept]


async def test_after_the_end_of_a_grant_its_event_actions_export_nothing(
    exchange: Exchange, receiver: Context
) -> None:
    ending = await exchange.entitle(ends_at=exchange.application.clock().plus_seconds(10))
    revoked = await exchange.entitle()
    for granted in (ending, revoked):
        await create(receiver, granted.data_set_id)
    await exchange.take_back(revoked.id)
    exchange.application.clock.advance(10_000)
    await exchange.publish()
    assert await jobs_of(receiver) == []


async def test_the_quota_of_jobs_in_progress_neither_stops_nor_counts_auto_exports(
    exchange: Exchange, receiver: Context
) -> None:
    limits = {Limit.CONCURRENT_REVISION_EXPORTS: 1}
    context = exchange.application.with_limits(limits).context(RECEIVER_ID)
    granted = await exchange.entitle()
    for _ in range(3):
        await create(context, granted.data_set_id)
    await exchange.publish()
    assert [job.state for job in await jobs_of(context)] == [JobState.IN_PROGRESS] * 3
    (event,) = await published_to(context)
    destination = shapes.RevisionDestinationEntry(
        bucket=BUCKET,
        revision_id=event["RevisionIds"][0],  # type: ignore[index]
    )
    details = shapes.RequestDetails(
        export_revisions_to_s3=shapes.ExportRevisionsToS3RequestDetails(
            data_set_id=granted.data_set_id, revision_destinations=[destination]
        )
    )
    request = shapes.CreateJobRequest(type="EXPORT_REVISIONS_TO_S3", details=details)
    first, second = [present((await create_job(context, request)).id) for _ in range(2)]
    await start_job(context, shapes.StartJobRequest(job_id=first))
    with pytest.raises(Conflict, match="the most at a time"):
        await start_job(context, shapes.StartJobRequest(job_id=second))


async def test_jobs_and_events_are_there_with_the_revision_or_not_at_all(
    exchange: Exchange, receiver: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    granted = await exchange.entitle()
    await create(receiver, granted.data_set_id)

    async def fail(*_: object) -> None:
        raise RuntimeError("the process ends here")

    monkeypatch.setattr("entrepot.operations.revisions.record", fail)
    with pytest.raises(RuntimeError):
        await exchange.publish()
    assert await jobs_of(receiver) == []
    assert await job_runs.claim(exchange.application.database, "a worker", 9) == []
    assert await published_to(receiver) == []


async def test_a_grant_that_is_deleted_meanwhile_is_deleted_after_the_publication(
    exchange: Exchange, receiver: Context
) -> None:
    granted = await exchange.entitle()
    services, scope = exchange.application.services, exchange.provider.scope
    async with services.database.transaction() as connection:
        data_set = await data_sets.get(connection, scope, exchange.data_set_id)
        revision = await revisions.get(connection, scope, exchange.data_set_id, exchange.revision_id)
        assert data_set is not None
        assert revision is not None
        await publish(connection, services, revision, data_set)
        deleting = asyncio.ensure_future(exchange.take_back(present(granted.id)))
        done, _ = await asyncio.wait([deleting], timeout=0.2)
        assert not done
    await deleting
    kinds = [kind for kind, _, _ in await told(receiver)]
    assert kinds == ["Revision Published To Data Set", "Data Grant Revoked"]
