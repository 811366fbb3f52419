"""Operations on assets (behaviour reference, section 4.3). Only jobs make assets."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from entrepot.database import assets
from entrepot.domain.access_point import access_point_alias, access_point_arn
from entrepot.domain.arn import asset_arn
from entrepot.domain.asset import Asset, require_asset_name
from entrepot.domain.revision import require_assets_removable, require_open
from entrepot.entitlements.visibility.assets import page_entitled
from entrepot.entitlements.visibility.data_sets import entitled
from entrepot.entitlements.visibility.download_receiver import Receiver
from entrepot.jobs.definition import answer
from entrepot.model import shapes
from entrepot.operations import lookups
from entrepot.operations.context import Context
from entrepot.operations.pages import Listing


def _entry(context: Context, asset: Asset) -> shapes.AssetEntry:
    return shapes.AssetEntry(
        arn=asset_arn(asset.scope, asset.data_set_id, asset.revision_id, asset.id),
        asset_details=asset_details(context, asset),
        asset_type=asset.asset_type,
        created_at=asset.created_at,
        data_set_id=asset.data_set_id,
        id=asset.id,
        name=asset.name,
        revision_id=asset.revision_id,
        source_id=asset.source_id,
        updated_at=asset.updated_at,
    )


async def get_asset(context: Context, request: shapes.GetAssetRequest) -> shapes.GetAssetResponse:
    """One asset; an own one with its tags, which nobody sees through a grant [C]."""
    database = context.services.database
    asset = await lookups.seen_asset(
        database, context, request.data_set_id, request.revision_id, request.asset_id
    )
    entry = _entry(context, asset)
    present_tags = await lookups.own_tags(database, context, asset.scope, entry.arn)
    return answer(shapes.GetAssetResponse, entry, tags=present_tags)


async def update_asset(context: Context, request: shapes.UpdateAssetRequest) -> shapes.UpdateAssetResponse:
    """Renames an asset of an open revision; the same name changes nothing.

    Crash: renamed or not.
    """
    require_asset_name(request.name, "Name")
    services, scope = context.services, context.scope
    async with services.database.transaction() as connection:
        place = (request.data_set_id, request.revision_id)
        revision = await lookups.own_revision(connection, context, *place, lock=True)
        asset = await lookups.own_asset(connection, context, *place, request.asset_id)
        require_open(revision, "renaming an asset")
        if request.name != asset.name:
            asset = replace(asset, name=request.name, updated_at=services.clock())
            await assets.rename(
                connection, scope, *place, asset.id, name=asset.name, updated_at=asset.updated_at
            )
    return answer(shapes.UpdateAssetResponse, _entry(context, asset))


async def delete_asset(context: Context, request: shapes.DeleteAssetRequest) -> None:
    """Deletes an asset of an open or of a revoked revision.

    Crash: the asset and its tags are gone together or not at all; its bytes go later.
    """
    async with context.services.database.transaction() as connection:
        place = (request.data_set_id, request.revision_id)
        revision = await lookups.own_revision(connection, context, *place, lock=True)
        asset = await lookups.own_asset(connection, context, *place, request.asset_id)
        require_assets_removable(revision)
        await assets.delete(connection, context.scope, *place, asset.id)


async def list_revision_assets(
    context: Context, request: shapes.ListRevisionAssetsRequest
) -> shapes.ListRevisionAssetsResponse:
    """The assets of a revision by name, descending in code points."""
    database, scope = context.services.database, context.scope
    listing = Listing.of(context, "ListRevisionAssets", request, request.data_set_id, request.revision_id)
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
        assets=[_entry(context, asset) for asset in page.entries], next_token=page.next_token
    )


SPECIFICATION_URL_SECONDS = 3600
"""How long the download URL of an OpenAPI document is good [G]: an hour, as every other URL."""


def asset_details(context: Context, asset: Asset) -> shapes.AssetDetails:
    if asset.details_json is None:
        return shapes.AssetDetails(s3_snapshot_asset=shapes.S3SnapshotAsset(size=asset.size_bytes))
    details = shapes.decode(asset.details_json, shapes.AssetDetails)
    if details.s3_data_access_asset is not None:
        return _with_access_point(context, asset, details, details.s3_data_access_asset)
    if details.api_gateway_api_asset is not None:
        return _with_specification(context, asset, details, details.api_gateway_api_asset)
    permission = details.lake_formation_data_permission_asset
    if permission is not None and asset.scope.account_id != context.scope.account_id:
        hidden = msgspec.structs.replace(permission, role_arn=None)
        return msgspec.structs.replace(details, lake_formation_data_permission_asset=hidden)
    return details


def _with_access_point(
    context: Context, asset: Asset, details: shapes.AssetDetails, access: shapes.S3DataAccessAsset
) -> shapes.AssetDetails:
    scope = context.scope
    return msgspec.structs.replace(
        details,
        s3_data_access_asset=msgspec.structs.replace(
            access,
            s3_access_point_alias=access_point_alias(asset.data_set_id, asset.id),
            s3_access_point_arn=access_point_arn(scope, asset.id),
        ),
    )


def _with_specification(
    context: Context, asset: Asset, details: shapes.AssetDetails, api: shapes.ApiGatewayApiAsset
) -> shapes.AssetDetails:
    services = context.services
    now = services.clock()
    expires_at = now.plus_seconds(SPECIFICATION_URL_SECONDS)
    own = asset.scope.account_id == context.scope.account_id
    is_receiver = not own and asset.source_id is None
    url = services.signed_urls.download_url(
        asset.store_key,
        download_name=f"{asset.id}.json",
        expires_at=expires_at,
        now=now,
        receiver=str(Receiver.of(context.scope, asset)) if is_receiver else None,
    )
    target = services.api_calls.target(api.api_id or "", api.stage or "", asset.scope)
    shown = target is not None and (own or target.signing_region is not None)
    return msgspec.structs.replace(
        details,
        api_gateway_api_asset=msgspec.structs.replace(
            api,
            api_endpoint=target.url if target is not None and shown else None,
            api_key=api.api_key if own else None,
            api_specification_download_url=url,
            api_specification_download_url_expires_at=expires_at,
        ),
    )
