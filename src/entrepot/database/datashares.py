"""Queries of datashares that PostgreSQL databases serve."""

from __future__ import annotations

import msgspec
import sqlalchemy as sql

from entrepot.database.connection import Connection, Query, Row
from entrepot.database.expressions import in_scope, same, values_of
from entrepot.database.tables import DATASHARES
from entrepot.domain.datashare import DatashareArn, PostgresqlShare
from entrepot.domain.timestamp import Timestamp

_d = DATASHARES.c
_COLUMNS = (
    _d.arn,
    _d.name,
    _d.encrypted_database_url,
    _d.endpoint,
    _d.schema_name,
    _d.tables_json,
    _d.created_at,
)
_INSERT = Query(sql.insert(DATASHARES).values(values_of(DATASHARES)))
_GET = Query(sql.select(*_COLUMNS).where(*same(_d.arn), *in_scope(DATASHARES)))
_LIST = Query(sql.select(*_COLUMNS).order_by(_d.account_id, _d.region, _d.name))
_REMOVE = Query(sql.delete(DATASHARES).where(*same(_d.arn), *in_scope(DATASHARES)))


def _share(row: Row) -> PostgresqlShare:
    arn, name, encrypted_database_url, endpoint, schema_name, tables_json, created_at = row
    return PostgresqlShare(
        arn=arn,
        owner=DatashareArn.parse(arn, "arn").owner,
        name=name,
        encrypted_database_url=encrypted_database_url,
        schema=schema_name,
        created_at=Timestamp(created_at),
        tables=None if tables_json is None else msgspec.json.decode(tables_json, type=tuple[str, ...]),
        endpoint=endpoint,
    )


async def insert(c: Connection, share: PostgresqlShare) -> None:
    """Adds a share. Crash: it is there whole or not at all."""
    await c.execute(
        _INSERT,
        arn=share.arn,
        account_id=share.owner.account_id,
        region=share.owner.region,
        name=share.name,
        encrypted_database_url=share.encrypted_database_url,
        endpoint=share.endpoint,
        schema_name=share.schema,
        tables_json=None if share.tables is None else msgspec.json.encode(share.tables).decode(),
        created_at=share.created_at.milliseconds,
    )


async def get(c: Connection, arn: DatashareArn) -> PostgresqlShare | None:
    """The share of that ARN, which names its owner; None where PostgreSQL serves none of that name."""
    row = await c.fetch_one(_GET, arn=str(arn), account_id=arn.owner.account_id, region=arn.owner.region)
    return None if row is None else _share(row)


async def list_all(c: Connection) -> list[PostgresqlShare]:
    """Every share, by account, Region and name; for whoever runs the exchange."""
    return [_share(row) for row in await c.fetch_all(_LIST)]


async def remove(c: Connection, arn: DatashareArn) -> bool:
    """Forgets a share; False where there is none. Crash: it is forgotten or not."""
    removed = await c.execute(_REMOVE, arn=str(arn), account_id=arn.owner.account_id, region=arn.owner.region)
    return removed == 1
