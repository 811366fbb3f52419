"""Operations on tags (behaviour reference, section 4.5).

What an account was granted cannot be tagged, and has no tags that it sees [C]: such an ARN names no account,
so it names nothing of the caller's.

Which error an ARN meets that names nothing of the caller's is not declared; here it is ResourceNotFound, and
ValidationFailed for one that is malformed or names a thing without tags [G].
"""

from __future__ import annotations

from entrepot.database import data_grants, tags
from entrepot.database.connection import Connection
from entrepot.domain.arn import Arn
from entrepot.domain.errors import ResourceType, ValidationFailed
from entrepot.domain.tags import merged
from entrepot.model import shapes
from entrepot.operations import lookups
from entrepot.operations.context import Context
from entrepot.operations.event_actions import existing_event_action

_TAGGABLE = frozenset({"data_set", "revision", "asset", "event_action", "data_grant"})


async def tag_resource(context: Context, request: shapes.TagResourceRequest) -> None:
    """Adds tags to a resource; those of the same key are replaced.

    Crash: all of the tags are there or none.
    """
    scope = context.scope
    arn = _taggable(request.resource_arn)
    async with context.services.database.transaction() as connection:
        await _require_resource(connection, context, arn, lock=True)
        present = await tags.get(connection, scope, request.resource_arn)
        merged(present, request.tags)
        await tags.put(connection, scope, request.resource_arn, request.tags)


async def untag_resource(context: Context, request: shapes.UntagResourceRequest) -> None:
    """Takes tags from a resource; keys that it does not have are passed over.

    Crash: all of the tags are gone or none.
    """
    scope = context.scope
    arn = _taggable(request.resource_arn)
    async with context.services.database.transaction() as connection:
        await _require_resource(connection, context, arn, lock=True)
        await tags.remove(connection, scope, request.resource_arn, request.tag_keys)


async def list_tags_for_resource(
    context: Context, request: shapes.ListTagsForResourceRequest
) -> shapes.ListTagsForResourceResponse:
    """The tags of a resource; an empty map when it has none."""
    database, scope = context.services.database, context.scope
    await _require_resource(database, context, _taggable(request.resource_arn))
    return shapes.ListTagsForResourceResponse(tags=await tags.get(database, scope, request.resource_arn))


def _taggable(text: str) -> Arn:
    """The parsed ARN. Raises `ValidationFailed` for text that is none, or one of a thing without tags."""
    try:
        arn = Arn.parse(text)
    except ValueError:
        raise ValidationFailed(
            f"{text!r} is not the ARN of a data set, a revision or an asset; copy the Arn of the resource."
        ) from None
    if arn.kind not in _TAGGABLE:
        raise ValidationFailed(f"{text} cannot be tagged: a {arn.kind.replace('_', ' ')} has no tags.")
    return arn


async def _require_resource(
    connection: Connection, context: Context, arn: Arn, *, lock: bool = False
) -> None:
    """Raises `ResourceNotFound` unless the ARN names something in the scope.

    With `lock` nobody can delete it before the transaction ends.
    """
    scope = context.scope
    if (arn.partition, arn.region, arn.account_id) != (scope.partition, scope.region, scope.account_id):
        raise lookups.missing(ResourceType(arn.kind.upper()), arn.ids[-1])
    match arn.kind, arn.ids:
        case "data_set", (data_set_id,):
            await lookups.own_data_set(connection, context, data_set_id, lock=lock)
        case "revision", (data_set_id, revision_id):
            await lookups.own_revision(connection, context, data_set_id, revision_id, lock=lock)
        case "asset", (data_set_id, revision_id, asset_id):
            await lookups.own_revision(connection, context, data_set_id, revision_id, lock=lock)
            await lookups.own_asset(connection, context, data_set_id, revision_id, asset_id)
        case "event_action", (event_action_id,):
            await existing_event_action(connection, context, event_action_id, lock=lock)
        case "data_grant", (grant_id,):
            if await data_grants.get_sent(connection, scope, grant_id) is None:
                raise lookups.missing(ResourceType.DATA_GRANT, grant_id)
        case _:
            raise lookups.missing(ResourceType(arn.kind.upper()), arn.ids[-1])
