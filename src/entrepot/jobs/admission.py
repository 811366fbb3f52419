"""What a running job finds of its data set and revision: they may have changed, or gone, since CreateJob.

An import asks twice: when it plans, so that no byte moves in vain, and inside the final transaction, with the
revision locked, where the answer stays true until the commit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from entrepot.database import assets, data_sets, revisions
from entrepot.domain.data_set import DataSet
from entrepot.domain.errors import Conflict, JobFailed, ResourceType
from entrepot.domain.job import Job
from entrepot.domain.job_error import JobError, JobErrorCode
from entrepot.domain.limits import Limit, Limits
from entrepot.domain.revision import Revision, require_open

if TYPE_CHECKING:
    from entrepot.database.connection import Connection


async def data_set_of(connection: Connection, job: Job) -> DataSet:
    """The job's data set; raises `JobFailed` when it was deleted meanwhile."""
    data_set = await data_sets.get(connection, job.scope, job.data_set_id)
    if data_set is None:
        raise gone(ResourceType.DATA_SET, [job.data_set_id])
    return data_set


async def revision_of(connection: Connection, job: Job, *, lock: bool = False) -> Revision:
    """The job's one revision; raises `JobFailed` when it was deleted meanwhile."""
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
    limit = limits[Limit.ASSETS_PER_REVISION]
    present = await assets.count(connection, job.scope, revision.id)
    if present + new_assets > limit:
        raise JobFailed(
            (
                JobError(
                    JobErrorCode.SERVICE_QUOTA_EXCEEDED_EXCEPTION,
                    f"Revision {revision.id} has {present} assets and would get {new_assets} more; "
                    f"it takes {limit}. Create another revision for the rest.",
                    limit_name=Limit.ASSETS_PER_REVISION,
                    limit_value=float(limit),
                    resource_id=revision.id,
                    resource_type=ResourceType.REVISION,
                ),
            )
        )


def gone(resource_type: ResourceType, ids: list[str]) -> JobFailed:
    """The failure of a job whose resources were deleted after CreateJob: one entry for each."""
    words = resource_type.value.replace("_", " ").lower()
    return JobFailed(
        tuple(
            JobError(
                JobErrorCode.RESOURCE_NOT_FOUND_EXCEPTION,
                f"The {words} {resource_id} was deleted after the job was created.",
                resource_id=resource_id,
                resource_type=resource_type,
            )
            for resource_id in ids
        )
    )
