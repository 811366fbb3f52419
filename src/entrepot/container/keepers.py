"""The keepers: one for each type of asset that lives outside of the exchange."""

from __future__ import annotations

from entrepot.access.datashares import DatashareKeeper
from entrepot.access.keeper import Keeper
from entrepot.access.lake_formation import LakeFormationKeeper
from entrepot.access.s3_data_access import S3DataAccessKeeper
from entrepot.database.connection import Database
from entrepot.outside.ports import Outside


def make_keepers(database: Database, outside: Outside) -> tuple[Keeper, ...]:
    """Each works with the ports that are configured, and says which are not when it is asked."""
    keepers: list[Keeper] = [DatashareKeeper(database, outside)]
    if outside.lake_formation is not None:
        keepers.append(LakeFormationKeeper(outside.lake_formation))
    if outside.key_management is not None:
        keepers.append(S3DataAccessKeeper(outside.key_management))
    return tuple(keepers)
