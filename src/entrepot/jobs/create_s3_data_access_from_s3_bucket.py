"""CREATE_S3_DATA_ACCESS_FROM_S3_BUCKET: a part of a bucket that receivers read where it is (reference, 3.8).

No bytes move. The asset says what is shared; the S3 gateway serves it, acting for the owner's account.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from entrepot.domain.bucket_permission import Access, has_dot_segments
from entrepot.domain.data_set import AssetType
from entrepot.domain.errors import StoreError, ValidationFailed
from entrepot.domain.identifiers import derived_asset_id
from entrepot.domain.job import JobError, JobErrorCode, JobItem, JobType, Location
from entrepot.domain.key_pattern import MAX_KEY_BYTES
from entrepot.domain.kms import KmsKey, require_own_key
from entrepot.domain.shared_objects import SharedObjects
from entrepot.integrations.protocols import not_configured
from entrepot.jobs.definition import Checked, Creation, JobDefinition, Outcome, Run, answer
from entrepot.jobs.imports import live_asset, live_outcome
from entrepot.jobs.object_errors import CODES, failed_by
from entrepot.jobs.parents import importing_into, require_bucket, require_key, required
from entrepot.model import shapes

MOST_PLACES = 5
"""Keys and prefixes of one asset, together [C]."""
_ASSET_NAME = "s3-data-access-{asset_id}"
"""The service's own [C]."""


class CreateS3DataAccessFromS3Bucket(JobDefinition):
    type = JobType.CREATE_S3_DATA_ACCESS_FROM_S3_BUCKET

    def buckets(self, details: shapes.RequestDetails) -> set[str]:
        return {required(details.create_s3_data_access_from_s3_bucket, self.type).asset_source.bucket}

    async def check(self, creation: Creation) -> Checked:
        """Only whether it makes sense by itself; whether it is there may change until StartJob."""
        request = required(creation.details.create_s3_data_access_from_s3_bucket, self.type)
        source = request.asset_source
        _require_places(source)
        for key in source.kms_keys_to_grant or ():
            require_own_key(key.kms_key_arn, creation.scope.account_id)
        _require_no_repetition("KmsKeysToGrant", [key.kms_key_arn for key in source.kms_keys_to_grant or ()])
        await importing_into(creation, request.data_set_id, request.revision_id, AssetType.S3_DATA_ACCESS)
        return Checked.of(self.type, answer(shapes.CreateS3DataAccessFromS3BucketResponseDetails, request))

    async def plan(self, run: Run) -> tuple[JobItem, ...]:
        """No items. The bucket is looked at as receivers will see it; all that is missing is named.

        A prefix without objects is fine: they may come later, and receivers see them then [G].
        """
        source = _source(run)
        keys = list(source.keys or ())
        infos = await run.transfer.head_many([Location(source.bucket, key) for key in keys])
        failures = [info for info in infos if isinstance(info, StoreError)]
        shared = SharedObjects(tuple(keys), tuple(source.key_prefixes or ()))
        if not failures:
            failures = await asyncio.to_thread(_not_listable, run, source.bucket, shared)
        if failures:
            raise failed_by(failures, _errors(failures))
        await _require_keys_of_kms(run, source)
        return ()

    async def finish(self, run: Run, items: Sequence[JobItem]) -> Outcome:
        source = _source(run)
        access = answer(shapes.S3DataAccessAsset, source)
        name = _ASSET_NAME.format(asset_id=derived_asset_id(run.job.id, 0))
        details = shapes.AssetDetails(s3_data_access_asset=access)
        return live_outcome(run, [live_asset(run, 0, name, AssetType.S3_DATA_ACCESS, details)])


def _source(run: Run) -> shapes.S3DataAccessAssetSourceEntry:
    details = required(run.details.create_s3_data_access_from_s3_bucket, run.job.type)
    return details.asset_source


def _require_places(source: shapes.S3DataAccessAssetSourceEntry) -> None:
    keys, prefixes = source.keys or [], source.key_prefixes or []
    require_bucket(source.bucket)
    if len(keys) + len(prefixes) > MOST_PLACES:
        raise ValidationFailed(
            f"KeyPrefixes and Keys have {len(keys) + len(prefixes)} entries together; an asset shares "
            f"{MOST_PLACES} at most, or, with none, the whole bucket."
        )
    for key in keys:
        require_key(source.bucket, key)
    for prefix in prefixes:
        if not prefix:
            raise ValidationFailed("A prefix in KeyPrefixes is empty; to share the whole bucket, name none.")
        if len(prefix.encode()) > MAX_KEY_BYTES:
            raise ValidationFailed(
                f"The prefix {prefix[:60]!r}… has {len(prefix.encode())} bytes; S3 allows {MAX_KEY_BYTES}."
            )
    for place in (*keys, *prefixes):
        if has_dot_segments(place):
            raise ValidationFailed(
                f"{place!r} has a '.' or '..' between slashes. S3 servers differ in which key that means, so "
                "it cannot be shared."
            )
    _require_no_repetition("Keys", keys)
    _require_no_repetition("KeyPrefixes", prefixes)


def _require_no_repetition(member: str, entries: Sequence[str]) -> None:
    repeated = sorted({entry for entry in entries if entries.count(entry) > 1})
    if repeated:
        raise ValidationFailed(f"{member} names {', '.join(map(repr, repeated))} more than once.")


def _not_listable(run: Run, bucket: str, shared: SharedObjects) -> list[StoreError]:
    """The errors that receivers would meet: each place is listed as the gateway does it."""
    failures: list[StoreError] = []
    for span in shared.spans():
        try:
            run.buckets.open(bucket, span.start, Access.READ).list(span.start, limit=1)
        except StoreError as error:
            failures.append(error)
    return failures


def _errors(failures: Sequence[StoreError]) -> tuple[JobError, ...]:
    """One entry for each code, which says everything that went wrong with it."""
    messages: dict[JobErrorCode, dict[str, None]] = {}
    for failure in failures:
        code = next(
            (code for kind, code in CODES.items() if isinstance(failure, kind)),
            JobErrorCode.INTERNAL_SERVER_EXCEPTION,
        )
        messages.setdefault(code, {})[failure.message] = None
    return tuple(JobError(code, " ".join(texts)) for code, texts in messages.items())


async def _require_keys_of_kms(run: Run, source: shapes.S3DataAccessAssetSourceEntry) -> None:
    """Raises `IntegrationError` unless every key can be granted."""
    if not source.kms_keys_to_grant:
        return
    if run.integrations.key_management is None:
        raise not_configured("AWS KMS", "ENTREPOT_KMS_ENDPOINT_URL")
    for key in source.kms_keys_to_grant:
        await run.integrations.key_management.require_usable(KmsKey(key.kms_key_arn))
