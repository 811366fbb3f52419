"""Operations on data grants, given and received (behaviour reference, section 6).

The rules are in `domain.data_grant`.
"""

from __future__ import annotations

from collections.abc import Callable

from entrepot.database import data_grants, revisions, tags
from entrepot.database.connection import Connection
from entrepot.domain.arn import Arn, data_grant_arn
from entrepot.domain.data_grant import (
    AcceptanceState,
    DataGrant,
    DistributionScope,
    require_acceptable,
    require_grantable,
)
from entrepot.domain.data_set import DataSet
from entrepot.domain.errors import ResourceNotFound, ResourceType, ServiceLimitExceeded, ValidationFailed
from entrepot.domain.event import data_grant_accepted, data_grant_revoked
from entrepot.domain.limits import Limit
from entrepot.domain.tags import require_valid
from entrepot.domain.timestamp import Timestamp
from entrepot.events.event_log import record
from entrepot.jobs.definition import Answer, answer
from entrepot.model import shapes
from entrepot.operations import lookups
from entrepot.operations.context import Context
from entrepot.operations.pages import Listing

MAX_DESCRIPTION_LENGTH = 16_384


def _entry(grant: DataGrant) -> shapes.ReceivedDataGrantSummariesEntry:
    """What every answer about a grant says, to its sender and to its receiver."""
    return shapes.ReceivedDataGrantSummariesEntry(
        acceptance_state=grant.acceptance_state,
        accepted_at=grant.accepted_at,
        arn=data_grant_arn(grant.scope, grant.id),
        created_at=grant.created_at,
        data_set_id=grant.data_set_id,
        ends_at=grant.ends_at,
        id=grant.id,
        name=grant.name,
        receiver_principal=grant.receiver_id,
        sender_principal=grant.scope.account_id,
        updated_at=grant.updated_at,
    )


def _answer(kind: Callable[..., Answer], grant: DataGrant, **more: object) -> Answer:
    """What every answer about one grant says; lists leave description and scope out [C]."""
    scope = grant.distribution_scope
    said = {"description": grant.description, "grant_distribution_scope": scope, **more}
    return answer(kind, _entry(grant), **said)


async def create_data_grant(
    context: Context, request: shapes.CreateDataGrantRequest
) -> shapes.CreateDataGrantResponse:
    """Offers a data set to another account, which sees nothing of it until it accepts.

    Raises `ServiceLimitExceeded` when too many grants are open, to this receiver or at all.
    Crash: the grant and its tags are there together or not at all.
    """
    given_tags = request.tags or {}
    require_valid(given_tags)
    if request.description is not None and len(request.description) > MAX_DESCRIPTION_LENGTH:
        raise ValidationFailed(
            f"Description has {len(request.description)} characters; it may have {MAX_DESCRIPTION_LENGTH:,}."
        )
    services, scope = context.services, context.scope
    now = services.clock()
    async with services.database.transaction() as connection:
        # held, so that the revision that is found stays finalized and the data set stays there
        data_set = await lookups.own_data_set(connection, context, request.source_data_set_id, lock=True)
        require_grantable(
            sender_id=scope.account_id,
            receiver_id=request.receiver_principal,
            ends_at=request.ends_at,
            now=now,
            published=await revisions.any_published(connection, scope, data_set.id),
        )
        await _require_within_limits(connection, context, request.receiver_principal, now)
        grant = _grant(context, request, data_set, now)
        await data_grants.insert(connection, grant)
        if given_tags:
            await tags.put(connection, scope, data_grant_arn(scope, grant.id), given_tags)
    return _answer(
        shapes.CreateDataGrantResponse,
        grant,
        source_data_set_id=grant.source_data_set_id,
        tags=given_tags or None,
    )


def _grant(
    context: Context, request: shapes.CreateDataGrantRequest, data_set: DataSet, now: Timestamp
) -> DataGrant:
    services = context.services
    return DataGrant(
        scope=context.scope,
        id=services.new_identifier(),
        receiver_id=request.receiver_principal,
        source_data_set_id=data_set.id,
        data_set_id=services.new_identifier(),
        id_mask=services.new_identifier(),
        name=request.name,
        description=request.description,
        distribution_scope=DistributionScope(request.grant_distribution_scope),
        asset_type=data_set.asset_type,
        data_set_name=data_set.name,
        data_set_description=data_set.description,
        created_at=now,
        updated_at=now,
        ends_at=request.ends_at,
    )


async def _require_within_limits(
    connection: Connection, context: Context, receiver_id: str, now: Timestamp
) -> None:
    services, scope = context.services, context.scope
    # held so that the counts stay true until the grant is written
    await connection.hold(f"data grants {scope.account_id} {scope.region}")
    limit = services.limits[Limit.PENDING_DATA_GRANTS_PER_CONSUMER]
    if await data_grants.count_pending(connection, scope, receiver_id, now) >= limit:
        raise ServiceLimitExceeded(
            f"Account {receiver_id} has {limit} data grants of yours to accept, the most it may have; "
            "wait until it has accepted some, or delete one.",
            limit_name=Limit.PENDING_DATA_GRANTS_PER_CONSUMER,
            limit_value=float(limit),
        )
    limit = services.limits[Limit.LIVE_DATA_GRANTS]
    if await data_grants.count_sent(connection, scope, now) >= limit:
        raise ServiceLimitExceeded(
            f"This account has {limit} active and pending data grants in {scope.region}, the most it may "
            "have; delete one, or have the limit raised.",
            limit_name=Limit.LIVE_DATA_GRANTS,
            limit_value=float(limit),
        )


