"""A database for tests that are about something else than what outlives a power cut."""

from __future__ import annotations

from entrepot.database.connection import Database, open_database
from entrepot.database.sqlite import SqliteDatabase


async def open_hastily(url: str) -> Database:
    """The database, opened; SQLite does not wait for the disk, which takes longer than most tests."""
    database = await open_database(url)
    if isinstance(database, SqliteDatabase):
        database._writer.execute("PRAGMA synchronous = OFF")
    return database
