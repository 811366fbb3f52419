"""Calls of API assets (behaviour reference, section 7.1)."""

from __future__ import annotations

from entrepot.model import shapes
from entrepot.operations import existing
from entrepot.operations.context import Context
from entrepot.operations.not_offered import not_offered


async def send_api_asset(
    context: Context, request: shapes.SendApiAssetRequest
) -> shapes.SendApiAssetResponse:
    """Raises `ResourceNotFound` for an unknown asset, else `ValidationFailed`: not available yet."""
    await existing.asset(
        context.services.database,
        context.scope,
        request.data_set_id,
        request.revision_id,
        request.asset_id,
    )
    raise not_offered("SendApiAsset")
