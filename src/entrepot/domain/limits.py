"""The quotas of the service as one table (behaviour reference, section 9), overridable in the settings.

Names are exactly those of the model's `LimitName`, so that an error can carry them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from entrepot.domain.job import JobType

GIBIBYTE = 1024**3


class Limit(StrEnum):
    """The limits that the exchange enforces."""

    DATA_SETS_PER_ACCOUNT = "Data sets per account"
    REVISIONS_PER_DATA_SET = "Revisions per data set"
    ASSETS_PER_REVISION = "Assets per revision"
    ASSETS_PER_IMPORT_JOB = "Assets per import job from Amazon S3"
    ASSETS_PER_EXPORT_JOB = "Asset per export job from Amazon S3"
    ASSET_SIZE_IN_GB = "Asset size in GB"
    CONCURRENT_IMPORTS_FROM_S3 = "Concurrent in progress jobs to import assets from Amazon S3"
    CONCURRENT_IMPORTS_FROM_SIGNED_URL = "Concurrent in progress jobs to import assets from a signed URL"
    CONCURRENT_EXPORTS_TO_S3 = "Concurrent in progress jobs to export assets to Amazon S3"
    CONCURRENT_EXPORTS_TO_SIGNED_URL = "Concurrent in progress jobs to export assets to a signed URL"
    CONCURRENT_REVISION_EXPORTS = "Concurrent in progress jobs to export revisions to Amazon S3"
    SIGNED_URL_IMPORT_SIZE_IN_GB = "Signed URL import size in GB"
    """Documented in the user guide; not a name of the model, so no API error carries it."""


DEFAULT_LIMITS: Mapping[Limit, int] = MappingProxyType(
    {
        Limit.DATA_SETS_PER_ACCOUNT: 3_000,
        Limit.REVISIONS_PER_DATA_SET: 10_000,
        Limit.ASSETS_PER_REVISION: 10_000,
        Limit.ASSETS_PER_IMPORT_JOB: 100,
        Limit.ASSETS_PER_EXPORT_JOB: 100,
        Limit.ASSET_SIZE_IN_GB: 100,
        Limit.CONCURRENT_IMPORTS_FROM_S3: 10,
        Limit.CONCURRENT_IMPORTS_FROM_SIGNED_URL: 10,
        Limit.CONCURRENT_EXPORTS_TO_S3: 10,
        Limit.CONCURRENT_EXPORTS_TO_SIGNED_URL: 10,
        Limit.CONCURRENT_REVISION_EXPORTS: 5,
        Limit.SIGNED_URL_IMPORT_SIZE_IN_GB: 5,
    }
)

CONCURRENT_JOBS: Mapping[JobType, Limit] = MappingProxyType(
    {
        JobType.IMPORT_ASSETS_FROM_S3: Limit.CONCURRENT_IMPORTS_FROM_S3,
        JobType.IMPORT_ASSET_FROM_SIGNED_URL: Limit.CONCURRENT_IMPORTS_FROM_SIGNED_URL,
        JobType.EXPORT_ASSETS_TO_S3: Limit.CONCURRENT_EXPORTS_TO_S3,
        JobType.EXPORT_ASSET_TO_SIGNED_URL: Limit.CONCURRENT_EXPORTS_TO_SIGNED_URL,
        JobType.EXPORT_REVISIONS_TO_S3: Limit.CONCURRENT_REVISION_EXPORTS,
    }
)


@dataclass(frozen=True, slots=True)
class Limits:
    """The table with an operator's overrides laid over it."""

    overrides: Mapping[Limit, int] = field(default_factory=dict)

    def __getitem__(self, limit: Limit) -> int:
        return self.overrides.get(limit, DEFAULT_LIMITS[limit])
