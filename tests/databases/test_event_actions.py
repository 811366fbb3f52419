"""Event actions: rows of one account, found for everyone who has a data set, on both databases."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from itertools import product
from typing import Any

from tests.databases.rows import ELSEWHERE, SCOPE, an_id, at, data_set
from tests.databases.test_pages import walk
from tests.grants import a_grant

from entrepot.database import data_grants, event_actions
from entrepot.database.connection import Database
from entrepot.domain.data_grant import DataGrant
from entrepot.domain.event_action import EventAction
from entrepot.domain.scope import Scope

RECEIVER = Scope("222222222222", "us-east-1")


def event_action(name: str = "an action", **changes: Any) -> EventAction:
    plain = EventAction(
        scope=RECEIVER,
        id=an_id(name),
        data_set_id=an_id("entitled"),
        action_json='{"ExportRevisionToS3":{"RevisionDestination":{"Bucket":"naïve"}}}'.encode(),
        created_at=at(0),
        updated_at=at(0),
    )
    return replace(plain, **changes)


def grant(name: str, **changes: Any) -> DataGrant:
    """An accepted one of the default data set; the receiver calls the data set by the grant's name."""
    plain = a_grant(
        at(0),
        scope=SCOPE,
        id=an_id(f"grant {name}"),
        receiver_id=RECEIVER.account_id,
        source_data_set_id=data_set().id,
        data_set_id=an_id(name),
        id_mask=an_id("mask"),
        name=name,
        data_set_name="a data set",
        data_set_description="about it",
        accepted_at=at(1),
    )
    return replace(plain, **changes)


async def test_an_event_action_is_read_as_it_was_written(database: Database, other: Database) -> None:
    for written in (event_action(), event_action("b", scope=Scope("1" * 12, "cn-north-1", "aws-cn"))):
        await event_actions.insert(database, written)
        assert await event_actions.get(other, written.scope, written.id) == written
        async with other.transaction() as connection:
            locked = await event_actions.get(connection, written.scope, written.id, lock=True)
        assert locked == written


async def test_other_scopes_neither_see_nor_change_it(database: Database) -> None:
    written = event_action()
    await event_actions.insert(database, written)
    for scope in (*ELSEWHERE, SCOPE, replace(RECEIVER, region="eu-west-1")):
        assert await event_actions.get(database, scope, written.id) is None
        assert not await event_actions.save(database, replace(written, scope=scope, action_json=b"{}"))
        assert not await event_actions.delete(database, scope, written.id)
        assert await event_actions.count(database, scope) == 0
        assert await event_actions.count(database, scope, written.data_set_id) == 0
        for only in (None, written.data_set_id):
            assert await event_actions.page(database, scope, data_set_id=only, after=None, limit=9) == []
    assert await event_actions.get(database, RECEIVER, written.id) == written


async def test_what_can_change_is_saved_and_nothing_else(database: Database) -> None:
    written = event_action()
    await event_actions.insert(database, written)
    changed = replace(written, action_json=b"{}", updated_at=at(7), created_at=at(9), data_set_id="x")
    assert await event_actions.save(database, changed)
    assert await event_actions.get(database, RECEIVER, written.id) == replace(
        written, action_json=b"{}", updated_at=at(7)
    )


async def test_one_is_deleted_once(database: Database) -> None:
    await event_actions.insert(database, event_action())
    assert await event_actions.delete(database, RECEIVER, event_action().id)
    assert not await event_actions.delete(database, RECEIVER, event_action().id)


async def test_they_are_counted_in_all_and_of_one_data_set(database: Database) -> None:
    for number in range(5):
        action = event_action(f"{number}", data_set_id=an_id(f"data set {number % 2}"))
        await event_actions.insert(database, action)
    assert await event_actions.count(database, RECEIVER) == 5
    assert await event_actions.count(database, RECEIVER, an_id("data set 0")) == 3
    assert await event_actions.count(database, RECEIVER, "unknown") == 0


async def test_they_come_newest_first_under_every_filter(database: Database) -> None:
    every = [
        event_action(f"{n}", created_at=at(n % 3), data_set_id=an_id(f"data set {n % 2}")) for n in range(20)
    ]
    async with database.transaction() as c:
        for each in every:
            await event_actions.insert(c, each)
        for scope in ELSEWHERE:
            foreign = event_action(f"{scope}", scope=scope, data_set_id=an_id("data set 0"))
            await event_actions.insert(c, foreign)
    for size, only in product((1, 3, 20), (None, an_id("data set 0"), "unknown")):
        walked = await walk(
            partial(event_actions.page, database, RECEIVER, data_set_id=only, limit=size),
            lambda each: (each.created_at.milliseconds, each.id),
        )
        expected = [each for each in every if only in (None, each.data_set_id)]
        assert walked == sorted(expected, key=lambda each: (each.created_at, each.id), reverse=True)


async def test_those_of_everyone_who_has_the_data_set_now_are_found_at_once(database: Database) -> None:
    grants = [
        grant("one"),
        grant("two", receiver_id="333333333333"),
        grant("ends later", ends_at=at(101)),
        grant("ended", ends_at=at(100)),
        grant("pending", accepted_at=None),
        grant("of another data set", source_data_set_id=an_id("another")),
    ]
    other_receiver = replace(RECEIVER, account_id="333333333333")
    wanted = [
        event_action("1", data_set_id=an_id("one"), created_at=at(3)),
        event_action("2", data_set_id=an_id("one"), created_at=at(2)),
        event_action("3", data_set_id=an_id("two"), scope=other_receiver),
        event_action("4", data_set_id=an_id("ends later")),
    ]
    unwanted = [
        event_action("5", data_set_id=an_id("ended")),
        event_action("6", data_set_id=an_id("pending")),
        event_action("7", data_set_id=an_id("of another data set")),
        event_action("8", data_set_id=an_id("without a grant")),
        event_action("9", data_set_id=an_id("one"), scope=other_receiver),  # not the receiver's own
        event_action("10", data_set_id=an_id("one"), scope=replace(RECEIVER, region="eu-west-1")),
    ]
    async with database.transaction() as c:
        for each in grants:
            await data_grants.insert(c, each)
        for action in (*wanted, *unwanted):
            await event_actions.insert(c, action)
    found = await event_actions.of_receivers(database, data_set().id, at(100))
    assert sorted(found, key=str) == sorted(wanted, key=str)
    of_one = [action.id for action in found if action.data_set_id == an_id("one")]
    assert of_one == [an_id("2"), an_id("1")]
