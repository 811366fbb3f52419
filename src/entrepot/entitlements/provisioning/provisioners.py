"""Provisioners: each gives one kind of live asset to receivers, outside of the exchange, and takes it back.

The reconciler says what there should be; a provisioner makes it so, in Amazon Redshift, Lake Formation, KMS
or a PostgreSQL database. Whatever dies, the reconciler asks again: none counts on being asked once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from entrepot.database import datashares
from entrepot.database.connection import Database
from entrepot.domain.data_grant import DataGrant
from entrepot.domain.data_set import AssetType
from entrepot.domain.datashare import DatashareArn, role_name
from entrepot.domain.errors import IntegrationRefused, ShareGone, ValidationFailed
from entrepot.domain.event import NewEvent, RedshiftAccessLoss, redshift_access_lost
from entrepot.domain.kms import DecryptGrant, KmsKey
from entrepot.domain.lake_formation import LFCatalog, LFResourceType, LFTag, LFTagPolicy
from entrepot.domain.scope import Scope
from entrepot.integrations.protocols import (
    Integrations,
    KeyManagement,
    LakeFormation,
    PostgresqlDatabases,
    Redshift,
    not_configured,
)
from entrepot.model import shapes

Given = Mapping[str, str]
"""What is needed to take back what was given: the id of a grant, the name of a role. Never a secret."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One live asset for one receiver. It stands by itself: grant and asset may be gone by now."""

    grant_id: str
    asset_id: str
    owner: Scope
    receiver_id: str
    """The receiver's account; its Region is the owner's."""
    entitled_data_set_id: str
    entitled_asset_id: str
    asset_type: AssetType
    details: shapes.AssetDetails


class AccessLost(IntegrationRefused):
    """What is to be given is no longer there. The receiver is told, once, if it had been given before."""

    def __init__(self, message: str, tell: Callable[[DataGrant], NewEvent]) -> None:
        super().__init__(message)
        self.tell = tell


class Provisioner(Protocol):
    """Keeps the access to assets of one type.

    Both `give` and `withdraw` are idempotent, are given half a minute, and are cancelled after that. They may
    be called for several entries at once, never at once for the same one. Blocking calls belong in a thread.
    They raise an `IntegrationError` where they fail; its message is kept with the entry and logged, so it
    holds no secret. The reconciler then tries again, at first after a second, later every few minutes.
    """

    @property
    def asset_type(self) -> AssetType:
        """Whose access it keeps."""

    @property
    def renewed_after_seconds(self) -> float | None:
        """After how long what was given is given again, to follow what has changed outside; None: never."""

    def is_shared(self, entry: Entry) -> bool:
        """Whether the outside service knows the receiver alone, and not which asset or grant it came by.

        Then two entries for one receiver with the same details are one and the same outside: it is taken
        back with the last of them alone. And whatever is taken back, the receiver's other entries of the
        type are given once more, in case their access overlapped.
        """

    async def give(self, entry: Entry) -> Given | None:
        """Gives the receiver access, or makes sure that it still has it."""

    async def withdraw(self, entry: Entry, given: Given | None) -> None:
        """Takes the access back; fine where there is none.

        `given` is what `give` returned the last time. None where it returned that, or where it was called and
        nobody knows how it ended: then it may have given, and what it gave must be found by the entry.
        """


ROLE = "Role"
"""In what was given: the receiver's role in a PostgreSQL database."""
CONSUMER = "Consumer"
"""In what was given: the account that Redshift lets in."""


