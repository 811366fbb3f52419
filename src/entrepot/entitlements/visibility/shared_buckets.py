"""What stands behind the name of an access point, and whether an account may read there at this moment.

    the owner      its own assets, in any revision
    a receiver     as long as its grant gives access, and of the data set the revision that was published last
                   and is not revoked: a new one replaces the access of the earlier ones [L]

Everything else does not exist, as everywhere. Nothing is remembered: each request asks anew, so that an end
of access is one at once.
"""

from __future__ import annotations

from dataclasses import dataclass

from entrepot.database import assets, data_grants, revisions
from entrepot.database.connection import Connection
from entrepot.domain.access_point import AliasedAsset
from entrepot.domain.asset import Asset
from entrepot.domain.data_grant import MaskedKind
from entrepot.domain.data_set import AssetType
from entrepot.domain.scope import Scope
from entrepot.domain.shared_objects import SharedObjects
from entrepot.domain.timestamp import Timestamp
from entrepot.entitlements.visibility.data_sets import Entitled, entitled
from entrepot.model import shapes


@dataclass(frozen=True, slots=True)
class SharedBucket:
    """A provider's bucket, as far as it is shared."""

    owner_id: str
    """The provider's account: whoever reads the bucket acts for it."""
    asset_id: str
    """The owner's."""
    bucket: str
    objects: SharedObjects


async def of_alias(
    connection: Connection, scope: Scope, alias: AliasedAsset, now: Timestamp
) -> SharedBucket | None:
    """What an alias names for this account; None where it names nothing that the account may read now."""
    own = await assets.of_id(connection, scope, alias.asset_id)
    if own is not None:
        return _shared(own) if own.data_set_id == alias.data_set_id else None
    seen = await entitled(connection, scope, alias.data_set_id, now)
    source_id = None if seen is None else seen.grant.unmasked(MaskedKind.ASSET, alias.asset_id)
    if seen is None or source_id is None:
        return None
    asset = await assets.of_id(connection, seen.grant.scope, source_id)
    return None if asset is None else await _granted(connection, seen, asset)


async def of_access_point(
    connection: Connection, scope: Scope, asset_id: str, now: Timestamp
) -> SharedBucket | None:
    """What an access point's ARN names for this account: no data set, so every grant is looked at."""
    own = await assets.of_id(connection, scope, asset_id)
    if own is not None:
        return _shared(own)
    grants = {}
    for grant in await data_grants.live_of_receiver(connection, scope, now):
        source_id = grant.unmasked(MaskedKind.ASSET, asset_id)
        if grant.asset_type is AssetType.S3_DATA_ACCESS and source_id is not None:
            grants[source_id] = grant
    for asset in await assets.of_ids(connection, list(grants)) if grants else ():
        grant = grants[asset.id]
        if asset.scope.account_id == grant.scope.account_id and asset.scope.region == grant.scope.region:
            return await _granted(connection, Entitled(grant, by_owner=False), asset)
    return None


async def _granted(connection: Connection, seen: Entitled, asset: Asset) -> SharedBucket | None:
    grant = seen.grant
    if asset.data_set_id != grant.source_data_set_id:
        return None
    newest = await revisions.newest_valid(connection, grant.scope, grant.source_data_set_id)
    return _shared(asset) if asset.revision_id == newest else None


def _shared(asset: Asset) -> SharedBucket | None:
    if asset.asset_type is not AssetType.S3_DATA_ACCESS or asset.details_json is None:
        return None
    access = shapes.decode(asset.details_json, shapes.AssetDetails).s3_data_access_asset
    if access is None:
        return None
    return SharedBucket(
        owner_id=asset.scope.account_id,
        asset_id=asset.id,
        bucket=access.bucket,
        objects=SharedObjects(tuple(access.keys or ()), tuple(access.key_prefixes or ())),
    )
