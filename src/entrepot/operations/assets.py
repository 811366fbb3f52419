"""Operations on assets (behaviour reference, section 4.3). Only jobs make assets."""

from __future__ import annotations

from dataclasses import replace
from typing import TypedDict

from entrepot.database import assets, tags
from entrepot.domain.arn import asset_arn
from entrepot.domain.asset import Asset, require_asset_name
from entrepot.domain.revision import require_assets_removable, require_open
from entrepot.domain.timestamp import Timestamp
from entrepot.model import shapes
from entrepot.operations import existing
from entrepot.operations.context import Context
from entrepot.operations.pages import Listing


class _Members(TypedDict):
    arn: str
    asset_details: shapes.AssetDetails
    asset_type: str
    created_at: Timestamp
    data_set_id: str
    id: str
    name: str
    revision_id: str
    updated_at: Timestamp


def _members(asset: Asset) -> _Members:
    """What every answer about an asset says."""
    return {
        "arn": asset_arn(asset.scope, asset.data_set_id, asset.revision_id, asset.id),
        "asset_details": shapes.AssetDetails(s3_snapshot_asset=shapes.S3SnapshotAsset(size=asset.size_bytes)),
        "asset_type": asset.asset_type,
        "created_at": asset.created_at,
        "data_set_id": asset.data_set_id,
        "id": asset.id,
        "name": asset.name,
        "revision_id": asset.revision_id,
        "updated_at": asset.updated_at,
    }


async def get_asset(context: Context, request: shapes.GetAssetRequest) -> shapes.GetAssetResponse:
    """One asset, with its tags."""
    database, scope = context.services.database, context.scope
    asset = await existing.asset(database, scope, request.data_set_id, request.revision_id, request.asset_id)
    arn = asset_arn(scope, asset.data_set_id, asset.revision_id, asset.id)
    present_tags = await tags.get(database, scope, arn)
    return shapes.GetAssetResponse(**_members(asset), tags=present_tags or None)


async def update_asset(context: Context, request: shapes.UpdateAssetRequest) -> shapes.UpdateAssetResponse:
    """Renames an asset of an open revision; the same name changes nothing.

    Crash: renamed or not.
    """
    require_asset_name(request.name, "Name")
    services, scope = context.services, context.scope
    async with services.database.transaction() as connection:
        revision = await existing.revision(
            connection, scope, request.data_set_id, request.revision_id, lock=True
        )
        asset = await existing.asset(
            connection, scope, request.data_set_id, request.revision_id, request.asset_id
        )
        require_open(revision, "renaming an asset")
        if request.name != asset.name:
            asset = replace(asset, name=request.name, updated_at=services.clock())
            await assets.rename(
                connection,
                scope,
                asset.data_set_id,
                asset.revision_id,
                asset.id,
                name=asset.name,
                updated_at=asset.updated_at,
            )
    return shapes.UpdateAssetResponse(**_members(asset))


async def delete_asset(context: Context, request: shapes.DeleteAssetRequest) -> None:
    """Deletes an asset of an open or of a revoked revision.

    Crash: the asset and its tags are gone together or not at all; its bytes go later.
    """
    scope = context.scope
    async with context.services.database.transaction() as connection:
        revision = await existing.revision(
            connection, scope, request.data_set_id, request.revision_id, lock=True
        )
        asset = await existing.asset(
            connection, scope, request.data_set_id, request.revision_id, request.asset_id
        )
        require_assets_removable(revision)
        await assets.delete(connection, scope, asset.data_set_id, asset.revision_id, asset.id)


async def list_revision_assets(
    context: Context, request: shapes.ListRevisionAssetsRequest
) -> shapes.ListRevisionAssetsResponse:
    """The assets of a revision by name, descending in code points."""
    database, scope = context.services.database, context.scope
    listing = Listing.of(
        context,
        "ListRevisionAssets",
        request.data_set_id,
        request.revision_id,
        max_results=request.max_results,
        next_token=request.next_token,
    )
    rows = await assets.page(
        database,
        scope,
        request.data_set_id,
        request.revision_id,
        after=listing.after_name,
        limit=listing.fetch,
    )
    if not rows:
        await existing.revision(database, scope, request.data_set_id, request.revision_id)
    page = listing.page(rows, lambda asset: (asset.name, asset.id))
    return shapes.ListRevisionAssetsResponse(
        assets=[shapes.AssetEntry(**_members(asset)) for asset in page.entries], next_token=page.next_token
    )
