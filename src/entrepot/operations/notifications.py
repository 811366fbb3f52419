"""Notifications that a provider sends to those who have a data set (behaviour reference, section 7.2)."""

from __future__ import annotations

from entrepot.model import shapes
from entrepot.operations import existing
from entrepot.operations.context import Context
from entrepot.operations.not_offered import not_offered


async def send_data_set_notification(
    context: Context, request: shapes.SendDataSetNotificationRequest
) -> None:
    """Raises `ResourceNotFound` for an unknown data set, else `ValidationFailed`: not available yet."""
    await existing.data_set(context.services.database, context.scope, request.data_set_id)
    raise not_offered("SendDataSetNotification")
