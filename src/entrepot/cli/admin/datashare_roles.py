"""Which roles a datashare has in its database, and how all of them are dropped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from entrepot.database import external_access
from entrepot.database.connection import Database
from entrepot.domain.data_set import AssetType
from entrepot.domain.datashare import PostgresqlShare, role_name
from entrepot.domain.external_access import ExternalAccess
from entrepot.model import shapes

if TYPE_CHECKING:
    from entrepot.integrations.postgresql_shares import PostgresqlShares


@dataclass(frozen=True, slots=True)
class Receiver:
    """Somebody who has, or is to have, a role."""

    access: ExternalAccess
    role: str


async def receivers_of(database: Database, share: PostgresqlShare) -> list[Receiver]:
    """Whoever has a share, or is about to have it, or to lose it."""
    found = []
    for access in await external_access.of_owner(database, share.owner, AssetType.REDSHIFT_DATA_SHARE):
        asset = shapes.decode(access.details_json, shapes.AssetDetails).redshift_data_share_asset
        if asset is not None and asset.arn == share.arn:
            found.append(Receiver(access, role_name(access.grant_id, access.asset_id)))
    return found


async def drop_roles(database: Database, databases: PostgresqlShares, share: PostgresqlShare) -> None:
    """Drops the roles of all receivers. Raises `IntegrationError`; what was dropped before it stays so."""
    for receiver in await receivers_of(database, share):
        await databases.withdraw(share, receiver.role)
