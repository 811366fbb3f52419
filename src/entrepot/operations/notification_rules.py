"""What a notification of a data set may say (behaviour reference, section 7.2): the rules beyond the model's.

That Deprecation and SchemaChange are needed by their types, and that DataUpdate may be left out, follows from
what the model requires inside of them [L].
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from entrepot.domain.data_set import AssetType
from entrepot.domain.errors import ValidationFailed
from entrepot.domain.event import NotificationType
from entrepot.domain.timestamp import Timestamp
from entrepot.model import shapes

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
