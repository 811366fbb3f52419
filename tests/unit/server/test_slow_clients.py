"""What becomes of clients that send too much, or never the end of what they began."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress

import pytest
from tests.unit.server.connections import connected

from entrepot.server import http_connection
from entrepot.server.http_connection import LONGEST_HEAD_BYTES, OwnFaultsOnly
from entrepot.wire import request_body
from entrepot.wire.asgi import Message
from entrepot.wire.request_body import BodyBudget, BodyTooSlow, RequestBody

SOON_SECONDS = 0.3
"""Longer than a busy machine keeps a process waiting between two lines."""


def test_a_head_too_long_is_refused_before_it_ends() -> None:
    async def scenario() -> bytes:
        async with connected() as (reader, writer):
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: ")
            for _ in range(LONGEST_HEAD_BYTES // 4096):
                writer.write(b"a" * 4096)
                await writer.drain()
            return await reader.read()

    assert asyncio.run(scenario()).startswith(b"HTTP/1.1 431 ")


@pytest.mark.parametrize("begun", [b"", b"GET / HTTP/1.1\r\nHo", b"GET / HTTP/1.1\r\n\r\nGET / HT"])
def test_a_head_that_never_ends_is_cut_off(begun: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_connection, "SLOWEST_HEAD_SECONDS", SOON_SECONDS)

    async def scenario() -> bytes:
        answers = bytearray()
        async with connected() as (reader, writer):
            writer.write(begun)
            async with asyncio.timeout(60):
                with suppress(ConnectionResetError):  # cut off before the server has read all
                    while some := await reader.read(1024):
                        answers.extend(some)
        return bytes(answers)

    answered = begun.count(b"\r\n\r\n")
    assert asyncio.run(scenario()).count(b"HTTP/1.1 200 OK") == answered


def test_a_connection_between_two_requests_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_connection, "SLOWEST_HEAD_SECONDS", SOON_SECONDS)

    async def scenario() -> None:
        async with connected() as (reader, writer):
            writer.write(b"GET / HTTP/1.1\r\n\r\n")
            assert b"200 OK" in await reader.readuntil(b"fine")
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(2 * SOON_SECONDS):
                    await reader.read()

    asyncio.run(scenario())


def test_a_body_that_never_ends_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_body, "_BODY_SECONDS", 0.05)

    async def silence() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    body = RequestBody({"headers": [(b"content-length", b"5")]}, silence, BodyBudget(1024))
    with pytest.raises(BodyTooSlow):
        asyncio.run(body.short())


def test_the_log_is_kept_for_our_own_faults() -> None:
    def is_kept(level: int, error: BaseException | None) -> bool:
        raised = (type(error), error, None) if error is not None else None
        return OwnFaultsOnly().filter(logging.LogRecord("uvicorn.error", level, "", 0, "", None, raised))

    assert is_kept(logging.ERROR, ValueError())
    assert is_kept(logging.ERROR, None)
    assert not is_kept(logging.ERROR, asyncio.CancelledError())
    assert not is_kept(logging.WARNING, None)
