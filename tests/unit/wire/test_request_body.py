"""Bodies are read with a limit for each, and with one for all that are held at once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import ExitStack

import pytest

from entrepot.domain.errors import Throttled
from entrepot.wire.asgi import AsgiScope, ClientDisconnected, Message
from entrepot.wire.request_body import SHORT_BYTES, BodyBudget, RequestBody

PIECE = bytes(1024)
CHUNKED = (b"transfer-encoding", b"chunked")


class Sender:
    """Sends a body piece by piece, as fast as it is read, and then nothing more, unless the body is whole."""

    def __init__(self, pieces: Sequence[bytes], *, ends: bool = True, length: int | None = None) -> None:
        self._events: list[Message] = [
            {"type": "http.request", "body": piece, "more_body": True} for piece in pieces
        ]
        if ends:
            self._events[-1]["more_body"] = False
        self.sent_bytes = 0
        self.is_waiting = asyncio.Event()
        header = CHUNKED if length is None else (b"content-length", b"%d" % length)
        self.scope: AsgiScope = {"headers": [header]}

    async def receive(self) -> Message:
        if not self._events:
            self.is_waiting.set()
            await asyncio.Event().wait()
        event = self._events.pop(0)
        self.sent_bytes += len(event["body"])
        return event

    def body(self, budget: BodyBudget) -> RequestBody:
        return RequestBody(self.scope, self.receive, budget)


def plenty() -> BodyBudget:
    return BodyBudget(1 << 30)


async def test_a_request_without_length_has_no_body() -> None:
    body = RequestBody({"headers": []}, Sender([b""]).receive, plenty())
    assert await body.short() == b""
    assert body.is_whole


@pytest.mark.parametrize("length", [None, 2 * len(PIECE)])
async def test_a_short_body_is_read_at_once(length: int | None) -> None:
    body = Sender([PIECE, PIECE], length=length).body(plenty())
    assert await body.short() == PIECE * 2
    assert body.is_whole


async def test_of_a_long_body_with_a_length_nothing_is_read_before_it_is_asked_for() -> None:
    pieces = [PIECE] * (SHORT_BYTES // len(PIECE) + 1)
    sender = Sender(pieces, length=len(pieces) * len(PIECE))
    body = sender.body(plenty())
    assert await body.short() is None
    assert sender.sent_bytes == 0
    assert await body.whole(1 << 20, is_known=True) == PIECE * len(pieces)


async def test_a_long_body_without_a_length_is_read_on_where_it_was_left() -> None:
    pieces = [PIECE] * (2 * SHORT_BYTES // len(PIECE))
    sender = Sender(pieces)
    body = sender.body(plenty())
    assert await body.short() is None
    assert sender.sent_bytes <= SHORT_BYTES + len(PIECE)
    assert await body.whole(1 << 20, is_known=True) == PIECE * len(pieces)


@pytest.mark.parametrize("length", [None, 3 * SHORT_BYTES])
async def test_a_body_longer_than_the_limit_is_not_read_to_its_end(length: int | None) -> None:
    sender = Sender([PIECE] * (3 * SHORT_BYTES // len(PIECE)), length=length)
    body = sender.body(plenty())
    assert await body.short() is None
    assert await body.whole(2 * SHORT_BYTES, is_known=True) is None
    assert sender.sent_bytes <= (0 if length else 2 * SHORT_BYTES + len(PIECE))
    assert not body.is_whole


async def test_a_client_that_goes_away_ends_the_reading() -> None:
    async def gone() -> Message:
        return {"type": "http.disconnect"}

    with pytest.raises(ClientDisconnected):
        await RequestBody({"headers": [CHUNKED]}, gone, plenty()).short()


async def test_what_is_held_of_unfinished_bodies_never_exceeds_the_budget() -> None:
    """Ever more strangers send long bodies without an end; a short request among them is read."""
    budget = BodyBudget(100 * 1024)
    refused = 0

    async def stranger(sender: Sender) -> None:
        nonlocal refused
        body = sender.body(budget)
        with body.held():
            try:
                await body.whole(1 << 20, is_known=False)
            except Throttled:
                refused += 1

    tasks = []
    for _ in range(20):
        sender = Sender([PIECE] * 50, ends=False)
        tasks.append(asyncio.create_task(stranger(sender)))
        await asyncio.wait(
            [tasks[-1], asyncio.ensure_future(sender.is_waiting.wait())],
            return_when=asyncio.FIRST_COMPLETED,
        )
        assert budget.held_bytes <= 100 * 1024
        body = Sender([PIECE] * 2).body(budget)
        with body.held():
            assert await body.short() == PIECE * 2
            assert budget.held_bytes <= 100 * 1024
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert refused >= 18
    assert budget.held_bytes == 0


async def test_room_is_made_by_strangers_before_known_senders() -> None:
    budget = BodyBudget(100 * 1024)
    known, strange = Sender([PIECE] * 60, ends=False), Sender([PIECE] * 30, ends=False)
    with ExitStack() as held:
        bodies = [sender.body(budget) for sender in (known, strange)]
        readings = []
        for body, sender in zip(bodies, (known, strange), strict=True):
            held.enter_context(body.held())
            readings.append(asyncio.create_task(body.whole(1 << 20, is_known=sender is known)))
            await sender.is_waiting.wait()
        newcomer = Sender([PIECE] * 20).body(budget)
        held.enter_context(newcomer.held())
        assert await newcomer.short() == PIECE * 20
        with pytest.raises(Throttled):
            await readings[1]
        assert not readings[0].done()
        readings[0].cancel()
        await asyncio.wait(readings)


async def test_whole_bodies_stay_until_they_are_answered_and_the_next_one_is_refused() -> None:
    budget = BodyBudget(50 * 1024)
    first, second = (Sender([PIECE] * 40).body(budget) for _ in range(2))
    with first.held():
        assert await first.short() is not None
        with second.held(), pytest.raises(Throttled):
            await second.short()
        assert budget.held_bytes == 40 * 1024
    with second.held():
        assert budget.held_bytes == 0
