"""SQLite: one file, read and written inline on the event loop, because a point read costs less than a thread.

    one reader    reads what is committed, also while a transaction is open
    one writer    BEGIN IMMEDIATE; transactions of this process wait in line, those of others are waited for
                  without holding up the event loop

WAL lets both go on side by side; synchronous=FULL makes a commit outlive a power cut.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.engine.interfaces import Dialect

from entrepot.database.connection import Connection, Parameters, Query, Row, Statements, Value
from entrepot.domain.errors import DatabaseError, DatabaseUnavailable, TableMissing

BUSY_SECONDS = 10.0
"""How long another process may keep the database locked before a transaction here gives up."""
_FIRST_PAUSE_SECONDS = 0.001
_LONGEST_PAUSE_SECONDS = 0.025

_LOCKED = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_UNAVAILABLE = {
    sqlite3.SQLITE_BUSY: "is locked by another process; end the one that holds it, or try again",
    sqlite3.SQLITE_LOCKED: "is locked by another process; end the one that holds it, or try again",
    sqlite3.SQLITE_FULL: "cannot grow, because the disk is full; make room",
    sqlite3.SQLITE_IOERR: "cannot be read or written; look at the disk and at the system's log",
    sqlite3.SQLITE_READONLY: "is read-only; give this user the right to write the file and its folder",
    sqlite3.SQLITE_PERM: "is not accessible; give this user the right to read and write it",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened; check that its folder exists and this user may write there",
}
_BROKEN = {
    sqlite3.SQLITE_CORRUPT: "is damaged; restore it from a backup, or rescue it with `sqlite3 … .recover`",
    sqlite3.SQLITE_NOTADB: "is not an SQLite database; name another file",
}


def dialect() -> Dialect:
    return SQLiteDialect_pysqlite(paramstyle="named")


def translated(error: sqlite3.Error, path: Path) -> DatabaseError:
    """The error of the domain for sqlite3's: it names the file and says what to do."""
    code: int = getattr(error, "sqlite_errorcode", 0) & 0xFF  # without the extended part
    if code in _UNAVAILABLE:
        return DatabaseUnavailable(f"The database {path} {_UNAVAILABLE[code]}. ({error})")
    if code in _BROKEN:
        return DatabaseError(f"The database {path} {_BROKEN[code]}. ({error})")
    if "no such table" in str(error):
        return TableMissing(f"The database {path} has no tables of Entrepot yet. ({error})")
    return DatabaseError(f"The database {path} refused a statement: {error}.")


def connect(path: Path) -> sqlite3.Connection:
    """Opens the file, or makes it for this user alone: it holds sealed secrets. Raises `DatabaseError`.

    A file that exists is left to SQLite alone: to open and close it here would drop the locks that another
    connection of this process holds on it (SQLite, "How To Corrupt An SQLite Database File", section 2.2).
    """
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except (FileExistsError, PermissionError):
        pass  # SQLite says what is wrong with a file it may only read
    except OSError as error:
        raise DatabaseUnavailable(
            f"The database {path} {_UNAVAILABLE[sqlite3.SQLITE_CANTOPEN]}. ({error.strerror})"
        ) from error
    try:
        connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, cached_statements=256)
    except sqlite3.Error as error:
        raise translated(error, path) from error
    try:
        _switch_to_wal(connection)
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA journal_size_limit = 67108864")  # a WAL that grew once gives its room back
    except sqlite3.Error as error:
        connection.close()
        raise translated(error, path) from error
    return connection


def _switch_to_wal(connection: sqlite3.Connection) -> None:
    """Several processes may open a new file at once, and here SQLite itself does not wait for the others."""
    last_moment = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            is_busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
            if not is_busy or time.monotonic() > last_moment:
                raise
            time.sleep(0.01)
        else:
            return


