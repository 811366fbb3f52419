"""The data set and the revision a job is about, as CreateJob checks them.

They exist in the caller's account and Region, they hold files, and the revision is in a state that allows the
job. Sources: behaviour reference, section 2.3. That an owner may export a revision that is not finalized, or
that is revoked, is our choice [G].
"""

from __future__ import annotations

from dataclasses import dataclass

from entrepot.database import data_sets, revisions
from entrepot.domain.data_set import AssetType, DataSet
from entrepot.domain.errors import ResourceNotFound, ResourceType, ValidationFailed
from entrepot.domain.job import JobType
from entrepot.domain.key_pattern import MAX_KEY_BYTES
from entrepot.domain.revision import Revision, require_open
from entrepot.jobs.definition import Creation


@dataclass(frozen=True, slots=True)
class Parents:
    """Where the assets of a job are, or will be."""

    data_set: DataSet
    revision: Revision


async def importing_into(creation: Creation, data_set_id: str, revision_id: str) -> Parents:
    """The parents of an import; raises `ResourceNotFound`, `ValidationFailed`, or `Conflict` if closed."""
    parents = await exporting_from(creation, data_set_id, revision_id)
    require_open(parents.revision, "importing assets")
    return parents


async def exporting_from(creation: Creation, data_set_id: str, revision_id: str) -> Parents:
    """The parents of an export; raises `ResourceNotFound` or `ValidationFailed`."""
    data_set = await data_sets.get(creation.database, creation.scope, data_set_id)
    if data_set is None:
        raise ResourceNotFound(
            f"There is no data set {data_set_id} in this account and Region; check DataSetId and the Region.",
            resource_id=data_set_id,
            resource_type=ResourceType.DATA_SET,
        )
    revision = await revisions.get(creation.database, creation.scope, data_set_id, revision_id)
    if revision is None:
        raise ResourceNotFound(
            f"Data set {data_set_id} has no revision {revision_id}; check RevisionId.",
            resource_id=revision_id,
            resource_type=ResourceType.REVISION,
        )
    if data_set.asset_type is not AssetType.S3_SNAPSHOT:
        raise ValidationFailed(
            f"Data set {data_set_id} holds assets of type {data_set.asset_type}; "
            f"this job needs one of type {AssetType.S3_SNAPSHOT}."
        )
    return Parents(data_set, revision)


def missing_details(job_type: JobType) -> ValidationFailed:
    """The error for a request whose Details have no member for the job's type."""
    member = "".join(word.capitalize() for word in job_type.split("_"))
    return ValidationFailed(f"A job of type {job_type} needs Details.{member}.")


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
