"""ASGI in the few words this server needs: its types, whole responses, and bodies read with a limit."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any

from entrepot.domain.api_call import ByteStream
from entrepot.domain.errors import EntrepotError
from entrepot.http.messages import Header, HttpResponse

AsgiScope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

CLOSE: tuple[Header, ...] = ((b"connection", b"close"),)
_log = logging.getLogger(__name__)
_DRAINED_BYTES = 64 * 1024 * 1024
_BODY_SECONDS = 60.0


class ClientDisconnected(Exception):
    """The client went away before its request was complete; nobody is left to answer."""


class BodyTooLarge(Exception):
    """The request's body is longer than the route takes; it was not read to its end."""


class BodyTooSlow(Exception):
    """The request's body was not here after a minute, though whole ones are small."""


async def read_body(scope: AsgiScope, receive: Receive, limit_bytes: int) -> bytes:
    """The whole body.

    Raises `BodyTooLarge` (before reading, where the length is declared), `BodyTooSlow`, `ClientDisconnected`.
    """
    declared = content_length(scope)
    if declared is None and header(scope, b"transfer-encoding") is None:
        return b""  # without either there is no body (RFC 9112, section 6.3): the usual GET, answered at once
    if declared is not None and declared > limit_bytes:
        raise BodyTooLarge
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            return await _receive_body(receive, limit_bytes)
    except TimeoutError:
        raise BodyTooSlow from None


async def _receive_body(receive: Receive, limit_bytes: int) -> bytes:
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body", False):
        body: bytes = message.get("body", b"")
        if len(body) > limit_bytes:
            raise BodyTooLarge
        return body
    chunks = bytearray()
    while True:
        if message["type"] == "http.disconnect":
            raise ClientDisconnected
        chunks += message.get("body", b"")
        if len(chunks) > limit_bytes:
            raise BodyTooLarge
        if not message.get("more_body", False):
            return bytes(chunks)
        message = await receive()


async def until_disconnected(receive: Receive) -> None:
    """Returns when the client has gone. For use after the body was read."""
    while (await receive())["type"] != "http.disconnect":
        pass


def header(scope: AsgiScope, name: bytes) -> str | None:
    """The first header of this lower-case name."""
    for key, value in scope["headers"]:
        if key == name:
            text: str = value.decode("latin-1")
            return text.strip()
    return None


def content_length(scope: AsgiScope) -> int | None:
    """What the request declares as its body's length; None for a chunked one."""
    text = header(scope, b"content-length")
    return int(text) if text is not None and text.isascii() and text.isdigit() else None


async def send_response(send: Send, response: HttpResponse, *, extra: Sequence[Header] = ()) -> None:
    """Sends a response whose body is in memory; a 204 has no length (RFC 9110, section 8.6)."""
    headers = [*response.headers, *extra]
    if response.status != 204:
        headers.append((b"content-length", b"%d" % len(response.body)))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body})


async def send_stream(receive: Receive, send: Send, response: HttpResponse, stream: ByteStream) -> None:
    """Sends a response chunk by chunk, and closes the stream; at most one chunk is in memory.

    Where the stream ends too early, or the client leaves, the response stays incomplete: then the server cuts
    the connection, so that nobody takes a part for the whole.
    """
    gone = asyncio.create_task(until_disconnected(receive))
    try:
        await send({"type": "http.response.start", "status": response.status, "headers": response.headers})
        async for chunk in stream:
            if gone.done():
                return
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
    except EntrepotError as error:
        _log.warning("an answer was cut in its middle: %s", error)
    finally:
        gone.cancel()
        await stream.aclose()


def connection_headers(scope: AsgiScope) -> tuple[Header, ...]:
    """For an answer given before the body was read: a long rest is not worth receiving, so the line is cut.

    A short one the server receives and drops, which spares the client a broken pipe in place of the answer.
    """
    declared = content_length(scope)
    return CLOSE if declared is None or declared > _DRAINED_BYTES else ()
