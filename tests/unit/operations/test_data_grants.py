from __future__ import annotations

import asyncio

import pytest
from tests.servers.both_databases import on_both_databases
from tests.unit.operations.application import NOWHERE, Application
from tests.unit.operations.granting import RECEIVER_ID, STRANGER_ID, Exchange

from entrepot.database import events
from entrepot.domain.errors import (
    AccessDenied,
    Conflict,
    ResourceNotFound,
    ResourceType,
    ServiceLimitExceeded,
    ValidationFailed,
)
from entrepot.domain.limits import Limit
from entrepot.model import shapes
from entrepot.operations.context import Context
from entrepot.operations.data_grants import (
    create_data_grant,
    delete_data_grant,
    get_data_grant,
    get_received_data_grant,
    list_data_grants,
    list_received_data_grants,
)
from entrepot.operations.data_sets import delete_data_set
from entrepot.operations.revisions import delete_revision
from entrepot.operations.tags import list_tags_for_resource, tag_resource

PENDING, ACCEPTED = "PENDING_RECEIVER_ACCEPTANCE", "ACCEPTED"


@pytest.fixture
async def exchange(application: Application) -> Exchange:
    return await Exchange.opened(application)


async def told(context: Context) -> list[str]:
    """The detail types of the events that an account has."""
    page = await events.after(context.services.database, context.scope, 0, 100)
    return [event.detail_type for event in page]


@on_both_databases
async def test_a_grant_is_created_seen_by_both_and_accepted_once(exchange: Exchange) -> None:
    created = await exchange.grant()
    assert created.acceptance_state == PENDING
    assert created.source_data_set_id == exchange.data_set_id
    assert created.data_set_id not in (exchange.data_set_id, created.id)
    assert created.arn == f"arn:aws:dataexchange:us-east-1:111111111111:data-grants/{created.id}"
    sent = await get_data_grant(exchange.provider, shapes.GetDataGrantRequest(data_grant_id=created.id))
    assert shapes.encode(sent) == shapes.encode(created)
    by_arn = await get_data_grant(exchange.provider, shapes.GetDataGrantRequest(data_grant_id=created.arn))
    assert by_arn == sent

    exchange.application.clock.advance(5)
    accepted = await exchange.accept(created.arn)
    assert (accepted.acceptance_state, accepted.accepted_at) == (ACCEPTED, exchange.application.clock())
    request = shapes.GetReceivedDataGrantRequest(data_grant_arn=created.arn)
    received = await get_received_data_grant(exchange.receiver, request)
    assert shapes.encode(received) == shapes.encode(accepted)
    with pytest.raises(Conflict) as caught:
        await exchange.accept(created.arn)
    assert caught.value.resource_type is ResourceType.DATA_GRANT
    assert await told(exchange.provider) == ["Data Grant Accepted"]


@on_both_databases
async def test_two_accept_at_once_and_one_of_them_does(exchange: Exchange) -> None:
    created = await exchange.grant()
    results = await asyncio.gather(*(exchange.accept(created.arn) for _ in range(2)), return_exceptions=True)
    assert sum(isinstance(result, Conflict) for result in results) == 1
    assert await told(exchange.provider) == ["Data Grant Accepted"]


async def test_nobody_but_the_receiver_accepts_or_sees_a_received_grant(exchange: Exchange) -> None:
    created = await exchange.grant()
    request = shapes.GetReceivedDataGrantRequest(data_grant_arn=created.arn)
    for context in (exchange.provider, exchange.application.context(STRANGER_ID)):
        with pytest.raises(ResourceNotFound):
            await exchange.accept(created.arn, context)
        with pytest.raises(ResourceNotFound):
            await get_received_data_grant(context, request)
    elsewhere = exchange.application.context(RECEIVER_ID, "eu-west-1")
    with pytest.raises(ResourceNotFound):
        await exchange.accept(created.arn, elsewhere)


