"""How a command works on the exchange's database, beside a running server or without one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import TypeVar

from entrepot.database.connection import Database
from entrepot.server.secrets import SecretBox
from entrepot.settings import Settings

_T = TypeVar("_T")


def on_exchange(settings: Settings, action: Callable[[Database, SecretBox], Awaitable[_T]]) -> _T:
    """Does something with the exchange's database and secrets, and closes them again.

    Raises `ConfigurationError` and `DatabaseUnavailable`.
    """
    from entrepot.container import prepare_database
    from entrepot.server.data_directory import DataDirectory
    from entrepot.server.first_start import open_secrets

    directory = DataDirectory(settings.data_dir)

    async def act() -> _T:
        database = await prepare_database(settings.database)
        try:
            return await action(database, await open_secrets(directory, database))
        finally:
            await database.close()

    return asyncio.run(act())


def print_json(value: object) -> None:
    """Prints an answer as the AWS CLI would."""
    print(json.dumps(value, indent=4, ensure_ascii=False))
