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

PATIENCE_SECONDS = 120.0

Found = TypeVar("Found")
Made = TypeVar("Made")


def until(condition: Callable[[], Found | None], what: str = "so", *, longest_pause: float = 0.1) -> Found:
    """What the condition gives once it is true: another process works on it, so it is asked again and again.

    Less and less often, up to the longest pause (seconds): asking takes time from those who work on it.
    """
    deadline, pause = time.monotonic() + PATIENCE_SECONDS, 0.01
    while not (found := condition()):
        assert time.monotonic() < deadline, f"after {PATIENCE_SECONDS:g} s it is not {what}"
        time.sleep(pause)
        pause = min(pause * 1.2, longest_pause)
    return found


def finished(exchange: Any, job_id: str) -> dict[str, Any]:
    """The job once it has ended, as GetJob returns it."""

    def ended() -> dict[str, Any] | None:
        job: dict[str, Any] = exchange.get_job(JobId=job_id)
        job.pop("ResponseMetadata")
        return job if job["State"] not in {"WAITING", "IN_PROGRESS"} else None

    return until(ended, "ended")


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
    # Named, since urllib would call it a form: that would go with the asset, and moto reads forms.
    headers = {"Content-MD5": md5, "Content-Type": "application/octet-stream"}
    request = urllib.request.Request(url, data=content, method="PUT", headers=headers)
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
