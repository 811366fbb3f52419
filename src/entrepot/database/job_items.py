"""Queries of job items: the plan of a job, what of it is done, and what is under way.

Every write first takes the row of the job and looks whether the attempt still owns it; it raises `JobLost` if
not. So a worker that lost its job cannot disturb the one that has it now.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import msgspec
import sqlalchemy as sql

from entrepot.database import job_runs
from entrepot.database.connection import Connection, Parameters, Query, Row
from entrepot.database.expressions import among, same, texts
from entrepot.database.object_headers import headers_json, headers_of
from entrepot.database.tables import JOB_ITEMS, JOBS
from entrepot.domain.asset import Checksum, Proof
from entrepot.domain.errors import JobLost
from entrepot.domain.job import ItemResult, JobItem, JobState, Location, MultipartCheckpoint, Progress
from entrepot.domain.object_headers import NO_HEADERS

_i = JOB_ITEMS.c
_PLANNED = (
    _i.number,
    _i.name,
    _i.source_bucket,
    _i.source_key,
    _i.destination_bucket,
    _i.destination_key,
    _i.size_bytes,
    _i.source_etag,
    _i.source_checksum_algorithm,
    _i.source_checksum_value,
    _i.headers_json,
)
_RESULT = (
    _i.result_size_bytes,
    _i.result_etag,
    _i.result_checksum_algorithm,
    _i.result_checksum_value,
    _i.result_proof,
    _i.result_headers_json,
)

_OWN_JOB = Query(
    sql.select(JOBS.c.id)
    .where(*same(JOBS.c.id, JOBS.c.attempt), JOBS.c.state == JobState.IN_PROGRESS.value)
    .with_for_update(key_share=True)
)
_INSERT = Query(
    sql.insert(JOB_ITEMS).values({column: sql.bindparam(column.name) for column in (_i.job_id, *_PLANNED)})
)
_REMOVE = Query(sql.delete(JOB_ITEMS).where(*same(_i.job_id)))
_LOAD = Query(sql.select(*_PLANNED, *_RESULT, _i.checkpoint_json).where(*same(_i.job_id)).order_by(_i.number))
_RECORD_RESULT = Query(
    sql.update(JOB_ITEMS)
    .where(*same(_i.job_id, _i.number))
    .values({**{column: sql.bindparam(column.name) for column in _RESULT}, _i.checkpoint_json: sql.null()})
)
_IN_OWN_STORE = Query(
    sql.select(_i.destination_key).where(_i.destination_bucket.is_(None), among(_i.destination_key, "keys"))
)
_RECORD_KEY = Query(
    sql.update(JOB_ITEMS)
    .where(*same(_i.job_id, _i.number))
    .values(destination_key=sql.bindparam("destination_key"))
)
_RECORD_CHECKPOINT = Query(
    sql.update(JOB_ITEMS)
    .where(*same(_i.job_id, _i.number))
    .values(checkpoint_json=sql.bindparam("checkpoint_json"))
)

# Stored under the names of the fields of `MultipartCheckpoint`: renaming one of those is a migration.
_CHECKPOINT = msgspec.json.Decoder(MultipartCheckpoint)


def _checksum(algorithm: str | None, value: str) -> Checksum | None:
    return None if algorithm is None else Checksum(algorithm, value)


def _item(row: Row) -> JobItem:
    (
        number,
        name,
        source_bucket,
        source_key,
        destination_bucket,
        destination_key,
        size_bytes,
        source_etag,
        source_checksum_algorithm,
        source_checksum_value,
        headers,
        result_size_bytes,
        result_etag,
        result_checksum_algorithm,
        result_checksum_value,
        result_proof,
        result_headers,
        checkpoint_json,
    ) = row
    result = None
    if result_etag is not None:
        result = ItemResult(
            result_size_bytes,
            result_etag,
            _checksum(result_checksum_algorithm, result_checksum_value),
            None if result_proof is None else Proof(result_proof),
            NO_HEADERS if result_headers is None else headers_of(result_headers),
        )
    return JobItem(
        number=number,
        name=name,
        source=Location(source_bucket, source_key),
        destination=Location(destination_bucket, destination_key),
        size_bytes=size_bytes,
        source_etag=source_etag,
        source_checksum=_checksum(source_checksum_algorithm, source_checksum_value),
        result=result,
        checkpoint=None if checkpoint_json is None else _CHECKPOINT.decode(checkpoint_json),
        headers=None if headers is None else headers_of(headers),
    )


def _planned(job_id: str, item: JobItem) -> Parameters:
    checksum = item.source_checksum
    return {
        "job_id": job_id,
        "number": item.number,
        "name": item.name,
        "source_bucket": item.source.bucket,
        "source_key": item.source.key,
        "destination_bucket": item.destination.bucket,
        "destination_key": item.destination.key,
        "size_bytes": item.size_bytes,
        "source_etag": item.source_etag,
        "source_checksum_algorithm": None if checksum is None else checksum.algorithm,
        "source_checksum_value": None if checksum is None else checksum.value,
        "headers_json": None if item.headers is None else headers_json(item.headers),
    }


def _result(job_id: str, number: int, result: ItemResult) -> Parameters:
    checksum = result.checksum
    return {
        "job_id": job_id,
        "number": number,
        "result_size_bytes": result.size_bytes,
        "result_etag": result.etag,
        "result_checksum_algorithm": None if checksum is None else checksum.algorithm,
        "result_checksum_value": None if checksum is None else checksum.value,
        "result_proof": None if result.proof is None else result.proof.value,
        "result_headers_json": headers_json(result.headers) if result.headers else None,
    }


async def _require_own(t: Connection, job_id: str, attempt: int) -> None:
    if await t.fetch_one(_OWN_JOB, id=job_id, attempt=attempt) is None:
        raise JobLost(f"Attempt {attempt} no longer owns job {job_id}.")


async def record_plan(c: Connection, job_id: str, attempt: int, items: Sequence[JobItem]) -> None:
    """Writes the plan in place of a former one, and marks the run as planned with the plan's size.

    Crash: the whole plan is there and marked, or nothing of it.
    """
    size = Progress(
        items=len(items), items_done=0, bytes=sum(item.size_bytes for item in items), bytes_done=0
    )
    async with c.transaction() as t:
        await _require_own(t, job_id, attempt)
        await t.execute(_REMOVE, job_id=job_id)
        await t.execute_many(_INSERT, [_planned(job_id, item) for item in items])
        await job_runs.mark_planned(t, job_id, attempt, size)


async def load(c: Connection, job_id: str) -> list[JobItem]:
    """The items of the job by number, with what is known of each."""
    return [_item(row) for row in await c.fetch_all(_LOAD, job_id=job_id)]


async def written_to(c: Connection, store_keys: Collection[str]) -> set[str]:
    """Those of the keys of the exchange's own store that a job in progress writes to. Reads all items."""
    rows = await c.fetch_all(_IN_OWN_STORE, keys=texts(list(store_keys)))
    return {row[0] for row in rows}


