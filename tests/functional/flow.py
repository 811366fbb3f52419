"""The steps of a provider's flow through boto3, for tests that are about something else than the steps."""

from __future__ import annotations

import base64
import hashlib
import time
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from botocore.exceptions import ClientError

PATIENCE_SECONDS = 60.0


def finished(exchange: Any, job_id: str) -> dict[str, Any]:
    """The job once it has ended, as GetJob returns it. Polls as every client of this API must."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        job: dict[str, Any] = exchange.get_job(JobId=job_id)
        job.pop("ResponseMetadata")
        if job["State"] not in {"WAITING", "IN_PROGRESS"}:
            return job
        assert time.monotonic() < deadline, f"job {job_id} is still {job['State']}"
        time.sleep(0.02)


Made = TypeVar("Made")


def before_the_end(attempt: Callable[[datetime], Made], seconds: int = 2) -> Made:
    """What the attempt makes of a time when something ends. It may fail once that is over, at a busy moment.

    Then a later end is tried.
    """
    while True:
        ends_at = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=seconds)
        try:
            made = attempt(ends_at)
        except (ClientError, AssertionError, LookupError, ValueError):
            if datetime.now(UTC) < ends_at or seconds > PATIENCE_SECONDS:
                raise
        else:
            return made
        seconds *= 2


def run_job(exchange: Any, job_type: str, **details: Any) -> dict[str, Any]:
    """Creates, starts and awaits a job."""
    job_id = exchange.create_job(Type=job_type, Details=details)["Id"]
    exchange.start_job(JobId=job_id)
    return finished(exchange, job_id)


def open_revision(exchange: Any, name: str = "Test") -> dict[str, str]:
    """A new data set with a new revision, as the two keywords that most calls want."""
    data_set = exchange.create_data_set(AssetType="S3_SNAPSHOT", Name=name, Description="A test's")
    revision = exchange.create_revision(DataSetId=data_set["Id"])
    return {"DataSetId": data_set["Id"], "RevisionId": revision["Id"]}


def import_objects(exchange: Any, place: dict[str, str], bucket: str, keys: list[str]) -> dict[str, Any]:
    """IMPORT_ASSETS_FROM_S3 of these keys."""
    sources = [{"Bucket": bucket, "Key": key} for key in keys]
    return run_job(exchange, "IMPORT_ASSETS_FROM_S3", ImportAssetsFromS3={"AssetSources": sources, **place})


def import_by_signed_url(exchange: Any, place: dict[str, str], name: str, content: bytes) -> dict[str, Any]:
    """IMPORT_ASSET_FROM_SIGNED_URL of these bytes."""
    md5 = base64.b64encode(hashlib.md5(content).digest()).decode()
    created = exchange.create_job(
        Type="IMPORT_ASSET_FROM_SIGNED_URL",
        Details={"ImportAssetFromSignedUrl": {"AssetName": name, "Md5Hash": md5, **place}},
    )
    put(created["Details"]["ImportAssetFromSignedUrl"]["SignedUrl"], content, md5)
    exchange.start_job(JobId=created["Id"])
    return finished(exchange, created["Id"])


def put(url: str, content: bytes, md5: str) -> int:
    """PUTs to a signed URL; the status."""
    request = urllib.request.Request(url, data=content, method="PUT", headers={"Content-MD5": md5})
    with urllib.request.urlopen(request) as answer:
        status: int = answer.status
        return status


def get(url: str) -> bytes:
    """GETs a signed URL."""
    with urllib.request.urlopen(url) as answer:
        content: bytes = answer.read()
        return content


def assets(exchange: Any, place: dict[str, str]) -> list[dict[str, Any]]:
    """Every asset of a revision."""
    pages = exchange.get_paginator("list_revision_assets").paginate(**place)
    return [asset for page in pages for asset in page["Assets"]]
