"""Queries of data sets."""

from __future__ import annotations

import sqlalchemy as sql

from entrepot.database import assets, tags
from entrepot.database.connection import Connection, Query, Row
from entrepot.database.expressions import Pages, fetch_count, in_scope, same, scoped, values_of
from entrepot.database.tables import ASSETS, DATA_SETS, REVISIONS
from entrepot.domain.arn import data_set_arn
from entrepot.domain.data_set import AssetType, DataSet, Origin
from entrepot.domain.scope import Scope
from entrepot.domain.timestamp import Timestamp

_d = DATA_SETS.c
_COLUMNS = (_d.id, _d.asset_type, _d.name, _d.description, _d.created_at, _d.updated_at, _d.origin)
_THIS = [*same(_d.id), *in_scope(DATA_SETS)]

_INSERT = Query(sql.insert(DATA_SETS).values(values_of(DATA_SETS)))
_GET = Query(sql.select(*_COLUMNS).where(*_THIS))
_GET_LOCKED = Query(sql.select(*_COLUMNS).where(*_THIS).with_for_update())
_UPDATE = Query(
    sql.update(DATA_SETS)
    .where(*_THIS)
    .values(
        name=sql.func.coalesce(sql.bindparam("name", type_=_d.name.type), _d.name),
        description=sql.func.coalesce(
            sql.bindparam("description", type_=_d.description.type), _d.description
        ),
        updated_at=sql.bindparam("updated_at"),
    )
)
_COUNT = Query(sql.select(sql.func.count()).select_from(DATA_SETS).where(*in_scope(DATA_SETS)))
PAGES = Pages(sql.select(*_COLUMNS).where(*in_scope(DATA_SETS)), (_d.created_at, _d.id))
"""Served by the index data_sets_newest."""

_ITS_REVISIONS = [*same(REVISIONS.c.data_set_id), *in_scope(REVISIONS)]
_LOCK_REVISIONS = Query(
    sql.select(REVISIONS.c.id).where(*_ITS_REVISIONS).order_by(REVISIONS.c.id).with_for_update()
)
_RECORD_GARBAGE, _DELETE_ASSETS = assets.deletion(
    ASSETS.c.revision_id.in_(sql.select(REVISIONS.c.id).where(*_ITS_REVISIONS)), *in_scope(ASSETS)
)
_DELETE_REVISIONS = Query(sql.delete(REVISIONS).where(*_ITS_REVISIONS))
_DELETE = Query(sql.delete(DATA_SETS).where(*_THIS))


def _data_set(scope: Scope, row: Row) -> DataSet:
    data_set_id, asset_type, name, description, created_at, updated_at, origin = row
    return DataSet(
        scope=scope,
        id=data_set_id,
        asset_type=AssetType[asset_type],
        name=name,
        description=description,
        created_at=Timestamp(created_at),
        updated_at=Timestamp(updated_at),
        origin=Origin[origin],
    )


async def insert(c: Connection, data_set: DataSet) -> None:
    """Adds a data set. Crash: it is there whole or not at all."""
    await c.execute(
        _INSERT,
        id=data_set.id,
        **scoped(data_set.scope),
        asset_type=data_set.asset_type.value,
        name=data_set.name,
        description=data_set.description,
        origin=data_set.origin.value,
        created_at=data_set.created_at.milliseconds,
        updated_at=data_set.updated_at.milliseconds,
    )


async def get(c: Connection, scope: Scope, data_set_id: str, *, lock: bool = False) -> DataSet | None:
    """One data set; `lock` keeps others from changing it or adding to it until the transaction ends."""
    row = await c.fetch_one(_GET_LOCKED if lock else _GET, id=data_set_id, **scoped(scope))
    return None if row is None else _data_set(scope, row)


async def update(
    c: Connection,
    scope: Scope,
    data_set_id: str,
    *,
    name: str | None,
    description: str | None,
    updated_at: Timestamp,
) -> bool:
    """Changes name and description, each unless it is None; False when there is no such data set."""
    changed = await c.execute(
        _UPDATE,
        id=data_set_id,
        **scoped(scope),
        name=name,
        description=description,
        updated_at=updated_at.milliseconds,
    )
    return changed == 1


async def delete(c: Connection, scope: Scope, data_set_id: str) -> bool:
    """Deletes a data set, its revisions, their assets and all tags; False when there is no such data set.

    Crash: all of it is gone, and the bytes of the assets are garbage (`store_garbage`), or nothing is.
    """
    async with c.transaction() as t:
        if await get(t, scope, data_set_id, lock=True) is None:
            return False
        within = scoped(scope)
        await t.fetch_all(_LOCK_REVISIONS, data_set_id=data_set_id, **within)
        await t.execute(_RECORD_GARBAGE, data_set_id=data_set_id, **within)
        await t.execute(_DELETE_ASSETS, data_set_id=data_set_id, **within)
        await t.execute(_DELETE_REVISIONS, data_set_id=data_set_id, **within)
        await t.execute(_DELETE, id=data_set_id, **within)
        await tags.remove_prefix(t, scope, data_set_arn(scope, data_set_id))
    return True


async def count(c: Connection, scope: Scope) -> int:
    return await fetch_count(c, _COUNT, **scoped(scope))


async def page(c: Connection, scope: Scope, *, after: tuple[int, str] | None, limit: int) -> list[DataSet]:
    """Newest first; `after` is (created_at in milliseconds, id) of the last one of the former page."""
    rows = await PAGES.fetch(c, after, limit, **scoped(scope))
    return [_data_set(scope, row) for row in rows]
