"""Answers that are passed on as they come: a part is never taken for the whole, and nothing stays open."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from entrepot.domain.errors import IntegrationUnavailable
from entrepot.http.messages import HttpResponse
from entrepot.wire.asgi import Message, send_stream


class Stream:
    """Chunks, and what comes after them."""

    def __init__(self, *chunks: bytes, then: Exception | None = None) -> None:
        self._chunks = chunks
        self._then = then
        self.closed = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self._chunks:
            yield chunk
            await asyncio.sleep(0)
        if self._then is not None:
            raise self._then

    async def aclose(self) -> None:
        self.closed += 1


class Client:
    """What a client was sent, and when it leaves."""

    def __init__(self, leaves_after: int | None = None) -> None:
        self.messages: list[Message] = []
        self._leaves_after = leaves_after
        self._gone = asyncio.Event()

    async def receive(self) -> Message:
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        self.messages.append(message)
        if len(self.messages) == self._leaves_after:
            self._gone.set()
        await asyncio.sleep(0)

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.messages)

    @property
    def is_whole(self) -> bool:
        return not self.messages[-1].get("more_body", False) and len(self.messages) > 1


async def sent(stream: Stream, client: Client) -> None:
    response = HttpResponse(203, ((b"x-a", b"1"),), b"", stream)
    await send_stream(client.receive, client.send, response, stream)
    assert stream.closed == 1
    assert client.messages[0] == {
        "type": "http.response.start",
        "status": 203,
        "headers": ((b"x-a", b"1"),),
    }


@pytest.mark.parametrize("chunks", [(), (b"a",), (b"a", b"b" * 100_000)])
async def test_chunks_go_out_as_they_come(chunks: tuple[bytes, ...]) -> None:
    client = Client()
    await sent(Stream(*chunks), client)
    assert (client.body, client.is_whole) == (b"".join(chunks), True)
    assert len(client.messages) == len(chunks) + 2


async def test_what_ends_too_early_is_left_incomplete_and_told_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    client = Client()
    await sent(Stream(b"half", then=IntegrationUnavailable("gave no whole answer")), client)
    assert (client.body, client.is_whole) == (b"half", False)
    assert "gave no whole answer" in caplog.text


async def test_a_client_that_leaves_ends_the_stream() -> None:
    client = Client(leaves_after=3)
    await sent(Stream(*[b"a"] * 100), client)
    assert len(client.messages) < 10
    assert not client.is_whole


async def test_an_accident_closes_the_stream_too() -> None:
    stream, client = Stream(b"a", then=ZeroDivisionError()), Client()
    with pytest.raises(ZeroDivisionError):
        await sent(stream, client)
    assert stream.closed == 1
