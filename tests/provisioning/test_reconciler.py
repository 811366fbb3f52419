"""What receivers reach outside of the exchange is what they are entitled to, whatever fails or dies."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from tests.databases.rows import an_id
from tests.provisioning.fixtures import OWNER, FakeProvisioner, Fixtures, masked_asset

from entrepot.database import assets, data_grants, data_sets, external_access, revisions
from entrepot.database.connection import Database
from entrepot.domain.external_access import AccessState, ExternalAccess
from entrepot.domain.scope import Scope
from entrepot.domain.timestamp import Timestamp
from entrepot.entitlements.provisioning.reconciler import LATE_SECONDS, LEASE_SECONDS, Reconciler

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

OTHER_OWNER = Scope("333333333333", "us-east-1")
DEADLINE_SECONDS = 20.0


@pytest.fixture
def fixtures(database: Database) -> Fixtures:
    return Fixtures(database)


@asynccontextmanager
async def left_hanging(fixtures: Fixtures, reconciler: Reconciler, call: str) -> AsyncIterator[None]:
    """Begins what is to be done, waits for the call, and lets the process die there."""
    reconciler._rest_until = 0.0
    async with asyncio.timeout(DEADLINE_SECONDS):
        await reconciler.look()
        while not fixtures.service.calls[call]:
            await asyncio.sleep(0)
        await asyncio.sleep(0.01)
    yield
    for task in tuple(reconciler._in_hand):
        task.cancel()
    await reconciler.close()


async def row(fixtures: Fixtures, grant: str = "a grant", name: str = "sales") -> ExternalAccess | None:
    return await external_access.get(fixtures.database, an_id(grant), an_id(f"ds {name}"))


async def test_who_accepts_a_grant_is_given_the_live_assets_of_finalized_revisions(
    fixtures: Fixtures,
) -> None:
    await fixtures.share("sales")
    await fixtures.share("draft", finalized=False)
    await fixtures.grant("pending", receiver="444444444444", accepted=False)
    grant = await fixtures.grant()
    await fixtures.reconciler().settle()
    assert fixtures.reachable() == ["sales"]
    assert fixtures.reachable("444444444444") == []
    recorded = await row(fixtures)
    assert recorded is not None
    assert recorded.state is AccessState.GIVEN
    assert recorded.entitled_data_set_id == grant.data_set_id
    assert recorded.entitled_asset_id == masked_asset(grant, "ds", "sales")


async def test_a_revision_that_is_finalized_later_is_given_too(fixtures: Fixtures) -> None:
    await fixtures.grant()
    await fixtures.share("sales", finalized=False)
    reconciler = fixtures.reconciler()
    await reconciler.settle()
    assert fixtures.reachable() == []
    await fixtures.finalize("sales")
    await reconciler.settle()
    assert fixtures.reachable() == ["sales"]


async def test_nothing_is_given_twice_while_nothing_changes(fixtures: Fixtures) -> None:
    await fixtures.share()
    await fixtures.grant()
    reconciler = fixtures.reconciler()
    for _ in range(3):
        await reconciler.settle()
        fixtures.passes(3600)
    assert fixtures.service.calls == {"give sales": 1}


@pytest.mark.parametrize("way", ["grant deleted", "revoked", "un-finalized", "asset", "revision", "ended"])
async def test_what_a_receiver_may_no_longer_use_is_taken_back(fixtures: Fixtures, way: str) -> None:
    await fixtures.share()
    await fixtures.grant(ends_at=fixtures.now.plus_seconds(60))
    reconciler = fixtures.reconciler()
    await reconciler.settle()
    assert fixtures.reachable() == ["sales"]
    match way:
        case "grant deleted":
            await data_grants.delete(fixtures.database, OWNER, an_id("a grant"))
        case "revoked":
            await fixtures.revoke("sales")
        case "un-finalized":
            await fixtures.finalize("sales", finalized=False)
        case "asset":
            await assets.delete(fixtures.database, OWNER, an_id("ds"), an_id("sales"), an_id("ds sales"))
        case "revision":
            await revisions.delete(fixtures.database, OWNER, an_id("ds"), an_id("sales"))
        case "ended":
            fixtures.passes(60)
    await reconciler.settle()
    assert fixtures.reachable() == []
    assert await row(fixtures) is None
    assert fixtures.provisioner.given == [{"Note": an_id("ds sales")}]


async def test_a_data_set_that_is_gone_with_its_grant_leaves_nothing_outside(fixtures: Fixtures) -> None:
    await fixtures.share()
    await fixtures.grant()
    reconciler = fixtures.reconciler()
    await reconciler.settle()
    await data_grants.delete(fixtures.database, OWNER, an_id("a grant"))
    await data_sets.delete(fixtures.database, OWNER, an_id("ds"))
    await reconciler.settle()
    assert fixtures.reachable() == []


async def test_a_failure_is_kept_with_the_row_and_tried_again_ever_later(
    fixtures: Fixtures, caplog: pytest.LogCaptureFixture
) -> None:
    await fixtures.share()
    await fixtures.grant()
    fixtures.provisioner.broken.add("sales")
    reconciler = fixtures.reconciler()
    waits = []
    for _ in range(4):
        await reconciler.settle()
        failed = await row(fixtures)
        assert failed is not None
        assert failed.error == "the service of sales is down"
        waits.append(failed.next_try_at - fixtures.now.milliseconds)
        fixtures.now = Timestamp(failed.next_try_at)
    assert waits == [1000, 2000, 4000, 8000]
    assert caplog.text.count("the service of sales is down") == 1, "the same words once"
    fixtures.provisioner.broken.clear()
    await reconciler.settle()
    assert fixtures.reachable() == ["sales"]
    healed = await row(fixtures)
    assert healed is not None
    assert (healed.error, healed.attempts) == (None, 0)


async def test_who_loses_the_right_while_giving_fails_does_not_wait_for_the_next_try(
    fixtures: Fixtures,
) -> None:
    await fixtures.share()
    await fixtures.grant()
    fixtures.provisioner.renewed_after_seconds = 10
    reconciler = fixtures.reconciler()
    await reconciler.settle()
    fixtures.passes(10)
    fixtures.provisioner.broken.add("sales")
    await reconciler.settle()
    fixtures.provisioner.broken.clear()
    await fixtures.revoke("sales")
    await reconciler.settle()
    assert fixtures.reachable() == []
    assert fixtures.provisioner.given == [{"Note": an_id("ds sales")}], "what was given before is still known"


async def test_a_withdrawal_that_fails_is_tried_until_it_succeeds(fixtures: Fixtures) -> None:
    await fixtures.share()
    await fixtures.grant()
    reconciler = fixtures.reconciler()
    await reconciler.settle()
    await fixtures.revoke("sales")
    fixtures.provisioner.broken.add("sales")
    await reconciler.settle()
    assert fixtures.reachable() == ["sales"]
    await data_grants.delete(fixtures.database, OWNER, an_id("a grant"))
    fixtures.provisioner.broken.clear()
    fixtures.passes(1)
    await reconciler.settle()
    assert fixtures.reachable() == []


async def test_what_is_given_is_renewed_where_the_keeper_wants_that(fixtures: Fixtures) -> None:
    await fixtures.share()
    await fixtures.grant()
    fixtures.provisioner.renewed_after_seconds = 300
    reconciler = fixtures.reconciler()
    await reconciler.settle()
    fixtures.service.reachable.clear()
    fixtures.passes(299)
    await reconciler.settle()
    assert fixtures.reachable() == []
    fixtures.passes(1)
    await reconciler.settle()
    assert fixtures.reachable() == ["sales"]


async def test_a_process_that_dies_before_it_records_what_it_gave_leaves_a_row_that_is_given_again(
    fixtures: Fixtures,
) -> None:
    await fixtures.share()
    await fixtures.grant()
    fixtures.provisioner.hangs_after.add("sales")
    async with left_hanging(fixtures, fixtures.reconciler(), "give sales"):
        assert fixtures.reachable() == ["sales"]
    fixtures.provisioner.hangs_after.clear()
    restarted = fixtures.reconciler()
    await restarted.settle()
    assert fixtures.service.calls["give sales"] == 1, "somebody may still be at it"
    fixtures.passes(LEASE_SECONDS)
    await restarted.settle()
    assert fixtures.service.calls["give sales"] == 2
    recorded = await row(fixtures)
    assert recorded is not None
    assert recorded.state is AccessState.GIVEN


async def test_what_was_given_by_a_process_that_died_is_taken_back_though_nobody_recorded_it(
    fixtures: Fixtures,
) -> None:
    await fixtures.share()
    await fixtures.grant()
    fixtures.provisioner.hangs_after.add("sales")
    async with left_hanging(fixtures, fixtures.reconciler(), "give sales"):
        pass
    fixtures.provisioner.hangs_after.clear()
    await data_grants.delete(fixtures.database, OWNER, an_id("a grant"))
    restarted = fixtures.reconciler()
    await restarted.settle()
    assert fixtures.reachable() == ["sales"], "not before the dead one's lease is over"
    fixtures.passes(LEASE_SECONDS)
    await restarted.settle()
    assert fixtures.reachable() == []
    assert fixtures.provisioner.given == [None]
    assert await row(fixtures) is None


async def test_a_process_that_dies_before_it_records_a_withdrawal_withdraws_once_more(
    fixtures: Fixtures,
) -> None:
    await fixtures.share()
    await fixtures.grant()
    first = fixtures.reconciler()
    await first.settle()
    await fixtures.revoke("sales")
    fixtures.provisioner.hangs_after.add("sales")
    async with left_hanging(fixtures, first, "withdraw sales"):
        assert fixtures.reachable() == []
    fixtures.provisioner.hangs_after.clear()
    fixtures.passes(LEASE_SECONDS)
    await fixtures.reconciler().settle()
    assert fixtures.service.calls["withdraw sales"] == 2
    assert await row(fixtures) is None


async def test_a_keeper_that_gives_after_its_time_was_up_is_found_out(
    fixtures: Fixtures, other: Database
) -> None:
    """The worker slept longer than its lease; meanwhile the grant went, and another worker withdrew."""
    await fixtures.share()
    await fixtures.grant()
    sleepy = FakeProvisioner(fixtures.service, hangs_before={"sales"}, wakes=asyncio.Event())
    asleep = fixtures.reconciler(provisioner=sleepy, call_seconds=DEADLINE_SECONDS)
    await asleep.look()
    await data_grants.delete(fixtures.database, OWNER, an_id("a grant"))
    fixtures.passes(LEASE_SECONDS)
    awake = fixtures.reconciler(database=other)
    await awake.settle()
    assert await row(fixtures) is None
    sleepy.wakes.set()
    await asyncio.wait(tuple(asleep._in_hand))
    assert fixtures.reachable() == ["sales"]
    await awake.settle()
    assert fixtures.reachable() == []
    assert await row(fixtures) is None


async def test_a_call_without_an_answer_is_given_up_and_not_repeated_while_it_may_still_act(
    fixtures: Fixtures,
) -> None:
    await fixtures.share()
    await fixtures.grant()
    fixtures.provisioner.hangs_before.add("sales")
    reconciler = fixtures.reconciler(call_seconds=0.05)
    await reconciler.settle()
    late = await row(fixtures)
    assert late is not None
    assert late.error == "there was no answer within 0.05 seconds"
    fixtures.provisioner.hangs_before.clear()
    fixtures.passes(LATE_SECONDS - 1)
    await reconciler.settle()
    assert fixtures.reachable() == []
    fixtures.passes(1)
    await reconciler.settle()
    assert fixtures.reachable() == ["sales"]


async def test_an_owner_whose_service_hangs_keeps_no_other_receiver_waiting(fixtures: Fixtures) -> None:
    for number in range(12):
        await fixtures.share(f"hanging-{number}", revision_name="all of them")
        fixtures.provisioner.hangs_before.add(f"hanging-{number}")
    await fixtures.share("sales", owner=OTHER_OWNER, data_set_name="other ds")
    await fixtures.grant("to the first")
    await fixtures.grant(
        "to the second", owner=OTHER_OWNER, receiver="555555555555", data_set_name="other ds"
    )
    reconciler = fixtures.reconciler(call_seconds=DEADLINE_SECONDS)
    await reconciler.look()
    async with asyncio.timeout(DEADLINE_SECONDS):
        while fixtures.reachable("555555555555") != ["sales"]:
            await asyncio.sleep(0.005)
    assert len(reconciler._in_hand) == 4, "and its own wait for each other"
    for task in tuple(reconciler._in_hand):
        task.cancel()
    await reconciler.close()


async def test_two_workers_at_once_do_each_thing_once(fixtures: Fixtures, other: Database) -> None:
    for number in range(10):
        await fixtures.share(f"share-{number}", revision_name="all of them")
    await fixtures.grant("one")
    await fixtures.grant("two", receiver="555555555555")
    first, second = fixtures.reconciler(), fixtures.reconciler(database=other)
    await asyncio.gather(first.settle(), second.settle())
    assert len(fixtures.service.reachable) == 20
    assert {count for call, count in fixtures.service.calls.items()} == {2}, "once for each receiver"
    await data_grants.delete(fixtures.database, OWNER, an_id("one"))
    await data_grants.delete(fixtures.database, OWNER, an_id("two"))
    await asyncio.gather(first.settle(), second.settle())
    assert fixtures.service.reachable == set()
    withdrawn = [count for call, count in fixtures.service.calls.items() if call.startswith("withdraw")]
    assert withdrawn == [2] * 10


async def test_what_a_receiver_has_in_two_ways_goes_with_the_last_of_them(database: Database) -> None:
    fixtures = Fixtures(database, shared=True)
    await fixtures.share("sales", data_set_name="ds")
    await fixtures.share("sales", data_set_name="ds two", revision_name="another revision")
    await fixtures.grant("one")
    await fixtures.grant("two", data_set_name="ds two")
    reconciler = fixtures.reconciler()
    await reconciler.settle()
    await data_grants.delete(database, OWNER, an_id("one"))
    await reconciler.settle()
    assert fixtures.reachable() == ["sales"]
    assert fixtures.service.calls["withdraw sales"] == 0, "not even for a moment"
    await data_grants.delete(database, OWNER, an_id("two"))
    await reconciler.settle()
    assert fixtures.reachable() == []


async def test_what_may_overlap_with_a_withdrawal_is_given_once_more(database: Database) -> None:
    fixtures = Fixtures(database, shared=True)
    await fixtures.share("sales")
    await fixtures.share("costs")
    await fixtures.grant()
    reconciler = fixtures.reconciler()
    await reconciler.settle()
    await fixtures.revoke("sales")
    await reconciler.settle()
    assert fixtures.reachable() == ["costs"]
    assert fixtures.service.calls["give costs"] == 2


async def test_assets_without_a_keeper_are_nobodys_business(fixtures: Fixtures) -> None:
    await fixtures.share()
    await fixtures.grant()
    reconciler = Reconciler(fixtures.database, [], fixtures.clock)
    await reconciler.settle()
    assert await row(fixtures) is None
