"""The data set and the revision a job is about, as CreateJob checks them, and as a run does later.

The caller owns them, or, for an export, was granted them; they hold what the job is about, and the revision
is in a state that allows the job. Sources: behaviour reference, section 2.3. Our choices [G]: an owner may
export a revision that is not finalized, or that is revoked; a receiver meets AccessDenied at a revoked one.

They may have changed, or gone, since CreateJob. The runner asks at these places:

    may_begin        before the job is planned, so that nothing is looked at in vain
    require_room     of an import: when it is planned, so that no byte moves in vain; and in the transaction
                     that ends it, with the revision locked, where the answer stays true until the commit
    still_entitled   of an export: twice a second while bytes move, and in the transaction that ends it
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from entrepot.database import assets, data_sets, revisions
from entrepot.domain.data_set import AssetType, DataSet, Origin
from entrepot.domain.errors import (
    AccessDenied,
    Conflict,
    JobFailed,
    ResourceNotFound,
    ResourceType,
    ValidationFailed,
)
from entrepot.domain.job import Job, JobError, JobErrorCode, JobType
from entrepot.domain.key_pattern import MAX_KEY_BYTES
from entrepot.domain.limits import ASSETS_PER_REVISION, LIMITS_OF_JOB_ERRORS, Limits
from entrepot.domain.revision import Revision, require_open
from entrepot.domain.timestamp import Timestamp
from entrepot.entitlements.visibility import data_sets as seen_data_sets
from entrepot.entitlements.visibility import revisions as seen_revisions
from entrepot.entitlements.visibility.data_sets import entitled
from entrepot.jobs.definition import Creation

if TYPE_CHECKING:
    from entrepot.database.connection import Connection


_Details = TypeVar("_Details")


@dataclass(frozen=True, slots=True)
class Parents:
    data_set: DataSet
    revision: Revision


async def importing_into(
    creation: Creation, data_set_id: str, revision_id: str, asset_type: AssetType = AssetType.S3_SNAPSHOT
) -> Parents:
    """The parents of an import, which makes assets of that type.

    Raises `ResourceNotFound`, `ValidationFailed`, `Conflict` if the revision is closed, and `AccessDenied` if
    the data set is entitled: a receiver can only export.
    """
    parents = await _parents(creation, data_set_id, revision_id)
    if parents.data_set.origin is Origin.ENTITLED:
        raise AccessDenied(f"Data set {data_set_id} is entitled, and read-only; assets can only be exported.")
    _require_type(parents.data_set, asset_type)
    require_open(parents.revision, "importing assets")
    return parents


async def exporting_from(creation: Creation, data_set_id: str, revision_id: str) -> Parents:
    """The parents of an export.

    Raises `ResourceNotFound`, `ValidationFailed`, and `AccessDenied` for a revision that its owner revoked.
    """
    parents = await _parents(creation, data_set_id, revision_id)
    _require_type(parents.data_set, AssetType.S3_SNAPSHOT)
    if parents.data_set.origin is Origin.ENTITLED and parents.revision.revoked:
        raise AccessDenied(revoked(parents.revision))
    return parents


def revoked(revision: Revision) -> str:
    """The message for a receiver that wants to use a revoked revision."""
    return (
        f"Revision {revision.id} was revoked by its owner, so it can no longer be used. "
        f"The reason given: {revision.revocation_comment}"
    )


async def _parents(creation: Creation, data_set_id: str, revision_id: str) -> Parents:
    data_set = await seen_data_sets.get(creation.database, creation.scope, data_set_id, creation.now)
    if data_set is None:
        raise ResourceNotFound(
            f"There is no data set {data_set_id} in this account and Region; check DataSetId and the Region.",
            resource_id=data_set_id,
            resource_type=ResourceType.DATA_SET,
        )
    revision = await seen_revisions.get(
        creation.database, creation.scope, data_set_id, revision_id, creation.now
    )
    if revision is None:
        raise ResourceNotFound(
            f"Data set {data_set_id} has no revision {revision_id}; check RevisionId.",
            resource_id=revision_id,
            resource_type=ResourceType.REVISION,
        )
    return Parents(data_set, revision)


def _require_type(data_set: DataSet, asset_type: AssetType) -> None:
    if data_set.asset_type is not asset_type:
        raise ValidationFailed(
            f"Data set {data_set.id} holds assets of type {data_set.asset_type}; "
            f"this job needs one of type {asset_type}."
        )


def required(details: _Details | None, job_type: JobType) -> _Details:
    """The member of Details that is the job type's own; raises `ValidationFailed` where it is missing."""
    if details is None:
        member = "".join(word.capitalize() for word in job_type.split("_"))
        raise ValidationFailed(f"A job of type {job_type} needs Details.{member}.")
    return details


def require_count(member: str, count: int, limit: int) -> None:
    """Raises `ValidationFailed` unless there are 1 to `limit` entries in the member."""
    if not 1 <= count <= limit:
        raise ValidationFailed(f"{member} has {count} entries; a job takes 1 to {limit}.")


def require_bucket(bucket: str) -> None:
    """Raises `ValidationFailed` when the name of a bucket is empty."""
    if not bucket:
        raise ValidationFailed("Bucket is empty; name the bucket.")


