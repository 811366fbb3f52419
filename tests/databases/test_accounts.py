"""Accounts and access keys, on both databases."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.databases.rows import at

from entrepot.database import accounts
from entrepot.database.connection import Database
from entrepot.domain.access_key import Account, StoredKey
from entrepot.domain.errors import DatabaseError

KEY = StoredKey("AKIAEXAMPLE", "123456789012", "sealed", True, at(1))


async def test_accounts_are_listed_by_id(database: Database) -> None:
    await accounts.insert_account(database, "222222222222", "two", at(1))
    await accounts.insert_account(database, "111111111111", "one", at(2))
    assert await accounts.list_accounts(database) == [
        Account("111111111111", "one", at(2)),
        Account("222222222222", "two", at(1)),
    ]


async def test_an_account_is_added_once(database: Database) -> None:
    await accounts.insert_account(database, "111111111111", "one", at(1))
    with pytest.raises(DatabaseError):
        await accounts.insert_account(database, "111111111111", "again", at(2))
    assert await accounts.list_accounts(database) == [Account("111111111111", "one", at(1))]


async def test_keys_are_found_listed_and_disabled(database: Database) -> None:
    await accounts.insert_account(database, KEY.account_id, "one", at(0))
    await accounts.insert_account(database, "000000000000", "two", at(0))
    second = replace(KEY, access_key_id="AKIAEARLIER", enabled=False, created_at=at(0))
    foreign = replace(KEY, access_key_id="AKIAFOREIGN", account_id="000000000000")
    for key in (KEY, second, foreign):
        await accounts.insert_key(database, key)
    assert await accounts.get_key(database, KEY.access_key_id) == KEY
    assert await accounts.get_key(database, "AKIAUNKNOWN") is None
    assert await accounts.list_keys(database, KEY.account_id) == [second, KEY]
    assert await accounts.list_keys(database, None) == [foreign, second, KEY]
    assert await accounts.set_key_enabled(database, KEY.access_key_id, False)
    assert await accounts.get_key(database, KEY.access_key_id) == replace(KEY, enabled=False)
    assert not await accounts.set_key_enabled(database, "AKIAUNKNOWN", True)


async def test_a_key_needs_its_account(database: Database) -> None:
    with pytest.raises(DatabaseError):
        await accounts.insert_key(database, KEY)
