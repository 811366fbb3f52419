"""Operations on assets (behaviour reference, section 4.3). Only jobs make assets."""

from __future__ import annotations

from dataclasses import replace
from typing import TypedDict

from entrepot.database import assets
from entrepot.domain.arn import asset_arn
from entrepot.domain.asset import Asset, require_asset_name
from entrepot.domain.revision import require_assets_removable, require_open
from entrepot.domain.timestamp import Timestamp
from entrepot.entitlements.visibility.assets import page_entitled
from entrepot.entitlements.visibility.data_set_access import entitled
from entrepot.model import shapes
from entrepot.operations import lookups
from entrepot.operations.asset_details import asset_details
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
    source_id: str | None
    updated_at: Timestamp


def _members(context: Context, asset: Asset) -> _Members:
    """What every answer about an asset says."""
    return {
        "arn": asset_arn(asset.scope, asset.data_set_id, asset.revision_id, asset.id),
        "asset_details": asset_details(context, asset),
        "asset_type": asset.asset_type,
        "created_at": asset.created_at,
        "data_set_id": asset.data_set_id,
        "id": asset.id,
        "name": asset.name,
        "revision_id": asset.revision_id,
        "source_id": asset.source_id,
        "updated_at": asset.updated_at,
    }


async def get_asset(context: Context, request: shapes.GetAssetRequest) -> shapes.GetAssetResponse:
    """One asset; an own one with its tags, which nobody sees through a grant [C]."""
    database = context.services.database
    asset = await lookups.seen_asset(
        database, context, request.data_set_id, request.revision_id, request.asset_id
    )
    members = _members(context, asset)
    present_tags = await lookups.own_tags(database, context, asset.scope, members["arn"])
    return shapes.GetAssetResponse(**members, tags=present_tags)


async def update_asset(context: Context, request: shapes.UpdateAssetRequest) -> shapes.UpdateAssetResponse:
    """Renames an asset of an open revision; the same name changes nothing.

    Crash: renamed or not.
    """
    require_asset_name(request.name, "Name")
    services, scope = context.services, context.scope
    async with services.database.transaction() as connection:
        revision = await lookups.own_revision(
            connection, context, request.data_set_id, request.revision_id, lock=True
        )
        asset = await lookups.own_asset(
            connection, context, request.data_set_id, request.revision_id, request.asset_id
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
    return shapes.UpdateAssetResponse(**_members(context, asset))


async def delete_asset(context: Context, request: shapes.DeleteAssetRequest) -> None:
    """Deletes an asset of an open or of a revoked revision.

    Crash: the asset and its tags are gone together or not at all; its bytes go later.
    """
    scope = context.scope
    async with context.services.database.transaction() as connection:
        revision = await lookups.own_revision(
            connection, context, request.data_set_id, request.revision_id, lock=True
        )
        asset = await lookups.own_asset(
            connection, context, request.data_set_id, request.revision_id, request.asset_id
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
        seen = await entitled(database, scope, request.data_set_id, context.services.clock())
        if seen is not None:
            rows = await page_entitled(
                database, seen, request.revision_id, after=listing.after_name, limit=listing.fetch
            )
    if not rows:
        await lookups.seen_revision(database, context, request.data_set_id, request.revision_id)
    page = listing.page(rows, lambda asset: (asset.name, asset.id))
    return shapes.ListRevisionAssetsResponse(
        assets=[shapes.AssetEntry(**_members(context, asset)) for asset in page.entries],
        next_token=page.next_token,
    )
