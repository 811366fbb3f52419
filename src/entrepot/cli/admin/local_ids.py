"""What operators' commands take by its id, as the exchange's database has it now: for completion.

The database is only read. Where there is none yet, or it does not answer, there is nothing to complete.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from entrepot.database import accounts, webhooks
from entrepot.database.connection import Database, open_database
from entrepot.settings.settings import Settings

_SECONDS = 2.0
"""How long a database elsewhere may take."""


def webhook_ids(given: Mapping[str, str], environ: Mapping[str, str]) -> list[tuple[str, str]]:
    """Webhooks and where each leads. `given` are settings of the command line, by name."""
    return _ask(given, environ, _webhooks)


def enabled_keys(given: Mapping[str, str], environ: Mapping[str, str]) -> list[tuple[str, str]]:
    """Access keys that are enabled, and whose each is."""
    return _ask(given, environ, _enabled_keys)


async def _webhooks(database: Database) -> list[tuple[str, str]]:
    return [(webhook.id, webhook.url) for webhook in await webhooks.list_webhooks(database, None)]


async def _enabled_keys(database: Database) -> list[tuple[str, str]]:
    keys = await accounts.list_keys(database, None)
    return [(key.access_key_id, f"account {key.account_id}") for key in keys if key.enabled]


def _ask(
    given: Mapping[str, str],
    environ: Mapping[str, str],
    question: Callable[[Database], Awaitable[list[tuple[str, str]]]],
) -> list[tuple[str, str]]:
    settings = Settings.load(dict(given), environ)
    url = settings.database
    is_file = url.startswith("sqlite")
    if is_file and not Path(url.removeprefix("sqlite:///")).exists():
        return []

    async def ask() -> list[tuple[str, str]]:
        async with asyncio.timeout(None if is_file else _SECONDS):
            database = await open_database(url)
            try:
                return await question(database)
            finally:
                await database.close()

    return asyncio.run(ask())