async def get_data_grant(
    context: Context, request: shapes.GetDataGrantRequest
) -> shapes.GetDataGrantResponse:
    """One grant that the caller has given, with its tags."""
    database, scope = context.services.database, context.scope
    grant = await _sent(database, context, request.data_grant_id)
    present_tags = await tags.get(database, scope, data_grant_arn(scope, grant.id))
    return _answer(
        shapes.GetDataGrantResponse,
        grant,
        source_data_set_id=grant.source_data_set_id,
        tags=present_tags or None,
    )


async def delete_data_grant(context: Context, request: shapes.DeleteDataGrantRequest) -> None:
    """Takes a grant back, pending or accepted: from the commit on the receiver sees nothing of the data set.

    Exports that run end in ERROR; what was exported before stays where it is [C]. Of a grant that had ended
    nothing is taken back, so nobody is told.
    Crash: the grant is there as before, or it is gone and its receiver is told.
    """
    services, scope = context.services, context.scope
    async with services.database.transaction() as connection:
        grant = await _sent(connection, context, request.data_grant_id)
        if not await data_grants.delete(connection, scope, grant.id):
            raise lookups.missing(ResourceType.DATA_GRANT, grant.id)
        await tags.remove_prefix(connection, scope, data_grant_arn(scope, grant.id))
        now = services.clock()
        if not grant.ended(now):
            await record(connection, [data_grant_revoked(grant)], now)


async def list_data_grants(
    context: Context, request: shapes.ListDataGrantsRequest
) -> shapes.ListDataGrantsResponse:
    """The grants that the caller has given, newest first [G]; ended ones stay until they are deleted."""
    listing = Listing.of(context, "ListDataGrants", request)
    rows = await data_grants.page_sent(
        context.services.database, context.scope, after=listing.after_moment, limit=listing.fetch
    )
    page = listing.page(rows, lambda grant: (grant.created_at.milliseconds, grant.id))
    return shapes.ListDataGrantsResponse(
        data_grant_summaries=[
            answer(shapes.DataGrantSummaryEntry, _entry(grant), source_data_set_id=grant.source_data_set_id)
            for grant in page.entries
        ],
        next_token=page.next_token,
    )


async def accept_data_grant(
    context: Context, request: shapes.AcceptDataGrantRequest
) -> shapes.AcceptDataGrantResponse:
    """Accepts a grant for the caller: everything finalized in the data set is the caller's to use.

    Raises `Conflict` for a grant that is accepted already [L], or has ended [G].
    Crash: accepted, and its sender told, or pending as before.
    """
    services = context.services
    async with services.database.transaction() as connection:
        now = services.clock()
        grant = await _received(connection, context, request.data_grant_arn, lock=True)
        require_acceptable(grant, now)
        await data_grants.accept(connection, grant.id, now)
        accepted = await _received(connection, context, request.data_grant_arn)
        await record(connection, [data_grant_accepted(accepted)], now)
    return _answer(shapes.AcceptDataGrantResponse, accepted)


async def get_received_data_grant(
    context: Context, request: shapes.GetReceivedDataGrantRequest
) -> shapes.GetReceivedDataGrantResponse:
    """One grant that the caller was given; also before it is accepted and after its end."""
    grant = await _received(context.services.database, context, request.data_grant_arn)
    return _answer(shapes.GetReceivedDataGrantResponse, grant)


async def list_received_data_grants(
    context: Context, request: shapes.ListReceivedDataGrantsRequest
) -> shapes.ListReceivedDataGrantsResponse:
    """The grants that the caller was given, newest first [G], of the states asked for; ended ones too [G]."""
    states = sorted(set(request.acceptance_state or ()))
    listing = Listing.of(context, "ListReceivedDataGrants", request, *states)
    rows = await data_grants.page_received(
        context.services.database,
        context.scope,
        AcceptanceState(states[0]) if len(states) == 1 else None,
        after=listing.after_moment,
        limit=listing.fetch,
    )
    page = listing.page(rows, lambda grant: (grant.created_at.milliseconds, grant.id))
    return shapes.ListReceivedDataGrantsResponse(
        data_grant_summaries=[_entry(grant) for grant in page.entries], next_token=page.next_token
    )


async def _sent(connection: Connection, context: Context, id_or_arn: str) -> DataGrant:
    """The grant that the caller has given; raises `ResourceNotFound`."""
    grant_id = _id_of(id_or_arn)
    grant = await data_grants.get_sent(connection, context.scope, grant_id)
    if grant is None or id_or_arn not in (grant_id, data_grant_arn(grant.scope, grant_id)):
        raise lookups.missing(ResourceType.DATA_GRANT, grant_id)
    return grant


async def _received(
    connection: Connection, context: Context, arn_text: str, *, lock: bool = False
) -> DataGrant:
    """The caller's received grant of that ARN; raises `ResourceNotFound`."""
    grant_id = _id_of(arn_text)
    grant = await data_grants.get_received(connection, context.scope, grant_id, lock=lock)
    if grant is None or data_grant_arn(grant.scope, grant.id) != arn_text:
        raise ResourceNotFound(
            f"This account was given no data grant {grant_id} in this Region; check the ARN and the Region.",
            resource_id=grant_id,
            resource_type=ResourceType.DATA_GRANT,
        )
    return grant


def _id_of(id_or_arn: str) -> str:
    """A grant's id, of its ARN too; the caller compares the rest of the ARN with the grant that is found."""
    try:
        return Arn.parse(id_or_arn).ids[-1]
    except ValueError:
        return id_or_arn
