"""Events: what an account is told of what others did with what it was granted, or what became of its grants.

They are those of AWS Data Exchange, in the envelope of Amazon EventBridge (behaviour reference, section 8). A
grant has no product: where the service names one, an event here names the data grant instead [G], and what is
about products alone is never sent.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from entrepot.domain.arn import data_grant_arn, data_set_arn
from entrepot.domain.data_grant import DataGrant
from entrepot.domain.data_set import AssetType
from entrepot.domain.revision import Revision
from entrepot.domain.timestamp import Timestamp

SOURCE = "aws.dataexchange"
_VERSION = "0"


class DetailType(StrEnum):
    """What has happened, in the service's own words and letters (their case differs [C])."""

    REVISION_PUBLISHED = "Revision Published To Data Set"
    REVISION_PUBLISHED_API = "Revision Published To API Gateway API Data Set"
    REVISION_PUBLISHED_REDSHIFT = "Revision Published To Redshift Data Shares Data Set"
    REVISION_PUBLISHED_LAKE_FORMATION = "Revision Published To Lake Formation Data Permission Data Set"
    REVISION_PUBLISHED_S3_DATA_ACCESS = "Revision Published to S3 Data Access Data Set(s)"
    REVISION_REVOKED = "Revision Revoked"
    REVISION_REVOKED_S3_DATA_ACCESS = "Revision Revoked from S3 Data Access Data Set(s)"
    REDSHIFT_ACCESS_LOST = "Redshift Data Share Access Lost"
    AUTO_EXPORT_COMPLETED = "Auto-export Job Completed"
    AUTO_EXPORT_FAILED = "Auto-export Job Failed"
    DATA_UPDATED = "Data Updated in Data Set"
    DATA_DELAYED = "Data Set Update Delayed"
    DEPRECATION_PLANNED = "Deprecation Planned for Data Set"
    SCHEMA_CHANGE_PLANNED = "Schema Change Planned for Data Set"
    DATA_GRANT_ACCEPTED = "Data Grant Accepted"
    DATA_GRANT_REVOKED = "Data Grant Revoked"


_PUBLISHED = {
    AssetType.S3_SNAPSHOT: DetailType.REVISION_PUBLISHED,
    AssetType.API_GATEWAY_API: DetailType.REVISION_PUBLISHED_API,
    AssetType.REDSHIFT_DATA_SHARE: DetailType.REVISION_PUBLISHED_REDSHIFT,
    AssetType.LAKE_FORMATION_DATA_PERMISSION: DetailType.REVISION_PUBLISHED_LAKE_FORMATION,
    AssetType.S3_DATA_ACCESS: DetailType.REVISION_PUBLISHED_S3_DATA_ACCESS,
}


class NotificationType(StrEnum):
    """What an owner may notify the receivers of a data set of."""

    DATA_DELAY = "DATA_DELAY"
    DATA_UPDATE = "DATA_UPDATE"
    DEPRECATION = "DEPRECATION"
    SCHEMA_CHANGE = "SCHEMA_CHANGE"


_NOTIFIED = {
    NotificationType.DATA_DELAY: DetailType.DATA_DELAYED,
    NotificationType.DATA_UPDATE: DetailType.DATA_UPDATED,
    NotificationType.DEPRECATION: DetailType.DEPRECATION_PLANNED,
    NotificationType.SCHEMA_CHANGE: DetailType.SCHEMA_CHANGE_PLANNED,
}


class RedshiftAccessLoss(StrEnum):
    """Why a datashare is out of reach [C]."""

    CLUSTER_DELETED = "CLUSTER_DELETED"
    CLUSTER_ENCRYPTION_DISABLED = "CLUSTER_ENCRYPTION_DISABLED"
    DATASHARE_DELETED = "DATASHARE_DELETED"
    DATASHARE_DEAUTHORIZED = "DATASHARE_DEAUTHORIZED"
    DATASHARE_PUBLIC_CONSUMER_BLOCKED = "DATASHARE_PUBLIC_CONSUMER_BLOCKED"


_LOSSES = {
    RedshiftAccessLoss.CLUSTER_DELETED: "its owner deleted the cluster",
    RedshiftAccessLoss.CLUSTER_ENCRYPTION_DISABLED: "its owner turned off the encryption of the cluster",
    RedshiftAccessLoss.DATASHARE_DELETED: "its owner deleted it",
    RedshiftAccessLoss.DATASHARE_DEAUTHORIZED: "its owner withdrew the authorization",
    RedshiftAccessLoss.DATASHARE_PUBLIC_CONSUMER_BLOCKED: "it is closed to publicly accessible clusters",
}


@dataclass(frozen=True, slots=True)
class NewEvent:
    account_id: str
    """Who is told."""
    region: str
    detail_type: DetailType
    resources: tuple[str, ...]
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class StoredEvent:
    sequence: int
    """Rises in the order in which the events of one account and Region became visible."""
    id: str
    account_id: str
    region: str
    at: Timestamp
    detail_type: str
    resources: tuple[str, ...]
    detail_json: str


