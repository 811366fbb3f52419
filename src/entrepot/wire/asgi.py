"""ASGI in the few words this server needs: its types, headers, and responses whole or as they come."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any

from entrepot.domain.api_call import ByteStream
from entrepot.domain.errors import EntrepotError
from entrepot.domain.outside_numbers import whole_number
from entrepot.http.messages import Header, HttpResponse

AsgiScope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

CLOSE: tuple[Header, ...] = ((b"connection", b"close"),)
_log = logging.getLogger(__name__)
_DRAINED_BYTES = 64 * 1024 * 1024


class BodyUnreadable(Exception):
    """A request's body will not be here whole."""


class ClientDisconnected(BodyUnreadable):
    """The client went away before its request was complete; nobody is left to answer."""


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
    return None if text is None else whole_number(text)


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
    A client that waits for leave to send it (`Expect`) gets none, and may or may not send it.
    """
    declared = content_length(scope)
    waits = header(scope, b"expect") is not None
    return CLOSE if waits or declared is None or declared > _DRAINED_BYTES else ()
