"""What a request names must exist for the caller; if not, the error says what is missing.

`seen_…` is what the caller may look at: its own, and what it was granted. `own_…` is what it may change: what
it sees through a grant is read-only, so that is AccessDenied [L]; and whatever is not seen does not exist.

Each function reads the innermost resource first and asks for its parents only when it is missing: one read
where all is well, and the outermost missing resource is blamed where not.
"""

from __future__ import annotations

from entrepot.database import assets, data_sets, revisions, tags
from entrepot.database.connection import Connection
from entrepot.domain.asset import Asset
from entrepot.domain.data_set import DataSet
from entrepot.domain.errors import AccessDenied, ResourceNotFound, ResourceType
from entrepot.domain.revision import Revision
from entrepot.domain.scope import Scope
from entrepot.entitlements.visibility import assets as seen_assets
from entrepot.entitlements.visibility import data_sets as seen_data_sets
from entrepot.entitlements.visibility import revisions as seen_revisions
from entrepot.entitlements.visibility.data_sets import entitled
from entrepot.operations.context import Context


def missing(resource_type: ResourceType, resource_id: str) -> ResourceNotFound:
    """The error for a resource that the caller cannot see, whether or not somebody else can."""
    words = resource_type.replace("_", " ").lower()
    return ResourceNotFound(
        f"There is no {words} {resource_id} in this account and Region; check the id and the Region.",
        resource_id=resource_id,
        resource_type=resource_type,
    )


async def seen_data_set(connection: Connection, context: Context, data_set_id: str) -> DataSet:
    """The data set, owned or entitled; raises `ResourceNotFound`."""
    now = context.services.clock()
    found = await seen_data_sets.get(connection, context.scope, data_set_id, now)
    if found is None:
        raise missing(ResourceType.DATA_SET, data_set_id)
    return found


async def own_data_set(
    connection: Connection, context: Context, data_set_id: str, *, lock: bool = False
) -> DataSet:
    """The caller's own data set, locked until the transaction ends if so wished.

    Raises `ResourceNotFound`, and `AccessDenied` for an entitled one.
    """
    found = await data_sets.get(connection, context.scope, data_set_id, lock=lock)
    if found is None:
        seen = await entitled(connection, context.scope, data_set_id, context.services.clock())
        if seen is None:
            raise missing(ResourceType.DATA_SET, data_set_id)
        grant_id = seen.grant.id
        raise AccessDenied(
            f"Data set {data_set_id} is entitled: it comes from data grant {grant_id}, and is read-only."
        )
    return found


async def seen_revision(
    connection: Connection, context: Context, data_set_id: str, revision_id: str
) -> Revision:
    """The revision, owned or entitled; raises `ResourceNotFound`."""
    now = context.services.clock()
    found = await seen_revisions.get(connection, context.scope, data_set_id, revision_id, now)
    if found is None:
        await seen_data_set(connection, context, data_set_id)
        raise missing(ResourceType.REVISION, revision_id)
    return found


async def own_revision(
    connection: Connection, context: Context, data_set_id: str, revision_id: str, *, lock: bool = False
) -> Revision:
    """The caller's own revision, locked until the transaction ends if so wished.

    Raises `ResourceNotFound`, and `AccessDenied` where the data set is entitled.
    """
    found = await revisions.get(connection, context.scope, data_set_id, revision_id, lock=lock)
    if found is None:
        await own_data_set(connection, context, data_set_id)
        raise missing(ResourceType.REVISION, revision_id)
    return found


async def seen_asset(
    connection: Connection, context: Context, data_set_id: str, revision_id: str, asset_id: str
) -> Asset:
    """The asset, owned or entitled; raises `ResourceNotFound`."""
    now = context.services.clock()
    found = await seen_assets.get(connection, context.scope, data_set_id, revision_id, asset_id, now)
    if found is None:
        await seen_revision(connection, context, data_set_id, revision_id)
        raise missing(ResourceType.ASSET, asset_id)
    return found


async def own_asset(
    connection: Connection, context: Context, data_set_id: str, revision_id: str, asset_id: str
) -> Asset:
    """The caller's own asset; raises `ResourceNotFound`, and `AccessDenied` where it is entitled."""
    found = await assets.get(connection, context.scope, data_set_id, revision_id, asset_id)
    if found is None:
        await own_revision(connection, context, data_set_id, revision_id)
        raise missing(ResourceType.ASSET, asset_id)
    return found


async def own_tags(connection: Connection, context: Context, scope: Scope, arn: str) -> dict[str, str] | None:
    """The tags of a resource of that scope; None without any, and for what is seen through a grant [C]."""
    return await tags.get(connection, scope, arn) or None if scope == context.scope else None
