"""How a command works on the exchange's database, beside a running server or without one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from entrepot.client.client_errors import UsageError
from entrepot.database import accounts
from entrepot.database.connection import Database
from entrepot.domain.identifiers import ACCOUNT_ID_PATTERN
from entrepot.server.secrets import SecretBox
from entrepot.settings.settings import Settings
from entrepot.settings.values import AuthMode

_T = TypeVar("_T")


def on_exchange(settings: Settings, action: Callable[[Database, SecretBox], Awaitable[_T]]) -> _T:
    """Runs an action on the exchange's database. Raises `ConfigurationError` and `DatabaseUnavailable`."""
    from entrepot.server.data_directory import DataDirectory
    from entrepot.server.first_start import open_secrets
    from entrepot.wiring.shared import prepare_database

    directory = DataDirectory(settings.data_dir)

    async def act() -> _T:
        database = await prepare_database(settings.database)
        try:
            return await action(database, await open_secrets(directory, database))
        finally:
            await database.close()

    return asyncio.run(act())


async def require_account(database: Database, auth: AuthMode, account_id: str) -> bool:
    """Whether the account is the only one. Raises `UsageError` for an unknown one, except in trust mode."""
    if ACCOUNT_ID_PATTERN.match(account_id) is None:
        raise UsageError(f"--account takes the twelve digits of an account, not {account_id!r}")
    if auth is AuthMode.TRUST:
        return False
    known = [account.account_id for account in await accounts.list_accounts(database)]
    if account_id not in known:
        raise UsageError(f"there is no account {account_id}; `entrepot account list` shows them")
    return len(known) == 1
