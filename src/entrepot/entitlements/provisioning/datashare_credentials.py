"""Hands out what a receiver needs to query a datashare of PostgreSQL: a login with a password made for it.

Each time the password is another one, and the former one, with the sessions that it began, has an end. The
exchange keeps none of them.
"""

from __future__ import annotations

import base64
import logging
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from entrepot.database import data_grants, datashares, external_access
from entrepot.database.connection import Database
from entrepot.domain.data_set import AssetType
from entrepot.domain.datashare import DatabaseLogin, DatashareArn
from entrepot.domain.errors import (
    Conflict,
    IntegrationError,
    InternalError,
    ResourceNotFound,
    ResourceType,
    ValidationFailed,
)
from entrepot.domain.external_access import ExternalAccess
from entrepot.domain.scope import Scope
from entrepot.domain.timestamp import Timestamp
from entrepot.entitlements.provisioning.provisioners import ROLE
from entrepot.integrations.protocols import PostgresqlDatabases
from entrepot.model import shapes

_PASSWORD_BYTES = 32

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DatashareCredentials:
    database: Database
    postgresql: PostgresqlDatabases | None
    clock: Callable[[], Timestamp]
    random_bytes: Callable[[int], bytes]

    async def hand_out(self, scope: Scope, entitled_asset_id: str) -> DatabaseLogin:
        """A login for the asset, under the id that the account has received it by.

        Raises `ResourceNotFound` where the account is not, or no longer, entitled to such an asset,
        `ValidationFailed` for a share of Amazon Redshift, `Conflict` while there is no role yet, and
        `InternalError` where the database does not answer.
        """
        now = self.clock()
        access = await external_access.received(
            self.database, scope, AssetType.REDSHIFT_DATA_SHARE, entitled_asset_id, now
        )
        if access is None:
            raise ResourceNotFound(
                f"There is no datashare {entitled_asset_id} that this account has received and may use. "
                "Name an asset of an entitled data set; a new one is there a few seconds after its grant was "
                "accepted.",
                resource_id=entitled_asset_id,
                resource_type=ResourceType.ASSET,
            )
        arn = _arn(access)
        if not arn.is_of_postgresql:
            raise ValidationFailed(
                f"Datashare {arn} is one of Amazon Redshift: there CREATE DATABASE … FROM DATASHARE gives "
                "access, and no password is needed."
            )
        share = await datashares.get(self.database, arn)
        if share is None or access.given_json is None or self.postgresql is None:
            raise _not_ready(entitled_asset_id, access)
        role = msgspec.json.decode(access.given_json, type=dict[str, str])[ROLE]
        grant = await data_grants.of_data_set(self.database, scope.region, access.entitled_data_set_id)
        password = base64.urlsafe_b64encode(self.random_bytes(_PASSWORD_BYTES)).decode().rstrip("=")
        try:
            return await self.postgresql.let_in(
                share, role, password, None if grant is None else grant.ends_at
            )
        except IntegrationError as error:
            _log.warning("no credentials for asset %s: %s", access.asset_id, error)
            raise InternalError(
                "The database of this datashare could not be asked for credentials; try again in a minute, "
                "and ask the owner of the data set if that does not help."
            ) from error


def _arn(access: ExternalAccess) -> DatashareArn:
    details = shapes.decode(access.details_json, shapes.AssetDetails)
    asset = details.redshift_data_share_asset
    return DatashareArn.parse("" if asset is None else asset.arn, "Arn")


def _not_ready(entitled_asset_id: str, access: ExternalAccess) -> Conflict:
    if access.error is None:
        message = "Access to this datashare is being prepared; try again in a few seconds."
    else:
        message = (
            "Access to this datashare could not be prepared so far; it is tried again by itself. Ask the "
            "owner of the data set if it does not succeed."
        )
    return Conflict(message, resource_id=entitled_asset_id, resource_type=ResourceType.ASSET)
