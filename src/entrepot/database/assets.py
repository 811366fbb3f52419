"""Queries of assets. Deleting one makes its bytes garbage: bytes outlive rows, never the reverse."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sql

from entrepot.database import tags
from entrepot.database.connection import Connection, Parameters, Query, Row, Value
from entrepot.database.expressions import (
    Pages,
    among,
    fetch_count,
    in_scope,
    now_in_milliseconds,
    same,
    scoped,
    texts,
    values_of,
)
from entrepot.database.object_headers import headers_json, headers_of
from entrepot.database.tables import ASSETS, STORE_GARBAGE
from entrepot.domain.arn import asset_arn
from entrepot.domain.asset import Asset, Checksum, Proof
from entrepot.domain.data_set import AssetType
from entrepot.domain.object_headers import NO_HEADERS
from entrepot.domain.scope import Scope
from entrepot.domain.timestamp import Timestamp


def deletion(*conditions: sql.ColumnElement[bool]) -> tuple[Query, Query]:
    """What deletes the assets that meet the conditions: their store keys become garbage, then they go."""
    keys = sql.select(ASSETS.c.store_key, now_in_milliseconds()).where(
        *conditions,
        ASSETS.c.store_key != sql.literal_column("''"),
        ~sql.exists().where(STORE_GARBAGE.c.store_key == ASSETS.c.store_key),
    )
    record = sql.insert(STORE_GARBAGE).from_select(["store_key", "recorded_at"], keys)
    return Query(record), Query(sql.delete(ASSETS).where(*conditions))


_a = ASSETS.c
_OF_REVISION = [*same(_a.revision_id, _a.data_set_id), *in_scope(ASSETS)]
_THIS = [*same(_a.id), *_OF_REVISION]

_INSERT = Query(sql.insert(ASSETS).values(values_of(ASSETS)))
_GET = Query(sql.select(ASSETS).where(*_THIS))
_MANY = Query(sql.select(ASSETS).where(among(_a.id, "ids"), *_OF_REVISION))
_OF_ID = Query(sql.select(ASSETS).where(*same(_a.id), *in_scope(ASSETS)))
_OF_IDS = Query(sql.select(ASSETS).where(among(_a.id, "ids")))
_ALL_OF_REVISION = Query(sql.select(ASSETS).where(*_OF_REVISION).order_by(_a.name.desc(), _a.id.desc()))
_RENAME = Query(
    sql.update(ASSETS)
    .where(*_THIS)
    .values(name=sql.bindparam("name"), updated_at=sql.bindparam("updated_at"))
)
_COUNT = Query(
    sql.select(sql.func.count()).select_from(ASSETS).where(*same(_a.revision_id), *in_scope(ASSETS))
)
PAGES = Pages(sql.select(ASSETS).where(*_OF_REVISION), (_a.name, _a.id))
"""Served by the index assets_by_name."""

_RECORD_GARBAGE, _DELETE = deletion(*_THIS)


def asset_of_row(scope: Scope, row: Row) -> Asset:
    """What a whole row says."""
    (
        asset_id,
        _account_id,
        _region,
        data_set_id,
        revision_id,
        asset_type,
        name,
        created_at,
        updated_at,
        size_bytes,
        store_key,
        store_etag,
        checksum_algorithm,
        checksum_value,
        details_json,
        proof,
        verified_at,
        damaged_at,
        headers,
    ) = row
    return Asset(
        scope=scope,
        data_set_id=data_set_id,
        revision_id=revision_id,
        id=asset_id,
        asset_type=AssetType[asset_type],
        name=name,
        created_at=Timestamp(created_at),
        updated_at=Timestamp(updated_at),
        size_bytes=size_bytes,
        store_key=store_key,
        store_etag=store_etag,
        checksum=None if checksum_algorithm is None else Checksum(checksum_algorithm, checksum_value),
        details_json=None if details_json is None else details_json.encode(),
        proof=None if proof is None else Proof(proof),
        verified_at=None if verified_at is None else Timestamp(verified_at),
        damaged_at=None if damaged_at is None else Timestamp(damaged_at),
        headers=NO_HEADERS if headers is None else headers_of(headers),
    )


def _row(asset: Asset) -> Parameters:
    return {
        "id": asset.id,
        **scoped(asset.scope),
        "data_set_id": asset.data_set_id,
        "revision_id": asset.revision_id,
        "asset_type": asset.asset_type.value,
        "name": asset.name,
        "created_at": asset.created_at.milliseconds,
        "updated_at": asset.updated_at.milliseconds,
        "size_bytes": asset.size_bytes,
        "store_key": asset.store_key,
        "store_etag": asset.store_etag,
        "checksum_algorithm": None if asset.checksum is None else asset.checksum.algorithm,
        "checksum_value": None if asset.checksum is None else asset.checksum.value,
        "details_json": None if asset.details_json is None else asset.details_json.decode(),
        "proof": None if asset.proof is None else asset.proof.value,
        "verified_at": None if asset.verified_at is None else asset.verified_at.milliseconds,
        "damaged_at": None if asset.damaged_at is None else asset.damaged_at.milliseconds,
        "headers_json": headers_json(asset.headers) if asset.headers else None,
    }


def _within(scope: Scope, data_set_id: str, revision_id: str) -> dict[str, Value]:
    return {"data_set_id": data_set_id, "revision_id": revision_id, **scoped(scope)}


async def insert_many(c: Connection, assets: Sequence[Asset]) -> None:
    """Adds assets. Crash: all of them are there or none."""
    await c.execute_many(_INSERT, [_row(asset) for asset in assets])


async def get(c: Connection, scope: Scope, data_set_id: str, revision_id: str, asset_id: str) -> Asset | None:
    """One asset; all three ids must belong together."""
    row = await c.fetch_one(_GET, id=asset_id, **_within(scope, data_set_id, revision_id))
    return None if row is None else asset_of_row(scope, row)


async def of_id(c: Connection, scope: Scope, asset_id: str) -> Asset | None:
    """One asset of the account and Region, in whichever revision it is."""
    row = await c.fetch_one(_OF_ID, id=asset_id, **scoped(scope))
    return None if row is None else asset_of_row(scope, row)


async def of_ids(c: Connection, asset_ids: Sequence[str]) -> list[Asset]:
    """Those of the assets that exist, whoever asks: the caller must look who may know.

    The partition of their scopes is not kept.
    """
    rows = await c.fetch_all(_OF_IDS, ids=texts(asset_ids))
    return [asset_of_row(Scope(row[1], row[2]), row) for row in rows]


async def many(
    c: Connection, scope: Scope, data_set_id: str, revision_id: str, asset_ids: Sequence[str]
) -> list[Asset]:
    """Those of the assets that are in the revision, in the order of `asset_ids`, each once."""
    rows = await c.fetch_all(_MANY, ids=texts(asset_ids), **_within(scope, data_set_id, revision_id))
    found = {asset.id: asset for asset in (asset_of_row(scope, row) for row in rows)}
    return [found[asset_id] for asset_id in dict.fromkeys(asset_ids) if asset_id in found]


async def all_of_revision(c: Connection, scope: Scope, data_set_id: str, revision_id: str) -> list[Asset]:
    """Every asset of the revision, ordered as `page` orders them."""
    rows = await c.fetch_all(_ALL_OF_REVISION, **_within(scope, data_set_id, revision_id))
    return [asset_of_row(scope, row) for row in rows]


async def rename(
    c: Connection,
    scope: Scope,
    data_set_id: str,
    revision_id: str,
    asset_id: str,
    name: str,
    updated_at: Timestamp,
) -> bool:
    """Changes the name; False when there is no such asset."""
    changed = await c.execute(
        _RENAME,
        id=asset_id,
        name=name,
        updated_at=updated_at.milliseconds,
        **_within(scope, data_set_id, revision_id),
    )
    return changed == 1


async def delete(c: Connection, scope: Scope, data_set_id: str, revision_id: str, asset_id: str) -> bool:
    """Deletes an asset and its tags; False when there is no such asset.

    Crash: the asset is there, or it is gone and its bytes are garbage.
    """
    this: dict[str, Value] = {"id": asset_id, **_within(scope, data_set_id, revision_id)}
    async with c.transaction() as t:
        await t.execute(_RECORD_GARBAGE, **this)
        deleted = await t.execute(_DELETE, **this)
        await tags.remove_prefix(t, scope, asset_arn(scope, data_set_id, revision_id, asset_id))
    return deleted == 1


async def count(c: Connection, scope: Scope, revision_id: str) -> int:
    return await fetch_count(c, _COUNT, revision_id=revision_id, **scoped(scope))


async def page(
    c: Connection,
    scope: Scope,
    data_set_id: str,
    revision_id: str,
    *,
    after: tuple[str, str] | None,
    limit: int,
) -> list[Asset]:
    """By name and id, descending in code points; `after` is (name, id) of the last one of the former page."""
    rows = await PAGES.fetch(c, after, limit, **_within(scope, data_set_id, revision_id))
    return [asset_of_row(scope, row) for row in rows]
