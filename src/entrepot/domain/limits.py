"""The quotas of the service as one table (behaviour reference, section 9), overridable in the settings.

Names are exactly those of the model's `LimitName`, so that an error can carry them; the model has none for
jobs that wait.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Self

from entrepot.domain.data_set import AssetType
from entrepot.domain.job import JobType

GIBIBYTE = 1024**3


class Limit(StrEnum):
    """The limits that the exchange enforces, each with the service's own number."""

    default: int

    def __new__(cls, name: str, default: int = 0) -> Self:
        limit = str.__new__(cls, name)
        limit._value_ = name
        limit.default = default
        return limit

    DATA_SETS_PER_ACCOUNT = ("Data sets per account", 3_000)
    REVISIONS_PER_DATA_SET = ("Revisions per data set", 10_000)
    ASSETS_PER_REVISION = ("Assets per revision", 10_000)
    ASSETS_PER_IMPORT_JOB = ("Assets per import job from Amazon S3", 100)
    ASSETS_PER_EXPORT_JOB = ("Asset per export job from Amazon S3", 100)
    ASSET_SIZE_IN_GB = ("Asset size in GB", 100)
    CONCURRENT_IMPORTS_FROM_S3 = ("Concurrent in progress jobs to import assets from Amazon S3", 10)
    CONCURRENT_IMPORTS_FROM_SIGNED_URL = (
        "Concurrent in progress jobs to import assets from a signed URL",
        10,
    )
    CONCURRENT_EXPORTS_TO_S3 = ("Concurrent in progress jobs to export assets to Amazon S3", 10)
    CONCURRENT_EXPORTS_TO_SIGNED_URL = ("Concurrent in progress jobs to export assets to a signed URL", 10)
    CONCURRENT_REVISION_EXPORTS = ("Concurrent in progress jobs to export revisions to Amazon S3", 5)
    EVENT_ACTIONS_PER_ACCOUNT = ("Event actions per account", 50)
    EVENT_ACTIONS_PER_DATA_SET = ("Auto export event actions per data set", 5)
    REDSHIFT_ASSETS_PER_IMPORT_JOB = ("Amazon Redshift datashare assets per import job from Redshift", 10)
    CONCURRENT_REDSHIFT_IMPORTS = (
        "Concurrent in progress jobs to import assets from Amazon Redshift datashares",
        10,
    )
    REVISIONS_PER_REDSHIFT_DATA_SET = ("Revisions per Amazon Redshift datashare data set", 20)
    REDSHIFT_ASSETS_PER_REVISION = ("Amazon Redshift datashare assets per revision", 20)
    CONCURRENT_API_IMPORTS = ("Concurrent in progress jobs to import assets from an API Gateway API", 10)
    API_ASSETS_PER_REVISION = ("Amazon API Gateway API assets per revision", 20)
    REVISIONS_PER_API_DATA_SET = ("Revisions per Amazon API Gateway API data set", 20)
    CONCURRENT_LAKE_FORMATION_IMPORTS = (
        "Concurrent in progress jobs to import assets from an AWS Lake Formation tag policy",
        5,
    )
    LAKE_FORMATION_ASSETS_PER_REVISION = ("AWS Lake Formation data permission assets per revision", 20)
    REVISIONS_PER_LAKE_FORMATION_DATA_SET = ("Revisions per AWS Lake Formation data permission data set", 20)
    REVISIONS_PER_S3_DATA_ACCESS_DATA_SET = ("Revisions per Amazon S3 data access data set", 5)
    S3_DATA_ACCESS_ASSETS_PER_REVISION = ("Amazon S3 data access assets per revision", 5)
    CONCURRENT_S3_DATA_ACCESS_JOBS = (
        "Concurrent in progress jobs to create Amazon S3 data access assets from S3 buckets",
        5,
    )
    WAITING_JOBS = ("Jobs waiting per account", 10_000)  # [G]: AWS has no such quota, or tells of none
    LIVE_DATA_GRANTS = ("Active and pending data grants", 10_000)  # [G]: no figure is published
    PENDING_DATA_GRANTS_PER_CONSUMER = ("Pending data grants per consumer", 20)
    SIGNED_URL_IMPORT_SIZE_IN_GB = ("Signed URL import size in GB", 5)
    """This and the next two are documented in the user guide; no API error carries a name for them."""
    CROSS_REGION_EXPORT_ASSETS = ("Assets per cross-Region export of a revision", 2_000)
    CROSS_REGION_EXPORT_SIZE_IN_GB = ("Cross-Region export of a revision in GB", 100)


