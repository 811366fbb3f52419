"""The keepers: one for each type of asset that lives outside of the exchange."""

from __future__ import annotations

from entrepot.database.connection import Database
from entrepot.entitlements.provisioning.datashares import DatashareProvisioner
from entrepot.entitlements.provisioning.lake_formation import LakeFormationProvisioner
from entrepot.entitlements.provisioning.provisioner import Provisioner
from entrepot.entitlements.provisioning.s3_data_access import S3DataAccessProvisioner
from entrepot.outside.ports import Outside


def make_provisioners(database: Database, outside: Outside) -> tuple[Provisioner, ...]:
    """Each works with the ports that are configured, and says which are not when it is asked."""
    provisioners: list[Provisioner] = [DatashareProvisioner(database, outside)]
    if outside.lake_formation is not None:
        provisioners.append(LakeFormationProvisioner(outside.lake_formation))
    if outside.key_management is not None:
        provisioners.append(S3DataAccessProvisioner(outside.key_management))
    return tuple(provisioners)
