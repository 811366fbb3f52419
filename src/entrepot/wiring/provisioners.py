"""The keepers: one for each type of asset that lives outside of the exchange."""

from __future__ import annotations

from entrepot.database.connection import Database
from entrepot.entitlements.provisioning.datashares import DatashareProvisioner
from entrepot.entitlements.provisioning.lake_formation import LakeFormationProvisioner
from entrepot.entitlements.provisioning.provisioner import Provisioner
from entrepot.entitlements.provisioning.s3_data_access import S3DataAccessProvisioner
from entrepot.integrations.protocols import Integrations


def make_provisioners(database: Database, integrations: Integrations) -> tuple[Provisioner, ...]:
    """Each works with the ports that are configured, and says which are not when it is asked."""
    provisioners: list[Provisioner] = [DatashareProvisioner(database, integrations)]
    if integrations.lake_formation is not None:
        provisioners.append(LakeFormationProvisioner(integrations.lake_formation))
    if integrations.key_management is not None:
        provisioners.append(S3DataAccessProvisioner(integrations.key_management))
    return tuple(provisioners)