async def test_an_arn_that_names_another_sender_leads_nowhere(exchange: Exchange) -> None:
    created = await exchange.grant()
    forged = created.arn.replace("111111111111", STRANGER_ID)
    with pytest.raises(ResourceNotFound):
        await exchange.accept(forged)
    for named in (forged, NOWHERE):
        with pytest.raises(ResourceNotFound):
            await get_data_grant(exchange.provider, shapes.GetDataGrantRequest(data_grant_id=named))
        with pytest.raises(ResourceNotFound):
            await delete_data_grant(exchange.provider, shapes.DeleteDataGrantRequest(data_grant_id=named))


async def test_only_its_sender_sees_and_deletes_a_given_grant(exchange: Exchange) -> None:
    created = await exchange.entitle()
    for context in (exchange.receiver, exchange.application.context(STRANGER_ID)):
        with pytest.raises(ResourceNotFound):
            await get_data_grant(context, shapes.GetDataGrantRequest(data_grant_id=created.id))
        with pytest.raises(ResourceNotFound):
            await delete_data_grant(context, shapes.DeleteDataGrantRequest(data_grant_id=created.id))
        listed = await list_data_grants(context, shapes.ListDataGrantsRequest())
        assert listed.data_grant_summaries == []


@on_both_databases
async def test_lists_go_by_pages_newest_first_and_by_acceptance_state(exchange: Exchange) -> None:
    grants = [await exchange.grant() for _ in range(5)]
    for granted in grants[::2]:
        await exchange.accept(granted.arn)
    newest_first = [granted.id for granted in reversed(grants)]

    async def walk(context: Context, states: list[str] | None = None) -> list[str]:
        ids: list[str] = []
        token: str | None = None
        while True:
            page = await list_received_data_grants(
                context,
                shapes.ListReceivedDataGrantsRequest(
                    acceptance_state=states, max_results=2, next_token=token
                ),
            )
            ids += [entry.id for entry in page.data_grant_summaries or ()]
            token = page.next_token
            if token is None:
                return ids

    assert await walk(exchange.receiver) == newest_first
    assert await walk(exchange.receiver, [ACCEPTED, PENDING]) == newest_first
    assert await walk(exchange.receiver, [ACCEPTED]) == newest_first[::2]
    assert await walk(exchange.receiver, [PENDING]) == newest_first[1::2]
    first = await list_data_grants(exchange.provider, shapes.ListDataGrantsRequest(max_results=3))
    assert [entry.id for entry in first.data_grant_summaries or ()] == newest_first[:3]
    rest = await list_data_grants(
        exchange.provider, shapes.ListDataGrantsRequest(next_token=first.next_token)
    )
    assert [entry.id for entry in rest.data_grant_summaries or ()] == newest_first[3:]


async def test_a_deleted_grant_is_gone_for_both_and_the_receiver_is_told(exchange: Exchange) -> None:
    created = await exchange.entitle()
    await exchange.take_back(created.arn)
    assert "Data Grant Revoked" in await told(exchange.receiver)
    with pytest.raises(ResourceNotFound):
        await get_data_grant(exchange.provider, shapes.GetDataGrantRequest(data_grant_id=created.id))
    with pytest.raises(ResourceNotFound):
        await get_received_data_grant(
            exchange.receiver, shapes.GetReceivedDataGrantRequest(data_grant_arn=created.arn)
        )


@pytest.mark.parametrize("accepted", [True, False])
async def test_nobody_is_told_of_a_grant_that_had_ended(exchange: Exchange, accepted: bool) -> None:
    created = await exchange.grant(ends_at=exchange.application.clock().plus_seconds(60))
    if accepted:
        await exchange.accept(created.arn)
    exchange.application.clock.advance(60_000)
    await exchange.take_back(created.arn)
    assert "Data Grant Revoked" not in await told(exchange.receiver)


