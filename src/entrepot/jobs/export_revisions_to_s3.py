"""EXPORT_REVISIONS_TO_S3: all assets of one revision become objects of a bucket, under keys made by a pattern
(behaviour reference, section 3.5).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from entrepot.domain.errors import JobFailed, ResourceType, StoreError, ValidationFailed
from entrepot.domain.job import ItemResult, JobError, JobErrorCode, JobItem, JobType, Location
from entrepot.domain.key_pattern import DEFAULT_KEY_PATTERN, KeyPattern
from entrepot.domain.limits import GIBIBYTE, Limit
from entrepot.entitlements.visibility import assets
from entrepot.jobs.definition import Callbacks, Checked, Creation, JobDefinition, Run, answer
from entrepot.jobs.destinations import Destination, encryption_of, export, planned
from entrepot.jobs.parents import exported, exporting_from, require_bucket, require_count, required
from entrepot.model import shapes


class ExportRevisionsToS3(JobDefinition):
    type = JobType.EXPORT_REVISIONS_TO_S3

    def buckets(self, details: shapes.RequestDetails) -> set[str]:
        request = required(details.export_revisions_to_s3, self.type)
        return {destination.bucket for destination in request.revision_destinations}

    async def check(self, creation: Creation) -> Checked:
        """Whether the keys are possible depends on all names: `plan` asks, and the job fails [C]."""
        request = required(creation.details.export_revisions_to_s3, self.type)
        require_count("RevisionDestinations", len(request.revision_destinations), 1)
        (destination,) = request.revision_destinations
        require_bucket(destination.bucket)
        _pattern(destination)
        encryption_of(request.encryption)
        await exporting_from(creation, request.data_set_id, destination.revision_id)
        place = (request.data_set_id, destination.revision_id)
        if not await assets.any_in(creation.database, creation.scope, *place, creation.now):
            raise ValidationFailed(
                f"Revision {destination.revision_id} has no assets; there is nothing to export."
            )
        details = answer(shapes.ExportRevisionsToS3ResponseDetails, request)
        return Checked(
            shapes.ResponseDetails(export_revisions_to_s3=details),
            request.data_set_id,
            (destination.revision_id,),
        )

    async def plan(self, run: Run) -> tuple[JobItem, ...]:
        (destination,) = _details(run).revision_destinations
        pattern = _pattern(destination)
        job, now = run.job, run.clock()
        parents = await exported(run.database, job, now)
        data_set, revision = parents.data_set, parents.revision
        found = await assets.all_of_revision(run.database, job.scope, data_set.id, revision.id, now)
        items = planned(
            [
                Destination(asset, Location(destination.bucket, pattern.key(data_set, revision, asset)))
                for asset in found
            ]
        )
        await _require_region(run, items)
        return items

    async def run_item(self, run: Run, item: JobItem, callbacks: Callbacks) -> ItemResult:
        return await export(run, item, callbacks, _details(run).encryption)


async def _require_region(run: Run, items: Sequence[JobItem]) -> None:
    """Raises `JobFailed` where more would leave the Region of the data set than may [C].

    Where the bucket is, is only asked then; one of which nobody says it counts as being here.
    """
    most, most_gb = (
        run.limits[Limit.CROSS_REGION_EXPORT_ASSETS],
        run.limits[Limit.CROSS_REGION_EXPORT_SIZE_IN_GB],
    )
    size_bytes = sum(item.size_bytes for item in items)
    if len(items) <= most and size_bytes <= most_gb * GIBIBYTE:
        return
    (destination,) = _details(run).revision_destinations
    bucket, here = destination.bucket, run.job.scope.region
    try:
        there = await asyncio.to_thread(run.buckets.region_of, bucket, items[0].destination.key)
    except StoreError:
        return  # writing there will say so
    if there is None or there == here:
        return
    limit = float(most if len(items) > most else most_gb)
    error = JobError(
        JobErrorCode.SERVICE_QUOTA_EXCEEDED_EXCEPTION,
        f"The revision has {len(items)} assets of {size_bytes:,} bytes, and bucket {bucket} is in {there}, "
        f"not in {here}. To another Region a job exports {most} assets and {most_gb} GB at most; use "
        "EXPORT_ASSETS_TO_S3, or a bucket of this Region.",
        limit_value=limit,
        resource_id=run.job.revision_ids[0],
        resource_type=ResourceType.REVISION,
    )
    raise JobFailed((error,))


def _details(run: Run) -> shapes.ExportRevisionsToS3ResponseDetails:
    return required(run.details.export_revisions_to_s3, run.job.type)


def _pattern(destination: shapes.RevisionDestinationEntry) -> KeyPattern:
    text = DEFAULT_KEY_PATTERN if destination.key_pattern is None else destination.key_pattern
    return KeyPattern.parse(text)
