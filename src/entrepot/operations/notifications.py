"""Notifications that an owner sends to everyone who has a data set (behaviour reference, section 7.2)."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import msgspec

from entrepot.database import locks, notifications
from entrepot.database.connection import Connection
from entrepot.domain import event
from entrepot.domain.data_set import DataSet
from entrepot.domain.errors import Conflict, ResourceType, ValidationFailed
from entrepot.domain.event import NotificationType
from entrepot.events.recording import record
from entrepot.model import shapes
from entrepot.operations import lookups
from entrepot.operations.context import Context
from entrepot.operations.notification_rules import require_details, require_scope
from entrepot.operations.revision_publication import receivers_of


async def send_data_set_notification(
    context: Context, request: shapes.SendDataSetNotificationRequest
) -> None:
    """Tells everyone who has access to the data set now.

    The same request with the same ClientToken is told once, however often it comes within a day; without a
    token it is told each time. Another request with a token that was used is a Conflict [G].

    Raises `ResourceNotFound`, `AccessDenied` for an entitled data set, and `ValidationFailed`, also where
    nobody was granted the data set.

    Crash: all receivers are told and the token is used, or neither.
    """
    services = context.services
    async with services.database.transaction() as connection:
        data_set = await lookups.own_data_set(connection, context, request.data_set_id)
        if await _sent_before(connection, context, request):
            return
        now = services.clock()
        kind = NotificationType(request.type)
        require_details(kind, request.details, now)
        require_scope(data_set.asset_type, request.scope)
        receivers = await receivers_of(connection, data_set, now)
        if not receivers:
            raise _granted_to_nobody(data_set)
        if request.client_token is not None:
            digest = _digest(request)
            await notifications.remember(connection, context.scope, request.client_token, digest, now)
        told = [
            event.notification(
                grant,
                kind,
                comment=request.comment,
                details=_as_json(request.details),
                scope=_as_json(request.scope),
            )
            for grant in receivers
        ]
        await record(connection, told, now)


async def _sent_before(
    connection: Connection, context: Context, request: shapes.SendDataSetNotificationRequest
) -> bool:
    """Whether this very request was sent; until the transaction ends nobody else sends one with its token.

    Looked at before the rules: a time that was ahead may have come meanwhile. Raises `Conflict`.
    """
    token, scope = request.client_token, context.scope
    if token is None:
        return False
    await locks.hold(connection, f"notification {scope.account_id} {scope.region} {token}")
    digest = await notifications.sent_under(connection, scope, token)
    if digest is not None and digest != _digest(request):
        raise Conflict(
            f"Another notification was sent with the ClientToken {token}; give each its own.",
            resource_id=request.data_set_id,
            resource_type=ResourceType.DATA_SET,
        )
    return digest is not None


def _digest(request: shapes.SendDataSetNotificationRequest) -> str:
    """What is the same for requests that say the same."""
    content = shapes.encode(msgspec.structs.replace(request, client_token=None))
    return hashlib.sha256(content).hexdigest()


def _as_json(said: shapes.NotificationDetails | shapes.ScopeDetails | None) -> dict[str, Any] | None:
    return None if said is None else json.loads(shapes.encode(said))


def _granted_to_nobody(data_set: DataSet) -> ValidationFailed:
    return ValidationFailed(
        f"Data set {data_set.id} is granted to nobody, so there is nobody to notify: none of its data grants "
        "is accepted and has not ended. (Where AWS says this, the data set is not configured for AWS "
        "Marketplace.)"
    )
