from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.servers.sqlite import open_hastily
from tests.unit.operations.application import Application

from entrepot.database.migrate import migrate
from entrepot.operations.context import Context


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file with the whole schema, made once: migrating takes longer than any test here."""
    path = tmp_path_factory.mktemp("database") / "empty.sqlite"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture
def database_url(database_kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database with the whole schema and not one row; SQLite, unless a test says more."""
    if database_kind == "postgresql":
        url: str = request.getfixturevalue("empty_postgresql_url")
        return url
    path = tmp_path / "entrepot.sqlite"
    shutil.copy(request.getfixturevalue("empty_database"), path)
    return f"sqlite:///{path}"


@pytest.fixture
async def application(database_url: str) -> AsyncIterator[Application]:
    database = await open_hastily(database_url)
    yield Application.of(database)
    await database.close()


@pytest.fixture
def context(application: Application) -> Context:
    return application.context()
