"""The schema, on both databases."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sql
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from tests.databases import earlier
from tests.servers.postgresql import new_database

from entrepot.database import migrate as migration
from entrepot.database import sqlite
from entrepot.database.connection import open_database, sqlite_path
from entrepot.database.migrate import NEWEST, VERSION_TABLE, migrate, schema_is_current
from entrepot.database.tables import METADATA
from entrepot.domain.errors import DatabaseError, DatabaseUnavailable


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database without a table, in a folder with a name that configuration files do not like."""
    if request.param == "sqlite":
        folder = tmp_path / "100 % 'mine'?"
        folder.mkdir()
        yield f"sqlite:///{folder / 'entrepot.sqlite'}"
    else:
        with new_database(request.getfixturevalue("postgresql_server_url")) as url:
            yield url


def run(url: str, statement: str) -> list[tuple[object, ...]]:
    """Runs one statement, outside of our own code."""
    path = sqlite_path(url)
    if path is None:
        with psycopg.connect(url) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []
    with closing(sqlite.connect(path)) as file:
        return file.execute(statement).fetchall()


def engine_of(url: str) -> sql.Engine:
    """An SQLAlchemy engine that keeps no connection."""
    path = sqlite_path(url)
    if path is None:
        return sql.create_engine(
            url.replace("postgresql://", "postgresql+psycopg://"), poolclass=sql.pool.NullPool
        )
    return sql.create_engine("sqlite://", creator=lambda: sqlite.connect(path), poolclass=sql.pool.NullPool)


async def test_an_empty_database_becomes_current(empty_url: str) -> None:
    database = await open_database(empty_url)
    assert not await schema_is_current(database)
    migrate(empty_url)
    assert await schema_is_current(database)
    migrate(empty_url)
    assert await schema_is_current(database)
    await database.close()


@pytest.mark.parametrize("version", earlier.VERSIONS)
async def test_a_database_of_a_former_version_becomes_current(empty_url: str, version: str) -> None:
    earlier.load(version, empty_url)
    database = await open_database(empty_url)
    assert await schema_is_current(database) is (version == NEWEST)
    migrate(empty_url)
    assert await schema_is_current(database)
    await database.close()


@pytest.mark.parametrize("version", earlier.VERSIONS)
def test_the_migrations_make_the_tables_that_the_code_knows(empty_url: str, version: str) -> None:
    earlier.load(version, empty_url)
    migrate(empty_url)
    with engine_of(empty_url).connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        assert compare_metadata(context, METADATA) == []


_SCHEMA_OF_SQLITE = """
    SELECT t.name, c.cid, c.name, c.type, c."notnull", c.dflt_value, c.pk, NULL
    FROM sqlite_master AS t, pragma_table_xinfo(t.name) AS c WHERE t.type = 'table'
    UNION ALL SELECT t.name, f.seq, f."table", f."from", f."to", f.on_update, f.on_delete, NULL
    FROM sqlite_master AS t, pragma_foreign_key_list(t.name) AS f WHERE t.type = 'table'
    UNION ALL SELECT tbl_name, NULL, name, sql, NULL, NULL, NULL, NULL FROM sqlite_master WHERE type = 'index'
    UNION ALL SELECT name, NULL, type, NULL, NULL, NULL, wr, strict FROM pragma_table_list
    ORDER BY 1, 2, 3"""
_SCHEMA_OF_POSTGRESQL = """
    SELECT table_name, column_name, data_type, is_nullable, collation_name, column_default
    FROM information_schema.columns WHERE table_schema = 'public'
    UNION ALL SELECT tablename, indexname, indexdef, NULL, NULL, NULL
    FROM pg_indexes WHERE schemaname = 'public'
    UNION ALL SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid), NULL, NULL, NULL
    FROM pg_constraint WHERE connamespace = 'public'::regnamespace ORDER BY 1, 2, 3"""


