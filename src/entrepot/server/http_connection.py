"""One client's connection: uvicorn's, with an end for clients that never finish what they began.

Heads, trailers, bodies that nobody reads any more, answers that are not taken: each would otherwise hold
memory and a connection for as long as it likes, and nobody has to be known for that.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from httptools import HttpParserError
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from entrepot.server.connections import Connections

LONGEST_HEAD_BYTES = 64 * 1024
"""Of a head, and of what comes between two pieces of a body (the heads of chunks) or behind it (trailers).
Looked at after each piece received, so one that arrives in one piece may be as long as that."""
SLOWEST_HEAD_SECONDS = 30.0
"""How long a head may take; and the rest of a body, once its request is answered."""
LONGEST_REST_BYTES = 64 * 1024 * 1024
"""Of a body whose request is answered: it is received and dropped, which spares the client a broken pipe in
place of the answer."""
SLOWEST_ANSWER_SECONDS = 120.0
"""How long a client may take nothing of an answer that waits for it."""
_LONGEST_QUEUE = 32
"""How many requests may wait on one connection behind the one that is being answered."""

_TOO_LONG = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-type: text/plain; charset=utf-8\r\ncontent-length: 38\r\nconnection: close\r\n\r\n"
    b"The request's headers are over 64 KiB."
)


_TOO_MANY = (
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: text/plain; charset=utf-8\r\nretry-after: 5\r\n"
    b"content-length: 68\r\nconnection: close\r\n\r\n"
    b"As many connections are open as may be. Try again in a few seconds.\n"
)


class HttpConnection(HttpToolsProtocol):
    """Reads requests with bounds on how long their parts may be, and how long they may take.

    Trailers are dropped: no route has a use for them, and they must never pass for headers.
    """

    scope: Any
    cycle: Any
    """Both are None before the first request, whatever uvicorn declares."""
    _awaits_head = True
    """False between the end of a head and the end of its body."""
    _parts_bytes = 0
    """What was received since a head, a piece of a body or a request was complete."""
    _rest_bytes = 0
    _owed_timer: asyncio.TimerHandle | None = None
    """Runs while the client has begun a head, or owes the rest of a body that nobody reads."""
    _answer_timer: asyncio.TimerHandle | None = None
    """Runs while an answer waits to be taken; `_untaken_bytes` were waiting when it was set."""
    _untaken_bytes = 0

    def __init__(self, *arguments: Any, connections: Connections, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._open_connections = connections

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """The first head may take as long as every other one, also until its first byte."""
        super().connection_made(transport)
        if self._open_connections.admit(self, self.client[0] if self.client else ""):
            self._await()
        else:
            transport.write(_TOO_MANY)
            self._close()

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        self._parts_bytes += len(data)
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._parts_bytes > LONGEST_HEAD_BYTES:
            if self._awaits_head and not self._is_answering():
                self.transport.write(_TOO_LONG)
                self._close()
            else:
                self.transport.abort()
        elif self._awaits_head and (self._parts_bytes or self._is_forgotten()):
            self._await()

    def connection_lost(self, exc: Exception | None) -> None:
        for timer in (self._owed_timer, self._answer_timer):
            if timer is not None:
                timer.cancel()
        self._open_connections.closed(self)
        super().connection_lost(exc)

    # As `Connections` sees it

    def is_idle(self) -> bool:
        return not self._is_answering()

    def make_room(self) -> None:
        self.transport.abort()

    # What the parser tells

    def on_message_begin(self) -> None:
        if len(self.pipeline) >= _LONGEST_QUEUE:
            self.transport.abort()
            raise HttpParserError("too many requests at once")
        self._parts_bytes = self._parts_bytes or 1  # behind another request: how much of it is not told
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._awaits_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._awaits_head = False
        self._received()
        self._rest_bytes = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._parts_bytes = 0
        if self.cycle.response_complete:
            self._rest_bytes += len(body)
            if self._rest_bytes > LONGEST_REST_BYTES:
                self.transport.abort()
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._awaits_head = True
        self._received()
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        if not self.transport.is_closing():
            super().send_400_response(msg)
            self._close()

    # What the answers do

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._open_connections.used(self)
        if self.transport.is_closing():
            self._close()
        elif not self._awaits_head:
            self._await()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._await_taking()

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._answer_timer is not None and not self.transport.is_closing():
            self._answer_timer.cancel()
            self._answer_timer = None

    def timeout_keep_alive_handler(self) -> None:
        self._close()

    def shutdown(self) -> None:
        super().shutdown()
        if self.transport.is_closing():
            self._close()

    # What becomes of those that do not finish

    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _is_forgotten(self) -> bool:
        """Whether nothing waits for the next request: what came was empty lines, or the rest of a body."""
        return not self._is_answering() and self.timeout_keep_alive_task is None

    def _received(self) -> None:
        self._parts_bytes = 0
        if self._owed_timer is not None:
            self._owed_timer.cancel()
            self._owed_timer = None

    def _await(self) -> None:
        if self._owed_timer is None:
            self._owed_timer = self.loop.call_later(SLOWEST_HEAD_SECONDS, self._give_up)

    def _give_up(self) -> None:
        self._owed_timer = None
        if self._is_answering():
            self._await()  # the request before this one is still being answered
        else:
            self._open_connections.too_slow()
            self._close()

    def _close(self) -> None:
        """Ends the connection, at the latest when the client has long taken nothing of what waits for it."""
        self.transport.close()
        self._await_taking()

    def _await_taking(self) -> None:
        if self._answer_timer is None:
            self._untaken_bytes = self.transport.get_write_buffer_size()
            self._answer_timer = self.loop.call_later(SLOWEST_ANSWER_SECONDS, self._look_at_taking)

    def _look_at_taking(self) -> None:
        self._answer_timer = None
        if 0 < self.transport.get_write_buffer_size() < self._untaken_bytes:
            self._await_taking()
        else:
            self._open_connections.too_slow()
            self.transport.abort()


class OwnFaultsOnly(logging.Filter):
    """Keeps out of the log what clients did: bytes that are no HTTP, a body not yet here when we stopped."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno < logging.ERROR:
            return False
        error = record.exc_info[1] if record.exc_info else None
        return not isinstance(error, asyncio.CancelledError)
