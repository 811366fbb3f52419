"""IMPORT_ASSETS_FROM_S3: objects of buckets become assets named by their keys (behaviour reference, 3.1)."""

from __future__ import annotations

import logging

from entrepot.domain.errors import JobFailed, StoreError, StoreFull
from entrepot.domain.job import JobError, JobErrorCode, JobItem, JobType, Location
from entrepot.domain.limits import GIBIBYTE, Limit
from entrepot.jobs.definition import Checked, Creation, Run, answer
from entrepot.jobs.imports import FileImport, asset_location, pinned, too_large
from entrepot.jobs.object_errors import Failure, failed
from entrepot.jobs.parents import importing_into, require_count, require_key, required
from entrepot.model import shapes

_log = logging.getLogger(__name__)


class ImportAssetsFromS3(FileImport):
    type = JobType.IMPORT_ASSETS_FROM_S3

    def buckets(self, details: shapes.RequestDetails) -> set[str]:
        request = required(details.import_assets_from_s3, self.type)
        return {source.bucket for source in request.asset_sources}

    async def check(self, creation: Creation) -> Checked:
        """Whether there are objects may change until StartJob, so that is asked by `plan`."""
        request = required(creation.details.import_assets_from_s3, self.type)
        limit = creation.limits[Limit.ASSETS_PER_IMPORT_JOB]
        require_count("AssetSources", len(request.asset_sources), limit)
        for source in request.asset_sources:
            require_key(source.bucket, source.key)
        await importing_into(creation, request.data_set_id, request.revision_id)
        return Checked.of(self.type, answer(shapes.ImportAssetsFromS3ResponseDetails, request))

    async def plan(self, run: Run) -> tuple[JobItem, ...]:
        """Pins every object by its ETag; all that are missing, refused or too large are named."""
        named = _named(run)
        found = await run.transfer.head_many([item.source for item in named])
        limit_gb = run.limits[Limit.ASSET_SIZE_IN_GB]
        items: list[JobItem] = []
        failures: list[Failure] = []
        large: list[Location] = []
        for item, info in zip(named, found, strict=True):
            if isinstance(info, StoreError):
                failures.append(Failure(item, info))
            elif info.size_bytes > limit_gb * GIBIBYTE:
                large.append(item.source)
            else:
                items.append(pinned(item, info))
        if failures or large:
            raise failed(failures, _all_too_large(large, limit_gb))
        await _require_room(run, sum(item.size_bytes for item in items))
        return tuple(items)


def _named(run: Run) -> list[JobItem]:
    details = required(run.details.import_assets_from_s3, run.job.type)
    return [
        JobItem(
            number=number,
            name=source.key,
            source=Location(source.bucket, source.key),
            destination=asset_location(run.job, number),
            size_bytes=0,
            source_etag=None,
        )
        for number, source in enumerate(details.asset_sources)
    ]


async def _require_room(run: Run, size_bytes: int) -> None:
    """Raises `JobFailed` before anything is written that would have to be thrown away again."""
    try:
        await run.transfer.require_room(size_bytes)
    except StoreFull as error:
        _log.warning("job %s has no room: %s", run.job.id, error)
        message = (
            f"The disk of the exchange's store has no space left for the {size_bytes:,} bytes of this job. "
            "Have whoever runs the exchange free some, then create the job again."
        )
        raise JobFailed((JobError(JobErrorCode.INTERNAL_SERVER_EXCEPTION, message),)) from error


def _all_too_large(objects: list[Location], limit_gb: int) -> list[JobError]:
    if not objects:
        return []
    named = ", ".join(f"{place.key!r} of bucket {place.bucket!r}" for place in objects[:5])
    rest = f" and {len(objects) - 5} more" if len(objects) > 5 else ""
    return [too_large(limit_gb, named + rest, objects=tuple(objects))]
