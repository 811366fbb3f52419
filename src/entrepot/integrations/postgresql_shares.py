"""Datashares that PostgreSQL databases serve: a role for each receiver, with its own password.

Nobody but the user in the share's URL is needed: it makes the roles and grants what is shared. The URL is
opened when it is needed, and no message holds it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg
from psycopg import AsyncConnection
from psycopg.conninfo import conninfo_to_dict

from entrepot.domain.datashare import DatabaseLogin, PostgresqlShare
from entrepot.domain.errors import (
    ConfigurationError,
    DatabaseUnavailable,
    IntegrationError,
    IntegrationRefused,
    IntegrationUnavailable,
)
from entrepot.domain.timestamp import Timestamp
from entrepot.integrations import postgresql_roles as roles
from entrepot.integrations.postgresql_excess_privileges import Reach, reach
from entrepot.integrations.protocols import OpenShare

DEFAULT_PORT = 5432
_REHEARSED_ROLE = "entrepot_rehearsal"
_SETTINGS = (
    # What others have put into the database's schemas must not be mistaken for the system's own.
    "SELECT pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', false),"
    " pg_catalog.set_config('lock_timeout', '10s', false),"
    " pg_catalog.set_config('statement_timeout', '20s', false)"
)
_PASSING = (
    psycopg.OperationalError,
    psycopg.errors.LockNotAvailable,
    psycopg.errors.QueryCanceled,
    psycopg.errors.DeadlockDetected,
    psycopg.errors.InternalError_,
)
"""Another GRANT on the same object at the same time is an internal error of PostgreSQL."""


class PostgresqlShares:
    def __init__(self, open_share: OpenShare) -> None:
        self._open_share = open_share

    async def check(self, share: PostgresqlShare) -> None:
        """Does all that `give` does, and undoes it."""
        await self.reach(share)

    async def reach(self, share: PostgresqlShare) -> list[Reach]:
        """What a receiver of the share could do in its database beyond reading what is shared.

        Found out with a role that is made for it and never committed. Raises as `check`.
        """
        async with self._connected(share) as connection, connection.transaction(force_rollback=True):
            await roles.lock(connection)
            await roles.grant(connection, share, _REHEARSED_ROLE)
            objects = await roles.shared_objects(connection, share)
            return await reach(connection, _REHEARSED_ROLE, list(objects))

    async def give(self, share: PostgresqlShare, role: str) -> None:
        async with self._connected(share) as connection, connection.transaction():
            await roles.lock(connection)
            await roles.grant(connection, share, role)

    async def withdraw(self, share: PostgresqlShare, role: str) -> None:
        async with self._connected(share) as connection:
            await roles.drop(connection, role)

    async def let_in(
        self, share: PostgresqlShare, role: str, password: str, expires_at: Timestamp | None
    ) -> DatabaseLogin:
        host, port, database = self.place(share)
        async with self._connected(share) as connection:
            if not await roles.set_password(connection, role, password, expires_at):
                raise IntegrationUnavailable(f"Datashare {share.name!r} has no role {role} yet.")
        return DatabaseLogin(host, port, database, share.schema, role, password, expires_at)

    def place(self, share: PostgresqlShare) -> tuple[str, int, str]:
        """Host, port and database that receivers connect to.

        Raises `IntegrationRefused` where the URL names no host that others could reach, and no endpoint is
        set.
        """
        given = conninfo_to_dict(self._text(share))
        database = str(given.get("dbname") or given.get("user") or "")
        if share.endpoint is not None:
            host, port = split_endpoint(share.endpoint)
            return host, port or DEFAULT_PORT, database
        host = str(given.get("host") or "").partition(",")[0]
        port = int(str(given.get("port") or DEFAULT_PORT).partition(",")[0])
        if not host or host.startswith(("/", "@")):
            raise IntegrationRefused(
                f"The URL of datashare {share.name!r} names no host that receivers could connect to."
            )
        return host, port, database

    def _text(self, share: PostgresqlShare) -> str:
        try:
            return self._open_share(share)
        except (DatabaseUnavailable, ConfigurationError) as error:
            raise IntegrationRefused(f"Datashare {share.name!r}: {error.message}") from error

    @asynccontextmanager
    async def _connected(self, share: PostgresqlShare) -> AsyncIterator[AsyncConnection]:
        try:
            text = self._text(share)
            async with await AsyncConnection.connect(text, autocommit=True) as connection:
                await connection.execute(_SETTINGS)
                yield connection
        except psycopg.Error as error:
            raise _translated(error, share) from error


def split_endpoint(text: str) -> tuple[str, int | None]:
    """Host and port of `host`, `host:port` or `[address]:port`. Raises `ValueError`."""
    host, port = text, ""
    if text.startswith("["):
        host, closed, port = text[1:].partition("]")
        if not closed or (port and not port.startswith(":")):
            raise ValueError(f"{text!r} is no host")
        port = port[1:]
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
    if not host or any(character.isspace() or character in "/@" for character in host):
        raise ValueError(f"{text!r} is no host")
    if not port:
        return host, None
    if not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise ValueError(f"{port!r} is no port")
    return host, int(port)


def _translated(error: psycopg.Error, share: PostgresqlShare) -> IntegrationError:
    said = " ".join(str(error).split()).rstrip(".")
    start = f"Datashare {share.name!r}"
    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        return IntegrationRefused(
            f"{start}: {said}. The user in its URL must be able to create roles and grant what is shared.",
            denied=True,
        )
    if isinstance(error, _PASSING):
        # Where the database is and what it said is for the log: it is this error's cause.
        return IntegrationUnavailable(f"{start}: its database cannot be used now; try again later.")
    return IntegrationRefused(f"{start}: its database refused a statement: {said}.")
