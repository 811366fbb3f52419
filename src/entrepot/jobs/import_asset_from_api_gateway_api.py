"""IMPORT_ASSET_FROM_API_GATEWAY_API: an API becomes one asset (behaviour reference, 3.7).

The API stays where it is; what is imported is its OpenAPI document, which is PUT to a URL as for
IMPORT_ASSET_FROM_SIGNED_URL, proven by its MD5, and read: an asset whose document nobody can read does not
come to be. Where an ApiId and a Stage lead is the matter of whoever runs the exchange.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import re
import sys
from collections.abc import Sequence

from entrepot.domain.api_call import LARGEST_PAYLOAD_BYTES
from entrepot.domain.api_endpoint import API_ID, STAGE
from entrepot.domain.asset import require_asset_name
from entrepot.domain.data_set import AssetType
from entrepot.domain.errors import JobFailed, JobHeldUp, ObjectNotFound, StoreError, ValidationFailed
from entrepot.domain.identifiers import upload_store_key
from entrepot.domain.job import Job, JobError, JobErrorCode, JobItem, JobType, Location
from entrepot.jobs.definition import Checked, Creation, Outcome, Run, answer
from entrepot.jobs.imports import FileImport, asset_location, outcome, pinned, upload_url
from entrepot.jobs.object_errors import Failure, failed
from entrepot.jobs.openapi_check import CPU_SECONDS
from entrepot.jobs.parents import importing_into, required
from entrepot.model import shapes

LARGEST_DOCUMENT_BYTES = LARGEST_PAYLOAD_BYTES
"""[G]: no figure is published."""
LONGEST_DESCRIPTION = 16_348
"""[G]: as long as the description of a data set."""

_API_KEY = re.compile(r"[!-~]{1,1024}", re.ASCII)
"""It is sent as the value of a header."""


class ImportAssetFromApiGatewayApi(FileImport):
    type = JobType.IMPORT_ASSET_FROM_API_GATEWAY_API

    async def check(self, creation: Creation) -> Checked:
        request = required(creation.details.import_asset_from_api_gateway_api, self.type)
        _require_usable(request)
        await importing_into(
            creation, request.data_set_id, request.revision_id, asset_type=AssetType.API_GATEWAY_API
        )
        url, expires_at = upload_url(creation, request.api_specification_md5_hash)
        return Checked.of(
            self.type,
            answer(
                shapes.ImportAssetFromApiGatewayApiResponseDetails,
                request,
                api_specification_upload_url=url,
                api_specification_upload_url_expires_at=expires_at,
            ),
        )

    async def plan(self, run: Run) -> tuple[JobItem, ...]:
        """Proves the document and reads it, and pins it: one that is replaced later ends the job."""
        details = _details(run)
        name, upload = details.api_name, Location(None, upload_store_key(run.job.id))
        item = JobItem(0, name, upload, asset_location(run.job, 0), size_bytes=0, source_etag=None)
        try:
            info = await run.transfer.head(upload)
            if info.size_bytes > LARGEST_DOCUMENT_BYTES:
                raise _refused(
                    name, f"has {info.size_bytes:,} bytes, and may have {LARGEST_DOCUMENT_BYTES:,}."
                )
            document = await run.transfer.read(upload, info)
        except ObjectNotFound:
            raise JobFailed((_not_uploaded(name),)) from None
        except StoreError as error:
            raise failed([Failure(item, error)]) from error
        await _require_proven(details, document)
        return (pinned(item, info),)

    async def finish(self, run: Run, items: Sequence[JobItem]) -> Outcome:
        details = _details(run)
        api = shapes.ApiGatewayApiAsset(
            api_description=details.api_description,
            api_id=details.api_id,
            api_key=details.api_key,
            api_name=details.api_name,
            protocol_type=details.protocol_type,
            stage=details.stage,
        )
        described = shapes.AssetDetails(api_gateway_api_asset=api)
        return outcome(run, items, AssetType.API_GATEWAY_API, described)

    def leftovers(self, job: Job) -> tuple[str, ...]:
        return (upload_store_key(job.id),)


def _require_usable(request: shapes.ImportAssetFromApiGatewayApiRequestDetails) -> None:
    """Raises `ValidationFailed` for what cannot become part of a URL, or of a header."""
    require_asset_name(request.api_name, "ApiName")
    if API_ID.fullmatch(request.api_id) is None:
        raise ValidationFailed(
            "ApiId must have 1 to 63 lower-case letters and digits, perhaps with hyphens between them: it "
            "becomes a part of the API's host."
        )
    if STAGE.fullmatch(request.stage) is None:
        raise ValidationFailed(
            "Stage must have 1 to 128 letters, digits, '-', '_' or '$': it becomes a part of the API's path."
        )
    if request.api_key is not None and _API_KEY.fullmatch(request.api_key) is None:
        raise ValidationFailed("ApiKey must have 1 to 1,024 characters of ASCII, without spaces.")
    if len(request.api_description or "") > LONGEST_DESCRIPTION:
        raise ValidationFailed(f"ApiDescription is longer than {LONGEST_DESCRIPTION:,} characters.")


def _details(run: Run) -> shapes.ImportAssetFromApiGatewayApiResponseDetails:
    return required(run.details.import_asset_from_api_gateway_api, run.job.type)


async def _require_proven(
    details: shapes.ImportAssetFromApiGatewayApiResponseDetails, document: bytes
) -> None:
    """Raises `JobFailed` unless the document is the one that was announced, and is OpenAPI.

    Raises `JobHeldUp` where the machine is too busy for it to be checked: that says nothing of the document.
    """
    name = details.api_name
    digest = hashlib.md5(document, usedforsecurity=False).digest()
    if digest != base64.b64decode(details.api_specification_md5_hash):
        raise _refused(
            name,
            "does not have the MD5 that ApiSpecificationMd5Hash names. Create a job with the MD5 of the "
            "file, 16 bytes in base64, and upload it again.",
        )
    try:
        problems = await problems_of(document)
    except DocumentUncheckable:
        raise _refused(name, "is too complex to be checked. Upload a simpler one.") from None
    except TimeoutError:
        raise JobHeldUp((_not_checked(name),)) from None
    if problems:
        listed = "; ".join(problems)
        raise _refused(name, f"is no valid OpenAPI document: {listed}. Mend it, and create the job again.")


def _refused(name: str, why: str) -> JobFailed:
    error = JobError(
        JobErrorCode.VALIDATION_EXCEPTION, f"The document that was uploaded for the API {name!r} {why}"
    )
    return JobFailed((error,))


def _not_checked(name: str) -> JobError:
    return JobError(
        JobErrorCode.INTERNAL_SERVER_EXCEPTION,
        f"The document that was uploaded for the API {name!r} could not be checked within {_SECONDS:g} s, "
        "since the machine of the exchange is very busy. Create the job again later.",
    )


def _not_uploaded(name: str) -> JobError:
    return JobError(
        JobErrorCode.RESOURCE_NOT_FOUND_EXCEPTION,
        f"Nothing was uploaded for the API {name!r}. PUT its OpenAPI document to the "
        "ApiSpecificationUploadUrl of the job's Details, with its MD5 in the header Content-MD5, before the "
        "job is started.",
    )


_SECONDS = 4.0 * CPU_SECONDS
"""The process ends itself before, unless the machine is very busy."""


class DocumentUncheckable(Exception):
    """The check took too much of a processor's time, or too much memory."""


async def problems_of(document: bytes) -> list[str]:
    """What is wrong with the document, the first few problems; empty where nothing is.

    Raises `DocumentUncheckable`, and `TimeoutError` where the machine had too little time for it. The process
    ends with this call, however it ends.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",  # the folder that somebody is in is no place to import from
        "-m",
        "entrepot.jobs.openapi_check",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(_SECONDS):
            answer, _ = await process.communicate(document)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        raise DocumentUncheckable
    found: list[str] = json.loads(answer)
    return found
