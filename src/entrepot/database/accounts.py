"""Queries of accounts and access keys. They are of no Region."""

from __future__ import annotations

import sqlalchemy as sql

from entrepot.database.connection import Connection, Query, Row
from entrepot.database.expressions import same, values_of
from entrepot.database.tables import ACCESS_KEYS, ACCOUNTS
from entrepot.domain.access_key import Account, StoredKey
from entrepot.domain.timestamp import Timestamp

_k = ACCESS_KEYS.c
_KEY = (_k.access_key_id, _k.account_id, _k.encrypted_secret, _k.enabled, _k.created_at)

_INSERT_ACCOUNT = Query(sql.insert(ACCOUNTS).values(values_of(ACCOUNTS)))
_LIST_ACCOUNTS = Query(
    sql.select(ACCOUNTS.c.account_id, ACCOUNTS.c.name, ACCOUNTS.c.created_at).order_by(ACCOUNTS.c.account_id)
)
_TWO_ACCOUNTS = Query(sql.select(ACCOUNTS.c.account_id).order_by(ACCOUNTS.c.account_id).limit(2))
_INSERT_KEY = Query(sql.insert(ACCESS_KEYS).values(values_of(ACCESS_KEYS)))
_GET_KEY = Query(sql.select(*_KEY).where(*same(_k.access_key_id)))
_LIST_KEYS = Query(sql.select(*_KEY).order_by(_k.account_id, _k.created_at, _k.access_key_id))
_LIST_KEYS_OF_ACCOUNT = Query(  # index access_keys_of_account
    sql.select(*_KEY).where(*same(_k.account_id)).order_by(_k.created_at, _k.access_key_id)
)
_SET_ENABLED = Query(
    sql.update(ACCESS_KEYS).where(*same(_k.access_key_id)).values(enabled=sql.bindparam("enabled"))
)


def _stored_key(row: Row) -> StoredKey:
    access_key_id, account_id, encrypted_secret, enabled, created_at = row
    return StoredKey(access_key_id, account_id, encrypted_secret, bool(enabled), Timestamp(created_at))


async def insert_account(c: Connection, account_id: str, name: str, created_at: Timestamp) -> None:
    """Adds an account; `DatabaseError` when there is one with this id. Crash: it is there or not."""
    await c.execute(_INSERT_ACCOUNT, account_id=account_id, name=name, created_at=created_at.milliseconds)


async def list_accounts(c: Connection) -> list[Account]:
    """Every account, ordered by id."""
    rows = await c.fetch_all(_LIST_ACCOUNTS)
    return [Account(account_id, name, Timestamp(created_at)) for account_id, name, created_at in rows]


async def sole_account(c: Connection) -> str | None:
    """The id of the only account; None where there are several, or none."""
    rows = await c.fetch_all(_TWO_ACCOUNTS)
    return rows[0][0] if len(rows) == 1 else None


async def insert_key(c: Connection, key: StoredKey) -> None:
    """Adds an access key to an account that exists. Crash: it is there or not."""
    await c.execute(
        _INSERT_KEY,
        access_key_id=key.access_key_id,
        account_id=key.account_id,
        encrypted_secret=key.encrypted_secret,
        enabled=key.enabled,
        created_at=key.created_at.milliseconds,
    )


async def get_key(c: Connection, access_key_id: str) -> StoredKey | None:
    """One access key, disabled ones too: authentication asks for it."""
    row = await c.fetch_one(_GET_KEY, access_key_id=access_key_id)
    return None if row is None else _stored_key(row)


async def list_keys(c: Connection, account_id: str | None) -> list[StoredKey]:
    """The access keys of one account, or of all of them, the oldest first."""
    if account_id is None:
        rows = await c.fetch_all(_LIST_KEYS)
    else:
        rows = await c.fetch_all(_LIST_KEYS_OF_ACCOUNT, account_id=account_id)
    return [_stored_key(row) for row in rows]


async def set_key_enabled(c: Connection, access_key_id: str, enabled: bool) -> bool:
    """Enables or disables an access key; False when there is no such key."""
    return await c.execute(_SET_ENABLED, access_key_id=access_key_id, enabled=enabled) == 1
