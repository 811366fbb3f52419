"""What imports share: the asset that an item becomes, or that describes a live thing, and limits on sizes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from entrepot.domain.asset import Asset, require_asset_name
from entrepot.domain.data_set import AssetType
from entrepot.domain.errors import ResourceType
from entrepot.domain.identifiers import asset_store_key, derived_asset_id, upload_store_key
from entrepot.domain.job import ItemResult, Job, JobError, JobErrorCode, JobItem, Location
from entrepot.domain.limits import Limit
from entrepot.domain.timestamp import Timestamp
from entrepot.jobs.definition import Callbacks, Creation, JobDefinition, Outcome, Run
from entrepot.model import shapes

if TYPE_CHECKING:
    from entrepot.stores.store import ObjectInfo


URL_LIFETIME_SECONDS = 3600
"""How long something can be uploaded for a job: one hour [C] for a file, and [G] for an OpenAPI document."""


def asset_location(job: Job, item_number: int) -> Location:
    """Where this attempt of the job writes the item's bytes in the exchange's own store."""
    return Location(None, asset_store_key(derived_asset_id(job.id, item_number), job.attempt))


def upload_url(creation: Creation, content_md5: str) -> tuple[str, Timestamp]:
    """Where a file with this MD5 (base64) is PUT to for the job, and until when."""
    expires_at = creation.now.plus_seconds(URL_LIFETIME_SECONDS)
    url = creation.signed_urls.upload_url(
        upload_store_key(creation.job_id), content_md5=content_md5, expires_at=expires_at, now=creation.now
    )
    return url, expires_at


def pinned(item: JobItem, info: ObjectInfo) -> JobItem:
    """The item with what was found of its source: another object under that key ends the job.

    One that carries more than headers is asked for these again by what copies it, which has to know that.
    """
    return replace(
        item,
        size_bytes=info.size_bytes,
        source_etag=info.etag,
        source_checksum=info.checksum,
        headers=None if info.carries_more else info.headers,
    )


class FileImport(JobDefinition):
    """A job type whose items become files of the exchange's own store, each an asset."""

    async def run_item(self, run: Run, item: JobItem, callbacks: Callbacks) -> ItemResult:
        """Doing so again in one attempt writes the same bytes to the same key."""
        return await run.transfer.move(
            item, encryption=None, on_bytes=callbacks.on_bytes, on_checkpoint=callbacks.on_checkpoint
        )

    async def finish(self, run: Run, items: Sequence[JobItem]) -> Outcome:
        return outcome(run, items)


def outcome(
    run: Run,
    items: Sequence[JobItem],
    asset_type: AssetType = AssetType.S3_SNAPSHOT,
    details: shapes.AssetDetails | None = None,
) -> Outcome:
    """All items as assets of the job's revision, with the tags of its AssetConfiguration."""
    now = run.clock()
    details_json = None if details is None else shapes.encode(details)
    made = []
    for item in items:
        if item.result is None:
            raise ValueError(f"item {item.number} of job {run.job.id} is not done")
        asset = replace(
            _asset(run, item.number, item.name, asset_type, now),
            size_bytes=item.result.size_bytes,
            store_key=item.destination.key,
            store_etag=item.result.etag,
            checksum=item.result.checksum,
            proof=item.result.proof,
            headers=item.result.headers,
            details_json=details_json,
        )
        made.append(asset)
    return Outcome(assets=tuple(made), asset_tags=_asset_tags(run.job))


def too_large(
    limit_gb: int, named: str, *, objects: tuple[Location, ...] = (), asset_name: str | None = None
) -> JobError:
    return JobError(
        JobErrorCode.SERVICE_QUOTA_EXCEEDED_EXCEPTION,
        f"Larger than {limit_gb} GB, the largest that this kind of import takes: {named}.",
        objects=objects,
        asset_name=asset_name,
        limit_name=Limit.ASSET_SIZE_IN_GB,
        limit_value=float(limit_gb),
        resource_type=ResourceType.ASSET,
    )


def _asset_tags(job: Job) -> Mapping[str, str] | None:
    if job.asset_configuration_json is None:
        return None
    return {tag["Key"]: tag["Value"] for tag in json.loads(job.asset_configuration_json).get("Tags", [])}


def live_asset(
    run: Run, number: int, name: str, asset_type: AssetType, details: shapes.AssetDetails
) -> Asset:
    """The asset that entry `number` of the job becomes; its id follows from both, so a rerun makes the same.

    `details` is what the owner gave: what depends on who looks is added when somebody does.
    """
    require_asset_name(name, "The asset's name")
    return replace(_asset(run, number, name, asset_type, run.clock()), details_json=shapes.encode(details))


def _asset(run: Run, number: int, name: str, asset_type: AssetType, now: Timestamp) -> Asset:
    (revision_id,) = run.job.revision_ids
    return Asset(
        scope=run.job.scope,
        data_set_id=run.job.data_set_id,
        revision_id=revision_id,
        id=derived_asset_id(run.job.id, number),
        asset_type=asset_type,
        name=name,
        created_at=now,
        updated_at=now,
        size_bytes=0,
        store_key="",
        store_etag="",
        checksum=None,
    )


def live_outcome(run: Run, assets: Sequence[Asset]) -> Outcome:
    """The assets, with the tags of the job's AssetConfiguration."""
    return Outcome(assets=tuple(assets), asset_tags=_asset_tags(run.job))
