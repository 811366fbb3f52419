"""The one PostgreSQL server of a test run, and on which database a test runs: SQLite, unless it says more."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from tests.servers.postgresql import new_database, running_postgresql

from entrepot.database.migrate import migrate
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


@pytest.fixture
def empty_postgresql_url(migrated_postgresql_url: str) -> str:
    """A database with our tables and not one row."""
    with psycopg.connect(migrated_postgresql_url) as connection:
        connection.execute(f"TRUNCATE {', '.join(METADATA.tables)}".encode())
    return migrated_postgresql_url


@pytest.fixture
def database_kind(request: pytest.FixtureRequest) -> str:
    """`sqlite` or `postgresql`; `tests.servers.both_databases` makes it both."""
    kind: str = getattr(request, "param", "sqlite")
    return kind
