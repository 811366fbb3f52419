"""Data sets: the named containers of revisions."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from entrepot.domain.scope import Scope
from entrepot.domain.timestamp import Timestamp


class AssetType(StrEnum):
    """What a data set holds; chosen at its creation for good."""

    S3_SNAPSHOT = "S3_SNAPSHOT"
    REDSHIFT_DATA_SHARE = "REDSHIFT_DATA_SHARE"
    API_GATEWAY_API = "API_GATEWAY_API"
    S3_DATA_ACCESS = "S3_DATA_ACCESS"
    LAKE_FORMATION_DATA_PERMISSION = "LAKE_FORMATION_DATA_PERMISSION"


class Origin(StrEnum):
    """How an account came to a data set: by making it, or by being granted it."""

    OWNED = "OWNED"
    ENTITLED = "ENTITLED"


@dataclass(frozen=True, slots=True)
class DataSet:
    """One data set as an account sees it."""

    scope: Scope
    """Of its ARN: the owner's; without account where it is entitled."""
    id: str
    asset_type: AssetType
    name: str
    description: str
    created_at: Timestamp
    updated_at: Timestamp
    origin: Origin = Origin.OWNED
    data_grant_id: str | None = None
    source_id: str | None = None
    """The owned data set behind an entitled one; only its owner is told."""
