"""Whether a running job may go on: its data set and revision may have changed, or gone, since CreateJob.

Only the runner asks, and at these places:

    may_begin        before the job is planned, so that nothing is looked at in vain
    require_room     of an import: when it is planned, so that no byte moves in vain; and in the transaction
                     that ends it, with the revision locked, where the answer stays true until the commit
    still_entitled   of an export: twice a second while bytes move, and in the transaction that ends it
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from entrepot.database import assets, data_sets, revisions
from entrepot.domain.data_set import Origin
from entrepot.domain.errors import Conflict, JobFailed, ResourceType
from entrepot.domain.job import Job, JobError, JobErrorCode
from entrepot.domain.limits import ASSETS_PER_REVISION, LIMITS_OF_JOB_ERRORS, Limits
from entrepot.domain.revision import Revision, require_open
from entrepot.domain.timestamp import Timestamp
from entrepot.entitlements.visibility import data_sets as seen_data_sets
from entrepot.entitlements.visibility import revisions as seen_revisions
from entrepot.entitlements.visibility.data_sets import entitled
from entrepot.jobs.parents import Parents, revoked

if TYPE_CHECKING:
    from entrepot.database.connection import Connection


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
