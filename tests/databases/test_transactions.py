"""What every connection promises, on both databases."""

from __future__ import annotations

import asyncio

import pytest
from tests.databases.rows import SCOPE, add_parents, asset, at, data_set, revision

from entrepot.database import assets, data_sets, revisions
from entrepot.database.connection import Database
from entrepot.domain.errors import DatabaseError


async def test_a_transaction_sees_its_own_writes_and_others_do_not_until_it_commits(
    database: Database, other: Database
) -> None:
    async with database.transaction() as c:
        await data_sets.insert(c, data_set())
        assert await data_sets.count(c, SCOPE) == 1
        assert await data_sets.count(database, SCOPE) == 0
        assert await data_sets.count(other, SCOPE) == 0
    assert await data_sets.count(database, SCOPE) == 1
    assert await data_sets.count(other, SCOPE) == 1


async def test_an_error_undoes_the_whole_transaction(database: Database) -> None:
    async def write_and_fail() -> None:
        async with database.transaction() as c:
            await data_sets.insert(c, data_set())
            raise LookupError

    with pytest.raises(LookupError):
        await write_and_fail()
    assert await data_sets.count(database, SCOPE) == 0
    await data_sets.insert(database, data_set())
    assert await data_sets.count(database, SCOPE) == 1


async def test_a_statement_that_is_refused_undoes_the_whole_transaction(database: Database) -> None:
    await data_sets.insert(database, data_set())

    async def write_a_new_one_and_the_old_one() -> None:
        async with database.transaction() as c:
            await data_sets.insert(c, data_set("second"))
            await data_sets.insert(c, data_set())

    with pytest.raises(DatabaseError):
        await write_a_new_one_and_the_old_one()
    assert await data_sets.count(database, SCOPE) == 1


async def test_a_task_that_is_cancelled_has_written_nothing(database: Database) -> None:
    written = asyncio.Event()

    async def write_and_wait() -> None:
        async with database.transaction() as c:
            await data_sets.insert(c, data_set())
            written.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(write_and_wait())
    await written.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await data_sets.count(database, SCOPE) == 0
    await data_sets.insert(database, data_set("the next"))
    assert await data_sets.count(database, SCOPE) == 1


async def test_a_transaction_within_a_transaction_is_the_same_one(database: Database) -> None:
    async def write_inside_and_fail_outside() -> None:
        async with database.transaction() as outer:
            async with outer.transaction() as inner:
                await data_sets.insert(inner, data_set())
            raise LookupError

    with pytest.raises(LookupError):
        await write_inside_and_fail_outside()
    assert await data_sets.count(database, SCOPE) == 0


async def test_many_rows_are_written_all_or_none(database: Database) -> None:
    await add_parents(database)
    with pytest.raises(DatabaseError):
        await assets.insert_many(database, [asset("one"), asset("two"), asset("one")])
    assert await assets.count(database, SCOPE, revision().id) == 0


async def test_transactions_of_several_tasks_wait_in_line(database: Database, other: Database) -> None:
    await data_sets.insert(database, data_set(description="0"))

    async def add_one(each: Database) -> None:
        async with each.transaction() as c:
            found = await data_sets.get(c, SCOPE, data_set().id, lock=True)
            assert found is not None
            await asyncio.sleep(0)  # gives the others the chance to come in between
            more = str(int(found.description) + 1)
            await data_sets.update(c, SCOPE, found.id, name=None, description=more, updated_at=at(1))

    await asyncio.gather(*(add_one((database, other)[n % 2]) for n in range(12)))
    found = await data_sets.get(database, SCOPE, data_set().id)
    assert found is not None and found.description == "12"


async def test_who_locks_a_revision_keeps_its_deletion_waiting(database: Database, other: Database) -> None:
    await add_parents(database)
    async with database.transaction() as c:
        assert await revisions.get(c, SCOPE, data_set().id, revision().id, lock=True) == revision()
        deletion = asyncio.create_task(revisions.delete(other, SCOPE, data_set().id, revision().id))
        await asyncio.wait([deletion], timeout=0.05)
        assert not deletion.done()
        await assets.insert_many(c, [asset()])
    assert await deletion
    assert await assets.count(database, SCOPE, revision().id) == 0


async def test_a_lock_by_name_is_held_by_one_transaction(database: Database, other: Database) -> None:
    inside = 0

    async def hold_for_a_moment(each: Database) -> None:
        nonlocal inside
        async with each.transaction() as c:
            await c.hold("a name")
            inside += 1
            await asyncio.sleep(0)
            assert inside == 1
            inside -= 1

    await asyncio.gather(*(hold_for_a_moment((database, other)[n % 2]) for n in range(10)))


async def test_a_lock_needs_a_transaction(database: Database) -> None:
    with pytest.raises(RuntimeError):
        await database.hold("a name")


async def test_an_open_database_gives_a_sign_of_life_and_closes_twice(database: Database) -> None:
    await database.check()
    await database.close()
    await database.close()
