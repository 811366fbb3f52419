"""EXPORT_REVISIONS_TO_S3 into another Region: 2,000 assets and 100 GB at most, as the user guide says."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest
from tests.jobs.harness import Harness, contents, imported

from entrepot.domain.errors import StoreAccessDenied
from entrepot.domain.job import Job, JobErrorCode, JobState, JobType
from entrepot.domain.limits import Limit, Limits
from entrepot.stores.store import ObjectStore
from entrepot.transfer.user_buckets import Access


@dataclass(frozen=True)
class Elsewhere:
    """Buckets that are all in one Region, if anybody knows."""

    harness: Harness
    region: str | None
    asked: list[str] = field(default_factory=list)
    refused: bool = False

    async def of_account(self, account_id: str) -> Elsewhere:
        return self

    def open(self, bucket: str, key: str, access: Access) -> ObjectStore:
        return self.harness.bucket(bucket)

    def region_of(self, bucket: str, key: str) -> str | None:
        self.asked.append(bucket)
        if self.refused:
            raise StoreAccessDenied("not yours", bucket=bucket, key=key)
        return self.region


async def export(harness: Harness, buckets: Elsewhere, limits: dict[Limit, int]) -> Job:
    there = replace(harness, buckets=buckets, limits=Limits(limits))
    revision = await there.revision()
    await imported(there, revision, {"a": b"1", "b": b"22"})
    destination = {"RevisionId": revision.id, "Bucket": "target"}
    details = {"DataSetId": revision.data_set_id, "RevisionDestinations": [destination]}
    return await there.finish(
        await there.create(JobType.EXPORT_REVISIONS_TO_S3, {"ExportRevisionsToS3": details})
    )


@pytest.mark.parametrize(
    ("limits", "value"),
    [({Limit.CROSS_REGION_EXPORT_ASSETS: 1}, 1.0), ({Limit.CROSS_REGION_EXPORT_SIZE_IN_GB: 0}, 0.0)],
)
async def test_more_than_may_leave_the_region_fails_the_job_before_anything_is_written(
    harness: Harness, limits: dict[Limit, int], value: float
) -> None:
    job = await export(harness, Elsewhere(harness, "eu-west-1"), limits)
    (error,) = job.errors
    assert (job.state, error.code) == (JobState.ERROR, JobErrorCode.SERVICE_QUOTA_EXCEEDED_EXCEPTION)
    assert error.limit_value == value
    assert "bucket target is in eu-west-1, not in us-east-1" in error.message
    assert contents(harness.bucket("target")) == {}


@pytest.mark.parametrize("region", ["us-east-1", None])
async def test_in_the_region_of_the_data_set_or_where_nobody_knows_it_is_exported(
    harness: Harness, region: str | None
) -> None:
    job = await export(harness, Elsewhere(harness, region), {Limit.CROSS_REGION_EXPORT_ASSETS: 1})
    assert job.state is JobState.COMPLETED
    assert contents(harness.bucket("target")) == {"a": b"1", "b": b"22"}


async def test_within_the_limit_nobody_is_asked(harness: Harness) -> None:
    buckets = Elsewhere(harness, "eu-west-1")
    job = await export(harness, buckets, {Limit.CROSS_REGION_EXPORT_ASSETS: 2})
    assert (job.state, buckets.asked) == (JobState.COMPLETED, [])


def test_the_limits_are_those_of_the_user_guide() -> None:
    assert Limits()[Limit.CROSS_REGION_EXPORT_ASSETS] == 2_000
    assert Limits()[Limit.CROSS_REGION_EXPORT_SIZE_IN_GB] == 100
