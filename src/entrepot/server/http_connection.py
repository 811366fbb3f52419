"""One client's connection: uvicorn's, with an end for clients that never finish a request's head.

A head that is too long or too slow would otherwise hold memory and a connection for as long as it likes, and
nobody has to be known for that.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

LONGEST_HEAD_BYTES = 64 * 1024
"""Looked at after each piece received, so a head that arrives in one piece may be as long as that."""
SLOWEST_HEAD_SECONDS = 30.0

_TOO_LONG = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-type: text/plain; charset=utf-8\r\ncontent-length: 38\r\nconnection: close\r\n\r\n"
    b"The request's headers are over 64 KiB."
)


class HttpConnection(HttpToolsProtocol):
    """Reads requests with bounds on how long a head may be, and how long it may take."""

    scope: Any
    cycle: Any
    # Both are None before the first request, whatever uvicorn declares.
    _head_bytes = 0
    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """The first head may take as long as every other one, also until its first byte."""
        super().connection_made(transport)
        self._await_head()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.scope is not None and "raw_path" in self.scope:  # uvicorn adds it once a head is complete
            if self._head_timer is not None:
                self._head_complete()
            return
        self._head_bytes += len(data)
        if self._head_bytes > LONGEST_HEAD_BYTES and not self.transport.is_closing():
            self.transport.write(_TOO_LONG)
            self.transport.close()
        elif self._head_timer is None:
            self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_complete()
        super().connection_lost(exc)

    def _await_head(self) -> None:
        self._head_timer = self.loop.call_later(SLOWEST_HEAD_SECONDS, self._cut)

    def _head_complete(self) -> None:
        self._head_bytes = 0
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _cut(self) -> None:
        if self.cycle is not None and not self.cycle.response_complete:
            self._await_head()  # the request before this one is still being answered
        else:
            self.transport.close()


class OwnFaultsOnly(logging.Filter):
    """Keeps out of the log what clients did: bytes that are no HTTP, a body not yet here when we stopped."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno < logging.ERROR:
            return False
        error = record.exc_info[1] if record.exc_info else None
        return not isinstance(error, asyncio.CancelledError)