def envelope(event: StoredEvent) -> dict[str, Any]:
    """The event as EventBridge hands it to those who wait for it: decoded JSON."""
    return {
        "version": _VERSION,
        "id": event.id,
        "detail-type": event.detail_type,
        "source": SOURCE,
        "account": event.account_id,
        "time": to_the_second(event.at),
        "region": event.region,
        "resources": list(event.resources),
        "detail": json.loads(event.detail_json),
    }


def to_the_second(moment: Timestamp) -> str:
    """The form of `time` in an envelope: `2024-01-01T00:00:00Z`."""
    return moment.isoformat()[:19] + "Z"


def revision_published(grant: DataGrant, revisions: Sequence[Revision]) -> NewEvent:
    """The receiver can see revisions that it could not see before; `revisions` are the entitled ones."""
    return _of_revisions(_PUBLISHED[grant.asset_type], grant, revisions)


def revision_revoked(grant: DataGrant, revision: Revision) -> NewEvent:
    """The entitled revision may no longer be used; its revocation comment says why."""
    of_s3 = grant.asset_type is AssetType.S3_DATA_ACCESS
    detail_type = DetailType.REVISION_REVOKED_S3_DATA_ACCESS if of_s3 else DetailType.REVISION_REVOKED
    comment = {"RevocationComment": revision.revocation_comment or ""}
    return _of_revisions(detail_type, grant, [revision], comment)


def auto_export(grant: DataGrant, revisions: Sequence[Revision], *, completed: bool) -> NewEvent:
    """The job of one of the receiver's event actions has ended.

    Its resource is the entitled data set: there is no product to name, and it is what the publication named.
    """
    detail_type = DetailType.AUTO_EXPORT_COMPLETED if completed else DetailType.AUTO_EXPORT_FAILED
    return _of_revisions(detail_type, grant, revisions, {"DataSetIds": [grant.data_set_id]})


def notification(
    grant: DataGrant,
    kind: NotificationType,
    *,
    comment: str | None,
    details: Mapping[str, Any] | None,
    scope: Mapping[str, Any] | None,
) -> NewEvent:
    """What the owner had to say; `details` and `scope` as the request had them, absent ones stay out."""
    said = {"Comment": comment, "Type": kind.value, "Details": details, "Scope": scope}
    return _to_receiver(
        _NOTIFIED[kind],
        grant,
        _entitled_arn(grant),
        {
            "DataSet": _data_set(grant) | {"AssetType": grant.asset_type.value},
            "DataGrant": _data_grant(grant),
            "Notification": {name: value for name, value in said.items() if value is not None},
        },
    )


def data_grant_accepted(grant: DataGrant) -> NewEvent:
    """The receiver has accepted; this one is told to the sender."""
    return NewEvent(
        account_id=grant.scope.account_id,
        region=grant.scope.region,
        detail_type=DetailType.DATA_GRANT_ACCEPTED,
        resources=(_entitled_arn(grant),),
        detail=_of_grant(grant),
    )


def data_grant_revoked(grant: DataGrant) -> NewEvent:
    """The sender has deleted the grant, accepted or not."""
    return _to_receiver(DetailType.DATA_GRANT_REVOKED, grant, _entitled_arn(grant), _of_grant(grant))


def redshift_access_lost(grant: DataGrant, datashare_arn: str, loss: RedshiftAccessLoss) -> NewEvent:
    """The owner has done something to a datashare that takes it from the receiver."""
    return _to_receiver(
        DetailType.REDSHIFT_ACCESS_LOST,
        grant,
        datashare_arn,
        {
            "Message": f"The datashare is unavailable, because {_LOSSES[loss]}. Ask the owner about it.",
            # The name of the member is the service's; what it holds is of a grant.
            "AssociatedProducts": [{"DataSetIds": [grant.data_set_id], **_of_grant(grant)}],
        },
    )


def _of_revisions(
    detail_type: DetailType,
    grant: DataGrant,
    revisions: Sequence[Revision],
    more: Mapping[str, Any] | None = None,
) -> NewEvent:
    detail = {
        "RevisionIds": [revision.id for revision in revisions],
        "Revisions": [{"Id": revision.id, "Comment": revision.comment or ""} for revision in revisions],
        **(more or {}),
        **_of_grant(grant),
    }
    return _to_receiver(detail_type, grant, grant.data_set_id, detail)


def _to_receiver(
    detail_type: DetailType, grant: DataGrant, resource: str, detail: Mapping[str, Any]
) -> NewEvent:
    return NewEvent(grant.receiver_id, grant.scope.region, detail_type, (resource,), detail)


def _of_grant(grant: DataGrant) -> dict[str, Any]:
    return {"DataSets": [_data_set(grant)], "DataGrant": _data_grant(grant)}


def _data_set(grant: DataGrant) -> dict[str, str]:
    return {"Id": grant.data_set_id, "Name": grant.data_set_name}


def _data_grant(grant: DataGrant) -> dict[str, str]:
    return {"Arn": data_grant_arn(grant.scope, grant.id), "Name": grant.name}


def _entitled_arn(grant: DataGrant) -> str:
    return data_set_arn(grant.scope.without_account(), grant.data_set_id)