async def record_results(c: Connection, job_id: str, attempt: int, results: Mapping[int, ItemResult]) -> None:
    """Writes the results of items, by number; their checkpoints go. Crash: all of them or none."""
    async with c.transaction() as t:
        await _require_own(t, job_id, attempt)
        await t.execute_many(
            _RECORD_RESULT, [_result(job_id, number, result) for number, result in results.items()]
        )


async def record_keys(c: Connection, job_id: str, attempt: int, keys: Mapping[int, str]) -> None:
    """Writes other keys where items go in the exchange's own store, by number. Crash: all of them or none."""
    async with c.transaction() as t:
        await _require_own(t, job_id, attempt)
        await t.execute_many(
            _RECORD_KEY,
            [{"job_id": job_id, "number": number, "destination_key": key} for number, key in keys.items()],
        )


async def record_checkpoint(
    c: Connection, job_id: str, attempt: int, number: int, checkpoint: MultipartCheckpoint | None
) -> None:
    """Writes how far the multipart upload of an item is; None: there is none any more.

    Crash: this checkpoint is there or the former one, from which the upload goes on as well.
    """
    async with c.transaction() as t:
        await _require_own(t, job_id, attempt)
        await t.execute(
            _RECORD_CHECKPOINT,
            job_id=job_id,
            number=number,
            checkpoint_json=None if checkpoint is None else msgspec.json.encode(checkpoint).decode(),
        )


async def remove(c: Connection, job_id: str) -> None:
    """Forgets the items of a job that has ended. Crash: all of them are gone or none."""
    await c.execute(_REMOVE, job_id=job_id)
