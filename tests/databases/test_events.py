"""Events: recorded with what they tell of, and read in the order in which they became visible."""

from __future__ import annotations

import asyncio
import json

import pytest
from tests.databases.rows import ELSEWHERE, SCOPE, at

from entrepot.database import events
from entrepot.database.connection import Database
from entrepot.domain.event import DetailType, NewEvent
from entrepot.domain.scope import Scope
from entrepot.events.event_log import record


def event(number: int, scope: Scope = SCOPE) -> NewEvent:
    """An event that says its number."""
    return NewEvent(
        scope.account_id, scope.region, DetailType.REVISION_PUBLISHED, ("a-data-set",), {"Number": number}
    )


async def numbers(c: Database, scope: Scope = SCOPE, after: int = 0, limit: int = 1000) -> list[int]:
    """The numbers of the events that a reader sees, in its order."""
    found = await events.after(c, scope, after, limit)
    return [json.loads(each.detail_json)["Number"] for each in found]


async def test_an_event_is_read_as_it_was_recorded(database: Database) -> None:
    detail = {"Revisions": [{"Id": "x", "Comment": 'naïve "東京" 🜨 \x00 \ud800'}], "Empty": {}}
    new = NewEvent(
        SCOPE.account_id, SCOPE.region, DetailType.REVISION_PUBLISHED_S3_DATA_ACCESS, ("one", "two"), detail
    )
    async with database.transaction() as c:
        await record(c, [new], at(1234))
    (stored,) = await events.after(database, SCOPE, 0, 10)
    assert json.loads(stored.detail_json) == detail
    assert (stored.account_id, stored.region) == (SCOPE.account_id, SCOPE.region)
    assert (stored.detail_type, stored.resources, stored.at) == (new.detail_type, ("one", "two"), at(1234))


async def test_pages_hold_every_event_once_and_in_order(database: Database) -> None:
    async with database.transaction() as c:
        await record(c, [event(number) for number in range(25)], at(1))
    found: list[int] = []
    after = 0
    while page := await events.after(database, SCOPE, after, 7):
        found += [json.loads(each.detail_json)["Number"] for each in page]
        after = page[-1].sequence
    assert found == list(range(25))
    assert await events.latest(database, SCOPE) == after


@pytest.mark.parametrize("elsewhere", ELSEWHERE, ids=["another Region", "another account"])
async def test_nobody_sees_the_events_of_others(database: Database, elsewhere: Scope) -> None:
    async with database.transaction() as c:
        await record(c, [event(1), event(2, elsewhere)], at(1))
    assert await numbers(database) == [1]
    assert await numbers(database, elsewhere) == [2]
    assert await events.latest(database, Scope("000000000000", SCOPE.region)) == 0


async def test_what_is_rolled_back_is_told_to_nobody(database: Database) -> None:
    async def record_and_fail() -> None:
        async with database.transaction() as c:
            await record(c, [event(1)], at(1))
            raise LookupError

    with pytest.raises(LookupError):
        await record_and_fail()
    assert await numbers(database) == []


async def test_an_event_that_commits_later_comes_later(database: Database, other: Database) -> None:
    """Or else a reader that has seen the second one would never see the first."""
    recorded, may_commit = asyncio.Event(), asyncio.Event()

    async def record_and_dawdle() -> None:
        async with database.transaction() as c:
            await record(c, [event(1)], at(1))
            recorded.set()
            await may_commit.wait()

    async def record_at_once(scope: Scope) -> None:
        async with other.transaction() as c:
            await record(c, [event(2, scope)], at(2))

    slow = asyncio.create_task(record_and_dawdle())
    await recorded.wait()
    quick = asyncio.create_task(record_at_once(SCOPE))
    await asyncio.wait([quick], timeout=0.1)
    assert not quick.done(), "it took a later sequence than the other, and would be seen before it"
    may_commit.set()
    await asyncio.gather(slow, quick)
    assert await numbers(database) == [1, 2]


async def test_a_reader_misses_nothing_while_many_write(database: Database, other: Database) -> None:
    scopes = [SCOPE, *ELSEWHERE]
    seen: dict[Scope, list[int]] = {scope: [] for scope in scopes}
    writing = True

    async def write(first: int) -> None:
        for number in range(first, first + 10):
            each = (database, other)[number % 2]
            async with each.transaction() as c:
                # in any order of recipients: nobody waits for somebody who waits for them
                given = scopes if number % 3 else list(reversed(scopes))
                await record(c, [event(number, scope) for scope in given], at(number))

    async def follow(scope: Scope) -> None:
        after = 0
        while True:
            last_look = not writing
            for each in await events.after(database, scope, after, 3):
                seen[scope].append(json.loads(each.detail_json)["Number"])
                after = each.sequence
            if last_look and after == await events.latest(database, scope):
                return
            await asyncio.sleep(0)

    readers = [asyncio.create_task(follow(scope)) for scope in scopes]
    await asyncio.gather(*(write(first) for first in range(0, 40, 10)))
    writing = False
    await asyncio.gather(*readers)
    for scope in scopes:
        assert sorted(seen[scope]) == list(range(40))