class _SqliteConnection:
    """Runs queries on one sqlite3 connection, inline."""

    def __init__(self, path: Path, connection: sqlite3.Connection, statements: Statements) -> None:
        self._path = path
        self._connection = connection
        self._statements = statements

    async def fetch_one(self, query: Query, /, **parameters: Value) -> Row | None:
        """Reads to the end: a statement left open would hold on to its snapshot."""
        rows = self._run(query, parameters).fetchall()
        return rows[0] if rows else None

    async def fetch_all(self, query: Query, /, **parameters: Value) -> list[Row]:
        return self._run(query, parameters).fetchall()

    def _run(self, query: Query, parameters: Parameters) -> sqlite3.Cursor:
        compiled = self._statements[query]
        if compiled.constants:
            parameters = compiled.with_constants(parameters)
        try:
            return self._connection.execute(compiled.text, parameters)
        except sqlite3.Error as error:
            raise translated(error, self._path) from error


class _SqliteTransaction(_SqliteConnection):
    """The writer, while a transaction is open on it."""

    async def execute(self, query: Query, /, **parameters: Value) -> int:
        return self._run(query, parameters).rowcount

    async def execute_many(self, query: Query, parameters: Iterable[Parameters], /) -> None:
        compiled = self._statements[query]
        try:
            self._connection.executemany(compiled.text, map(compiled.with_constants, parameters))
        except sqlite3.Error as error:
            raise translated(error, self._path) from error

    async def hold(self, name: str, /) -> None:
        """BEGIN IMMEDIATE: who has a transaction has every lock."""

    def transaction(self) -> AbstractAsyncContextManager[Connection]:
        return self._itself()

    @asynccontextmanager
    async def _itself(self) -> AsyncIterator[Connection]:
        yield self


class SqliteDatabase(_SqliteConnection):
    def __init__(self, path: Path, *, busy_seconds: float = BUSY_SECONDS) -> None:
        statements = Statements(dialect())
        super().__init__(path, connect(path), statements)
        try:
            self._writer = connect(path)
            self._connection.execute("PRAGMA query_only = ON")
            self._writer.execute("PRAGMA busy_timeout = 0")  # `_begin` waits, and lets others run meanwhile
        except BaseException:
            self._connection.close()
            raise
        self._transaction = _SqliteTransaction(path, self._writer, statements)
        self._busy_seconds = busy_seconds
        self._writing = asyncio.Lock()
        self._written_by: asyncio.Task[object] | None = None

    async def execute(self, query: Query, /, **parameters: Value) -> int:
        async with self.transaction() as t:
            return await t.execute(query, **parameters)

    async def execute_many(self, query: Query, parameters: Iterable[Parameters], /) -> None:
        async with self.transaction() as t:
            await t.execute_many(query, parameters)

    async def hold(self, name: str, /) -> None:
        raise RuntimeError(f"the lock {name!r} needs a transaction to hold it")

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        task = asyncio.current_task()
        if self._written_by is task:
            raise RuntimeError("this task has a transaction open; use the connection it was given")
        async with self._writing:
            await self._begin()
            self._written_by = task
            try:
                yield self._transaction
                self._commit()
            except BaseException:
                self._roll_back()
                raise
            finally:
                self._written_by = None

    async def _begin(self) -> None:
        clock = asyncio.get_running_loop().time
        give_up_at = clock() + self._busy_seconds
        pause = _FIRST_PAUSE_SECONDS
        while True:
            try:
                self._writer.execute("BEGIN IMMEDIATE")
            except sqlite3.Error as error:
                code: int = getattr(error, "sqlite_errorcode", 0) & 0xFF
                if code not in _LOCKED or clock() >= give_up_at:
                    raise translated(error, self._path) from error
            else:
                return
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    def _commit(self) -> None:
        try:
            self._writer.execute("COMMIT")
        except sqlite3.Error as error:
            raise translated(error, self._path) from error

    def _roll_back(self) -> None:
        if self._writer.in_transaction:  # SQLite has already rolled back where the disk was full
            self._writer.execute("ROLLBACK")

    async def check(self) -> None:
        try:
            self._connection.execute("PRAGMA schema_version").fetchall()
        except sqlite3.Error as error:
            raise translated(error, self._path) from error

    async def close(self) -> None:
        self._connection.close()
        self._writer.close()
