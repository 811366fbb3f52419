"""What a running job finds of its data set and revision: they may have changed, or gone, since CreateJob.

An export that goes on after its account has lost its entitlement is ended by the runner (`still_entitled`).
An import asks twice: when it plans, so that no byte moves in vain, and inside the final transaction, with the
revision locked, where the answer stays true until the commit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from entrepot.database import assets, data_sets, revisions
from entrepot.domain.data_set import DataSet, Origin
from entrepot.domain.errors import Conflict, JobFailed, ResourceType
from entrepot.domain.job import Job
from entrepot.domain.job_error import JobError, JobErrorCode
from entrepot.domain.limits import ASSETS_PER_REVISION, LIMITS_OF_JOB_ERRORS, Limits
from entrepot.domain.revision import Revision, require_open
from entrepot.domain.timestamp import Timestamp
from entrepot.entitlements.visibility import data_sets as seen_data_sets
from entrepot.entitlements.visibility import revisions as seen_revisions
from entrepot.entitlements.visibility.data_set_access import entitled
from entrepot.jobs.parents import revoked

if TYPE_CHECKING:
    from entrepot.database.connection import Connection


async def exported_data_set(connection: Connection, job: Job, now: Timestamp) -> DataSet:
    """The job's data set, owned or entitled; raises `JobFailed` when the account no longer sees it."""
    data_set = await seen_data_sets.get(connection, job.scope, job.data_set_id, now)
    if data_set is None:
        raise gone(ResourceType.DATA_SET, [job.data_set_id])
    return data_set


async def exported_revision(connection: Connection, job: Job, now: Timestamp) -> Revision:
    """The job's one revision, owned or entitled.

    Raises `JobFailed` when the account no longer sees it, or, being a receiver, may no longer use it.
    """
    data_set = await exported_data_set(connection, job, now)
    (revision_id,) = job.revision_ids
    revision = await seen_revisions.get(connection, job.scope, job.data_set_id, revision_id, now)
    if data_set.origin is Origin.ENTITLED:
        return _require_usable(revision, revision_id)
    if revision is None:
        raise gone(ResourceType.REVISION, [revision_id])
    return revision


def _require_usable(revision: Revision | None, revision_id: str) -> Revision:
    """The entitled revision; raises `JobFailed` where it is gone, or revoked."""
    if revision is None:
        raise gone(ResourceType.REVISION, [revision_id])
    if revision.revoked:
        raise _denied(revoked(revision), ResourceType.REVISION, revision.id)
    return revision


async def still_entitled(connection: Connection, job: Job, now: Timestamp) -> None:
    """Raises `JobFailed` once the job's account has lost the data set that it exports, or its revision.

    An owner's own data set is not looked at: what its job has planned, it finishes.
    """
    if await data_sets.get(connection, job.scope, job.data_set_id) is not None:
        return
    seen = await entitled(connection, job.scope, job.data_set_id, now)
    if seen is None:
        raise _denied(
            f"This account is no longer entitled to data set {job.data_set_id}: its data grant was deleted "
            "or has ended.",
            ResourceType.DATA_SET,
            job.data_set_id,
        )
    (revision_id,) = job.revision_ids
    _require_usable(await seen_revisions.get_entitled(connection, seen, revision_id), revision_id)


async def revision_of(connection: Connection, job: Job, *, lock: bool = False) -> Revision:
    """The one revision that an import adds to; raises `JobFailed` when it was deleted meanwhile."""
    (revision_id,) = job.revision_ids
    revision = await revisions.get(connection, job.scope, job.data_set_id, revision_id, lock=lock)
    if revision is None:
        raise gone(ResourceType.REVISION, [revision_id])
    return revision


async def require_room(
    connection: Connection, job: Job, limits: Limits, new_assets: int, *, lock: bool = False
) -> None:
    """Raises `JobFailed` unless the job's revision is open and takes so many more assets.

    With `lock`, inside a transaction, this stays so until its end.
    """
    revision = await revision_of(connection, job, lock=lock)
    try:
        require_open(revision, "importing assets")
    except Conflict as conflict:
        raise JobFailed(
            (
                JobError(
                    JobErrorCode.VALIDATION_EXCEPTION,
                    conflict.message,
                    resource_id=revision.id,
                    resource_type=ResourceType.REVISION,
                ),
            )
        ) from conflict
    data_set = await data_sets.get(connection, job.scope, job.data_set_id)
    if data_set is None:
        raise gone(ResourceType.DATA_SET, [job.data_set_id])
    quota = ASSETS_PER_REVISION[data_set.asset_type]
    limit = limits[quota]
    present = await assets.count(connection, job.scope, revision.id)
    if present + new_assets > limit:
        raise JobFailed(
            (
                JobError(
                    JobErrorCode.SERVICE_QUOTA_EXCEEDED_EXCEPTION,
                    f"Revision {revision.id} has {present} assets and would get {new_assets} more; "
                    f"it takes {limit}. Create another revision for the rest.",
                    limit_name=quota if quota in LIMITS_OF_JOB_ERRORS else None,
                    limit_value=float(limit),
                    resource_id=revision.id,
                    resource_type=ResourceType.REVISION,
                ),
            )
        )


def _denied(message: str, resource_type: ResourceType, resource_id: str) -> JobFailed:
    error = JobError(
        JobErrorCode.ACCESS_DENIED_EXCEPTION, message, resource_id=resource_id, resource_type=resource_type
    )
    return JobFailed((error,))


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
