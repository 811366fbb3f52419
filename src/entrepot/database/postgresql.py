"""PostgreSQL: a pool of psycopg connections. Queries commit by themselves or in a READ COMMITTED transaction.

psycopg prepares a statement on the server when it has run a few times. A connection that was idle for a while
is tried before it is used, so that a restart of the server costs nobody an error.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import psycopg
import psycopg_pool
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.engine.interfaces import Dialect

from entrepot.database.connection import Connection, Parameters, Query, Row, Statements, Value
from entrepot.domain.errors import DatabaseError, DatabaseUnavailable, TableMissing

MAX_CONNECTIONS = 10
CONNECT_SECONDS = 5
WAIT_SECONDS = 10.0
"""How long a query waits for a free connection."""
TRUSTED_SECONDS = 1.0
"""A connection that was used so lately is taken to be alive."""


def connection_text(url: str) -> tuple[str, str]:
    """What libpq connects with, and what messages call the database: host, port and name, never the password.

    Raises `DatabaseUnavailable` when the URL cannot be read, without its text: it may hold a password.
    """
    try:
        given = conninfo_to_dict(url)
        text = make_conninfo(
            url,
            connect_timeout=given.get("connect_timeout") or CONNECT_SECONDS,
            application_name=given.get("application_name") or "entrepot",
            client_encoding="UTF8",
        )
    except psycopg.Error:
        raise DatabaseUnavailable(
            "The URL of the database cannot be read; write postgresql://user:password@host:port/database, "
            "with %-escapes for special characters in the password."
        ) from None
    host = given.get("host") or given.get("hostaddr") or "localhost"
    place = f"{host}:{given.get('port') or 5432}/{given.get('dbname') or given.get('user') or ''}"
    return text, f"PostgreSQL at {place}"


def translated(error: psycopg.Error, place: str) -> DatabaseError:
    """The error of the domain for psycopg's: it names the database and says what to do."""
    said = " ".join(str(error).split())
    if isinstance(error, psycopg.errors.UndefinedTable):
        return TableMissing(f"{place} has no tables of Entrepot yet. ({said})")
    if isinstance(error, psycopg.errors.DeadlockDetected):
        return DatabaseError(f"{place}: two transactions waited for each other; try again. ({said})")
    if isinstance(error, psycopg_pool.PoolTimeout):
        return DatabaseUnavailable(
            f"{place} gave no connection within {WAIT_SECONDS:g} s; it is down or overloaded, try again."
        )
    if isinstance(error, psycopg.OperationalError):
        return DatabaseUnavailable(
            f"{place} cannot be used; check that it runs, and host, port, name, user and password. ({said})"
        )
    return DatabaseError(f"{place} refused a statement: {said}.")


def dialect() -> Dialect:
    return PGDialect_psycopg()  # type: ignore[no-untyped-call]


class _PooledConnection(psycopg.AsyncConnection[Row]):
    """A connection that knows when it was last known to be alive."""

    alive_at = 0.0


class _PostgresqlConnection:
    """One connection: within a transaction, or each query by itself."""

    def __init__(self, place: str, connection: _PooledConnection, statements: Statements) -> None:
        self._place = place
        self.raw = connection
        self._statements = statements

    async def fetch_one(self, query: Query, /, **parameters: Value) -> Row | None:
        return await (await self._run(query, parameters)).fetchone()

    async def fetch_all(self, query: Query, /, **parameters: Value) -> list[Row]:
        return await (await self._run(query, parameters)).fetchall()

    async def execute(self, query: Query, /, **parameters: Value) -> int:
        return (await self._run(query, parameters)).rowcount

    async def execute_many(self, query: Query, parameters: Iterable[Parameters], /) -> None:
        compiled = self._statements[query]
        every = [compiled.with_constants(each) for each in parameters]
        if not every:
            return
        try:
            async with self.raw.cursor() as cursor:
                await cursor.executemany(compiled.text, every)
        except psycopg.Error as error:
            raise translated(error, self._place) from error

    async def hold(self, name: str, /) -> None:
        key = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], signed=True)
        try:
            await self.raw.execute("SELECT pg_advisory_xact_lock(%s::bigint)", [key])
        except psycopg.Error as error:
            raise translated(error, self._place) from error

    def transaction(self) -> AbstractAsyncContextManager[Connection]:
        return self._itself()

    @asynccontextmanager
    async def _itself(self) -> AsyncIterator[Connection]:
        yield self

    async def _run(self, query: Query, parameters: Parameters) -> psycopg.AsyncCursor[Row]:
        compiled = self._statements[query]
        try:
            return await self.raw.execute(compiled.text, compiled.with_constants(parameters))
        except psycopg.Error as error:
            raise translated(error, self._place) from error


