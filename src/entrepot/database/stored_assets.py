"""Queries of assets by the bytes that are stored of them, whoever owns them: for workers and operators.

The partition of their scopes is not kept.
"""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sql

from entrepot.database.assets import asset_of_row
from entrepot.database.connection import Connection, Query, Value
from entrepot.database.expressions import among, same, texts
from entrepot.database.tables import ASSETS, DATA_SETS, REVISIONS
from entrepot.domain.asset import Asset, Checksum
from entrepot.domain.scope import Scope
from entrepot.domain.timestamp import Timestamp

_a = ASSETS.c
_HAS_BYTES = _a.store_key != sql.literal_column("''")
_OF_STORE_KEY = Query(sql.select(ASSETS).where(*same(_a.store_key), _HAS_BYTES))  # index assets_stored
_KEPT = Query(sql.select(_a.store_key).where(among(_a.store_key, "keys"), _HAS_BYTES))
_DAMAGED = Query(
    sql.update(ASSETS)
    .where(*same(_a.store_key), _HAS_BYTES, _a.damaged_at.is_(None))
    .values(damaged_at=sql.bindparam("damaged_at"))
)
_SOUND = Query(
    sql.update(ASSETS)
    .where(*same(_a.store_key), _HAS_BYTES)
    .values(
        verified_at=sql.bindparam("verified_at"),
        damaged_at=sql.null(),
        store_etag=sql.bindparam("store_etag"),
        checksum_algorithm=sql.bindparam("checksum_algorithm"),
        checksum_value=sql.bindparam("checksum_value"),
    )
)
_DUE = (
    sql.select(ASSETS)
    .where(
        _a.id > sql.bindparam("after"),
        _HAS_BYTES,
        sql.or_(
            _a.damaged_at.is_not(None), _a.verified_at.is_(None), _a.verified_at < sql.bindparam("before")
        ),
    )
    .order_by(_a.id)
    .limit(sql.bindparam("limit", type_=sql.Integer))
)
_PLACE = Query(
    sql.select(REVISIONS.c.id)
    .where(REVISIONS.c.id == sql.bindparam("place"))
    .union_all(sql.select(DATA_SETS.c.id).where(DATA_SETS.c.id == sql.bindparam("place")))
)
_ALL_DUE = Query(_DUE)
_LONG_UNREAD = Query(
    sql.select(ASSETS)
    .where(
        _a.id > sql.bindparam("after"),
        _HAS_BYTES,
        _a.damaged_at.is_(None),
        sql.func.coalesce(_a.verified_at, _a.created_at) < sql.bindparam("before"),
    )
    .order_by(_a.id)
    .limit(sql.bindparam("limit", type_=sql.Integer))
)
_EXTENT = Query(sql.select(sql.func.count(), sql.func.coalesce(sql.func.sum(_a.size_bytes), 0)))
_DUE_IN = Query(
    _DUE.where(
        _a.revision_id.in_(
            sql.select(REVISIONS.c.id).where(
                sql.or_(
                    REVISIONS.c.id == sql.bindparam("within"),
                    REVISIONS.c.data_set_id == sql.bindparam("within"),
                )
            )
        )
    )
)


async def kept(c: Connection, store_keys: Collection[str]) -> set[str]:
    """Those of the keys of the exchange's own store that hold the bytes of an asset."""
    return {row[0] for row in await c.fetch_all(_KEPT, keys=texts(list(store_keys)))}


async def of_store_key(c: Connection, store_key: str) -> Asset | None:
    """The asset whose bytes lie under the key, whoever asks."""
    row = await c.fetch_one(_OF_STORE_KEY, store_key=store_key)
    return None if row is None else asset_of_row(Scope(row[1], row[2]), row)


async def mark_damaged(c: Connection, store_key: str, now: Timestamp) -> None:
    """The asset is served to nobody from now on. Crash: its next use finds the same again."""
    await c.execute(_DAMAGED, store_key=store_key, damaged_at=now.milliseconds)


async def mark_sound(
    c: Connection, store_key: str, now: Timestamp, *, etag: str, checksum: Checksum | None
) -> None:
    """Its bytes were read and found right, under this ETag. Crash: they are read once more."""
    await c.execute(
        _SOUND,
        store_key=store_key,
        verified_at=now.milliseconds,
        store_etag=etag,
        checksum_algorithm=None if checksum is None else checksum.algorithm,
        checksum_value=None if checksum is None else checksum.value,
    )


async def place_exists(c: Connection, place: str) -> bool:
    """Whether that is the id of a data set or of a revision of any account."""
    return await c.fetch_one(_PLACE, place=place) is not None


async def due_for_verification(
    c: Connection, *, after: str, before: Timestamp, within: str | None, limit: int
) -> list[Asset]:
    """Assets with bytes, by id, that were not read since `before`, and all that are damaged.

    `within` is the id of a data set or of a revision.
    """
    place: dict[str, Value] = {} if within is None else {"within": within}
    rows = await c.fetch_all(
        _ALL_DUE if within is None else _DUE_IN,
        after=after,
        before=before.milliseconds,
        limit=limit,
        **place,
    )
    return [asset_of_row(Scope(row[1], row[2]), row) for row in rows]


async def long_unread(c: Connection, *, after: str, before: Timestamp, limit: int) -> list[Asset]:
    """Assets with bytes, by id, that were neither imported nor read since `before`; none that is damaged."""
    rows = await c.fetch_all(_LONG_UNREAD, after=after, before=before.milliseconds, limit=limit)
    return [asset_of_row(Scope(row[1], row[2]), row) for row in rows]


async def extent(c: Connection) -> tuple[int, int]:
    """How many assets there are, and their bytes; reads the whole table."""
    row = await c.fetch_one(_EXTENT)
    return (0, 0) if row is None else (int(row[0]), int(row[1]))
