"""The schema of the database: which version it has, and how it becomes the newest one.

A new database is made from `tables.METADATA` at once; an older one goes through `migrations/versions`.
Alembic is slow to import, so it is imported only for the latter.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sql

from entrepot.database.connection import Connection, Query, sqlite_path
from entrepot.domain.errors import DatabaseError, DatabaseUnavailable, TableMissing

if TYPE_CHECKING:
    from alembic.config import Config

NEWEST = "0004"
"""The version that this program works with: the last file in `migrations/versions`."""
OLDEST = "0001"
"""The version that the first file in `migrations/versions` begins with."""
VERSION_TABLE = "entrepot_schema_version"
"""Of our own: another program may use Alembic, and its usual table, in the same PostgreSQL database."""

_MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK = 4_993_446_653_023_992_420  # any number that nobody else locks
_VERSIONS = sql.Table(
    VERSION_TABLE,
    sql.MetaData(),
    sql.Column("version_num", sql.String(32)),
    sql.PrimaryKeyConstraint("version_num", name=f"{VERSION_TABLE}_pkc"),
)
"""As Alembic would make it."""
_VERSION = Query(sql.select(_VERSIONS.c.version_num))


async def schema_is_current(c: Connection) -> bool:
    """Whether the database has exactly the schema that this program works with."""
    try:
        row = await c.fetch_one(_VERSION)
    except TableMissing:
        return False
    return row is not None and row[0] == NEWEST


def migrate(url: str) -> None:
    """Brings the database to the newest schema; one that has it already is left as it is.

    Several processes may do so at once: the others wait for the first. Raises `DatabaseUnavailable` when the
    database cannot be used or its schema is newer than this program.

    Crash: one transaction; the schema is the old one or the new one.
    """
    path = sqlite_path(url)
    if path is None:
        _migrate_postgresql(url)
    else:
        _migrate_sqlite(path)


def configuration(connection: sql.Connection) -> Config:
    """Alembic's configuration, on a connection whose transaction is the caller's business."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _migrate_sqlite(path: Path) -> None:
    from entrepot.database import sqlite

    engine = sql.create_engine("sqlite://", creator=lambda: sqlite.connect(path), poolclass=sql.pool.NullPool)

    @sql.event.listens_for(engine, "begin")
    def _take_the_lock(connection: sql.Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    try:
        with engine.begin() as connection:
            _upgrade(connection, f"The database {path}")
    except sql.exc.DBAPIError as error:
        if isinstance(error.orig, sqlite3.Error):
            raise sqlite.translated(error.orig, path) from error
        raise DatabaseError(f"The database {path} could not be migrated: {error}.") from error


def _migrate_postgresql(url: str) -> None:
    import psycopg

    from entrepot.database import postgresql

    text, place = postgresql.connection_text(url)

    def connect() -> psycopg.Connection:
        try:
            return psycopg.connect(text)
        except psycopg.Error as error:
            raise postgresql.translated(error, place) from error

    engine = sql.create_engine("postgresql+psycopg://", creator=connect, poolclass=sql.pool.NullPool)
    try:
        with engine.begin() as connection:
            connection.execute(sql.select(sql.func.pg_advisory_xact_lock(_LOCK)))
            _require_utf8(connection, place)
            _upgrade(connection, place)
    except sql.exc.DBAPIError as error:
        if isinstance(error.orig, psycopg.Error):
            raise postgresql.translated(error.orig, place) from error
        raise DatabaseError(f"{place} could not be migrated: {error}.") from error


def _upgrade(connection: sql.Connection, place: str) -> None:
    _VERSIONS.create(connection, checkfirst=True)
    version = connection.scalar(sql.select(_VERSIONS.c.version_num))
    if version is None:
        from entrepot.database.tables import METADATA

        METADATA.create_all(connection, checkfirst=False)
        connection.execute(sql.insert(_VERSIONS).values(version_num=NEWEST))
    elif version > NEWEST:
        raise DatabaseUnavailable(
            f"{place} was made by a newer Entrepot (its schema is {version}, this program knows {NEWEST}); "
            "install that version again, or name another database."
        )
    elif version < NEWEST:
        from alembic import command

        if version == OLDEST:
            connection.execute(
                sql.delete(_VERSIONS)
            )  # to Alembic, what its first file begins with is nothing
        command.upgrade(configuration(connection), "head")


def _require_utf8(connection: sql.Connection, place: str) -> None:
    encoding = connection.scalar(sql.text("SHOW server_encoding"))
    if encoding != "UTF8":
        raise DatabaseUnavailable(
            f"{place} has the encoding {encoding}, which cannot hold every name; "
            "create the database with ENCODING 'UTF8'."
        )
