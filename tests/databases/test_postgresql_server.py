"""What only a server can do to its clients."""

from __future__ import annotations

import asyncio

import psycopg
import pytest
from tests.databases.rows import SCOPE, data_set

from entrepot.database import data_sets
from entrepot.database.connection import open_database
from entrepot.database.postgresql import MAX_CONNECTIONS, PostgresqlDatabase
from entrepot.domain.errors import DatabaseUnavailable

pytestmark = pytest.mark.postgresql


def end_connections(url: str) -> int:
    """Ends every connection of ours to this database, as a restart of the server does to all."""
    with psycopg.connect(url) as connection:
        ended = connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name = 'entrepot' AND datname = current_database()"
        )
        return len(ended.fetchall())


async def test_a_restart_of_the_server_costs_nobody_an_error(migrated_postgresql_url: str) -> None:
    database = await PostgresqlDatabase.open(migrated_postgresql_url, trusted_seconds=0)
    before = await data_sets.count(database, SCOPE)
    assert end_connections(migrated_postgresql_url) > 0
    assert await data_sets.count(database, SCOPE) == before
    end_connections(migrated_postgresql_url)
    async with database.transaction() as c:
        assert await data_sets.count(c, SCOPE) == before
    await database.close()


async def test_a_transaction_whose_connection_is_cut_has_written_nothing(
    migrated_postgresql_url: str,
) -> None:
    database = await PostgresqlDatabase.open(migrated_postgresql_url, trusted_seconds=0)
    before = await data_sets.count(database, SCOPE)

    async def write() -> None:
        async with database.transaction() as c:
            await data_sets.insert(c, data_set("cut"))
            end_connections(migrated_postgresql_url)
            await data_sets.insert(c, data_set("never"))

    with pytest.raises(DatabaseUnavailable):
        await write()
    assert await data_sets.count(database, SCOPE) == before
    await database.close()


async def test_more_queries_than_connections_wait_for_their_turn(migrated_postgresql_url: str) -> None:
    database = await open_database(migrated_postgresql_url)
    counts = await asyncio.gather(*(data_sets.count(database, SCOPE) for _ in range(100)))
    assert len(counts) == 100
    await database.close()


async def test_a_task_that_is_cancelled_ends_however_many_wait_for_connections(
    migrated_postgresql_url: str,
) -> None:
    """One that is cancelled in the moment in which it gets its connection, too: of a hundred, some are."""
    database = await PostgresqlDatabase.open(migrated_postgresql_url)

    async def work() -> None:
        while True:
            await data_sets.count(database, SCOPE)

    others = [asyncio.create_task(work()) for _ in range(MAX_CONNECTIONS + 2)]
    async with asyncio.timeout(60):
        for number in range(100):
            task = asyncio.create_task(work())
            for _ in range(number % 50):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait({task})
        for other in others:
            other.cancel()
        await asyncio.wait(others)
    await database.close()


async def test_a_database_that_does_not_exist_is_named(postgresql_server_url: str) -> None:
    url = postgresql_server_url.rpartition("/")[0] + "/missing"
    with pytest.raises(DatabaseUnavailable, match=r"/missing cannot be used.*does not exist"):
        await open_database(url)
