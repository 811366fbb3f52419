"""Where exports to S3 put assets: which places are possible at all, and which items follow from them.

EXPORT_ASSETS_TO_S3 names the places one by one, EXPORT_REVISIONS_TO_S3 by a pattern; from there on they are
the same. That two assets of a job never share a place is documented for patterns [C], and our choice for
lists [G].
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from entrepot.domain.asset import Asset
from entrepot.domain.errors import (
    ChecksumMismatch,
    JobFailed,
    ObjectChanged,
    ResourceType,
    ValidationFailed,
)
from entrepot.domain.job import Encryption, ItemResult, JobError, JobErrorCode, JobItem, Location
from entrepot.domain.key_pattern import MAX_KEY_BYTES
from entrepot.jobs.definition import Callbacks, Run
from entrepot.jobs.verification import not_served, require_sound
from entrepot.model import shapes

_NAMES_IN_ONE = 10


@dataclass(frozen=True, slots=True)
class Destination:
    asset: Asset
    location: Location


def encryption_of(requested: shapes.ExportServerSideEncryption | None) -> Encryption | None:
    """What S3 is asked for; None: whatever the bucket does by itself.

    Raises `ValidationFailed`: `aws:kms` needs KmsKeyArn [L], and `AES256` has no use for one [G].
    """
    if requested is None:
        return None
    if requested.type == "aws:kms" and not requested.kms_key_arn:
        raise ValidationFailed("Encryption of Type aws:kms needs KmsKeyArn, the ARN of the key.")
    if requested.type != "aws:kms" and requested.kms_key_arn is not None:
        raise ValidationFailed(f"Encryption of Type {requested.type} takes no KmsKeyArn; leave it out.")
    return Encryption(requested.type, requested.kms_key_arn)


def problem(destinations: Sequence[Destination]) -> str | None:
    """Says what is wrong with these places, naming the assets: keys shared, too long or empty; else None."""
    shared = Counter(destination.location for destination in destinations)
    sharing = [destination.asset.name for destination in destinations if shared[destination.location] > 1]
    if sharing:
        return f"Several assets would be written to the same key: {_names(sharing)}. Give each its own."
    for destination in destinations:
        size = len(destination.location.key.encode())
        if size > MAX_KEY_BYTES:
            long = [
                other.asset.name for other in destinations if len(other.location.key.encode()) > MAX_KEY_BYTES
            ]
            return f"Keys longer than the {MAX_KEY_BYTES} bytes that S3 allows would come of: {_names(long)}."
        if size == 0:
            return f"The key of asset {destination.asset.name!r} is empty; name the object."
    return None


def planned(destinations: Sequence[Destination]) -> tuple[JobItem, ...]:
    """The items of an export: each asset's bytes, pinned to those that were imported, to its place.

    Raises `JobFailed` where the places are not possible, or assets are damaged.
    """
    message = problem(destinations)
    if message is not None:
        raise JobFailed((JobError(JobErrorCode.VALIDATION_EXCEPTION, message),))
    damaged = [destination.asset for destination in destinations if destination.asset.damaged_at is not None]
    if damaged:
        raise JobFailed(tuple(map(damaged_error, damaged[:_NAMES_IN_ONE])))
    return tuple(
        JobItem(
            number=number,
            name=destination.asset.name,
            source=Location(None, destination.asset.store_key),
            destination=destination.location,
            size_bytes=destination.asset.size_bytes,
            source_etag=destination.asset.store_etag,
            source_checksum=destination.asset.checksum,
            headers=destination.asset.headers or None,
        )
        for number, destination in enumerate(destinations)
    )


async def export(
    run: Run, item: JobItem, callbacks: Callbacks, requested: shapes.ExportServerSideEncryption | None
) -> ItemResult:
    """Moves one item of an export; writing the same bytes to the same key again changes nothing.

    Where that goes wrong because of the stored bytes, the asset is marked, and `DamagedAsset` is raised.
    """
    try:
        return await run.transfer.move(
            item,
            encryption=encryption_of(requested),
            on_bytes=callbacks.on_bytes,
            on_checkpoint=callbacks.on_checkpoint,
        )
    except (ChecksumMismatch, ObjectChanged):
        await require_sound(run.database, run.transfer, run.clock, item.source.key)
        raise


def damaged_error(asset: Asset) -> JobError:
    """The entry of `Errors` for an asset that is not served."""
    return JobError(
        JobErrorCode.INTERNAL_SERVER_EXCEPTION,
        not_served(asset.name),
        resource_id=asset.id,
        resource_type=ResourceType.ASSET,
    )


def _names(names: Sequence[str]) -> str:
    rest = len(names) - _NAMES_IN_ONE
    listed = ", ".join(repr(name[:100]) for name in names[:_NAMES_IN_ONE])
    return listed + (f" and {rest} more" if rest > 0 else "")
