"""`AssetDetails` as somebody sees them: what the job wrote, and what depends on who looks.

S3_SNAPSHOT        the size
S3_DATA_ACCESS     alias and ARN of the access point, each viewer's own [C]
API_GATEWAY_API    a URL to download the OpenAPI document from, made anew each time [L]; a receiver does not
                   see the key with which the exchange calls the API [G], and of ApiEndpoint only one of
                   Amazon API Gateway: any other is a matter of this exchange and the owner [G]
LAKE_FORMATION…    what the job wrote; a receiver does not see the role of the owner [G]
the others         what the job wrote
"""

from __future__ import annotations

import msgspec

from entrepot.domain.access_point import access_point_alias, access_point_arn
from entrepot.domain.asset import Asset
from entrepot.entitlements.visibility.download_receiver import Receiver
from entrepot.model import shapes
from entrepot.operations.context import Context

SPECIFICATION_URL_SECONDS = 3600
"""How long the download URL of an OpenAPI document is good [G]: an hour, as every other URL."""


def asset_details(context: Context, asset: Asset) -> shapes.AssetDetails:
    """The details of an asset that the caller may see."""
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
