"""Keeps what receivers of S3 data access need outside: to decrypt with the keys that the provider named.

Reading itself is the gateway's: it looks at each request who may, and needs nobody to keep anything.
"""

from __future__ import annotations

from collections.abc import Iterator

from entrepot.domain.data_set import AssetType
from entrepot.domain.kms import DecryptGrant, KmsKey
from entrepot.entitlements.provisioning.provisioner import Entry, Given
from entrepot.integrations.protocols import KeyManagement


class S3DataAccessProvisioner:
    """Makes a KMS grant for each of `KmsKeysToGrant`, one for each receiver, and retires it."""

    asset_type = AssetType.S3_DATA_ACCESS
    renewed_after_seconds = None

    def __init__(self, key_management: KeyManagement) -> None:
        self._key_management = key_management

    def is_shared(self, entry: Entry) -> bool:
        """Every entry has grants of its own."""
        return False

    async def give(self, entry: Entry) -> Given | None:
        """The grants' ids by the keys' ARNs."""
        return {grant.key.arn: await self._key_management.grant(grant) for grant in grants_of(entry)}

    async def withdraw(self, entry: Entry, given: Given | None) -> None:
        """Retires the grants; those whose ids are not known are found by their names."""
        for grant in grants_of(entry):
            grant_id = (given or {}).get(grant.key.arn) or await self._key_management.find(grant)
            if grant_id is not None:
                await self._key_management.retire(grant.key, grant_id)


def grants_of(entry: Entry) -> Iterator[DecryptGrant]:
    """One grant for each key that the asset names."""
    access = entry.details.s3_data_access_asset
    if access is None:
        return
    for named in access.kms_keys_to_grant or ():
        yield DecryptGrant(
            key=KmsKey(named.kms_key_arn),
            name=f"entrepot-{entry.grant_id}-{entry.asset_id}",
            receiver_id=entry.receiver_id,
            partition=entry.owner.partition,
            bucket=access.bucket,
        )
