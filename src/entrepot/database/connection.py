"""A database as the rest of the program sees it, how one is opened, and how statements become text.

A `Query` is a SQLAlchemy Core statement with named parameters. SQLAlchemy only writes its text, once per
database; the text then runs on the bare driver, because SQLAlchemy's own execution costs several times what
SQLite needs to read a row.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.sql.elements import BindParameter, ClauseElement

from entrepot.domain.errors import DatabaseUnavailable

Value = str | int | bool | None
"""What may be a parameter."""
Parameters = Mapping[str, Value]
Row = tuple[Any, ...]


class Query:
    """One statement. Compared by identity, so that each database can keep its compiled text beside it."""

    __slots__ = ("statement",)

    def __init__(self, statement: ClauseElement) -> None:
        self.statement = statement


@dataclass(frozen=True, slots=True)
class Compiled:
    """The text of a query in one dialect, with the values of the parameters that nobody passes."""

    text: str
    constants: Parameters

    def with_constants(self, parameters: Parameters) -> Parameters:
        return {**self.constants, **parameters} if self.constants else parameters


def compiled(query: Query, dialect: Dialect) -> Compiled:
    """Has SQLAlchemy write the text of the query, which takes longer than running it."""
    statement = query.statement.compile(dialect=dialect)
    names: Mapping[BindParameter[Any], str] = getattr(statement, "bind_names", {})
    return Compiled(str(statement), {name: bind.value for bind, name in names.items() if not bind.required})


class Statements:
    """The compiled queries of one database; each is compiled when it is first needed."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._compiled: dict[Query, Compiled] = {}

    def __getitem__(self, query: Query) -> Compiled:
        known = self._compiled.get(query)
        if known is None:
            known = self._compiled[query] = compiled(query, self._dialect)
        return known


class Connection(Protocol):
    """Runs queries: each on its own (the `Database` itself), or all as one transaction.

    Every method raises `DatabaseUnavailable` when the database cannot be used, else `DatabaseError`.
    """

    async def fetch_one(self, query: Query, /, **parameters: Value) -> Row | None:
        """The first row, or None."""

    async def fetch_all(self, query: Query, /, **parameters: Value) -> list[Row]:
        """All rows."""

    async def execute(self, query: Query, /, **parameters: Value) -> int:
        """Runs a statement that writes; how many rows it changed."""

    async def execute_many(self, query: Query, parameters: Iterable[Parameters], /) -> None:
        """Runs it once for each set of parameters. Crash: all of them or none."""

    async def hold(self, name: str, /) -> None:
        """Until the end of the transaction nobody else holds `name`; waits until that is so.

        What is read after it includes whatever the former holder committed. Raises `RuntimeError` outside a
        transaction.
        """

    def transaction(self) -> AbstractAsyncContextManager[Connection]:
        """A transaction; inside one, that very one.

        Whatever leaves the block by an exception, cancellation included, has written nothing. Within it every
        query must go through the connection it gives. An error of the database ends the transaction: do not
        catch it inside.

        Crash: what was committed is on the disk; what was not, never happened.
        """


class Database(Connection, Protocol):
    """An open database. Made on the event loop that uses it."""

    async def check(self) -> None:
        """Asks the database for a sign of life; raises `DatabaseUnavailable`."""

    async def close(self) -> None:
        """Gives back files and sockets; a second call does nothing."""


_SQLITE = "sqlite:///"
_POSTGRESQL = ("postgresql://", "postgres://")


def sqlite_path(url: str) -> Path | None:
    """The file of an SQLite URL (`sqlite:///` and the path, as it is), or None for PostgreSQL.

    Raises `DatabaseUnavailable` for any other URL; its text is not repeated, as it may hold a password.
    """
    if url.startswith(_POSTGRESQL):
        return None
    path = url.removeprefix(_SQLITE)
    if path in (url, "", ":memory:"):
        raise DatabaseUnavailable(
            "The URL of the database cannot be used; write sqlite:///path/of/a/file "
            "or postgresql://user:password@host:port/database."
        )
    return Path(path)


async def open_database(url: str) -> Database:
    """Opens the database, on the event loop that will use it; looks at nothing in it and changes nothing.

    An SQLite file that does not exist is made. Raises `DatabaseUnavailable`, or `DatabaseError` for a file
    that is not an SQLite database, with a message that says what to do.
    """
    path = sqlite_path(url)
    if path is None:
        from entrepot.database.postgresql import PostgresqlDatabase

        return await PostgresqlDatabase.open(url)
    from entrepot.database.sqlite import SqliteDatabase

    return SqliteDatabase(path)