def require_key(bucket: str, key: str) -> None:
    """Raises `ValidationFailed` unless S3 could hold an object under that key."""
    require_bucket(bucket)
    if not key:
        raise ValidationFailed(f"A Key in bucket {bucket} is empty; name the object.")
    if len(key.encode()) > MAX_KEY_BYTES:
        raise ValidationFailed(
            f"The key {key[:60]!r}… in bucket {bucket} is {len(key.encode())} bytes long; "
            f"S3 allows {MAX_KEY_BYTES}."
        )


async def may_begin(connection: Connection, job: Job, limits: Limits, now: Timestamp) -> None:
    """Raises `JobFailed` unless an import could add an asset, and an export may use its revision."""
    if job.type.imports:
        await require_room(connection, job, limits, 1)
    else:
        await exported(connection, job, now)


async def exported(connection: Connection, job: Job, now: Timestamp) -> Parents:
    """The data set and the one revision of an export, owned or entitled.

    Raises `JobFailed` when the account no longer sees them, or, being a receiver, may no longer use them.
    """
    data_set = await seen_data_sets.get(connection, job.scope, job.data_set_id, now)
    if data_set is None:
        raise gone(ResourceType.DATA_SET, [job.data_set_id])
    (revision_id,) = job.revision_ids
    revision = await seen_revisions.get(connection, job.scope, job.data_set_id, revision_id, now)
    if data_set.origin is Origin.ENTITLED:
        revision = _require_usable(revision, revision_id)
    if revision is None:
        raise gone(ResourceType.REVISION, [revision_id])
    return Parents(data_set, revision)


def _require_usable(revision: Revision | None, revision_id: str) -> Revision:
    """The entitled revision; raises `JobFailed` where it is gone, or revoked."""
    if revision is None:
        raise gone(ResourceType.REVISION, [revision_id])
    if revision.revoked:
        code = JobErrorCode.ACCESS_DENIED_EXCEPTION
        raise _failed(code, revoked(revision), ResourceType.REVISION, revision.id)
    return revision


async def still_entitled(connection: Connection, job: Job, now: Timestamp) -> None:
    """Raises `JobFailed` once the job's account has lost the data set that it exports, or its revision.

    An owner's own data set is not looked at: what its job has planned, it finishes.
    """
    if await data_sets.get(connection, job.scope, job.data_set_id) is not None:
        return
    seen = await entitled(connection, job.scope, job.data_set_id, now)
    if seen is None:
        raise _failed(
            JobErrorCode.ACCESS_DENIED_EXCEPTION,
            f"This account is no longer entitled to data set {job.data_set_id}: its data grant was deleted "
            "or has ended.",
            ResourceType.DATA_SET,
            job.data_set_id,
        )
    (revision_id,) = job.revision_ids
    _require_usable(await seen_revisions.get_entitled(connection, seen, revision_id), revision_id)


async def require_room(
    connection: Connection, job: Job, limits: Limits, new_assets: int, *, lock: bool = False
) -> None:
    """Raises `JobFailed` unless the job's revision is open and takes so many more assets.

    With `lock`, inside a transaction, this stays so until its end.
    """
    (revision_id,) = job.revision_ids
    revision = await revisions.get(connection, job.scope, job.data_set_id, revision_id, lock=lock)
    if revision is None:
        raise gone(ResourceType.REVISION, [revision_id])
    try:
        require_open(revision, "importing assets")
    except Conflict as conflict:
        code = JobErrorCode.VALIDATION_EXCEPTION
        raise _failed(code, conflict.message, ResourceType.REVISION, revision.id) from conflict
    data_set = await data_sets.get(connection, job.scope, job.data_set_id)
    if data_set is None:
        raise gone(ResourceType.DATA_SET, [job.data_set_id])
    quota = ASSETS_PER_REVISION[data_set.asset_type]
    limit = limits[quota]
    present = await assets.count(connection, job.scope, revision.id)
    if present + new_assets > limit:
        error = JobError(
            JobErrorCode.SERVICE_QUOTA_EXCEEDED_EXCEPTION,
            f"Revision {revision.id} has {present} assets and would get {new_assets} more; "
            f"it takes {limit}. Create another revision for the rest.",
            limit_name=quota if quota in LIMITS_OF_JOB_ERRORS else None,
            limit_value=float(limit),
            resource_id=revision.id,
            resource_type=ResourceType.REVISION,
        )
        raise JobFailed((error,))


def _failed(code: JobErrorCode, message: str, resource_type: ResourceType, resource_id: str) -> JobFailed:
    return JobFailed((JobError(code, message, resource_id=resource_id, resource_type=resource_type),))


def gone(resource_type: ResourceType, ids: list[str]) -> JobFailed:
    """The failure of a job whose resources were deleted after CreateJob: one entry for each."""
    words = resource_type.value.replace("_", " ").lower()
    return JobFailed(
        tuple(
            JobError(
                JobErrorCode.RESOURCE_NOT_FOUND_EXCEPTION,
                f"The {words} {resource_id} was deleted, or taken back, after the job was created.",
                resource_id=resource_id,
                resource_type=resource_type,
            )
            for resource_id in ids
        )
    )
