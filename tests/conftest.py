"""The servers of a test run, and on which database a test runs: SQLite, unless it says more."""

from __future__ import annotations

import gc
import signal
from collections.abc import Generator, Iterator
from functools import partial

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from sqlalchemy.engine.interfaces import Dialect
from tests.functional.moto_server import running_moto
from tests.servers.postgresql import new_database, running_postgresql
from tests.servers.shared import end_servers, shared

from entrepot.database import connection
from entrepot.database.connection import Compiled, Query
from entrepot.database.migrate import migrate
from entrepot.database.tables import METADATA
from entrepot.testing import S3Server, running_seaweedfs

# A shell starts what it puts into the background with SIGINT ignored; programs under test would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

BUCKETS = ("one", "two", "source", "target", "own")
"""On every S3 server; tests keep their objects apart by a prefix of their own."""

# How long an example takes says something about the machine, nothing about the code.
ANY_MACHINE = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
# Few examples every time, other ones each time; for many: make test PYTEST=--hypothesis-profile=thorough
settings.register_profile("quick", ANY_MACHINE, max_examples=25)
settings.register_profile("thorough", ANY_MACHINE, max_examples=1_000)
settings.load_profile("quick")


@pytest.fixture(scope="session", autouse=True)
def _each_query_is_compiled_once() -> Iterator[None]:
    """In a process, not in each of its hundreds of databases."""
    known: dict[tuple[str, Query], Compiled] = {}
    compiled = connection.compiled

    def compiled_once(query: Query, dialect: Dialect) -> Compiled:
        key = dialect.name, query
        if key not in known:
            known[key] = compiled(query, dialect)
        return known[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connection, "compiled", compiled_once)
        yield


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Looks for no garbage meanwhile: there is hardly any, and each look goes through thousands of tests."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_sessionfinish() -> None:
    end_servers()


@pytest.fixture(scope="session")
def postgresql_server_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with nothing in it."""
    with shared(tmp_path_factory, "postgresql", str, running_postgresql) as url:
        yield url


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """An S3 server with the buckets."""
    with shared(tmp_path_factory, "s3", S3Server, partial(running_seaweedfs, buckets=BUCKETS)) as server:
        yield server


@pytest.fixture(scope="session")
def another_s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """One that knows nothing of the first."""
    with shared(tmp_path_factory, "s3b", S3Server, partial(running_seaweedfs, buckets=BUCKETS)) as server:
        yield server


@pytest.fixture(scope="session")
def moto_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of moto, which plays the services of AWS; what a test makes there has names of its own."""
    with shared(tmp_path_factory, "moto", str, running_moto) as url:
        yield url


@pytest.fixture(scope="session")
def migrated_postgresql_url(postgresql_server_url: str) -> Iterator[str]:
    """A database with our tables."""
    with new_database(postgresql_server_url) as url:
        migrate(url)
        yield url


@pytest.fixture
def empty_postgresql_url(migrated_postgresql_url: str) -> str:
    """A database with our tables and not one row. (TRUNCATE would take ten times as long.)"""
    with psycopg.connect(migrated_postgresql_url) as opened:
        for table in reversed(METADATA.sorted_tables):
            opened.execute(f"DELETE FROM {table.name}".encode())
    return migrated_postgresql_url


@pytest.fixture
def database_kind(request: pytest.FixtureRequest) -> str:
    """`sqlite` or `postgresql`; `tests.servers.both_databases` makes it both."""
    kind: str = getattr(request, "param", "sqlite")
    return kind