DEFAULT_LIMITS: Mapping[Limit, int] = MappingProxyType({limit: limit.default for limit in Limit})

CONCURRENT_JOBS: Mapping[JobType, Limit] = MappingProxyType(
    {
        JobType.IMPORT_ASSETS_FROM_S3: Limit.CONCURRENT_IMPORTS_FROM_S3,
        JobType.IMPORT_ASSET_FROM_SIGNED_URL: Limit.CONCURRENT_IMPORTS_FROM_SIGNED_URL,
        JobType.EXPORT_ASSETS_TO_S3: Limit.CONCURRENT_EXPORTS_TO_S3,
        JobType.EXPORT_ASSET_TO_SIGNED_URL: Limit.CONCURRENT_EXPORTS_TO_SIGNED_URL,
        JobType.EXPORT_REVISIONS_TO_S3: Limit.CONCURRENT_REVISION_EXPORTS,
        JobType.IMPORT_ASSETS_FROM_REDSHIFT_DATA_SHARES: Limit.CONCURRENT_REDSHIFT_IMPORTS,
        JobType.IMPORT_ASSET_FROM_API_GATEWAY_API: Limit.CONCURRENT_API_IMPORTS,
        JobType.CREATE_S3_DATA_ACCESS_FROM_S3_BUCKET: Limit.CONCURRENT_S3_DATA_ACCESS_JOBS,
        JobType.IMPORT_ASSETS_FROM_LAKE_FORMATION_TAG_POLICY: Limit.CONCURRENT_LAKE_FORMATION_IMPORTS,
    }
)

REVISIONS_PER_DATA_SET: Mapping[AssetType, Limit] = MappingProxyType(
    {
        AssetType.S3_SNAPSHOT: Limit.REVISIONS_PER_DATA_SET,
        AssetType.REDSHIFT_DATA_SHARE: Limit.REVISIONS_PER_REDSHIFT_DATA_SET,
        AssetType.API_GATEWAY_API: Limit.REVISIONS_PER_API_DATA_SET,
        AssetType.S3_DATA_ACCESS: Limit.REVISIONS_PER_S3_DATA_ACCESS_DATA_SET,
        AssetType.LAKE_FORMATION_DATA_PERMISSION: Limit.REVISIONS_PER_LAKE_FORMATION_DATA_SET,
    }
)
LIMITS_OF_JOB_ERRORS = frozenset(
    {
        Limit.ASSETS_PER_REVISION,
        Limit.ASSET_SIZE_IN_GB,
        Limit.REDSHIFT_ASSETS_PER_REVISION,
        Limit.LAKE_FORMATION_ASSETS_PER_REVISION,
        Limit.S3_DATA_ACCESS_ASSETS_PER_REVISION,
    }
)
"""Those that the model has a name for in a job's `Errors` (`JobErrorLimitName`)."""

ASSETS_PER_REVISION: Mapping[AssetType, Limit] = MappingProxyType(
    {
        AssetType.S3_SNAPSHOT: Limit.ASSETS_PER_REVISION,
        AssetType.REDSHIFT_DATA_SHARE: Limit.REDSHIFT_ASSETS_PER_REVISION,
        AssetType.API_GATEWAY_API: Limit.API_ASSETS_PER_REVISION,
        AssetType.S3_DATA_ACCESS: Limit.S3_DATA_ACCESS_ASSETS_PER_REVISION,
        AssetType.LAKE_FORMATION_DATA_PERMISSION: Limit.LAKE_FORMATION_ASSETS_PER_REVISION,
    }
)


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How many seconds after StartJob a job of each type is TIMED_OUT, over all its attempts."""

    seconds: float = 86_400
    of_types: Mapping[JobType, float] = field(default_factory=dict)
    """Where a type has its own."""

    def __getitem__(self, job_type: JobType) -> float:
        return self.of_types.get(job_type, self.seconds)

    def __str__(self) -> str:
        """As the settings write them."""
        own = [f"{job_type}={seconds:.10g}" for job_type, seconds in self.of_types.items()]
        return ",".join([f"{self.seconds:.10g}", *own])


@dataclass(frozen=True, slots=True)
class Limits:
    """The table with an operator's overrides laid over it."""

    overrides: Mapping[Limit, int] = field(default_factory=dict)

    def __getitem__(self, limit: Limit) -> int:
        return self.overrides.get(limit, limit.default)
