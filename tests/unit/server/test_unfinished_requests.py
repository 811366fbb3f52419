"""What clients may leave behind a request without being known: trailers, rests of bodies, empty lines."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest
from tests.unit.server.connections import connected, fine

from entrepot.http.messages import Header, HttpResponse
from entrepot.server import http_connection
from entrepot.server.http_connection import LONGEST_HEAD_BYTES
from entrepot.wire.asgi import AsgiScope, Receive, Send, send_response

CHUNKED = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
SOON_SECONDS = 0.3
PATIENCE_SECONDS = 60
ENOUGH_BYTES = 16 * LONGEST_HEAD_BYTES
"""More than what a server receives at once, in whatever pieces."""


class Reads:
    """An application that reads whole bodies, and keeps what it was told of the headers afterwards."""

    def __init__(self) -> None:
        self.headers: list[Header] = []
        self.read_bytes = 0

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        while (message := await receive())["type"] == "http.request":
            self.read_bytes += len(message["body"])
            if not message["more_body"]:
                break
        else:
            return
        self.headers = list(scope["headers"])
        await send_response(send, HttpResponse(200, (), b"fine"))


async def send_endlessly(writer: asyncio.StreamWriter, reader: asyncio.StreamReader, piece: bytes) -> None:
    """Sends more than the server is to take, and waits until it ends the connection."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        with suppress(ConnectionError):
            for _ in range(ENOUGH_BYTES // len(piece)):
                writer.write(piece)
                await writer.drain()
            await reader.read()


@pytest.mark.parametrize(
    "endless",
    [b"X-Trailer: value\r\n", b"a" * 1024, b"Authorization: x\r\n" * 100],
    ids=["many trailers", "a long one", "many at once"],
)
async def test_trailers_without_end_are_cut_off(endless: bytes) -> None:
    application = Reads()
    async with connected(application) as (reader, writer):
        writer.write(CHUNKED + b"1\r\na\r\n0\r\nX-First: 1\r\nX-Long: ")
        await send_endlessly(writer, reader, endless)
    assert application.headers == []


async def test_a_chunk_whose_head_has_no_end_is_cut_off() -> None:
    async with connected(Reads()) as (reader, writer):
        writer.write(CHUNKED + b"1\r\na\r\n1;")
        await send_endlessly(writer, reader, b"name=value;" * 100)


async def test_trailers_do_not_become_headers() -> None:
    application = Reads()
    async with connected(application) as (reader, writer):
        writer.write(CHUNKED + b"1\r\na\r\n0\r\nAuthorization: AWS4\r\nHost: elsewhere\r\nX-New: 1\r\n\r\n")
        assert b"200 OK" in await reader.readuntil(b"fine")
        assert application.headers == [(b"host", b"x"), (b"transfer-encoding", b"chunked")]
        writer.write(b"GET / HTTP/1.1\r\nX-Next: 1\r\n\r\n")
        assert b"200 OK" in await reader.readuntil(b"fine")
        assert application.headers == [(b"x-next", b"1")]


async def test_a_long_body_in_small_chunks_is_received() -> None:
    application = Reads()
    async with connected(application) as (reader, writer):
        writer.write(CHUNKED)
        for _ in range(200):
            writer.write(b"1;extension=yes\r\na\r\n" * 100)
            await writer.drain()
        writer.write(b"0\r\n\r\n")
        assert b"200 OK" in await reader.readuntil(b"fine")
    assert application.read_bytes == 20_000


async def test_requests_that_pile_up_behind_one_are_cut_off() -> None:
    answered = 0

    async def slow(scope: AsgiScope, receive: Receive, send: Send) -> None:
        nonlocal answered
        answered += 1
        while (await receive())["type"] != "http.disconnect":
            pass

    async with connected(slow) as (reader, writer):
        writer.write(b"GET / HTTP/1.1\r\n\r\n" * 1000)
        with suppress(ConnectionError):
            assert await reader.read() == b""
    assert answered == 1


async def test_a_few_requests_at_once_are_answered() -> None:
    async with connected() as (reader, writer):
        writer.write(b"GET / HTTP/1.1\r\n\r\n" * 20)
        for _ in range(20):
            assert b"200 OK" in await reader.readuntil(b"fine")


async def test_empty_lines_do_not_keep_a_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_connection, "SLOWEST_HEAD_SECONDS", SOON_SECONDS)
    async with connected() as (reader, writer):
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        await reader.readuntil(b"fine")
        await trickle(writer, reader, b"\r\n")


@pytest.mark.parametrize("framing", [b"Content-Length: 1000000", b"Transfer-Encoding: chunked"])
async def test_a_body_that_trickles_behind_its_answer_is_cut_off(
    framing: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_connection, "SLOWEST_HEAD_SECONDS", SOON_SECONDS)
    piece = b"1\r\na\r\n" if b"chunked" in framing else b"a"
    async with connected(fine) as (reader, writer):
        writer.write(b"POST / HTTP/1.1\r\n" + framing + b"\r\n\r\n")
        await reader.readuntil(b"fine")
        await trickle(writer, reader, piece)


async def test_a_connection_whose_body_came_late_is_not_kept_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http_connection, "SLOWEST_HEAD_SECONDS", SOON_SECONDS)
    async with connected(fine) as (reader, writer):
        writer.write(b"POST / HTTP/1.1\r\nContent-Length: 1\r\n\r\n")
        await reader.readuntil(b"fine")
        writer.write(b"a")
        async with asyncio.timeout(PATIENCE_SECONDS):
            assert await reader.read() == b""


async def test_the_rest_of_a_body_behind_its_answer_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_connection, "LONGEST_REST_BYTES", 1024)
    async with connected(fine) as (reader, writer):
        writer.write(CHUNKED)
        await reader.readuntil(b"fine")
        await send_endlessly(writer, reader, b"400\r\n" + b"a" * 1024 + b"\r\n")


async def test_an_answer_that_nobody_takes_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_connection, "SLOWEST_ANSWER_SECONDS", SOON_SECONDS)
    ended = asyncio.Event()

    async def endless(scope: AsgiScope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        gone = asyncio.ensure_future(receive_until_gone(receive))
        while not gone.done():
            await send({"type": "http.response.body", "body": bytes(1024 * 1024), "more_body": True})
            await asyncio.sleep(0)
        ended.set()

    async with connected(endless) as (reader, writer):
        writer.transport.pause_reading()
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        async with asyncio.timeout(PATIENCE_SECONDS):
            await ended.wait()
        del reader


async def receive_until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def trickle(writer: asyncio.StreamWriter, reader: asyncio.StreamReader, piece: bytes) -> None:
    """Sends a little again and again until the server ends the connection."""
    ended = asyncio.ensure_future(reader.read())
    async with asyncio.timeout(PATIENCE_SECONDS):
        with suppress(ConnectionError):
            while not ended.done():
                writer.write(piece)
                await writer.drain()
                await asyncio.wait([ended], timeout=SOON_SECONDS / 10)
    await asyncio.wait([ended])
    with suppress(ConnectionError):
        ended.result()