async def test_tags_of_a_grant_are_its_senders(exchange: Exchange) -> None:
    request = shapes.CreateDataGrantRequest(
        name="tagged",
        grant_distribution_scope="AWS_ORGANIZATION",
        receiver_principal=RECEIVER_ID,
        source_data_set_id=exchange.data_set_id,
        tags={"team": "a"},
    )
    created = await create_data_grant(exchange.provider, request)
    assert created.tags == {"team": "a"}
    await tag_resource(
        exchange.provider, shapes.TagResourceRequest(resource_arn=created.arn, tags={"more": "b"})
    )
    got = await get_data_grant(exchange.provider, shapes.GetDataGrantRequest(data_grant_id=created.id))
    assert got.tags == {"team": "a", "more": "b"}
    with pytest.raises(ResourceNotFound):
        await list_tags_for_resource(
            exchange.receiver, shapes.ListTagsForResourceRequest(resource_arn=created.arn)
        )


async def test_what_cannot_be_granted(exchange: Exchange) -> None:
    with pytest.raises(ValidationFailed, match="in the past"):
        await exchange.grant(ends_at=exchange.application.clock())
    with pytest.raises(ValidationFailed, match="own account"):
        await exchange.grant("111111111111")
    await exchange.finalize(exchange.revision_id, finalized=False)
    with pytest.raises(ValidationFailed, match="no finalized revision"):
        await exchange.grant()


async def test_an_entitled_data_set_cannot_be_granted_on(exchange: Exchange) -> None:
    created = await exchange.entitle()
    request = shapes.CreateDataGrantRequest(
        name="mine now",
        grant_distribution_scope="NONE",
        receiver_principal=STRANGER_ID,
        source_data_set_id=created.data_set_id,
    )
    with pytest.raises(AccessDenied):
        await create_data_grant(exchange.receiver, request)


async def test_a_grant_that_has_ended_cannot_be_accepted(exchange: Exchange) -> None:
    created = await exchange.grant(ends_at=exchange.application.clock().plus_seconds(60))
    exchange.application.clock.advance(61_000)
    with pytest.raises(Conflict, match="has ended"):
        await exchange.accept(created.arn)


@pytest.mark.parametrize(
    ("limit", "name"),
    [
        (Limit.PENDING_DATA_GRANTS_PER_CONSUMER, "Pending data grants per consumer"),
        (Limit.LIVE_DATA_GRANTS, "Active and pending data grants"),
    ],
)
async def test_the_quotas_of_grants(application: Application, limit: Limit, name: str) -> None:
    exchange = await Exchange.opened(application.with_limits({limit: 1}))
    ended = exchange.application.clock().plus_seconds(60)
    await exchange.grant(ends_at=ended)
    with pytest.raises(ServiceLimitExceeded) as caught:
        await exchange.grant()
    assert (caught.value.limit_name, caught.value.limit_value) == (name, 1.0)
    exchange.application.clock.advance(61_000)
    await exchange.grant()


async def test_what_is_granted_stays_until_the_grant_is_gone(exchange: Exchange) -> None:
    created = await exchange.grant()
    with pytest.raises(Conflict, match=created.id):
        await delete_data_set(
            exchange.provider, shapes.DeleteDataSetRequest(data_set_id=exchange.data_set_id)
        )
    with pytest.raises(Conflict, match="revoked"):
        await exchange.finalize(exchange.revision_id, finalized=False)
    place = {"data_set_id": exchange.data_set_id, "revision_id": exchange.revision_id}
    with pytest.raises(Conflict):
        await delete_revision(exchange.provider, shapes.DeleteRevisionRequest(**place))
    await exchange.take_back(created.id)
    await exchange.finalize(exchange.revision_id, finalized=False)
    await delete_revision(exchange.provider, shapes.DeleteRevisionRequest(**place))
    await delete_data_set(exchange.provider, shapes.DeleteDataSetRequest(data_set_id=exchange.data_set_id))
