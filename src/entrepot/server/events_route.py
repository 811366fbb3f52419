"""`GET /entrepot/events?cursor=&limit=&wait=`: the events of the caller's account and Region, in their order.

    {"Events": [{"version": "0", "detail-type": "Revision Published To Data Set", …}, …], "Cursor": "…"}

    cursor   what the former answer said; `latest` begins after all there are, none at the oldest
    limit    how many events at most: 1 to 1000, else 100
    wait     how many seconds to wait where there is none yet: 0 to 60, else 0

Who asks again with the Cursor of the last answer sees every event once. Events are kept for some time (a
setting), and a cursor that is older than the oldest of them goes on there.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from entrepot.domain.errors import ValidationFailed
from entrepot.domain.event import StoredEvent, envelope
from entrepot.http.messages import HttpRequest
from entrepot.operations.context import Context
from entrepot.operations.events import cursor_at, events_after, position_of
from entrepot.server.own_routes import Gone

LOOK_SECONDS = 0.25
"""Between two looks while somebody waits; each is one read of an index."""
_DEFAULT_LIMIT = 100
_MOST = 1000
_LONGEST_WAIT_SECONDS = 60


class EventsRoute:
    """Answers the route; made on the event loop that uses it."""

    def __init__(self, *, look_seconds: float = LOOK_SECONDS) -> None:
        self._look_seconds = look_seconds
        self._stopping = asyncio.Event()

    @property
    def name(self) -> str:
        """See `OwnRoute`."""
        return "ListEvents"

    def matches(self, method: str, raw_path: str) -> bool:
        """See `OwnRoute`."""
        return method == "GET" and raw_path == "/entrepot/events"

    def stop(self) -> None:
        """Ends all waiting, now and from now on: the server is about to end."""
        self._stopping.set()

    async def answer(self, context: Context, request: HttpRequest, gone: Gone) -> Mapping[str, object]:
        """See `OwnRoute`. Raises `ValidationFailed` for a parameter that it cannot use."""
        asked = _asked(request.query_string)
        position = await position_of(context, asked.cursor)
        found = await events_after(context, position, asked.limit)
        if not found and asked.wait_seconds:
            found = await self._wait(context, position, asked, gone)
        if found:
            position = found[-1].sequence
        return {"Events": [envelope(event) for event in found], "Cursor": cursor_at(context, position)}

    async def _wait(self, context: Context, position: int, asked: _Asked, gone: Gone) -> list[StoredEvent]:
        """The first events that appear; none where the time is over, or nobody waits any more."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + asked.wait_seconds
        ends = [asyncio.ensure_future(gone()), asyncio.ensure_future(self._stopping.wait())]
        try:
            while (left := deadline - loop.time()) > 0:
                pause = min(left, self._look_seconds)
                over, _ = await asyncio.wait(ends, timeout=pause, return_when=asyncio.FIRST_COMPLETED)
                if over:
                    break
                found = await events_after(context, position, asked.limit)
                if found:
                    return found
        finally:
            for end in ends:
                end.cancel()
            await asyncio.gather(*ends, return_exceptions=True)
        return []


@dataclass(frozen=True, slots=True)
class _Asked:
    cursor: str | None
    limit: int
    wait_seconds: int


def _asked(query_string: bytes) -> _Asked:
    given = dict(parse_qsl(query_string.decode("latin-1"), keep_blank_values=True))
    return _Asked(
        # An empty one is none: who begins has nothing to say.
        given.get("cursor") or None,
        _number(given, "limit", _DEFAULT_LIMIT, least=1, most=_MOST),
        _number(given, "wait", 0, least=0, most=_LONGEST_WAIT_SECONDS),
    )


def _number(given: Mapping[str, str], name: str, default: int, *, least: int, most: int) -> int:
    text = given.get(name, "")
    if not text:
        return default
    if not re.fullmatch(r"\d{1,9}", text, re.ASCII) or not least <= int(text) <= most:
        raise ValidationFailed(f"{name} takes a whole number from {least} to {most}.")
    return int(text)
