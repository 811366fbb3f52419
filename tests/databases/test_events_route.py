"""`GET /entrepot/events`, without a network: what it answers, to whom, and how long it waits."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import pytest
from tests.databases.rows import SCOPE, at
from tests.databases.test_events import event
from tests.unit.operations.application import Application

from entrepot.database.connection import Database
from entrepot.domain.scope import Scope
from entrepot.events.event_log import record
from entrepot.http.messages import HttpRequest
from entrepot.operations.page_tokens import PageTokens
from entrepot.server.audit import Metrics
from entrepot.server.own_routes import EventsRoute, OwnRoutes
from entrepot.sigv4.verification import TrustAuthenticator
from entrepot.wiring.shared import clock

LONG = 20
OTHERS = [Scope("999999999999", SCOPE.region), Scope(SCOPE.account_id, "eu-west-1")]


async def never() -> None:
    """A client that stays."""
    await asyncio.Event().wait()


class Asking:
    """A server of this one route, and who asks it."""

    def __init__(self, database: Database, *, key: bytes = b"k" * 32) -> None:
        self.route = EventsRoute(look_seconds=0.02)
        services = replace(Application.of(database).services, page_tokens=PageTokens(key), clock=clock)
        self.routes = OwnRoutes([self.route], TrustAuthenticator(), services, Metrics("1"))

    async def status_and_body(
        self, scope: Scope = SCOPE, gone: Any = never, **parameters: object
    ) -> tuple[int, Any]:
        credential = f"{scope.account_id}/20240101/{scope.region}/dataexchange/aws4_request"
        authorization = f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=0"
        headers = [(b"authorization", authorization.encode())]
        query = urlencode(parameters).encode()
        request = HttpRequest("GET", "/entrepot/events", query, headers, b"")
        route = self.routes.find("GET", "/entrepot/events")
        assert route is self.route
        response = await self.routes.answer(route, request, gone)
        return response.status, json.loads(response.body)

    async def __call__(self, scope: Scope = SCOPE, **parameters: object) -> tuple[list[int], str]:
        """The numbers of the events, and the cursor."""
        status, body = await self.status_and_body(scope, **parameters)
        assert status == 200, body
        return [each["detail"]["Number"] for each in body["Events"]], body["Cursor"]


@pytest.fixture
def ask(database: Database) -> Asking:
    return Asking(database)


async def happen(c: Database, *numbers: int, scope: Scope = SCOPE) -> None:
    async with c.transaction() as t:
        await record(t, [event(number, scope) for number in numbers], at(0))


async def test_events_are_read_page_by_page_to_the_end_and_on(database: Database, ask: Asking) -> None:
    await happen(database, *range(5))
    assert (await ask())[0] == [0, 1, 2, 3, 4]
    first, cursor = await ask(limit=3)
    second, cursor = await ask(limit=3, cursor=cursor)
    third, last = await ask(limit=3, cursor=cursor)
    assert (first, second, third) == ([0, 1, 2], [3, 4], [])
    assert (await ask(cursor=last))[0] == []
    await happen(database, 5)
    assert (await ask(cursor=last))[0] == [5]


async def test_events_are_in_the_envelope_of_eventbridge(database: Database, ask: Asking) -> None:
    await happen(database, 1)
    _, body = await ask.status_and_body()
    (one,) = body["Events"]
    assert list(one) == [
        "version", "id", "detail-type", "source", "account", "time", "region", "resources", "detail",
    ]  # fmt: skip
    assert one["account"] == SCOPE.account_id
    assert one["time"] == "2024-01-01T00:00:00Z"


@pytest.mark.parametrize("other", OTHERS, ids=["another account", "another Region"])
async def test_nobody_reads_the_events_of_others(database: Database, ask: Asking, other: Scope) -> None:
    await happen(database, 1)
    assert (await ask(other))[0] == []
    _, cursor = await ask()
    status, body = await ask.status_and_body(other, cursor=cursor)
    assert status == 400
    assert "cursor" in body["message"]


async def test_latest_begins_after_all_there_are(database: Database, ask: Asking) -> None:
    assert (await ask(cursor="latest"))[0] == []
    await happen(database, 1)
    found, cursor = await ask(cursor="latest")
    assert found == []
    await happen(database, 2)
    assert (await ask(cursor=cursor))[0] == [2]


@pytest.mark.parametrize(
    "parameters",
    [
        {"cursor": "nonsense"},
        {"cursor": "AAAA"},
        {"cursor": "5"},
        {"cursor": "\x00é"},
        {"cursor": "x" * 10_000},
        {"limit": "0"},
        {"limit": "1001"},
        {"limit": "ten"},
        {"limit": "-1"},
        {"limit": "1e3"},
        {"limit": "٣"},
        {"wait": "61"},
        {"wait": "-1"},
        {"wait": "0.5"},
        {"wait": "9" * 100},
    ],
)
async def test_what_cannot_be_used_is_refused(ask: Asking, parameters: dict[str, str]) -> None:
    status, body = await ask.status_and_body(**parameters)
    assert status == 400
    assert next(iter(parameters)) in body["message"]


async def test_a_cursor_of_another_exchange_is_refused(database: Database, ask: Asking) -> None:
    _, cursor = await Asking(database, key=b"x" * 32)()
    assert (await ask.status_and_body(cursor=cursor))[0] == 400
    _, mine = await ask()
    altered = mine[:-1] + ("A" if mine[-1] != "A" else "B")
    assert (await ask.status_and_body(cursor=altered))[0] == 400


async def test_empty_parameters_are_none(database: Database, ask: Asking) -> None:
    await happen(database, 1)
    assert (await ask(cursor="", limit="", wait=""))[0] == [1]


async def test_who_waits_gets_what_happens(database: Database, other: Database, ask: Asking) -> None:
    waiting = asyncio.create_task(ask(wait=LONG))
    await asyncio.wait([waiting], timeout=0.1)
    assert not waiting.done()
    await happen(other, 9, scope=OTHERS[0])
    await asyncio.wait([waiting], timeout=0.1)
    assert not waiting.done(), "it is somebody else's event"
    await happen(other, 1, 2)
    async with asyncio.timeout(5):
        found, cursor = await waiting
    assert found == [1, 2]
    assert (await ask(cursor=cursor))[0] == []


async def test_who_need_not_wait_does_not(database: Database, ask: Asking) -> None:
    await happen(database, 1)
    async with asyncio.timeout(5):
        assert (await ask(wait=LONG))[0] == [1]


async def test_waiting_ends_without_an_event(ask: Asking) -> None:
    loop = asyncio.get_running_loop()
    started = loop.time()
    found, _ = await ask(wait=1)
    assert found == []
    assert loop.time() - started >= 0.99


async def test_waiting_ends_when_the_client_goes(ask: Asking) -> None:
    async def at_once() -> None:
        pass

    async with asyncio.timeout(5):
        assert (await ask.status_and_body(gone=at_once, wait=LONG))[0] == 200


async def test_waiting_ends_when_the_server_does(ask: Asking) -> None:
    waiting = asyncio.create_task(ask(wait=LONG))
    await asyncio.wait([waiting], timeout=0.1)
    ask.route.stop()
    async with asyncio.timeout(5):
        await waiting
        await ask(wait=LONG)


async def test_an_outage_of_the_database_is_an_answer(database: Database, ask: Asking) -> None:
    waiting = asyncio.create_task(ask.status_and_body(wait=LONG))
    await asyncio.wait([waiting], timeout=0.1)
    await database.close()
    async with asyncio.timeout(5):
        status, body = await waiting
    assert status == 500
    assert "request id" in body["message"]


def test_only_this_path_and_method_are_the_routes_own(ask: Asking) -> None:
    assert ask.routes.find("POST", "/entrepot/events") is None
    assert ask.routes.find("GET", "/entrepot/events/") is None
    assert ask.routes.find("GET", "/entrepot/eventsx") is None
