"""IMPORT_ASSET_FROM_SIGNED_URL: a file that was PUT to a URL becomes one asset (behaviour reference, 3.2).

The URL is made with the job and is good for an hour. It points to a place of the exchange's own store that
follows from the job's id; StartJob then proves the file by its MD5 and makes it the asset's. That place is
emptied when the job has ended, however it ended.
"""

from __future__ import annotations

import base64
import re
from dataclasses import replace

from entrepot.domain.asset import require_asset_name
from entrepot.domain.errors import JobFailed, ObjectNotFound, StoreError, ValidationFailed
from entrepot.domain.identifiers import upload_store_key
from entrepot.domain.job import Job, JobError, JobErrorCode, JobItem, JobType, Location
from entrepot.domain.limits import GIBIBYTE, Limit
from entrepot.jobs.definition import Checked, Creation, Run, answer
from entrepot.jobs.imports import FileImport, asset_location, pinned, too_large, upload_url
from entrepot.jobs.object_errors import Failure, failed
from entrepot.jobs.parents import importing_into, required
from entrepot.model import shapes

_MD5_HASH = re.compile(r"(?:[A-Za-z0-9+/]{4}){5}(?:[A-Za-z0-9+/]{4}|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{2}==)")


class ImportAssetFromSignedUrl(FileImport):
    type = JobType.IMPORT_ASSET_FROM_SIGNED_URL

    async def check(self, creation: Creation) -> Checked:
        """The answer already carries the URL. Only the shape of Md5Hash counts here, as on AWS [L]."""
        request = required(creation.details.import_asset_from_signed_url, self.type)
        require_asset_name(request.asset_name, "AssetName")
        if not _MD5_HASH.fullmatch(request.md5_hash):
            raise ValidationFailed(
                "Md5Hash must be 24 characters of base64: the MD5 of the file, 16 bytes, in base64."
            )
        await importing_into(creation, request.data_set_id, request.revision_id)
        url, expires_at = upload_url(creation, request.md5_hash)
        return Checked.of(
            self.type,
            answer(
                shapes.ImportAssetFromSignedUrlResponseDetails,
                request,
                signed_url=url,
                signed_url_expires_at=expires_at,
            ),
        )

    async def plan(self, run: Run) -> tuple[JobItem, ...]:
        """Proves the uploaded file, and pins it: one that is replaced after this moment ends the job."""
        details = required(run.details.import_asset_from_signed_url, run.job.type)
        name = details.asset_name
        upload = Location(None, upload_store_key(run.job.id))
        item = JobItem(0, name, upload, asset_location(run.job, 0), size_bytes=0, source_etag=None)
        try:
            info = await run.transfer.head(upload)
            limit_gb = run.limits[Limit.SIGNED_URL_IMPORT_SIZE_IN_GB]
            if info.size_bytes > limit_gb * GIBIBYTE:
                raise JobFailed((too_large(limit_gb, f"the file for asset {name!r}", asset_name=name),))
            md5, checksum = await run.transfer.digests(upload, info)
            if md5 != base64.b64decode(details.md5_hash or ""):
                raise JobFailed((_other_md5(name),))
        except ObjectNotFound:
            raise JobFailed((_not_uploaded(name),)) from None
        except StoreError as error:
            raise failed([Failure(item, error)]) from error
        pinned_item = replace(pinned(item, info), source_checksum=checksum)
        if run.job.upload_headers is not None:
            pinned_item = replace(pinned_item, headers=run.job.upload_headers)
        return (pinned_item,)

    def leftovers(self, job: Job) -> tuple[str, ...]:
        return (upload_store_key(job.id),)


def _not_uploaded(name: str) -> JobError:
    return JobError(
        JobErrorCode.RESOURCE_NOT_FOUND_EXCEPTION,
        f"Nothing was uploaded for asset {name!r}. PUT the file to the SignedUrl of the job's Details, "
        "with its MD5 in the header Content-MD5, before the job is started.",
        asset_name=name,
    )


def _other_md5(name: str) -> JobError:
    return JobError(
        JobErrorCode.VALIDATION_EXCEPTION,
        f"The file that was uploaded for asset {name!r} does not have the MD5 that Md5Hash names. "
        "Create a job with the MD5 of the file, 16 bytes in base64, and upload it again.",
        asset_name=name,
    )
