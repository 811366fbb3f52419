"""Queries of `store_garbage`: keys of the exchange's own store whose bytes nobody needs any more.

The rows that needed them went in the transaction that wrote the key here; somebody deletes the bytes later,
and after that the key. So bytes outlive rows, never the reverse.
"""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sql

from entrepot.database.connection import Connection, Query
from entrepot.database.expressions import among, now_in_milliseconds, texts
from entrepot.database.tables import JOB_ITEMS, JOBS, STORE_GARBAGE

_g = STORE_GARBAGE.c
_BEING_READ = (  # index job_items_of_own_store, then the primary key of jobs
    sql.exists()
    .where(JOB_ITEMS.c.source_key == _g.store_key, JOB_ITEMS.c.source_bucket.is_(None))
    .where(JOBS.c.id == JOB_ITEMS.c.job_id, JOBS.c.state == sql.literal_column("'IN_PROGRESS'"))
)
_PAGE = Query(  # index store_garbage_oldest
    sql.select(_g.store_key)
    .where(~_BEING_READ)
    .order_by(_g.recorded_at, _g.store_key)
    .limit(sql.bindparam("limit", type_=sql.Integer))
)
_RECORD = Query(
    sql.insert(STORE_GARBAGE).from_select(
        ["store_key", "recorded_at"],
        sql.select(sql.bindparam("store_key", type_=_g.store_key.type), now_in_milliseconds()).where(
            ~sql.exists().where(_g.store_key == sql.bindparam("store_key"))
        ),
    )
)
_NOTED = Query(sql.select(_g.store_key).where(among(_g.store_key, "keys")))
_PUT_OFF = Query(
    sql.update(STORE_GARBAGE)
    .where(among(_g.store_key, "keys"))
    .values({_g.recorded_at: now_in_milliseconds()})
)
_REMOVE = Query(sql.delete(STORE_GARBAGE).where(among(_g.store_key, "keys")))


async def record(c: Connection, store_keys: Collection[str]) -> None:
    """Says that these bytes are garbage; saying it again changes nothing. Crash: all of them or none."""
    await c.execute_many(_RECORD, [{"store_key": key} for key in store_keys])


async def page(c: Connection, limit: int) -> list[str]:
    """The oldest keys that may be deleted now: those that a job IN_PROGRESS still reads are left out."""
    return [row[0] for row in await c.fetch_all(_PAGE, limit=limit)]


async def noted(c: Connection, store_keys: Collection[str]) -> set[str]:
    """Those of the keys that are garbage already."""
    return {row[0] for row in await c.fetch_all(_NOTED, keys=texts(list(store_keys)))}


async def put_off(c: Connection, store_keys: Collection[str]) -> None:
    """Puts keys behind all others, whose bytes could not be deleted. Crash: they stay where they were."""
    await c.execute(_PUT_OFF, keys=texts(list(store_keys)))


async def remove(c: Connection, store_keys: Collection[str]) -> None:
    """Forgets keys whose bytes are gone. Crash: a key that is not forgotten is deleted once more."""
    await c.execute(_REMOVE, keys=texts(list(store_keys)))
