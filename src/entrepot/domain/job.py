"""Jobs: the state machine, and the items they are made of.

    WAITING ──StartJob──▶ IN_PROGRESS ──▶ COMPLETED
       │                       ├────────▶ ERROR
       └──CancelJob──▶ CANCELLED └──────▶ TIMED_OUT

The row of a job is the one source of truth: an engine only says *run job X, now, here*. `attempt` grows each
time a run is taken from a dead worker; nothing is committed under an old one.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from entrepot.domain.asset import Checksum, Proof
from entrepot.domain.errors import Conflict, ResourceType
from entrepot.domain.object_headers import NO_HEADERS, ObjectHeaders
from entrepot.domain.scope import Scope
from entrepot.domain.timestamp import Timestamp


class JobErrorCode(StrEnum):
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


class JobType(StrEnum):
    IMPORT_ASSETS_FROM_S3 = "IMPORT_ASSETS_FROM_S3"
    IMPORT_ASSET_FROM_SIGNED_URL = "IMPORT_ASSET_FROM_SIGNED_URL"
    EXPORT_ASSETS_TO_S3 = "EXPORT_ASSETS_TO_S3"
    EXPORT_ASSET_TO_SIGNED_URL = "EXPORT_ASSET_TO_SIGNED_URL"
    EXPORT_REVISIONS_TO_S3 = "EXPORT_REVISIONS_TO_S3"
    IMPORT_ASSETS_FROM_REDSHIFT_DATA_SHARES = "IMPORT_ASSETS_FROM_REDSHIFT_DATA_SHARES"
    IMPORT_ASSET_FROM_API_GATEWAY_API = "IMPORT_ASSET_FROM_API_GATEWAY_API"
    CREATE_S3_DATA_ACCESS_FROM_S3_BUCKET = "CREATE_S3_DATA_ACCESS_FROM_S3_BUCKET"
    IMPORT_ASSETS_FROM_LAKE_FORMATION_TAG_POLICY = "IMPORT_ASSETS_FROM_LAKE_FORMATION_TAG_POLICY"

    @property
    def imports(self) -> bool:
        """Whether such a job adds assets to its revision; all others export."""
        return not self.startswith("EXPORT_")


class JobState(StrEnum):
    WAITING = "WAITING"
    IN_PROGRESS = "IN_PROGRESS"
    ERROR = "ERROR"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"
    TIMED_OUT = "TIMED_OUT"

    @property
    def final(self) -> bool:
        """Whether a job stays in this state for good."""
        return self not in (JobState.WAITING, JobState.IN_PROGRESS)


@dataclass(frozen=True, slots=True)
class Job:
    """One job as GetJob shows it, plus the attempt that owns it."""

    scope: Scope
    id: str
    type: JobType
    state: JobState
    created_at: Timestamp
    updated_at: Timestamp
    details_json: bytes
    """`Details` in the form of the wire: only the job's own type reads inside."""
    data_set_id: str
    revision_ids: tuple[str, ...]
    """The revisions the job is about, for ListJobs."""
    asset_configuration_json: bytes | None = None
    errors: tuple[JobError, ...] = ()
    attempt: int = 0
    """0 until StartJob, then 1, and one more for each time the run changes hands."""
    event_action_id: str | None = None
    """The event action that made the job and started it; None: a user did."""
    upload_headers: ObjectHeaders | None = None
    """Of the file that waits in a local store; None: what its store says."""


@dataclass(frozen=True, slots=True)
class RunId:
    """One run of a job: what the engine is given and gives back."""

    job_id: str
    attempt: int

    def __str__(self) -> str:
        return f"{self.job_id}.{self.attempt}"


@dataclass(frozen=True, slots=True)
class Encryption:
    """What an export asks S3 for: `AES256`, or `aws:kms` with a key."""

    type: str
    kms_key_arn: str | None = None


@dataclass(frozen=True, slots=True)
class ItemResult:
    size_bytes: int
    etag: str
    checksum: Checksum | None
    proof: Proof | None = None
    """How the source's bytes were proven; of imports it becomes that of the asset."""
    headers: ObjectHeaders = NO_HEADERS
    """What went with the bytes; of imports they become those of the asset."""


@dataclass(frozen=True, slots=True)
class UploadedPart:
    """One part of a multipart upload that the store has confirmed."""

    number: int
    size_bytes: int
    etag: str
    checksum: Checksum | None


@dataclass(frozen=True, slots=True)
class MultipartCheckpoint:
    """A multipart upload under way: enough to go on with it after a crash."""

    upload_id: str
    part_size_bytes: int
    parts: tuple[UploadedPart, ...] = ()


@dataclass(frozen=True, slots=True)
class JobItem:
    """One object to move: the plan of a job is a list of these, recorded before the first byte moves."""

    number: int
    name: str
    """The asset's name, which is also what errors call it."""
    source: Location
    destination: Location
    size_bytes: int
    source_etag: str | None
    """Pins the source: an object that changes meanwhile ends the job instead of being torn."""
    source_checksum: Checksum | None = None
    """What the bytes must have, where it is known before they move."""
    result: ItemResult | None = None
    checkpoint: MultipartCheckpoint | None = None
    headers: ObjectHeaders | None = None
    """What goes with the bytes; None: what the source's store says when they move."""


@dataclass(frozen=True, slots=True)
class Progress:
    items: int
    items_done: int
    bytes: int
    bytes_done: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """Why a job IN_PROGRESS gets on with nothing: a store or a service that it needs cannot be used."""

    since: Timestamp
    reason: str
    times: int
    """How often it has been tried again in vain."""
    until: Timestamp
    """When it is tried again."""


def require_startable(job: Job) -> None:
    """Raises `Conflict` unless StartJob may turn the job IN_PROGRESS."""
    _require_waiting(job, "started. Create another job")


def require_cancellable(job: Job) -> None:
    """Raises `Conflict` unless CancelJob may turn the job CANCELLED: a job that runs is never aborted."""
    _require_waiting(job, "cancelled")


def _require_waiting(job: Job, done: str) -> None:
    if job.state is not JobState.WAITING:
        raise Conflict(
            f"Job {job.id} is {job.state}; only a job that is WAITING can be {done}.",
            resource_id=job.id,
            resource_type=ResourceType.JOB,
        )
