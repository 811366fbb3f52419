"""The SQLite file: how it is opened, and what is said when it cannot be used."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.databases.rows import SCOPE, data_set

from entrepot.database import data_sets
from entrepot.database.connection import open_database, sqlite_path
from entrepot.database.migrate import migrate
from entrepot.database.sqlite import SqliteDatabase, translated
from entrepot.domain.errors import DatabaseError, DatabaseUnavailable


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with our tables, to be copied."""
    path = tmp_path_factory.mktemp("sqlite") / "migrated.sqlite"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture
def path(migrated_file: Path, tmp_path: Path) -> Path:
    """A file with our tables."""
    return Path(shutil.copy(migrated_file, tmp_path / "entrepot.sqlite"))


@pytest.fixture
async def database(path: Path) -> AsyncIterator[SqliteDatabase]:
    """The file, opened, with little patience for locks."""
    opened = SqliteDatabase(path, busy_seconds=0.05)
    yield opened
    await opened.close()


def pragma(connection: sqlite3.Connection, name: str) -> object:
    """The value of a setting."""
    return connection.execute(f"PRAGMA {name}").fetchone()[0]


async def test_commits_outlive_a_power_cut_and_readers_do_not_wait(database: SqliteDatabase) -> None:
    for connection in (database._connection, database._writer):
        assert pragma(connection, "journal_mode") == "wal"
        assert pragma(connection, "synchronous") == 2  # FULL
        assert pragma(connection, "foreign_keys") == 1


async def test_a_new_file_is_for_its_user_alone(tmp_path: Path) -> None:
    database = await open_database(f"sqlite:///{tmp_path / 'new.sqlite'}")
    await database.close()
    assert (tmp_path / "new.sqlite").stat().st_mode & 0o777 == 0o600


async def test_a_transaction_waits_for_another_process_and_reads_go_on_meanwhile(
    path: Path, database: SqliteDatabase
) -> None:
    patient = SqliteDatabase(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as another_process:
        another_process.execute("BEGIN IMMEDIATE")
        writing = asyncio.create_task(data_sets.insert(patient, data_set()))
        await asyncio.wait([writing], timeout=0.05)
        assert not writing.done()
        assert await data_sets.count(patient, SCOPE) == 0
        another_process.execute("COMMIT")
        await writing
    assert await data_sets.count(database, SCOPE) == 1
    await patient.close()


async def test_a_database_that_stays_locked_is_unavailable(path: Path, database: SqliteDatabase) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as another_process:
        another_process.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseUnavailable, match=rf"{path} is locked by another process"):
            await data_sets.insert(database, data_set())
        another_process.execute("COMMIT")
    await data_sets.insert(database, data_set())


async def test_a_full_disk_undoes_the_transaction_and_says_so(path: Path, database: SqliteDatabase) -> None:
    pages = pragma(database._writer, "page_count")
    database._writer.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(DatabaseUnavailable, match=rf"{path} cannot grow, because the disk is full"):
        await data_sets.insert(database, data_set(description="x" * 100_000))
    await data_sets.insert(database, data_set())
    assert await data_sets.count(database, SCOPE) == 1


async def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "letter.txt"
    path.write_text("Dear reader, " * 1000)
    with pytest.raises(DatabaseError, match=rf"{path} is not an SQLite database"):
        await open_database(f"sqlite:///{path}")
    assert path.read_text() == "Dear reader, " * 1000


async def test_a_damaged_file_is_named(path: Path) -> None:
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(size - 4096))
    with pytest.raises(DatabaseError, match=rf"{path} is damaged; restore it"):
        await open_database(f"sqlite:///{path}")


async def test_a_folder_that_does_not_exist_is_named(tmp_path: Path) -> None:
    path = tmp_path / "missing" / "entrepot.sqlite"
    with pytest.raises(DatabaseUnavailable, match=rf"{path} cannot be opened; check that its folder exists"):
        await open_database(f"sqlite:///{path}")


def test_a_file_that_may_only_be_read_is_named(path: Path) -> None:
    with (
        closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection,
        pytest.raises(sqlite3.OperationalError) as raised,
    ):
        connection.execute("DELETE FROM workers")
    error = translated(raised.value, path)
    assert isinstance(error, DatabaseUnavailable)
    assert error.message.startswith(f"The database {path} is read-only; give this user the right")


async def test_a_task_cannot_wait_for_itself(database: SqliteDatabase) -> None:
    async with database.transaction():
        with pytest.raises(RuntimeError, match="use the connection"):
            await data_sets.insert(database, data_set())


async def test_reading_leaves_no_snapshot_behind(database: SqliteDatabase) -> None:
    await data_sets.insert(database, data_set())
    assert await data_sets.get(database, SCOPE, data_set().id) is not None
    await data_sets.insert(database, data_set("second"))
    busy, _, _ = database._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    assert busy == 0


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///", "sqlite:///:memory:", "mysql://u:secret@h/d", ""])
def test_another_url_is_refused_without_being_repeated(url: str) -> None:
    with pytest.raises(DatabaseUnavailable) as raised:
        sqlite_path(url)
    assert "write sqlite:///path/of/a/file" in raised.value.message
    assert "secret" not in raised.value.message


def test_the_path_of_a_url_is_taken_as_it_is() -> None:
    assert sqlite_path("sqlite:///a b/%41?.sqlite") == Path("a b/%41?.sqlite")
    assert sqlite_path("sqlite:////absolute/x") == Path("/absolute/x")
    assert sqlite_path("postgresql://h/d") is None
    assert sqlite_path("postgres://h/d") is None
