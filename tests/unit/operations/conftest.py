from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.unit.operations.house import House

from entrepot.database.migrate import migrate
from entrepot.database.opening import open_database
from entrepot.operations.context import Context


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file with the whole schema, made once: migrating takes longer than any test here."""
    path = tmp_path_factory.mktemp("database") / "empty.sqlite"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture
async def house(empty_database: Path, tmp_path: Path) -> AsyncIterator[House]:
    path = tmp_path / "entrepot.sqlite"
    shutil.copy(empty_database, path)
    database = await open_database(f"sqlite:///{path}")
    yield House.of(database)
    await database.close()


@pytest.fixture
def context(house: House) -> Context:
    return house.context()
