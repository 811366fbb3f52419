"""What a job ends with when it fails: the entries of its `Errors`, and the objects they name."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class JobErrorCode(StrEnum):
    """The codes of `Errors[].Code`."""

    ACCESS_DENIED_EXCEPTION = "ACCESS_DENIED_EXCEPTION"
    INTERNAL_SERVER_EXCEPTION = "INTERNAL_SERVER_EXCEPTION"
    MALWARE_DETECTED = "MALWARE_DETECTED"
    RESOURCE_NOT_FOUND_EXCEPTION = "RESOURCE_NOT_FOUND_EXCEPTION"
    SERVICE_QUOTA_EXCEEDED_EXCEPTION = "SERVICE_QUOTA_EXCEEDED_EXCEPTION"
    VALIDATION_EXCEPTION = "VALIDATION_EXCEPTION"
    MALWARE_SCAN_ENCRYPTED_FILE = "MALWARE_SCAN_ENCRYPTED_FILE"


@dataclass(frozen=True, slots=True)
class Location:
    """An object: in a user's bucket, or, where `bucket` is None, in the exchange's own store."""

    bucket: str | None
    key: str


@dataclass(frozen=True, slots=True)
class JobError:
    """One entry of a job's `Errors`."""

    code: JobErrorCode
    message: str
    objects: tuple[Location, ...] = ()
    """Becomes Details.ImportAssetsFromS3JobErrorDetails."""
    asset_name: str | None = None
    """Becomes Details.ImportAssetFromSignedUrlJobErrorDetails."""
    limit_name: str | None = None
    limit_value: float | None = None
    resource_id: str | None = None
    resource_type: str | None = None
