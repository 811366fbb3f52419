"""Notifications that an owner sends to everyone who has a data set (behaviour reference, section 7.2)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import msgspec

from entrepot.database import notifications
from entrepot.database.connection import Connection
from entrepot.domain import event
from entrepot.domain.data_set import AssetType
from entrepot.domain.errors import Conflict, ResourceType, ValidationFailed
from entrepot.domain.event import NotificationType
from entrepot.domain.timestamp import Timestamp
from entrepot.events.event_log import record
from entrepot.model import shapes
from entrepot.operations import lookups
from entrepot.operations.context import Context
from entrepot.operations.revisions import receivers_of


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
            raise ValidationFailed(
                f"Data set {data_set.id} is granted to nobody, so there is nobody to notify: none of its "
                "data grants is accepted and has not ended. (Where AWS says this, the data set is not "
                "configured for AWS Marketplace.)"
            )
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
    await connection.hold(f"notification {scope.account_id} {scope.region} {token}")
    digest = await notifications.sent_under(connection, scope, token)
    if digest is not None and digest != _digest(request):
        raise Conflict(
            f"Another notification was sent with the ClientToken {token}; give each its own.",
            resource_id=request.data_set_id,
            resource_type=ResourceType.DATA_SET,
        )
    return digest is not None


def _digest(request: shapes.SendDataSetNotificationRequest) -> str:
    """A hash that is the same for requests that say the same."""
    content = shapes.encode(msgspec.structs.replace(request, client_token=None))
    return hashlib.sha256(content).hexdigest()


def _as_json(said: shapes.NotificationDetails | shapes.ScopeDetails | None) -> dict[str, Any] | None:
    return None if said is None else json.loads(shapes.encode(said))


MAX_CHANGES = 100
MAX_NAME_LENGTH = 255
"""Of a field that changes, in code points."""
MAX_DESCRIPTION_LENGTH = 512
"""Of a change, in code points."""
MAX_KEYS = 50
"""In each of Keys and KeyPrefixes of one entry."""

_DETAILS = {
    NotificationType.DATA_UPDATE: "DataUpdate",
    NotificationType.DEPRECATION: "Deprecation",
    NotificationType.SCHEMA_CHANGE: "SchemaChange",
}
_SCOPES = {
    AssetType.LAKE_FORMATION_DATA_PERMISSION: "LakeFormationTagPolicies",
    AssetType.REDSHIFT_DATA_SHARE: "RedshiftDataShares",
    AssetType.S3_DATA_ACCESS: "S3DataAccesses",
}


def require_details(
    kind: NotificationType, details: shapes.NotificationDetails | None, now: Timestamp
) -> None:
    """Raises `ValidationFailed` unless `Details` is what a notification of this type takes."""
    given = details or shapes.NotificationDetails()
    allowed = _DETAILS.get(kind)
    _require_only(given, allowed, "Details", f"A notification of type {kind}")
    if given.data_update is not None:
        _require_past(given.data_update.data_updated_at, now)
    if kind is NotificationType.DEPRECATION:
        if given.deprecation is None:
            raise _needed(kind, "Deprecation", "DeprecationAt")
        _require_future("Deprecation.DeprecationAt", given.deprecation.deprecation_at, now)
    if kind is NotificationType.SCHEMA_CHANGE:
        if given.schema_change is None:
            raise _needed(kind, "SchemaChange", "SchemaChangeAt")
        _require_future("SchemaChange.SchemaChangeAt", given.schema_change.schema_change_at, now)
        _require_changes(given.schema_change.changes or [])


def require_scope(asset_type: AssetType, scope: shapes.ScopeDetails | None) -> None:
    """Raises `ValidationFailed` unless `Scope` names what a data set of this type consists of [L].

    Those of files and of APIs consist of nothing that the model has a place for: they take no Scope.
    """
    given = scope or shapes.ScopeDetails()
    _require_only(given, _SCOPES.get(asset_type), "Scope", f"A data set of type {asset_type}")
    for number, entry in enumerate(given.s3_data_accesses or ()):
        for member, names in (("Keys", entry.keys), ("KeyPrefixes", entry.key_prefixes)):
            _require_at_most(f"Scope.S3DataAccesses[{number}].{member}", names or (), MAX_KEYS)


def _require_only(
    given: shapes.NotificationDetails | shapes.ScopeDetails, allowed: str | None, member: str, what: str
) -> None:
    """Raises `ValidationFailed` where `given` has members other than the one that is allowed.

    An empty list says nothing.
    """
    names = zip(given.__struct_fields__, given.__struct_encode_fields__, strict=True)
    for python_name, wire_name in names:
        value: Any = getattr(given, python_name)
        if value is not None and value != [] and wire_name != allowed:
            takes = f"takes no {member}" if allowed is None else f"takes {member}.{allowed} alone"
            raise ValidationFailed(f"{what} {takes}; leave {wire_name} out.")


def _require_past(moment: Timestamp | None, now: Timestamp) -> None:
    if moment is not None and moment > now:
        raise ValidationFailed(
            f"Details.DataUpdate.DataUpdatedAt {moment.isoformat()} is in the future; "
            "it says when the data were updated."
        )


def _require_future(member: str, moment: Timestamp, now: Timestamp) -> None:
    if moment <= now:
        raise ValidationFailed(f"Details.{member} {moment.isoformat()} is not in the future.")


def _needed(kind: NotificationType, member: str, inside: str) -> ValidationFailed:
    return ValidationFailed(f"A notification of type {kind} needs Details.{member} with its {inside}.")


def _require_changes(changes: Sequence[shapes.SchemaChangeDetails]) -> None:
    _require_at_most("Details.SchemaChange.Changes", changes, MAX_CHANGES)
    for number, change in enumerate(changes):
        where = f"Details.SchemaChange.Changes[{number}]"
        if not 1 <= len(change.name) <= MAX_NAME_LENGTH:
            raise ValidationFailed(
                f"{where}.Name has {len(change.name)} characters; it has 1 to {MAX_NAME_LENGTH}."
            )
        if len(change.description or "") > MAX_DESCRIPTION_LENGTH:
            raise ValidationFailed(
                f"{where}.Description has {len(change.description or '')} characters; "
                f"it may have {MAX_DESCRIPTION_LENGTH}."
            )


def _require_at_most(member: str, entries: Sequence[object], limit: int) -> None:
    if len(entries) > limit:
        raise ValidationFailed(f"{member} has {len(entries)} entries; it may have {limit}.")
