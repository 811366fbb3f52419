"""Operations on data sets (behaviour reference, section 4.1)."""

from __future__ import annotations

from dataclasses import replace

from entrepot.database import data_grants, data_sets, tags
from entrepot.database.connection import Connection
from entrepot.domain.arn import data_set_arn
from entrepot.domain.data_set import AssetType, DataSet, Origin
from entrepot.domain.errors import Conflict, ResourceType, ServiceLimitExceeded, ValidationFailed
from entrepot.domain.limits import Limit
from entrepot.domain.tags import require_valid
from entrepot.entitlements.visibility.data_sets import page_entitled
from entrepot.jobs.definition import answer
from entrepot.model import shapes
from entrepot.operations import lookups
from entrepot.operations.context import Context
from entrepot.operations.pages import Listing

MAX_NAME_LENGTH = 256
MAX_DESCRIPTION_LENGTH = 16_384


def _entry(data_set: DataSet) -> shapes.DataSetEntry:
    return shapes.DataSetEntry(
        arn=data_set_arn(data_set.scope, data_set.id),
        asset_type=data_set.asset_type,
        created_at=data_set.created_at,
        description=data_set.description,
        id=data_set.id,
        name=data_set.name,
        origin=data_set.origin,
        origin_details=(
            None
            if data_set.data_grant_id is None
            else shapes.OriginDetails(data_grant_id=data_set.data_grant_id)
        ),
        source_id=data_set.source_id,
        updated_at=data_set.updated_at,
    )


async def create_data_set(
    context: Context, request: shapes.CreateDataSetRequest
) -> shapes.CreateDataSetResponse:
    """Makes a data set. Raises `ServiceLimitExceeded` when the account has as many as it may have.

    Crash: the data set and its tags are there together or not at all.
    """
    _require_valid_texts(request.name, request.description)
    given_tags = request.tags or {}
    require_valid(given_tags)
    services, scope = context.services, context.scope
    now = services.clock()
    data_set = DataSet(
        scope=scope,
        id=services.new_identifier(),
        asset_type=AssetType(request.asset_type),
        name=request.name,
        description=request.description,
        created_at=now,
        updated_at=now,
    )
    async with services.database.transaction() as connection:
        # held so that their count stays true until this one is written
        await connection.hold(f"data sets {scope.account_id} {scope.region}")
        limit = services.limits[Limit.DATA_SETS_PER_ACCOUNT]
        if await data_sets.count(connection, scope) >= limit:
            raise ServiceLimitExceeded(
                f"This account has {limit} data sets in {scope.region}, the most it may have; "
                "delete one, or have the limit raised.",
                limit_name=Limit.DATA_SETS_PER_ACCOUNT,
                limit_value=float(limit),
            )
        await data_sets.insert(connection, data_set)
        if given_tags:
            await tags.put(connection, scope, data_set_arn(scope, data_set.id), given_tags)
    return answer(shapes.CreateDataSetResponse, _entry(data_set), tags=given_tags or None)


async def get_data_set(context: Context, request: shapes.GetDataSetRequest) -> shapes.GetDataSetResponse:
    """One data set; an own one with its tags, which no receiver sees [C]."""
    database = context.services.database
    data_set = await lookups.seen_data_set(database, context, request.data_set_id)
    entry = _entry(data_set)
    present_tags = await lookups.own_tags(database, context, data_set.scope, entry.arn)
    return answer(shapes.GetDataSetResponse, entry, tags=present_tags)


