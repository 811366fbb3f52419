"""Event actions: what a receiver wants done with each revision that is published to it (reference, 5).

There is one event and one action: a revision is published, and it is exported to a bucket of the receiver.
"""

from __future__ import annotations

from dataclasses import dataclass

from entrepot.domain.data_set import AssetType
from entrepot.domain.errors import ValidationFailed
from entrepot.domain.scope import Scope
from entrepot.domain.timestamp import Timestamp

AUTO_EXPORT_KEY_PATTERN = "${Revision.CreatedAt}/${Asset.Name}"
"""What stands for an absent KeyPattern of an event action [C]; that of a job's is another one."""


@dataclass(frozen=True, slots=True)
class EventAction:
    scope: Scope
    """The receiver's, who made it."""
    id: str
    data_set_id: str
    action_json: bytes
    """`Action` in the form of the wire, as it was given."""
    created_at: Timestamp
    updated_at: Timestamp


def probe_key(account_id: str) -> str:
    """Under which key the service looks whether it may write to a bucket: the documented name [C], and whose
    account asks [G].
    """
    return f"_ADX-TEST-ACCOUNTID#{account_id}"


def require_exportable(data_set_id: str, asset_type: AssetType) -> None:
    """Raises `ValidationFailed` unless the data set holds files: nothing else can be exported [L]."""
    if asset_type is not AssetType.S3_SNAPSHOT:
        raise ValidationFailed(
            f"Data set {data_set_id} holds assets of type {asset_type}; "
            f"an event action exports those of type {AssetType.S3_SNAPSHOT}."
        )
