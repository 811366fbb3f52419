"""What receivers reach outside of the exchange is what they are entitled to, whatever fails or dies."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from tests.access.world import OWNER, FakeKeeper, World, masked_asset
from tests.databases.rows import an_id

from entrepot.access.reconciler import LATE_SECONDS, LEASE_SECONDS, Reconciler
from entrepot.database import assets, data_grants, data_sets, outside_access, revisions
from entrepot.database.connection import Database
from entrepot.domain.outside_access import AccessState, OutsideAccess
from entrepot.domain.scope import Scope
from entrepot.domain.timestamp import Timestamp

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

OTHER_OWNER = Scope("333333333333", "us-east-1")
DEADLINE_SECONDS = 20.0


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


@asynccontextmanager
async def left_hanging(world: World, reconciler: Reconciler, call: str) -> AsyncIterator[None]:
    """Begins what is to be done, waits for the call, and lets the process die there."""
    reconciler._rest_until = 0.0
    async with asyncio.timeout(DEADLINE_SECONDS):
        await reconciler.look()
        while not world.service.calls[call]:
            await asyncio.sleep(0)
        await asyncio.sleep(0.01)
    yield
    for task in tuple(reconciler._in_hand):
        task.cancel()
    await reconciler.close()


async def row(world: World, grant: str = "a grant", name: str = "sales") -> OutsideAccess | None:
    return await outside_access.get(world.database, an_id(grant), an_id(f"ds {name}"))


async def test_who_accepts_a_grant_is_given_the_live_assets_of_finalized_revisions(world: World) -> None:
    await world.share("sales")
    await world.share("draft", finalized=False)
    await world.grant("pending", receiver="444444444444", accepted=False)
    grant = await world.grant()
    await world.reconciler().settle()
    assert world.reachable() == ["sales"]
    assert world.reachable("444444444444") == []
    recorded = await row(world)
    assert recorded is not None
    assert recorded.state is AccessState.GIVEN
    assert recorded.entitled_data_set_id == grant.data_set_id
    assert recorded.entitled_asset_id == masked_asset(grant, "ds", "sales")


async def test_a_revision_that_is_finalized_later_is_given_too(world: World) -> None:
    await world.grant()
    await world.share("sales", finalized=False)
    reconciler = world.reconciler()
    await reconciler.settle()
    assert world.reachable() == []
    await world.finalize("sales")
    await reconciler.settle()
    assert world.reachable() == ["sales"]


async def test_nothing_is_given_twice_while_nothing_changes(world: World) -> None:
    await world.share()
    await world.grant()
    reconciler = world.reconciler()
    for _ in range(3):
        await reconciler.settle()
        world.passes(3600)
    assert world.service.calls == {"give sales": 1}


@pytest.mark.parametrize("way", ["grant deleted", "revoked", "un-finalized", "asset", "revision", "ended"])
async def test_what_a_receiver_may_no_longer_use_is_taken_back(world: World, way: str) -> None:
    await world.share()
    await world.grant(ends_at=world.now.plus_seconds(60))
    reconciler = world.reconciler()
    await reconciler.settle()
    assert world.reachable() == ["sales"]
    match way:
        case "grant deleted":
            await data_grants.delete(world.database, OWNER, an_id("a grant"))
        case "revoked":
            await world.revoke("sales")
        case "un-finalized":
            await world.finalize("sales", finalized=False)
        case "asset":
            await assets.delete(world.database, OWNER, an_id("ds"), an_id("sales"), an_id("ds sales"))
        case "revision":
            await revisions.delete(world.database, OWNER, an_id("ds"), an_id("sales"))
        case "ended":
            world.passes(60)
    await reconciler.settle()
    assert world.reachable() == []
    assert await row(world) is None
    assert world.keeper.given == [{"Note": an_id("ds sales")}]


async def test_a_data_set_that_is_gone_with_its_grant_leaves_nothing_outside(world: World) -> None:
    await world.share()
    await world.grant()
    reconciler = world.reconciler()
    await reconciler.settle()
    await data_grants.delete(world.database, OWNER, an_id("a grant"))
    await data_sets.delete(world.database, OWNER, an_id("ds"))
    await reconciler.settle()
    assert world.reachable() == []


async def test_a_failure_is_kept_with_the_row_and_tried_again_ever_later(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    await world.share()
    await world.grant()
    world.keeper.broken.add("sales")
    reconciler = world.reconciler()
    waits = []
    for _ in range(4):
        await reconciler.settle()
        failed = await row(world)
        assert failed is not None
        assert failed.error == "the service of sales is down"
        waits.append(failed.next_try_at - world.now.milliseconds)
        world.now = Timestamp(failed.next_try_at)
    assert waits == [1000, 2000, 4000, 8000]
    assert caplog.text.count("the service of sales is down") == 1, "the same words once"
    world.keeper.broken.clear()
    await reconciler.settle()
    assert world.reachable() == ["sales"]
    healed = await row(world)
    assert healed is not None
    assert (healed.error, healed.attempts) == (None, 0)


async def test_who_loses_the_right_while_giving_fails_does_not_wait_for_the_next_try(world: World) -> None:
    await world.share()
    await world.grant()
    world.keeper.renewed_after_seconds = 10
    reconciler = world.reconciler()
    await reconciler.settle()
    world.passes(10)
    world.keeper.broken.add("sales")
    await reconciler.settle()
    world.keeper.broken.clear()
    await world.revoke("sales")
    await reconciler.settle()
    assert world.reachable() == []
    assert world.keeper.given == [{"Note": an_id("ds sales")}], "what was given before is still known"


async def test_a_withdrawal_that_fails_is_tried_until_it_succeeds(world: World) -> None:
    await world.share()
    await world.grant()
    reconciler = world.reconciler()
    await reconciler.settle()
    await world.revoke("sales")
    world.keeper.broken.add("sales")
    await reconciler.settle()
    assert world.reachable() == ["sales"]
    await data_grants.delete(world.database, OWNER, an_id("a grant"))
    world.keeper.broken.clear()
    world.passes(1)
    await reconciler.settle()
    assert world.reachable() == []


async def test_what_is_given_is_renewed_where_the_keeper_wants_that(world: World) -> None:
    await world.share()
    await world.grant()
    world.keeper.renewed_after_seconds = 300
    reconciler = world.reconciler()
    await reconciler.settle()
    world.service.reachable.clear()
    world.passes(299)
    await reconciler.settle()
    assert world.reachable() == []
    world.passes(1)
    await reconciler.settle()
    assert world.reachable() == ["sales"]


async def test_a_process_that_dies_before_it_records_what_it_gave_leaves_a_row_that_is_given_again(
    world: World,
) -> None:
    await world.share()
    await world.grant()
    world.keeper.hangs_after.add("sales")
    async with left_hanging(world, world.reconciler(), "give sales"):
        assert world.reachable() == ["sales"]
    world.keeper.hangs_after.clear()
    restarted = world.reconciler()
    await restarted.settle()
    assert world.service.calls["give sales"] == 1, "somebody may still be at it"
    world.passes(LEASE_SECONDS)
    await restarted.settle()
    assert world.service.calls["give sales"] == 2
    recorded = await row(world)
    assert recorded is not None
    assert recorded.state is AccessState.GIVEN


async def test_what_was_given_by_a_process_that_died_is_taken_back_though_nobody_recorded_it(
    world: World,
) -> None:
    await world.share()
    await world.grant()
    world.keeper.hangs_after.add("sales")
    async with left_hanging(world, world.reconciler(), "give sales"):
        pass
    world.keeper.hangs_after.clear()
    await data_grants.delete(world.database, OWNER, an_id("a grant"))
    restarted = world.reconciler()
    await restarted.settle()
    assert world.reachable() == ["sales"], "not before the dead one's lease is over"
    world.passes(LEASE_SECONDS)
    await restarted.settle()
    assert world.reachable() == []
    assert world.keeper.given == [None]
    assert await row(world) is None


async def test_a_process_that_dies_before_it_records_a_withdrawal_withdraws_once_more(world: World) -> None:
    await world.share()
    await world.grant()
    first = world.reconciler()
    await first.settle()
    await world.revoke("sales")
    world.keeper.hangs_after.add("sales")
    async with left_hanging(world, first, "withdraw sales"):
        assert world.reachable() == []
    world.keeper.hangs_after.clear()
    world.passes(LEASE_SECONDS)
    await world.reconciler().settle()
    assert world.service.calls["withdraw sales"] == 2
    assert await row(world) is None


async def test_a_keeper_that_gives_after_its_time_was_up_is_found_out(world: World, other: Database) -> None:
    """The worker slept longer than its lease; meanwhile the grant went, and another worker withdrew."""
    await world.share()
    await world.grant()
    sleepy = FakeKeeper(world.service, hangs_before={"sales"}, wakes=asyncio.Event())
    asleep = world.reconciler(keeper=sleepy, call_seconds=DEADLINE_SECONDS)
    await asleep.look()
    await data_grants.delete(world.database, OWNER, an_id("a grant"))
    world.passes(LEASE_SECONDS)
    awake = world.reconciler(database=other)
    await awake.settle()
    assert await row(world) is None
    sleepy.wakes.set()
    await asyncio.wait(tuple(asleep._in_hand))
    assert world.reachable() == ["sales"]
    await awake.settle()
    assert world.reachable() == []
    assert await row(world) is None


async def test_a_call_without_an_answer_is_given_up_and_not_repeated_while_it_may_still_act(
    world: World,
) -> None:
    await world.share()
    await world.grant()
    world.keeper.hangs_before.add("sales")
    reconciler = world.reconciler(call_seconds=0.05)
    await reconciler.settle()
    late = await row(world)
    assert late is not None
    assert late.error == "there was no answer within 0.05 seconds"
    world.keeper.hangs_before.clear()
    world.passes(LATE_SECONDS - 1)
    await reconciler.settle()
    assert world.reachable() == []
    world.passes(1)
    await reconciler.settle()
    assert world.reachable() == ["sales"]


async def test_an_owner_whose_service_hangs_keeps_no_other_receiver_waiting(world: World) -> None:
    for number in range(12):
        await world.share(f"hanging-{number}", revision_name="all of them")
        world.keeper.hangs_before.add(f"hanging-{number}")
    await world.share("sales", owner=OTHER_OWNER, data_set_name="other ds")
    await world.grant("to the first")
    await world.grant("to the second", owner=OTHER_OWNER, receiver="555555555555", data_set_name="other ds")
    reconciler = world.reconciler(call_seconds=DEADLINE_SECONDS)
    await reconciler.look()
    async with asyncio.timeout(DEADLINE_SECONDS):
        while world.reachable("555555555555") != ["sales"]:
            await asyncio.sleep(0.005)
    assert len(reconciler._in_hand) == 4, "and its own wait for each other"
    for task in tuple(reconciler._in_hand):
        task.cancel()
    await reconciler.close()


async def test_two_workers_at_once_do_each_thing_once(world: World, other: Database) -> None:
    for number in range(10):
        await world.share(f"share-{number}", revision_name="all of them")
    await world.grant("one")
    await world.grant("two", receiver="555555555555")
    first, second = world.reconciler(), world.reconciler(database=other)
    await asyncio.gather(first.settle(), second.settle())
    assert len(world.service.reachable) == 20
    assert {count for call, count in world.service.calls.items()} == {2}, "once for each receiver"
    await data_grants.delete(world.database, OWNER, an_id("one"))
    await data_grants.delete(world.database, OWNER, an_id("two"))
    await asyncio.gather(first.settle(), second.settle())
    assert world.service.reachable == set()
    withdrawn = [count for call, count in world.service.calls.items() if call.startswith("withdraw")]
    assert withdrawn == [2] * 10


async def test_what_a_receiver_has_in_two_ways_goes_with_the_last_of_them(database: Database) -> None:
    world = World(database, shared=True)
    await world.share("sales", data_set_name="ds")
    await world.share("sales", data_set_name="ds two", revision_name="another revision")
    await world.grant("one")
    await world.grant("two", data_set_name="ds two")
    reconciler = world.reconciler()
    await reconciler.settle()
    await data_grants.delete(database, OWNER, an_id("one"))
    await reconciler.settle()
    assert world.reachable() == ["sales"]
    assert world.service.calls["withdraw sales"] == 0, "not even for a moment"
    await data_grants.delete(database, OWNER, an_id("two"))
    await reconciler.settle()
    assert world.reachable() == []


async def test_what_may_overlap_with_a_withdrawal_is_given_once_more(database: Database) -> None:
    world = World(database, shared=True)
    await world.share("sales")
    await world.share("costs")
    await world.grant()
    reconciler = world.reconciler()
    await reconciler.settle()
    await world.revoke("sales")
    await reconciler.settle()
    assert world.reachable() == ["costs"]
    assert world.service.calls["give costs"] == 2


async def test_assets_without_a_keeper_are_nobodys_business(world: World) -> None:
    await world.share()
    await world.grant()
    reconciler = Reconciler(world.database, [], world.clock)
    await reconciler.settle()
    assert await row(world) is None