async def update_data_set(
    context: Context, request: shapes.UpdateDataSetRequest
) -> shapes.UpdateDataSetResponse:
    """Changes name and description; what is absent, or the same as before, changes nothing.

    Those who were granted the data set go on to see it as it was when it was granted [C].
    Crash: changed or not.
    """
    _require_valid_texts(request.name, request.description)
    services, scope = context.services, context.scope
    async with services.database.transaction() as connection:
        data_set = await lookups.own_data_set(connection, context, request.data_set_id, lock=True)
        changed = replace(
            data_set,
            name=data_set.name if request.name is None else request.name,
            description=data_set.description if request.description is None else request.description,
        )
        if changed != data_set:
            changed = replace(changed, updated_at=services.clock())
            await data_sets.update(
                connection,
                scope,
                data_set.id,
                name=changed.name,
                description=changed.description,
                updated_at=changed.updated_at,
            )
    return answer(shapes.UpdateDataSetResponse, _entry(changed))


async def delete_data_set(context: Context, request: shapes.DeleteDataSetRequest) -> None:
    """Deletes a data set with its revisions, assets and tags.

    Raises `Conflict` while it is granted to somebody [L]. A job that runs on it does not keep it: its last
    transaction finds nothing and the job ends in ERROR.
    Crash: all of it is gone or none; the bytes of its assets go later.
    """
    async with context.services.database.transaction() as connection:
        data_set = await lookups.own_data_set(connection, context, request.data_set_id, lock=True)
        await require_not_granted(
            connection, context, data_set.id, data_set.id, ResourceType.DATA_SET, "deleted"
        )
        await data_sets.delete(connection, context.scope, data_set.id)


async def require_not_granted(
    connection: Connection,
    context: Context,
    data_set_id: str,
    resource_id: str,
    resource_type: ResourceType,
    done: str,
) -> None:
    """Raises `Conflict`, naming a grant, while somebody has been granted the data set and it has not ended.

    Inside a transaction that holds the data set or its revision; `done` is what cannot be: "deleted".
    """
    grants = await data_grants.live_of_source(connection, data_set_id, context.services.clock())
    if grants:
        words = resource_type.replace("_", " ").lower()
        more = f" and {len(grants) - 1} more" if len(grants) > 1 else ""
        raise Conflict(
            f"The {words} {resource_id} is published by data grant {grants[0].id}{more}, so it cannot be "
            f"{done}. Delete the grant first.",
            resource_id=resource_id,
            resource_type=resource_type,
        )


async def list_data_sets(
    context: Context, request: shapes.ListDataSetsRequest
) -> shapes.ListDataSetsResponse:
    """The data sets of the account, newest first; owned ones unless ENTITLED is asked for [G]."""
    origin = _origin(request.origin)
    listing = Listing.of(context, "ListDataSets", request, origin)
    services, scope = context.services, context.scope
    position, limit = listing.after_moment, listing.fetch
    if origin is Origin.ENTITLED:
        rows = await page_entitled(services.database, scope, services.clock(), after=position, limit=limit)
    else:
        own = await data_sets.page(services.database, scope, after=position, limit=limit)
        rows = [(data_set, data_set.id) for data_set in own]
    page = listing.page(rows, lambda row: (row[0].created_at.milliseconds, row[1]))
    return shapes.ListDataSetsResponse(
        data_sets=[_entry(data_set) for data_set, _ in page.entries], next_token=page.next_token
    )


def _require_valid_texts(name: str | None, description: str | None) -> None:
    """Raises `ValidationFailed` for a text that is too long, and for an empty name [G]."""
    if name is not None and not 1 <= len(name) <= MAX_NAME_LENGTH:
        raise ValidationFailed(
            f"Name has {len(name)} characters; a data set's name has 1 to {MAX_NAME_LENGTH}."
        )
    if description is not None and len(description) > MAX_DESCRIPTION_LENGTH:
        raise ValidationFailed(
            f"Description has {len(description)} characters; it may have {MAX_DESCRIPTION_LENGTH:,}."
        )


def _origin(text: str | None) -> Origin:
    if text is None:
        return Origin.OWNED
    try:
        return Origin(text)
    except ValueError:
        raise ValidationFailed(f"{text!r} is no origin of data sets; ask for OWNED or ENTITLED.") from None
