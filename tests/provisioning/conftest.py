"""Access outside of the exchange is kept in step on SQLite and on PostgreSQL alike."""

from __future__ import annotations

from tests.databases.conftest import database, database_url, migrated_sqlite_file, other

__all__ = ["database", "database_url", "migrated_sqlite_file", "other"]
