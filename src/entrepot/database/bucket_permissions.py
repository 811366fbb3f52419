"""Queries of bucket permissions. They are of no Region: an account has one for each bucket and prefix."""

from __future__ import annotations

import sqlalchemy as sql

from entrepot.database.connection import Connection, Query, Row
from entrepot.database.expressions import fetch_count, same, upsert
from entrepot.database.tables import BUCKET_PERMISSIONS
from entrepot.domain.bucket_permission import BucketPermission
from entrepot.domain.timestamp import Timestamp

_p = BUCKET_PERMISSIONS.c
_ORDER = (_p.account_id, _p.bucket, _p.prefix)
_SELECT = sql.select(BUCKET_PERMISSIONS).order_by(*_ORDER)

# The primary key serves all of them.
_PUT = upsert(BUCKET_PERMISSIONS)
_LIST = Query(_SELECT)
_OF_ACCOUNT = Query(_SELECT.where(*same(_p.account_id)))
_REMOVE = Query(sql.delete(BUCKET_PERMISSIONS).where(*same(*_ORDER)))
_COUNT = Query(sql.select(sql.func.count()).select_from(BUCKET_PERMISSIONS))


def _permission(row: Row) -> BucketPermission:
    account_id, bucket, prefix, may_read, may_write, endpoint_url, region, encrypted, created_at = row
    return BucketPermission(
        account_id=account_id,
        bucket=bucket,
        prefix=prefix,
        may_read=bool(may_read),
        may_write=bool(may_write),
        endpoint_url=endpoint_url,
        region=region,
        encrypted_credentials=encrypted,
        created_at=Timestamp(created_at),
    )


async def put(c: Connection, permission: BucketPermission) -> None:
    """Adds a permission, in place of the one for the same account, bucket and prefix.

    Crash: the new one is there whole, or what was there before.
    """
    await c.execute(
        _PUT,
        account_id=permission.account_id,
        bucket=permission.bucket,
        prefix=permission.prefix,
        may_read=permission.may_read,
        may_write=permission.may_write,
        endpoint_url=permission.endpoint_url,
        bucket_region=permission.region,
        encrypted_credentials=permission.encrypted_credentials,
        created_at=permission.created_at.milliseconds,
    )


async def of_account(c: Connection, account_id: str) -> list[BucketPermission]:
    """Everything that the account may use, ordered by bucket and prefix."""
    return [_permission(row) for row in await c.fetch_all(_OF_ACCOUNT, account_id=account_id)]


async def every(c: Connection) -> list[BucketPermission]:
    """The permissions of all accounts, ordered by account, bucket and prefix."""
    return [_permission(row) for row in await c.fetch_all(_LIST)]


async def remove(c: Connection, account_id: str, bucket: str, prefix: str) -> bool:
    """Takes one permission away; False when there is none. Crash: it is gone or not."""
    return await c.execute(_REMOVE, account_id=account_id, bucket=bucket, prefix=prefix) == 1


async def count(c: Connection) -> int:
    return await fetch_count(c, _COUNT)