class DatashareProvisioner:
    """Makes receivers consumers of a share of Redshift, or gives each a role in a PostgreSQL database."""

    asset_type = AssetType.REDSHIFT_DATA_SHARE
    renewed_after_seconds = 300.0
    """So a new table of a shared schema is there within five minutes, and a deleted share is noticed."""

    def __init__(self, database: Database, integrations: Integrations) -> None:
        self._database = database
        self._redshift = integrations.redshift
        self._postgresql = integrations.postgresql

    def is_shared(self, entry: Entry) -> bool:
        """Redshift knows consumers; in PostgreSQL each entry has a role of its own."""
        return not arn_of(entry).is_of_postgresql

    async def give(self, entry: Entry) -> Given | None:
        """See `Provisioner`. Raises `AccessLost` where the share is gone."""
        arn = arn_of(entry)
        try:
            if not arn.is_of_postgresql:
                await self._of_redshift().authorize(arn, entry.receiver_id)
                return {CONSUMER: entry.receiver_id}
            return await self._give_role(arn, entry)
        except ShareGone as error:
            raise AccessLost(
                error.message,
                lambda grant: redshift_access_lost(grant, str(arn), RedshiftAccessLoss.DATASHARE_DELETED),
            ) from error

    async def withdraw(self, entry: Entry, given: Given | None) -> None:
        """See `Provisioner`. The roles of a share that was removed went with it."""
        arn = arn_of(entry)
        if not arn.is_of_postgresql:
            await self._of_redshift().deauthorize(arn, entry.receiver_id)
            return
        share = await datashares.get(self._database, arn)
        if share is not None:
            await self._of_postgresql().withdraw(share, role_name(entry.grant_id, entry.asset_id))

    async def _give_role(self, arn: DatashareArn, entry: Entry) -> Given:
        role = role_name(entry.grant_id, entry.asset_id)
        share = await datashares.get(self._database, arn)
        if share is None:
            raise _removed(arn)
        await self._of_postgresql().give(share, role)
        if await datashares.get(self._database, arn) is None:
            # It was removed meanwhile, by somebody who dropped its roles and may not have seen this one.
            await self._of_postgresql().withdraw(share, role)
            raise _removed(arn)
        return {ROLE: role}

    def _of_redshift(self) -> Redshift:
        if self._redshift is None:
            raise not_configured("Amazon Redshift", "ENTREPOT_REDSHIFT_ENDPOINT_URL")
        return self._redshift

    def _of_postgresql(self) -> PostgresqlDatabases:
        if self._postgresql is None:
            raise IntegrationRefused(
                "This worker was not given the key file of the exchange, with which it could open the "
                "database of a datashare. Give it ENTREPOT_DATA_DIR with that file."
            )
        return self._postgresql


def arn_of(entry: Entry) -> DatashareArn:
    """The datashare that an asset is; raises `IntegrationRefused` where it is none."""
    asset = entry.details.redshift_data_share_asset
    try:
        return DatashareArn.parse("" if asset is None else asset.arn, "Arn")
    except ValidationFailed as error:
        raise IntegrationRefused(f"Asset {entry.asset_id} names no datashare.") from error


def _removed(arn: DatashareArn) -> ShareGone:
    return ShareGone(f"Datashare {arn} was removed from this exchange.")


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
        await self._lake_formation.revoke(policy_of(entry), entry.receiver_id)


def policy_of(entry: Entry) -> LFTagPolicy:
    """The policy that an asset describes; raises `IntegrationRefused` where it describes none."""
    asset = entry.details.lake_formation_data_permission_asset
    policy = None if asset is None else asset.lake_formation_data_permission_details.lf_tag_policy
    if asset is None or policy is None:
        raise IntegrationRefused(f"Asset {entry.asset_id} names no LF-tag policy.")
    resource = policy.resource_details
    shared = resource.table if resource.database is None else resource.database
    tags = [] if shared is None else shared.expression
    return LFTagPolicy(
        LFCatalog(entry.owner, policy.catalog_id, asset.role_arn or ""),
        LFResourceType(policy.resource_type),
        tuple(LFTag(tag.tag_key, tuple(tag.tag_values)) for tag in tags),
        tuple(asset.permissions),
    )


class S3DataAccessProvisioner:
    """Makes a KMS grant for each of `KmsKeysToGrant`, one for each receiver, and retires it."""

    asset_type = AssetType.S3_DATA_ACCESS
    renewed_after_seconds = None

    def __init__(self, key_management: KeyManagement) -> None:
        self._key_management = key_management

    def is_shared(self, entry: Entry) -> bool:
        return False

    async def give(self, entry: Entry) -> Given | None:
        return {grant.key.arn: await self._key_management.grant(grant) for grant in grants_of(entry)}

    async def withdraw(self, entry: Entry, given: Given | None) -> None:
        """Retires the grants; those whose ids are not known are found by their names."""
        for grant in grants_of(entry):
            grant_id = (given or {}).get(grant.key.arn) or await self._key_management.find(grant)
            if grant_id is not None:
                await self._key_management.retire(grant.key, grant_id)


def grants_of(entry: Entry) -> Iterator[DecryptGrant]:
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


def make_provisioners(database: Database, integrations: Integrations) -> tuple[Provisioner, ...]:
    """The provisioners of the services that are configured; that of datashares says itself which is not."""
    provisioners: list[Provisioner] = [DatashareProvisioner(database, integrations)]
    if integrations.lake_formation is not None:
        provisioners.append(LakeFormationProvisioner(integrations.lake_formation))
    if integrations.key_management is not None:
        provisioners.append(S3DataAccessProvisioner(integrations.key_management))
    return tuple(provisioners)