class PostgresqlDatabase:
    def __init__(
        self, place: str, pool: psycopg_pool.AsyncConnectionPool[_PooledConnection], *, trusted_seconds: float
    ) -> None:
        self._place = place
        self._pool = pool
        self._trusted_seconds = trusted_seconds
        self._statements = Statements(dialect())

    @classmethod
    async def open(cls, url: str, *, trusted_seconds: float = TRUSTED_SECONDS) -> PostgresqlDatabase:
        """Connects. Raises `DatabaseUnavailable` with what the server said."""
        text, place = connection_text(url)
        try:
            # the pool would try for a long while and keep to itself what went wrong
            await (await psycopg.AsyncConnection.connect(text)).close()
            pool = psycopg_pool.AsyncConnectionPool(
                text,
                connection_class=_PooledConnection,
                kwargs={"autocommit": True},
                min_size=1,
                max_size=MAX_CONNECTIONS,
                timeout=WAIT_SECONDS,
                open=False,
                name="entrepot",
            )
            await pool.open()
        except psycopg.Error as error:
            raise translated(error, place) from error
        return cls(place, pool, trusted_seconds=trusted_seconds)

    async def fetch_one(self, query: Query, /, **parameters: Value) -> Row | None:
        async with self._connection() as connection:
            return await connection.fetch_one(query, **parameters)

    async def fetch_all(self, query: Query, /, **parameters: Value) -> list[Row]:
        async with self._connection() as connection:
            return await connection.fetch_all(query, **parameters)

    async def execute(self, query: Query, /, **parameters: Value) -> int:
        async with self._connection() as connection:
            return await connection.execute(query, **parameters)

    async def execute_many(self, query: Query, parameters: Iterable[Parameters], /) -> None:
        async with self.transaction() as t:
            await t.execute_many(query, parameters)

    async def hold(self, name: str, /) -> None:
        raise RuntimeError(f"the lock {name!r} needs a transaction to hold it")

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        async with self._connection() as connection:
            try:
                async with connection.raw.transaction():
                    yield connection
            except psycopg.Error as error:
                raise translated(error, self._place) from error

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[_PostgresqlConnection]:
        """A connection of the pool, on which each query commits by itself."""
        try:
            connection = await self._living()
        except psycopg.Error as error:
            raise translated(error, self._place) from error
        try:
            yield _PostgresqlConnection(self._place, connection, self._statements)
        finally:
            await self._pool.putconn(connection)

    async def _any_connection(self) -> _PooledConnection:
        """A connection of the pool, unless the task was cancelled while it waited for one.

        The pool waits by `asyncio.wait_for`, which on Python 3.11 loses a cancellation when the connection
        comes at the same moment: under load one in ten, and the task would work on for ever.
        """
        task = asyncio.current_task()
        cancellations = task.cancelling() if task else 0
        connection = await self._pool.getconn()
        if task and task.cancelling() > cancellations:
            await self._pool.putconn(connection)
            raise asyncio.CancelledError
        return connection

    async def _living(self) -> _PooledConnection:
        """A connection that is not dead already; ends by `PoolTimeout` when the server is down."""
        while True:
            connection = await self._any_connection()
            now = time.monotonic()
            if now - connection.alive_at <= self._trusted_seconds:
                return connection
            try:
                await self._pool.check_connection(connection)
            except psycopg.Error:
                # where one is dead, all are: the pool's own way to find out takes a second for each
                await self._pool.putconn(connection)
                await self._pool.check()
            except BaseException:
                await self._pool.putconn(connection)
                raise
            else:
                connection.alive_at = now
                return connection

    async def check(self) -> None:
        try:
            connection = await self._any_connection()
            try:
                await self._pool.check_connection(connection)
            finally:
                await self._pool.putconn(connection)
        except psycopg.Error as error:
            raise translated(error, self._place) from error

    async def close(self) -> None:
        await self._pool.close()
