"""The data set and the revision a job is about, as CreateJob checks them.

The caller owns them, or, for an export, was granted them; they hold what the job is about, and the revision
is in a state that allows the job. Sources: behaviour reference, section 2.3. Our choices [G]: an owner may
export a revision that is not finalized, or that is revoked; a receiver meets AccessDenied at a revoked one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from entrepot.domain.data_set import AssetType, DataSet, Origin
from entrepot.domain.errors import AccessDenied, ResourceNotFound, ResourceType, ValidationFailed
from entrepot.domain.job import JobType
from entrepot.domain.key_pattern import MAX_KEY_BYTES
from entrepot.domain.revision import Revision, require_open
from entrepot.entitlements.visibility import data_sets, revisions
from entrepot.jobs.definition import Creation

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
    """What a receiver is told who wants to use a revoked revision."""
    return (
        f"Revision {revision.id} was revoked by its owner, so it can no longer be used. "
        f"The reason given: {revision.revocation_comment}"
    )


async def _parents(creation: Creation, data_set_id: str, revision_id: str) -> Parents:
    data_set = await data_sets.get(creation.database, creation.scope, data_set_id, creation.now)
    if data_set is None:
        raise ResourceNotFound(
            f"There is no data set {data_set_id} in this account and Region; check DataSetId and the Region.",
            resource_id=data_set_id,
            resource_type=ResourceType.DATA_SET,
        )
    revision = await revisions.get(creation.database, creation.scope, data_set_id, revision_id, creation.now)
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
