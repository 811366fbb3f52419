"""EXPORT_ASSET_TO_SIGNED_URL: a URL from which one asset can be fetched for an hour (reference, 3.3).

No bytes move. The URL appears in Details when the job is COMPLETED [L].
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from entrepot.domain.asset import Asset
from entrepot.domain.errors import (
    DamagedAsset,
    JobFailed,
    ObjectNotFound,
    ResourceNotFound,
    ResourceType,
    StoreError,
)
from entrepot.domain.job import JobError, JobErrorCode, JobItem, JobType, Location
from entrepot.entitlements.visibility import assets
from entrepot.entitlements.visibility.data_sets import Entitled, entitled
from entrepot.entitlements.visibility.download_receiver import Receiver
from entrepot.jobs.definition import Checked, Creation, JobDefinition, Outcome, Run, answer
from entrepot.jobs.destinations import damaged_error
from entrepot.jobs.object_errors import failed_by
from entrepot.jobs.parents import exporting_from, gone, required
from entrepot.jobs.verification import require_sound
from entrepot.model import shapes

URL_LIFETIME_SECONDS = 3600
"""One hour after the URL was made [C]."""


class ExportAssetToSignedUrl(JobDefinition):
    type = JobType.EXPORT_ASSET_TO_SIGNED_URL

    async def check(self, creation: Creation) -> Checked:
        request = required(creation.details.export_asset_to_signed_url, self.type)
        await exporting_from(creation, request.data_set_id, request.revision_id)
        asset = await assets.get(
            creation.database,
            creation.scope,
            request.data_set_id,
            request.revision_id,
            request.asset_id,
            creation.now,
        )
        if asset is None:
            raise ResourceNotFound(
                f"Revision {request.revision_id} has no asset {request.asset_id}; check AssetId.",
                resource_id=request.asset_id,
                resource_type=ResourceType.ASSET,
            )
        return Checked.of(self.type, answer(shapes.ExportAssetToSignedUrlResponseDetails, request))

    async def plan(self, run: Run) -> tuple[JobItem, ...]:
        """No items. The bytes are looked at, so that no URL leads nowhere, or to other bytes."""
        asset = await _asset(run)
        try:
            info = await run.transfer.head(Location(None, asset.store_key))
            if info.etag != asset.store_etag or info.size_bytes != asset.size_bytes:
                await require_sound(run.database, run.transfer, run.clock, asset.store_key)
        except DamagedAsset:
            raise JobFailed((damaged_error(asset),)) from None
        except ObjectNotFound:
            raise _failed(
                JobErrorCode.RESOURCE_NOT_FOUND_EXCEPTION,
                f"The bytes of asset {asset.name!r} are no longer in the exchange's store.",
                asset,
            ) from None
        except StoreError as error:
            unreadable = _failed(
                JobErrorCode.INTERNAL_SERVER_EXCEPTION,
                f"Entrepot could not read asset {asset.name!r}; the server's log says why.",
                asset,
            )
            raise failed_by([error], unreadable.errors) from error
        if info.carries_more and await _receiving(run) is not None:
            raise _failed(
                JobErrorCode.ACCESS_DENIED_EXCEPTION,
                f"An earlier build imported asset {asset.name!r} with tags or metadata of its owner, which a "
                "URL of the store would show. Use EXPORT_ASSETS_TO_S3, which leaves them behind, or have its "
                "owner import it again.",
                asset,
            )
        return ()

    async def finish(self, run: Run, items: Sequence[JobItem]) -> Outcome:
        """The URL and its end, in Details.

        A browser saves the file as the last part of the asset's name, or as its Content-Disposition says.
        A receiver's URL ends with its grant, if that is sooner.
        """
        asset = await _asset(run)
        now = run.clock()
        expires_at = now.plus_seconds(URL_LIFETIME_SECONDS)
        through = await _receiving(run)
        if through is not None and through.grant.ends_at is not None:
            expires_at = min(expires_at, through.grant.ends_at)
        url = run.signed_urls.download_url(
            asset.store_key,
            download_name=asset.name.rstrip("/").rpartition("/")[2] or asset.id,
            expires_at=expires_at,
            now=now,
            receiver=None if through is None else str(Receiver.of(run.job.scope, asset)),
            content_disposition=asset.headers.content_disposition,
        )
        details = msgspec.structs.replace(_details(run), signed_url=url, signed_url_expires_at=expires_at)
        return Outcome(details=shapes.ResponseDetails(export_asset_to_signed_url=details))


def _details(run: Run) -> shapes.ExportAssetToSignedUrlResponseDetails:
    return required(run.details.export_asset_to_signed_url, run.job.type)


async def _receiving(run: Run) -> Entitled | None:
    """By which grant the job's account has the asset; None where it owns it."""
    through = await entitled(run.database, run.job.scope, run.job.data_set_id, run.clock())
    return None if through is None or through.by_owner else through


async def _asset(run: Run) -> Asset:
    job, asset_id = run.job, _details(run).asset_id
    (revision_id,) = job.revision_ids
    asset = await assets.get(run.database, job.scope, job.data_set_id, revision_id, asset_id, run.clock())
    if asset is None:
        raise gone(ResourceType.ASSET, [asset_id])
    if asset.damaged_at is not None:
        raise JobFailed((damaged_error(asset),))
    return asset


def _failed(code: JobErrorCode, message: str, asset: Asset) -> JobFailed:
    return JobFailed((JobError(code, message, resource_id=asset.id, resource_type=ResourceType.ASSET),))
