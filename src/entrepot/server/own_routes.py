"""Routes under `/entrepot/…`: what an account may ask of this exchange that AWS has no call for.

Signed like every other request, answered in JSON, and errors in the form that every AWS SDK reads.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Protocol
from urllib.parse import parse_qsl
from uuid import uuid4

from entrepot.domain.datashare import DatabaseLogin
from entrepot.domain.errors import DatabaseError, ServiceError, ValidationFailed
from entrepot.domain.event import StoredEvent, envelope
from entrepot.domain.scope import Scope
from entrepot.http.messages import HttpRequest, HttpResponse
from entrepot.operations.context import Context, Services
from entrepot.operations.events import cursor_at, events_after, position_of
from entrepot.operations.jobs import job_progress
from entrepot.server.audit import Metrics
from entrepot.sigv4.verification import Authenticator
from entrepot.wire.responses import error_response, internal_error

Gone = Callable[[], Awaitable[None]]
"""Returns when the client has gone, and nobody waits for the answer any more."""

_log = logging.getLogger(__name__)


class OwnRoute(Protocol):
    """One route."""

    @property
    def name(self) -> str:
        """As metrics call it, in the manner of an operation: `GetJobProgress`."""

    def matches(self, method: str, raw_path: str) -> bool:
        """Whether a request is for this route."""

    async def answer(self, context: Context, request: HttpRequest, gone: Gone) -> Mapping[str, object]:
        """The answer to the caller, as JSON has it. Raises `ServiceError` and `DatabaseError`.

        A route that waits for something to happen gives up waiting when `gone` returns.
        """


@dataclass(frozen=True, slots=True)
class OwnRoutes:
    """All of them."""

    routes: Sequence[OwnRoute]
    authenticator: Authenticator
    services: Services
    metrics: Metrics

    def find(self, method: str, raw_path: str) -> OwnRoute | None:
        """The route that a request is for."""
        for route in self.routes:
            if route.matches(method, raw_path):
                return route
        return None

    async def answer(self, route: OwnRoute, request: HttpRequest, gone: Gone) -> HttpResponse:
        """The route's answer, or a modelled error."""
        started = perf_counter()
        request_id = str(uuid4())
        try:
            principal = await self.authenticator.authenticate(request, self.services.clock())
            principal.require_data_exchange()
            context = Context(principal.scope, request_id, self.services)
            body = await route.answer(context, request, gone)
            headers = ((b"content-type", b"application/json"), (b"x-amzn-requestid", request_id.encode()))
            response = HttpResponse(200, headers, json.dumps(body).encode())
        except ServiceError as error:
            response = error_response(error, request_id)
        except DatabaseError as error:
            _log.error("request %s: the database is unavailable: %s", request_id, error)
            response = error_response(internal_error(request_id), request_id)
        except Exception:  # noqa: BLE001 - whatever fails, the client gets an answer and the log says why
            _log.exception("request %s failed: %s %r", request_id, request.method, request.raw_path)
            response = error_response(internal_error(request_id), request_id)
        self.metrics.request(route.name, response.status, perf_counter() - started)
        return response


_PATH = re.compile(r"/entrepot/jobs/([a-zA-Z0-9]{1,64})/progress")


class ProgressRoute:
    """Answers the route."""

    @property
    def name(self) -> str:
        """See `OwnRoute`."""
        return "GetJobProgress"

    def matches(self, method: str, raw_path: str) -> bool:
        """See `OwnRoute`."""
        return method == "GET" and _PATH.fullmatch(raw_path) is not None

    async def answer(self, context: Context, request: HttpRequest, gone: Gone) -> Mapping[str, object]:
        """See `OwnRoute`. Raises `ResourceNotFound` for a job that the account does not have."""
        match = _PATH.fullmatch(request.raw_path)
        job, progress = await job_progress(context, match.group(1) if match is not None else "")
        body: dict[str, object] = {"JobId": job.id, "State": job.state.value}
        if progress is not None:
            body |= {
                "Items": progress.items,
                "ItemsDone": progress.items_done,
                "Bytes": progress.bytes,
                "BytesDone": progress.bytes_done,
            }
        return body


_PATH = re.compile(r"/entrepot/datashares/([a-zA-Z0-9]{1,64})/credentials")


@dataclass(frozen=True, slots=True)
class DatashareCredentialsRoute:
    """Answers the route."""

    hand_out: Callable[[Scope, str], Awaitable[DatabaseLogin]]
    """See `access.datashare_credentials`."""

    @property
    def name(self) -> str:
        """See `OwnRoute`."""
        return "CreateDatashareCredentials"

    def matches(self, method: str, raw_path: str) -> bool:
        """See `OwnRoute`."""
        return method == "POST" and _PATH.fullmatch(raw_path) is not None

    async def answer(self, context: Context, request: HttpRequest, gone: Gone) -> Mapping[str, object]:
        """See `OwnRoute`. Raises `ResourceNotFound`, `Conflict`, `ValidationFailed` and `InternalError`."""
        match = _PATH.fullmatch(request.raw_path)
        login = await self.hand_out(context.scope, match.group(1) if match is not None else "")
        answer: dict[str, object] = {
            "Host": login.host,
            "Port": login.port,
            "Database": login.database,
            "Schema": login.schema,
            "User": login.user,
            "Password": login.password,
        }
        if login.expires_at is not None:
            answer["ExpiresAt"] = login.expires_at.isoformat()
        return answer


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
