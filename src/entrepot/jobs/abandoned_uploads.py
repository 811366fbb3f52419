"""Uploads in parts that jobs have left in users' buckets: noted when a job ends, aborted a little later.

An upload may have begun although nobody knows its id: its worker died, or the answer was lost. Where the job
ends, the bucket may be out of reach, or the request not have been carried out yet. So the place is noted in
the transaction that ends the job, and looked at a little later, until the bucket has answered.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING

from entrepot.database import abandoned_uploads
from entrepot.database.abandoned_uploads import AbandonedUpload
from entrepot.domain.errors import ConfigurationError, StoreError, StoreUnavailable
from entrepot.domain.job import Job, JobItem, Location
from entrepot.domain.timestamp import Timestamp
from entrepot.transfer.multipart import PART_BYTES

if TYPE_CHECKING:
    from entrepot.database.connection import Connection, Database
    from entrepot.transfer.transfer import Transfer
    from entrepot.transfer.user_buckets import Buckets

LATE_SECONDS = 30
"""A request that was under way when its job ended has been carried out by then."""
_AGAIN_SECONDS = 60
_GIVEN_UP_SECONDS = 7 * 86_400
PAGE = 500

_log = logging.getLogger(__name__)


async def note(connection: Connection, job: Job, items: Iterable[JobItem], now: Timestamp) -> None:
    """Notes where the job may leave uploads, in the transaction that ends it.

    Crash: with the end of the job, or not at all; then the job goes on.
    """
    places = [
        AbandonedUpload(
            job.id,
            item.number,
            job.scope.account_id,
            item.destination.bucket,
            item.destination.key,
            None if item.checkpoint is None else item.checkpoint.upload_id,
            now,
        )
        for item in items
        if item.destination.bucket is not None and item.size_bytes > PART_BYTES
    ]
    await abandoned_uploads.record(connection, places, now.plus_seconds(LATE_SECONDS))


async def sweep_abandoned_uploads(
    database: Database, transfer: Transfer, buckets: Buckets, now: Timestamp
) -> int:
    """Aborts the uploads that jobs have left; returns how many places were looked at.

    A bucket that cannot be reached is tried again each minute, for a week; one that does not let the account
    see or abort uploads is not.
    Crash: what was not looked at is looked at by the next sweep.
    """
    looked_at = 0
    acting: dict[str, Transfer] = {}
    unreachable: set[tuple[str, str]] = set()
    given_up_before = now.plus_seconds(-_GIVEN_UP_SECONDS)
    while found := await abandoned_uploads.due(database, now, PAGE):
        done: list[AbandonedUpload] = []
        put_off: list[AbandonedUpload] = []
        for upload in found:
            place = (upload.account_id, upload.bucket)
            if upload.account_id not in acting:
                account_buckets = await buckets.of_account(upload.account_id)
                acting[upload.account_id] = transfer.acting_for(account_buckets)
            if place not in unreachable and await _is_looked_at(acting[upload.account_id], upload):
                looked_at += 1
                done.append(upload)
                continue
            unreachable.add(place)
            if upload.recorded_at < given_up_before:
                where = f"s3://{upload.bucket}/{upload.key}"
                _log.warning("job %s: whether it left an upload to %s was never seen", upload.job_id, where)
                done.append(upload)
            else:
                put_off.append(upload)
        await abandoned_uploads.put_off(database, put_off, now.plus_seconds(_AGAIN_SECONDS))
        await abandoned_uploads.remove(database, done)
    return looked_at


async def _is_looked_at(transfer: Transfer, upload: AbandonedUpload) -> bool:
    """Aborts what is there; False where the bucket cannot be reached now."""
    try:
        await transfer.abort_abandoned(Location(upload.bucket, upload.key), upload.upload_id)
    except (StoreUnavailable, ConfigurationError) as error:
        _log.info("job %s: what it has left is looked for again: %s", upload.job_id, error)
        return False
    except StoreError as error:
        _log.info("job %s: what it has left cannot be seen: %s", upload.job_id, error)
    return True
