"""Keeps the access to datashares, of Amazon Redshift and of PostgreSQL."""

from __future__ import annotations

from entrepot.database import datashares
from entrepot.database.connection import Database
from entrepot.domain.data_set import AssetType
from entrepot.domain.datashare import DatashareArn, PostgresqlShare, role_name
from entrepot.domain.errors import IntegrationRefused, ShareGone, ValidationFailed
from entrepot.domain.event import RedshiftAccessLoss, redshift_access_lost
from entrepot.entitlements.provisioning.provisioner import AccessLost, Entry, Given
from entrepot.integrations.protocols import Integrations, PostgresqlDatabases, Redshift, not_configured

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
        share = await self._share(arn)
        await self._of_postgresql().give(share, role)
        if await datashares.get(self._database, arn) is None:
            # It was removed meanwhile, by somebody who dropped its roles and may not have seen this one.
            await self._of_postgresql().withdraw(share, role)
            raise _removed(arn)
        return {ROLE: role}

    async def _share(self, arn: DatashareArn) -> PostgresqlShare:
        share = await datashares.get(self._database, arn)
        if share is None:
            raise _removed(arn)
        return share

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
