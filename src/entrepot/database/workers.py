"""Queries of workers: who is alive, by the time of the last heartbeat."""

from __future__ import annotations

import sqlalchemy as sql

from entrepot.database.connection import Connection, Query
from entrepot.database.expressions import fetch_count, same, upsert
from entrepot.database.tables import WORKERS
from entrepot.domain.timestamp import Timestamp

_BEAT = upsert(WORKERS)
_REMOVE = Query(sql.delete(WORKERS).where(*same(WORKERS.c.worker_id)))
_ALIVE = Query(
    sql.select(sql.func.count()).select_from(WORKERS).where(WORKERS.c.beat_at >= sql.bindparam("since"))
)

_FIRST = Query(
    sql.select(sql.func.min(WORKERS.c.worker_id)).where(WORKERS.c.beat_at >= sql.bindparam("since"))
)


async def beat(c: Connection, worker_id: str, now: Timestamp) -> None:
    await c.execute(_BEAT, worker_id=worker_id, beat_at=now.milliseconds)


async def remove(c: Connection, worker_id: str) -> None:
    """The worker signs off; what it still has is free at the next `job_runs.release_dead`."""
    await c.execute(_REMOVE, worker_id=worker_id)


async def alive(c: Connection, since_ms: int) -> int:
    """How many workers have given a heartbeat since then."""
    return await fetch_count(c, _ALIVE, since=since_ms)


async def first(c: Connection, since_ms: int) -> str | None:
    """The first by its id of those workers: for what one of them does for all."""
    row = await c.fetch_one(_FIRST, since=since_ms)
    return None if row is None else row[0]
