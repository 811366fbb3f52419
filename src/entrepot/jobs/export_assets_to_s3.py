"""EXPORT_ASSETS_TO_S3: chosen assets of one revision become objects of buckets (behaviour reference, 3.4)."""

from __future__ import annotations

from collections.abc import Sequence

from entrepot.domain.asset import Asset
from entrepot.domain.errors import ResourceNotFound, ResourceType, ValidationFailed
from entrepot.domain.job import ItemResult, JobItem, JobType, Location
from entrepot.domain.limits import Limit
from entrepot.entitlements.visibility import assets
from entrepot.jobs.definition import Callbacks, Checked, Creation, JobDefinition, Run, answer
from entrepot.jobs.destinations import Destination, encryption_of, export, planned, problem
from entrepot.jobs.parents import exporting_from, gone, require_bucket, require_count, require_key, required
from entrepot.model import shapes


class ExportAssetsToS3(JobDefinition):
    type = JobType.EXPORT_ASSETS_TO_S3

    def buckets(self, details: shapes.RequestDetails) -> set[str]:
        request = required(details.export_assets_to_s3, self.type)
        return {destination.bucket for destination in request.asset_destinations}

    async def check(self, creation: Creation) -> Checked:
        """Details are echoed as they were given: a Key that was left out stays out [G]."""
        request = required(creation.details.export_assets_to_s3, self.type)
        limit = creation.limits[Limit.ASSETS_PER_EXPORT_JOB]
        require_count("AssetDestinations", len(request.asset_destinations), limit)
        for entry in request.asset_destinations:
            if entry.key is None:
                require_bucket(entry.bucket)
            else:
                require_key(entry.bucket, entry.key)
        encryption_of(request.encryption)
        await exporting_from(creation, request.data_set_id, request.revision_id)
        found = await assets.many(
            creation.database,
            creation.scope,
            request.data_set_id,
            request.revision_id,
            [entry.asset_id for entry in request.asset_destinations],
            creation.now,
        )
        by_id = {asset.id: asset for asset in found}
        for entry in request.asset_destinations:
            if entry.asset_id not in by_id:
                raise ResourceNotFound(
                    f"Revision {request.revision_id} has no asset {entry.asset_id}; check AssetId.",
                    resource_id=entry.asset_id,
                    resource_type=ResourceType.ASSET,
                )
        message = problem(_destinations(request.asset_destinations, by_id))
        if message is not None:
            raise ValidationFailed(message)
        return Checked.of(self.type, answer(shapes.ExportAssetsToS3ResponseDetails, request))

    async def plan(self, run: Run) -> tuple[JobItem, ...]:
        """Looks the assets up again: one may have been deleted, and a default Key follows the name of now."""
        details = _details(run)
        job = run.job
        (revision_id,) = job.revision_ids
        wanted = [entry.asset_id for entry in details.asset_destinations]
        found = await assets.many(run.database, job.scope, job.data_set_id, revision_id, wanted, run.clock())
        by_id = {asset.id: asset for asset in found}
        missing = [asset_id for asset_id in dict.fromkeys(wanted) if asset_id not in by_id]
        if missing:
            raise gone(ResourceType.ASSET, missing)
        return planned(_destinations(details.asset_destinations, by_id))

    async def run_item(self, run: Run, item: JobItem, callbacks: Callbacks) -> ItemResult:
        return await export(run, item, callbacks, _details(run).encryption)


def _details(run: Run) -> shapes.ExportAssetsToS3ResponseDetails:
    return required(run.details.export_assets_to_s3, run.job.type)


def _destinations(
    entries: Sequence[shapes.AssetDestinationEntry], by_id: dict[str, Asset]
) -> list[Destination]:
    found = ((entry, by_id[entry.asset_id]) for entry in entries)
    return [
        Destination(asset, Location(entry.bucket, asset.name if entry.key is None else entry.key))
        for entry, asset in found
    ]
