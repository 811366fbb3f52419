"""Queries of `abandoned_uploads`: places in users' buckets where ended jobs may have left an upload.

They are written in the transaction that ends the job; somebody looks there later, and then they go.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sql

from entrepot.database.connection import Connection, Parameters, Query, Row
from entrepot.database.expressions import same, values_of
from entrepot.database.tables import ABANDONED_UPLOADS
from entrepot.domain.timestamp import Timestamp

_u = ABANDONED_UPLOADS.c
_RECORD = Query(sql.insert(ABANDONED_UPLOADS).values(values_of(ABANDONED_UPLOADS)))
_DUE = Query(  # index abandoned_uploads_due
    sql.select(ABANDONED_UPLOADS)
    .where(_u.due_at <= sql.bindparam("now"))
    .order_by(_u.due_at, _u.job_id, _u.number)
    .limit(sql.bindparam("limit", type_=sql.Integer))
)
_PUT_OFF = Query(
    sql.update(ABANDONED_UPLOADS)
    .where(*same(_u.job_id, _u.number))
    .values(due_at=sql.bindparam("later", type_=sql.BigInteger))
)
_REMOVE = Query(sql.delete(ABANDONED_UPLOADS).where(*same(_u.job_id, _u.number)))


@dataclass(frozen=True, slots=True)
class AbandonedUpload:
    """Where an item of a job may have left an upload in parts."""

    job_id: str
    number: int
    account_id: str
    bucket: str
    key: str
    upload_id: str | None
    """None: none is known of, but one may have begun whose id was lost."""
    recorded_at: Timestamp


def _upload(row: Row) -> AbandonedUpload:
    job_id, number, account_id, bucket, key, upload_id, recorded_at, _ = row
    return AbandonedUpload(job_id, number, account_id, bucket, key, upload_id, Timestamp(recorded_at))


async def record(c: Connection, uploads: Sequence[AbandonedUpload], due_at: Timestamp) -> None:
    """Writes them down; from `due_at` on somebody looks. Crash: all of them or none."""
    rows = [
        {
            "job_id": upload.job_id,
            "number": upload.number,
            "account_id": upload.account_id,
            "bucket": upload.bucket,
            "key": upload.key,
            "upload_id": upload.upload_id,
            "recorded_at": upload.recorded_at.milliseconds,
            "due_at": due_at.milliseconds,
        }
        for upload in uploads
    ]
    await c.execute_many(_RECORD, rows)


async def due(c: Connection, now: Timestamp, limit: int) -> list[AbandonedUpload]:
    """Those at which it is time to look, the longest due first."""
    rows = await c.fetch_all(_DUE, now=now.milliseconds, limit=limit)
    return [_upload(row) for row in rows]


async def put_off(c: Connection, uploads: Sequence[AbandonedUpload], later: Timestamp) -> None:
    """Somebody looks later. Crash: all are put off, or none."""
    rows: list[Parameters] = [
        {"job_id": upload.job_id, "number": upload.number, "later": later.milliseconds} for upload in uploads
    ]
    await c.execute_many(_PUT_OFF, rows)


async def remove(c: Connection, uploads: Sequence[AbandonedUpload]) -> None:
    """Nothing is left there any more. Crash: somebody looks once more."""
    rows: list[Parameters] = [{"job_id": upload.job_id, "number": upload.number} for upload in uploads]
    await c.execute_many(_REMOVE, rows)
