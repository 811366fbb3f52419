"""Accounts and their access keys: what the first start and the commands for operators make.

AWS has no such operations: nobody calls them over HTTP.
"""

from __future__ import annotations

import os
from typing import Protocol

from entrepot.database import accounts
from entrepot.database.connection import Connection
from entrepot.domain.access_key import StoredKey
from entrepot.domain.timestamp import Timestamp


class SecretSealer(Protocol):
    """Encrypts the secrets of access keys."""

    def seal(self, secret: bytes, context: str) -> str:
        """The secret encrypted, bound to the context, as printable text."""


def new_account_id() -> str:
    """Twelve random digits, the first of them not 0."""
    return str(10**11 + int.from_bytes(os.urandom(8)) % (9 * 10**11))


async def has_accounts(connection: Connection) -> bool:
    return bool(await accounts.list_accounts(connection))


async def add_account(
    connection: Connection,
    sealer: SecretSealer,
    account_id: str,
    name: str,
    access_key: tuple[str, str],
    now: Timestamp,
) -> None:
    """Adds an account with its first access key, an id and a secret.

    Crash: both are there, or neither.
    """
    async with connection.transaction() as t:
        await accounts.insert_account(t, account_id, name, now)
        await add_key(t, sealer, account_id, access_key, now)


async def add_key(
    connection: Connection, sealer: SecretSealer, account_id: str, access_key: tuple[str, str], now: Timestamp
) -> None:
    """Adds an access key, an id and a secret, to an account that there is."""
    access_key_id, secret = access_key
    sealed = sealer.seal(secret.encode(), access_key_id)
    key = StoredKey(access_key_id, account_id, sealed, enabled=True, created_at=now)
    await accounts.insert_key(connection, key)
