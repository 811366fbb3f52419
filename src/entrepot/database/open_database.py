"""From a URL to an open database."""

from __future__ import annotations

from pathlib import Path

from entrepot.database.connection import Database
from entrepot.domain.errors import DatabaseUnavailable

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
