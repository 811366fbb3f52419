"""Keeps the access to databases and tables that are shared by their LF-tags."""

from __future__ import annotations

from entrepot.domain.data_set import AssetType
from entrepot.domain.errors import IntegrationRefused
from entrepot.domain.lake_formation import LFCatalog, LFResourceType, LFTag, LFTagPolicy
from entrepot.entitlements.provisioning.provisioner import Entry, Given
from entrepot.integrations.protocols import LakeFormation
from entrepot.model import shapes


class LakeFormationProvisioner:
    """Grants receivers' accounts the permissions of an LF-tag policy in the owner's data catalogue."""

    asset_type = AssetType.LAKE_FORMATION_DATA_PERMISSION
    renewed_after_seconds = 86_400.0
    """What somebody took away in Lake Formation itself, or a deleted and remade tag, is given again."""

    def __init__(self, lake_formation: LakeFormation) -> None:
        self._lake_formation = lake_formation

    def is_shared(self, entry: Entry) -> bool:
        """Lake Formation adds up what an account may do, and does not know why it was given."""
        return True

    async def give(self, entry: Entry) -> Given | None:
        """Grants; it is taken back by the same words, so there is nothing to remember."""
        await self._lake_formation.grant(policy_of(entry), entry.receiver_id)
        return None

    async def withdraw(self, entry: Entry, given: Given | None) -> None:
        """Revokes."""
        await self._lake_formation.revoke(policy_of(entry), entry.receiver_id)


def policy_of(entry: Entry) -> LFTagPolicy:
    """The policy that an asset describes; raises `IntegrationRefused` where it describes none."""
    asset = entry.details.lake_formation_data_permission_asset
    policy = None if asset is None else asset.lake_formation_data_permission_details.lf_tag_policy
    if asset is None or policy is None:
        raise IntegrationRefused(f"Asset {entry.asset_id} names no LF-tag policy.")
    return LFTagPolicy(
        LFCatalog(entry.owner, policy.catalog_id, asset.role_arn or ""),
        LFResourceType(policy.resource_type),
        tuple(LFTag(tag.tag_key, tuple(tag.tag_values)) for tag in _expression(policy)),
        tuple(asset.permissions),
    )


def _expression(policy: shapes.LFTagPolicyDetails) -> list[shapes.LFTag]:
    resource = policy.resource_details
    if resource.database is not None:
        return resource.database.expression
    return [] if resource.table is None else resource.table.expression