@pytest.mark.parametrize("version", earlier.VERSIONS)
def test_the_migrations_make_them_to_the_last_detail(
    empty_url: str, version: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Also what Alembic does not compare: primary keys, collations, partial indexes."""
    earlier.load(version, empty_url)
    migrate(empty_url)
    if sqlite_path(empty_url) is not None:
        new = f"sqlite:///{tmp_path / 'new.sqlite'}"
        migrate(new)
        assert run(empty_url, _SCHEMA_OF_SQLITE) == run(new, _SCHEMA_OF_SQLITE)
    else:
        with new_database(request.getfixturevalue("postgresql_server_url")) as new:
            migrate(new)
            assert run(empty_url, _SCHEMA_OF_POSTGRESQL) == run(new, _SCHEMA_OF_POSTGRESQL)


@pytest.mark.postgresql
def test_postgresql_compares_every_text_by_code_point(migrated_postgresql_url: str) -> None:
    collations = run(
        migrated_postgresql_url,
        "SELECT DISTINCT collation_name FROM information_schema.columns WHERE table_schema = 'public' "
        f"AND data_type = 'text' AND table_name <> '{VERSION_TABLE}'",
    )
    assert collations == [("C",)]


def test_processes_that_migrate_at_once_wait_for_each_other(empty_url: str) -> None:
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(migrate, [empty_url] * 4))
    assert run(empty_url, f"SELECT * FROM {VERSION_TABLE}") == [(NEWEST,)]


async def test_a_newer_schema_is_refused_and_left_alone(empty_url: str) -> None:
    migrate(empty_url)
    run(empty_url, f"UPDATE {VERSION_TABLE} SET version_num = '9999'")
    database = await open_database(empty_url)
    assert not await schema_is_current(database)
    await database.close()
    with pytest.raises(DatabaseUnavailable, match="made by a newer Entrepot"):
        migrate(empty_url)
    assert run(empty_url, f"SELECT * FROM {VERSION_TABLE}") == [("9999",)]


@pytest.mark.parametrize("last_table", ["access_keys", "event_deliveries"])
def test_a_migration_that_fails_leaves_nothing_behind(empty_url: str, last_table: str) -> None:
    run(empty_url, f"CREATE TABLE {last_table} (of_another_program TEXT)")
    with pytest.raises(DatabaseError, match=last_table):
        migrate(empty_url)
    run(empty_url, f"DROP TABLE {last_table}")
    migrate(empty_url)
    assert run(empty_url, f"SELECT * FROM {VERSION_TABLE}") == [(NEWEST,)]


_ROWS_OF_0001 = """
    INSERT INTO data_sets VALUES ('d', '1', 'r', 'S3_SNAPSHOT', 'n', '', 'OWNED', 1, 1);
    INSERT INTO revisions VALUES ('open', '1', 'r', 'd', 'c', false, NULL, NULL, 1, 2);
    INSERT INTO revisions VALUES ('final', '1', 'r', 'd', 'c', true, NULL, NULL, 1, 3);
    INSERT INTO revisions VALUES ('revoked', '1', 'r', 'd', 'c', true, 'why', 5, 1, 5);
    INSERT INTO assets VALUES ('a', '1', 'r', 'd', 'final', 'S3_SNAPSHOT', '', 1, 1, 7, 'k', '', NULL, NULL);
    INSERT INTO jobs VALUES ('j', '1', 'r', 'aws', 't', 'WAITING', 0, 1, 1, 'd', 'final', '{}', NULL, NULL);
    INSERT INTO job_revisions VALUES ('1', 'r', 'final', 1, 'j');
"""


def test_what_an_exchange_has_is_kept_by_the_migrations_that_follow(empty_url: str) -> None:
    earlier.load("0001", empty_url)
    for row in _ROWS_OF_0001.split(";")[:-1]:
        run(empty_url, row)
    migrate(empty_url)
    of_it = "account_id = '1' ORDER BY 1"
    revisions = run(empty_url, f"SELECT id, comment, finalized_at FROM revisions WHERE {of_it}")
    assert revisions == [("final", "c", 3), ("open", "c", None), ("revoked", "c", 5)]
    assets = run(empty_url, f"SELECT size_bytes, store_key, details_json FROM assets WHERE {of_it}")
    assert assets == [(7, "k", None)]
    assert run(empty_url, f"SELECT id, event_action_id FROM jobs WHERE {of_it}") == [("j", None)]
    revisions_of_jobs = run(empty_url, f"SELECT * FROM job_revisions WHERE {of_it}")
    assert revisions_of_jobs == [("1", "r", "final", 1, "j")]


def test_the_version_of_the_code_is_that_of_the_last_migration() -> None:
    with sql.create_engine("sqlite://", poolclass=sql.pool.NullPool).connect() as connection:
        scripts = ScriptDirectory.from_config(migration.configuration(connection))
    assert scripts.get_heads() == [NEWEST]


def loaded_after(statement: str) -> list[str]:
    """Of what is slow to load, what a fresh interpreter has after the statement."""
    code = f"""
import asyncio, sys
from entrepot.database.migrate import migrate, schema_is_current
from entrepot.database.connection import open_database
{statement}
print(*(name for name in ("alembic", "psycopg", "sqlalchemy.dialects.postgresql") if name in sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_looking_at_the_version_does_not_load_alembic(migrated_sqlite_file: Path) -> None:
    url = f"sqlite:///{migrated_sqlite_file}"
    look = f"""
async def look():
    database = await open_database({url!r})
    assert await schema_is_current(database)
    await database.close()
asyncio.run(look())"""
    assert loaded_after(look) == []


def test_a_new_database_is_made_without_alembic(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'new.sqlite'}"
    assert "alembic" not in loaded_after(f"migrate({url!r})")


@pytest.mark.postgresql
def test_a_database_that_cannot_hold_every_name_is_refused(postgresql_server_url: str) -> None:
    run_alone(postgresql_server_url, "CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0")
    url = postgresql_server_url.rpartition("/")[0] + "/latin"
    with pytest.raises(DatabaseUnavailable, match="LATIN1"):
        migrate(url)
    run_alone(postgresql_server_url, "DROP DATABASE latin")


def run_alone(url: str, statement: str) -> None:
    """Runs a statement that must not be in a transaction."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement.encode())
