"""Every test of this room runs on SQLite and on PostgreSQL: one contract, two databases."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest
from tests.servers.postgresql import new_database, running_postgresql

from entrepot.database.connection import Database
from entrepot.database.migrate import migrate
from entrepot.database.opening import open_database
from entrepot.database.tables import METADATA


@pytest.fixture(scope="session")
def postgresql_server_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with nothing in it."""
    with running_postgresql(tmp_path_factory.mktemp("postgresql")) as url:
        yield url


@pytest.fixture(scope="session")
def migrated_postgresql_url(postgresql_server_url: str) -> Iterator[str]:
    """A database with our tables."""
    with new_database(postgresql_server_url) as url:
        migrate(url)
        yield url


@pytest.fixture(scope="session")
def migrated_sqlite_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with our tables, to be copied."""
    path = tmp_path_factory.mktemp("sqlite") / "migrated.sqlite"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database with our tables and not one row."""
    if request.param == "sqlite":
        path = tmp_path / "entrepot.sqlite"
        shutil.copy(request.getfixturevalue("migrated_sqlite_file"), path)
        return f"sqlite:///{path}"
    url: str = request.getfixturevalue("migrated_postgresql_url")
    with psycopg.connect(url) as connection:
        connection.execute(f"TRUNCATE {', '.join(METADATA.tables)}".encode())
    return url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """The database, opened."""
    opened = await open_database(database_url)
    yield opened
    await opened.close()


@pytest.fixture
async def other(database_url: str, database: Database) -> AsyncIterator[Database]:
    """The same database, opened once more: what another process sees."""
    opened = await open_database(database_url)
    yield opened
    await opened.close()
