"""Events arrive at webhooks: at least once, normally once, whatever the receiver does; on both databases."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import replace
from ipaddress import ip_network

import pytest
import sqlalchemy as sql
from tests.databases.rows import SCOPE, an_id
from tests.databases.test_events import event
from tests.servers.webhook_receiver import Receiver, webhook_receiver

from entrepot.database import event_deliveries, events, webhooks
from entrepot.database.connection import Database, Query
from entrepot.database.tables import EVENT_DELIVERIES
from entrepot.domain.errors import ConfigurationError
from entrepot.domain.event import DetailType, NewEvent
from entrepot.domain.scope import Scope
from entrepot.domain.timestamp import Timestamp
from entrepot.domain.webhook import DeadLetter, DeliveryState, Webhook
from entrepot.events.deliveries import Deliveries, Pace
from entrepot.events.event_log import record, sweep_events
from entrepot.events.senders import WebhookSender
from entrepot.integrations.guarded_http import GuardedHttp
from entrepot.wiring.shared import clock

QUICK = Pace(attempts=3, first_pause=0.02, growth=1.0, look=0.02, claim=60.0)
LOOPBACK = (ip_network("127.0.0.0/8"),)
SECRET = "whsec_a secret"
ELSEWHERE = Scope("999999999999", "us-east-1")

MakeDeliveries = Callable[..., Deliveries]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with webhook_receiver() as running:
        yield running


@pytest.fixture
async def make(database: Database) -> AsyncIterator[MakeDeliveries]:
    """Makes what a worker has for events."""
    opened: list[GuardedHttp] = []

    def make_deliveries(
        on: Database = database,
        *,
        pace: Pace = QUICK,
        allowed: object = LOOPBACK,
        answer_seconds: float = 30.0,
    ) -> Deliveries:
        http = GuardedHttp(allowed)  # type: ignore[arg-type]
        opened.append(http)
        sender = WebhookSender(http, _open_secret, clock, answer_seconds)
        return Deliveries(on, sender, None, clock, pace=pace)

    yield make_deliveries
    for http in opened:
        await http.aclose()


def _open_secret(sealed: str, context: str) -> bytes:
    if sealed != f"sealed for {context}":
        raise ConfigurationError("sealed with another key file")
    return SECRET.encode()


async def add_webhook(c: Database, url: str, name: str = "a webhook", **changes: object) -> str:
    """Adds a webhook of the default account; its id."""
    webhook_id = an_id(name)
    members = {
        "account_id": SCOPE.account_id,
        "encrypted_secret": f"sealed for {webhook_id}",
        "detail_types": None,
    }
    members |= changes
    await webhooks.insert(c, Webhook(id=webhook_id, url=url, created_at=clock(), **members))  # type: ignore[arg-type]
    return webhook_id


async def happen(c: Database, *new: NewEvent) -> list[str]:
    """Records events; the ids of all there are."""
    async with c.transaction() as t:
        await record(t, new, clock())
    return [each.id for each in await events.after(c, SCOPE, 0, 1000)]


async def work_until(deliveries: Deliveries, reached: Callable[[], Awaitable[bool]]) -> None:
    """Does as a worker does until something is so."""
    async with asyncio.timeout(60):
        while not await reached():
            await deliveries.work()
            await asyncio.sleep(0.005)


async def dead_letters(c: Database, count: int) -> list[DeadLetter]:
    found = await event_deliveries.dead_letters(c, None)
    assert len(found) == count
    return found


async def test_an_event_arrives_once_and_signed(
    database: Database, make: MakeDeliveries, receiver: Receiver
) -> None:
    webhook_id = await add_webhook(database, f"{receiver.url}/hook?a=b")
    (event_id,) = await happen(database, event(7))
    await make().work()
    await make().work()
    (delivery,) = receiver.deliveries
    (stored,) = await events.after(database, SCOPE, 0, 10)
    assert delivery.event == {
        "specversion": "1.0",
        "id": event_id,
        "source": "aws.dataexchange",
        "type": "Revision Published To Data Set",
        "subject": "a-data-set",
        "time": stored.at.isoformat(),
        "account": SCOPE.account_id,
        "region": SCOPE.region,
        "datacontenttype": "application/json",
        "data": {"Number": 7},
    }
    assert delivery.path == "/hook?a=b"
    assert delivery.headers["content-type"].startswith("application/cloudevents+json")
    assert delivery.headers["entrepot-attempt"] == "1"
    assert delivery.is_signed_with(SECRET)
    assert not delivery.is_signed_with("whsec_another secret")
    assert await event_deliveries.dead_letters(database, webhook_id) == []


async def test_each_webhook_gets_what_it_wants_of_its_account(
    database: Database, make: MakeDeliveries, receiver: Receiver
) -> None:
    await add_webhook(database, f"{receiver.url}/all", "all")
    revoked = (DetailType.REVISION_REVOKED.value,)
    await add_webhook(database, f"{receiver.url}/revoked", "revoked", detail_types=revoked)
    await add_webhook(database, f"{receiver.url}/foreign", "foreign", account_id=ELSEWHERE.account_id)
    of_another_region = event(3, Scope(SCOPE.account_id, "eu-west-1"))
    revocation = NewEvent(SCOPE.account_id, SCOPE.region, DetailType.REVISION_REVOKED, ("x",), {"Number": 2})
    await happen(database, event(1), revocation, of_another_region, event(4, ELSEWHERE))
    await make().work()
    got = sorted((each.path, each.event["data"]["Number"]) for each in receiver.deliveries)
    assert got == [("/all", 1), ("/all", 2), ("/all", 3), ("/foreign", 4), ("/revoked", 2)]


async def test_what_fails_is_tried_again_under_the_same_delivery_id(
    database: Database, make: MakeDeliveries, receiver: Receiver
) -> None:
    await add_webhook(database, receiver.url)
    await happen(database, event(1))
    receiver.answer = lambda delivery: 500 if len(receiver.deliveries) < 3 else 200

    async def arrived() -> bool:
        return len(receiver.deliveries) == 3

    await work_until(make(), arrived)
    assert [each.headers["entrepot-attempt"] for each in receiver.deliveries] == ["1", "2", "3"]
    assert len({each.headers["entrepot-delivery"] for each in receiver.deliveries}) == 1
    assert len({each.body for each in receiver.deliveries}) == 1
    assert all(each.is_signed_with(SECRET) for each in receiver.deliveries)
    await make().work()
    assert len(receiver.deliveries) == 3
    await dead_letters(database, 0)


@pytest.mark.parametrize(("status", "words"), [(500, "500"), (404, "404"), (302, "redirects")])
async def test_what_fails_too_often_is_a_dead_letter_that_can_be_replayed(
    database: Database, make: MakeDeliveries, receiver: Receiver, status: int, words: str
) -> None:
    webhook_id = await add_webhook(database, receiver.url)
    (event_id,) = await happen(database, event(1))
    receiver.answer = lambda delivery: status

    async def is_dead() -> bool:
        return bool(await event_deliveries.dead_letters(database, webhook_id))

    await work_until(make(), is_dead)
    (letter,) = await dead_letters(database, 1)
    assert (letter.target, letter.event_id, letter.attempts) == (webhook_id, event_id, 3)
    assert (letter.detail_type, letter.account_id) == (DetailType.REVISION_PUBLISHED, SCOPE.account_id)
    assert words in letter.error
    assert {each.path for each in receiver.deliveries} == {"/"}, "a redirect was followed"
    receiver.answer = lambda delivery: 200
    assert await event_deliveries.replay(database, webhook_id, clock(), delivered_too=False) == 1
    await make().work()
    await dead_letters(database, 0)
    assert receiver.event_ids == [event_id] * 4


async def test_a_receiver_that_wants_no_more_is_not_tried_again(
    database: Database, make: MakeDeliveries, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    await add_webhook(database, receiver.url)
    await happen(database, event(1))
    receiver.answer = lambda delivery: 410
    await make().work()
    (letter,) = await dead_letters(database, 1)
    assert letter.attempts == 1
    assert "410" in letter.error
    assert f"entrepot webhook replay {letter.target}" in caplog.text


async def test_a_private_address_is_not_called_unless_the_operator_allows_it(
    database: Database, make: MakeDeliveries, receiver: Receiver
) -> None:
    webhook_id = await add_webhook(database, receiver.url)
    await happen(database, event(1))
    await make(allowed=()).work()
    assert receiver.deliveries == []
    (letter,) = await dead_letters(database, 1)
    assert "ENTREPOT_ALLOWED_NETWORKS" in letter.error
    await event_deliveries.replay(database, webhook_id, clock(), delivered_too=False)
    await make().work()
    assert len(receiver.deliveries) == 1


async def test_a_secret_of_another_key_file_is_a_dead_letter(
    database: Database, make: MakeDeliveries, receiver: Receiver
) -> None:
    await add_webhook(database, receiver.url, encrypted_secret="of another key file")
    await happen(database, event(1))
    await make().work()
    (letter,) = await dead_letters(database, 1)
    assert "another key file" in letter.error
    assert receiver.deliveries == []


async def test_a_slow_receiver_holds_up_nobody_else(
    database: Database, make: MakeDeliveries, receiver: Receiver
) -> None:
    released = threading.Event()

    def answer(delivery: object) -> int:
        if delivery.path == "/slow":  # type: ignore[attr-defined]
            released.wait(60)
        return 200

    receiver.answer = answer
    await add_webhook(database, f"{receiver.url}/slow", "slow")
    await add_webhook(database, f"{receiver.url}/quick", "quick")
    deliveries = make(answer_seconds=60.0)
    await happen(database, *(event(number) for number in range(30)))
    working = asyncio.create_task(deliveries.work())
    try:
        async with asyncio.timeout(60):
            while sum(each.path == "/quick" for each in receiver.deliveries) < 30:
                await asyncio.sleep(0.01)
            later = await happen(database, event(99))
            while later[-1] not in [
                each.event["id"] for each in receiver.deliveries if each.path == "/quick"
            ]:
                await asyncio.sleep(0.01)
        assert not working.done()
        assert sum(each.path == "/slow" for each in receiver.deliveries) < 10
    finally:
        released.set()
    await working
    assert sorted(receiver.event_ids) == sorted(later * 2)


async def test_a_receiver_that_does_not_answer_in_time_is_tried_again(
    database: Database, make: MakeDeliveries, receiver: Receiver
) -> None:
    released = threading.Event()

    def answer(delivery: object) -> int:
        if len(receiver.deliveries) == 1:
            released.wait(60)
        return 200

    receiver.answer = answer
    await add_webhook(database, receiver.url)
    await happen(database, event(1))

    async def came_again() -> bool:
        return len(receiver.deliveries) > 1 and not await _pending(database)

    patient = Pace(attempts=1000, first_pause=0.02, growth=1.0, look=0.02)
    try:
        await work_until(make(pace=patient, answer_seconds=0.3), came_again)
    finally:
        released.set()
    await dead_letters(database, 0)


async def test_nobody_listens_there(database: Database, make: MakeDeliveries) -> None:
    with webhook_receiver() as gone:
        pass
    await add_webhook(database, gone.url)
    await happen(database, event(1))

    async def is_dead() -> bool:
        return bool(await event_deliveries.dead_letters(database, None))

    await work_until(make(), is_dead)
    (letter,) = await dead_letters(database, 1)
    assert "cannot be reached" in letter.error


async def test_two_workers_at_once_deliver_everything_once(
    database: Database, other: Database, make: MakeDeliveries, receiver: Receiver
) -> None:
    await add_webhook(database, f"{receiver.url}/1", "one")
    await add_webhook(database, f"{receiver.url}/2", "two")
    ids = await happen(database, *(event(number) for number in range(60)))
    await asyncio.gather(*(make(each).work() for each in (database, other, database, other)))
    assert sorted(receiver.event_ids) == sorted(ids * 2)


async def test_what_a_dead_worker_was_sending_is_sent_by_another(
    database: Database, other: Database, make: MakeDeliveries, receiver: Receiver
) -> None:
    """A worker that was killed leaves what this one leaves: claims that nobody settles."""
    released = threading.Event()
    receiver.answer = lambda delivery: 200 if released.wait(60) else 500
    await add_webhook(database, receiver.url)
    ids = await happen(database, *(event(number) for number in range(10)))
    # However slow the machine is: nothing pauses for long, and nobody gives up.
    short = Pace(attempts=1000, first_pause=0.02, growth=1.0, look=0.02, claim=0.3)
    dying = asyncio.create_task(make(pace=short).work())
    async with asyncio.timeout(60):
        while not receiver.deliveries:
            await asyncio.sleep(0.005)
    dying.cancel()
    await asyncio.gather(dying, return_exceptions=True)
    released.set()

    async def all_arrived() -> bool:
        return set(receiver.event_ids) == set(ids) and not await _pending(other)

    await work_until(make(other, pace=replace(short, claim=5.0)), all_arrived)


async def _pending(c: Database) -> bool:
    states = await c.fetch_all(Query(sql.select(EVENT_DELIVERIES.c.state)))
    return any(state == DeliveryState.PENDING for (state,) in states)


async def test_a_worker_that_comes_back_late_changes_nothing(database: Database) -> None:
    await add_webhook(database, "http://127.0.0.1:1")
    await happen(database, event(1))
    (found,) = await events.after(database, SCOPE, 0, 1)
    await event_deliveries.insert(database, [(found.sequence, an_id("a webhook"))], clock())
    now = clock()

    async def claim(after_seconds: float) -> list[object]:
        moment = now.plus_seconds(after_seconds)
        return list(
            await event_deliveries.claim(
                database, besides=(), limit=5, now=moment, until=moment.plus_seconds(30)
            )
        )

    (late,) = await claim(1)
    assert await claim(30) == [], "it is claimed"
    (quick,) = await claim(32)
    await event_deliveries.given_up(database, late, "late", now)  # type: ignore[arg-type]
    await dead_letters(database, 0)
    await event_deliveries.delivered(database, quick, now)  # type: ignore[arg-type]
    await event_deliveries.failed(database, late, "late", next_try_at=now, now=now)  # type: ignore[arg-type]
    assert await claim(4000) == []


async def test_a_webhook_that_is_removed_gets_nothing_more(
    database: Database, make: MakeDeliveries, receiver: Receiver
) -> None:
    webhook_id = await add_webhook(database, receiver.url)
    await happen(database, event(1))
    deliveries = make()
    await deliveries.dispatch()
    assert await webhooks.remove(database, webhook_id)
    assert not await webhooks.remove(database, webhook_id)
    await happen(database, event(2))
    await deliveries.work()
    assert receiver.deliveries == []


async def test_a_delivery_whose_webhook_went_meanwhile_is_forgotten(
    database: Database, make: MakeDeliveries
) -> None:
    await happen(database, event(1))
    (found,) = await events.after(database, SCOPE, 0, 1)
    await event_deliveries.insert(database, [(found.sequence, an_id("nobody"))], clock())
    await make().work()
    await dead_letters(database, 0)
    assert not await _pending(database)


async def test_a_replay_of_all_sends_what_has_arrived_too(
    database: Database, make: MakeDeliveries, receiver: Receiver
) -> None:
    webhook_id = await add_webhook(database, receiver.url)
    ids = await happen(database, event(1), event(2))
    await make().work()
    assert await event_deliveries.replay(database, webhook_id, clock(), delivered_too=False) == 0
    assert await event_deliveries.replay(database, webhook_id, clock(), delivered_too=True) == 2
    await make().work()
    assert sorted(receiver.event_ids) == sorted(ids * 2)


async def test_every_event_is_logged_once(
    database: Database, other: Database, make: MakeDeliveries, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="entrepot.events")
    ids = await happen(database, event(1), event(2))
    await asyncio.gather(make(database).work(), make(other).work())
    lines = [line.getMessage() for line in caplog.records if line.name == "entrepot.events"]
    assert len(lines) == 2
    assert all(any(event_id in line for line in lines) for event_id in ids)


async def test_old_events_go_with_their_deliveries(
    database: Database, other: Database, make: MakeDeliveries, receiver: Receiver
) -> None:
    await add_webhook(database, receiver.url)
    async with database.transaction() as t:
        await record(t, [event(number) for number in range(700)], Timestamp(1000))
        await record(t, [event(700)], Timestamp(2000))
    await make().dispatch()
    swept = await asyncio.gather(*(sweep_events(each, Timestamp(2000)) for each in (database, other)))
    assert sum(swept) == 700
    (left,) = await events.after(database, SCOPE, 0, 1000)
    assert left.at == Timestamp(2000)
    assert await sweep_events(database, Timestamp(2000)) == 0
    assert await sweep_events(database, Timestamp(2001)) == 1


def test_pauses_grow_and_are_not_all_the_same() -> None:
    pace = Pace()
    pauses = [pace.pause(attempt) for attempt in range(1, pace.attempts)]
    assert 1.5 <= pauses[0] <= 2.5
    assert all(pause <= pace.longest_pause * 1.25 for pause in pauses)
    assert pauses[4] > pauses[2] > pauses[0]
    assert 12 * 3600 < sum(pauses) < 24 * 3600
    assert len({pace.pause(3) for _ in range(10)}) > 1
    assert pace.claim > pace.sending
