"""Bodies of requests: read with a limit for each, and with one for all that are held at the same time.

A short body is simply read. A long one is asked for once its request's head has been looked at: who sends it
is then known, or as good as the head can tell. Anybody can begin to send long bodies and never end, so what
the server holds of all bodies is bounded, and where it is too much, who holds most has to go.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from entrepot.domain.errors import Throttled
from entrepot.wire.asgi import AsgiScope, BodyUnreadable, ClientDisconnected, Receive, content_length, header

SHORT_BYTES = 64 * 1024
"""What is read before anything of the request is looked at."""
_BODY_SECONDS = 60.0


class BodyTooSlow(BodyUnreadable):
    """The request's body was not here after a minute, though whole ones are small."""


class BodyBudget:
    """How many bytes of bodies are held at once, by all requests of a server; used on one event loop."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._held: set[RequestBody] = set()

    @property
    def held_bytes(self) -> int:
        return sum(body.held_bytes for body in self._held)

    def make_room(self, newcomer: RequestBody) -> None:
        """Ends the reading of other bodies until what is held fits.

        First of those whose sender is not known, the longest first. Raises `Throttled` where the newcomer is
        the one to go.
        """
        while self.held_bytes > self._most_bytes:
            unfinished = [body for body in self._held if not body.is_whole]
            longest = max(unfinished, key=lambda body: (not body.is_known, body.held_bytes))
            if longest is newcomer:
                newcomer.drop()
                raise _too_many()
            longest.drop()

    def add(self, body: RequestBody) -> None:
        self._held.add(body)

    def remove(self, body: RequestBody) -> None:
        self._held.discard(body)


class RequestBody:
    """The body of one request. What it holds counts until `held` ends: until the request is answered."""

    def __init__(self, scope: AsgiScope, receive: Receive, budget: BodyBudget) -> None:
        self._scope = scope
        self._receive = receive
        self._budget = budget
        self._chunks = bytearray()
        self._reading: asyncio.Timeout | None = None
        self._is_dropped = False
        self.held_bytes = 0
        self.is_known = False
        """Whether the request's head proved who sends it."""
        self.is_whole = False
        """Whether it was read to its end."""

    @contextmanager
    def held(self) -> Iterator[None]:
        self._budget.add(self)
        try:
            yield
        finally:
            self._budget.remove(self)

    async def short(self) -> bytes | None:
        """The whole body; None where it is a long one, which `whole` reads on.

        Raises as `whole` does.
        """
        declared = content_length(self._scope)
        if declared is None and header(self._scope, b"transfer-encoding") is None:
            # Without either there is no body (RFC 9112, section 6.3): the usual GET, answered at once.
            self.is_whole = True
            return b""
        if declared is not None and declared > SHORT_BYTES:
            return None
        return await self._read(SHORT_BYTES)

    def exceeds(self, limit_bytes: int) -> bool:
        """Whether it is announced to be longer."""
        declared = content_length(self._scope)
        return declared is not None and declared > limit_bytes

    async def whole(self, limit_bytes: int, *, is_known: bool) -> bytes | None:
        """Reads to the end. `is_known` says whether the request's head proved who sends it.

        None where the body is longer than the limit: before reading, where the length is declared.
        Raises `Throttled` where the server holds too much, `BodyTooSlow` and `ClientDisconnected`.
        """
        self.is_known = is_known
        return None if self.exceeds(limit_bytes) else await self._read(limit_bytes)

    def drop(self) -> None:
        """Gives up reading, and what is held of the body."""
        self._is_dropped = True
        self._chunks = bytearray()
        self.held_bytes = 0
        if self._reading is not None and not self._reading.expired():
            self._reading.reschedule(asyncio.get_running_loop().time())

    async def _read(self, limit_bytes: int) -> bytes | None:
        """The body, or None as soon as it is longer than the limit."""
        try:
            async with asyncio.timeout(_BODY_SECONDS) as self._reading:
                while len(self._chunks) <= limit_bytes:
                    message = await self._receive()
                    if message["type"] == "http.disconnect":
                        raise ClientDisconnected
                    if self._is_dropped:
                        raise _too_many()
                    self._chunks += message.get("body", b"")
                    self.held_bytes = len(self._chunks)
                    self._budget.make_room(self)
                    if not message.get("more_body", False):
                        break
                else:
                    return None
        except TimeoutError:
            if self._is_dropped:
                raise _too_many() from None
            raise BodyTooSlow from None
        finally:
            self._reading = None
        if len(self._chunks) > limit_bytes:
            return None
        self.is_whole = True
        body, self._chunks = bytes(self._chunks), bytearray()
        return body


def _too_many() -> Throttled:
    return Throttled(
        "The exchange is receiving more long requests than it can hold at once. Send this one again soon."
    )
