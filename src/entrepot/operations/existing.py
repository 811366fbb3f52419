"""What a request names must exist in the caller's account and Region; if not, the error says what is missing.

Each function reads the innermost resource first and asks for its parents only when it is missing: one read
where all is well, and the outermost missing resource is blamed where not.
"""

from __future__ import annotations

from entrepot.database import assets, data_sets, revisions
from entrepot.database.connection import Connection
from entrepot.domain.asset import Asset
from entrepot.domain.data_set import DataSet
from entrepot.domain.errors import ResourceNotFound, ResourceType
from entrepot.domain.revision import Revision
from entrepot.domain.scope import Scope


def missing(resource_type: ResourceType, resource_id: str) -> ResourceNotFound:
    """The error for a resource that the caller cannot see, whether or not somebody else can."""
    words = resource_type.replace("_", " ").lower()
    return ResourceNotFound(
        f"There is no {words} {resource_id} in this account and Region; check the id and the Region.",
        resource_id=resource_id,
        resource_type=resource_type,
    )


async def data_set(connection: Connection, scope: Scope, data_set_id: str, *, lock: bool = False) -> DataSet:
    """The data set, locked until the transaction ends if so wished; raises `ResourceNotFound`."""
    found = await data_sets.get(connection, scope, data_set_id, lock=lock)
    if found is None:
        raise missing(ResourceType.DATA_SET, data_set_id)
    return found


async def revision(
    connection: Connection, scope: Scope, data_set_id: str, revision_id: str, *, lock: bool = False
) -> Revision:
    """The revision, locked until the transaction ends if so wished; raises `ResourceNotFound`."""
    found = await revisions.get(connection, scope, data_set_id, revision_id, lock=lock)
    if found is None:
        await data_set(connection, scope, data_set_id)
        raise missing(ResourceType.REVISION, revision_id)
    return found


async def asset(
    connection: Connection, scope: Scope, data_set_id: str, revision_id: str, asset_id: str
) -> Asset:
    """The asset; raises `ResourceNotFound`."""
    found = await assets.get(connection, scope, data_set_id, revision_id, asset_id)
    if found is None:
        await revision(connection, scope, data_set_id, revision_id)
        raise missing(ResourceType.ASSET, asset_id)
    return found
