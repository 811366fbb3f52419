"""Routes under `/entrepot/…`: what an account may ask of this exchange that AWS has no call for.

    GET  /entrepot/jobs/{id}/progress                  how far a job is
    POST /entrepot/datashares/{asset id}/credentials   a login for a datashare that PostgreSQL serves
    GET  /entrepot/events?cursor=&limit=&wait=         the events of the caller's account and Region

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
from entrepot.domain.outside_numbers import number_within
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

LOOK_SECONDS = 0.25
"""Between two looks while somebody waits; each is one read of an index."""
_DEFAULT_LIMIT = 100
_MOST = 1000
_LONGEST_WAIT_SECONDS = 60
_ID = "([a-zA-Z0-9]{1,64})"

_log = logging.getLogger(__name__)


class OwnRoute(Protocol):
    name: str
    """As metrics call it, in the manner of an operation: `GetJobProgress`."""
    method: str
    path: re.Pattern[str]
    """Matches the whole path; may have one group, the id of what is asked about."""

    async def answer(
        self, context: Context, resource_id: str, query_string: bytes, gone: Gone
    ) -> Mapping[str, object]:
        """The answer to the caller, as JSON has it. Raises `ServiceError` and `DatabaseError`.

        A route that waits for something to happen gives up waiting when `gone` returns.
        """


@dataclass(frozen=True, slots=True)
class OwnRoutes:
    """Finds the route that a request is for, and answers it."""

    routes: Sequence[OwnRoute]
    authenticator: Authenticator
    services: Services
    metrics: Metrics

    def find(self, method: str, raw_path: str) -> OwnRoute | None:
        for route in self.routes:
            if method == route.method and route.path.fullmatch(raw_path):
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
            resource_id = "".join(route.path.findall(request.raw_path))
            body = await route.answer(context, resource_id, request.query_string, gone)
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


class ProgressRoute:
    """How far a job is.

        {"JobId": …, "State": …, "Items": 12, "ItemsDone": 7, "Bytes": 1048576, "BytesDone": 524288}

    The counts are there once the job has its plan, and until it has ended. While a store or a service that it
    needs cannot be used, there is one member more:

        "Waiting": {"Since": "2026-01-01T00:00:00.000Z", "Reason": …, "NextTryAt": …}
    """

    name = "GetJobProgress"
    method = "GET"
    path = re.compile(f"/entrepot/jobs/{_ID}/progress")

    async def answer(
        self, context: Context, resource_id: str, query_string: bytes, gone: Gone
    ) -> Mapping[str, object]:
        job, run = await job_progress(context, resource_id)
        body: dict[str, object] = {"JobId": job.id, "State": job.state.value}
        if run is not None and run.is_planned:
            progress = run.progress
            body |= {
                "Items": progress.items,
                "ItemsDone": progress.items_done,
                "Bytes": progress.bytes,
                "BytesDone": progress.bytes_done,
            }
        if run is not None and run.waiting is not None:
            waiting = run.waiting
            body["Waiting"] = {
                "Since": waiting.since.isoformat(),
                "Reason": waiting.reason,
                "NextTryAt": waiting.until.isoformat(),
            }
        return body


class DatashareCredentialsRoute:
    """A login for a datashare of PostgreSQL, for the receiver, by the id of the entitled asset.

        {"Host": …, "Port": 5432, "Database": …, "Schema": …, "User": …, "Password": …, "ExpiresAt": …}

    Every call makes another password, ends the former one and the sessions that it began; this answer is the
    only place where the password is. ExpiresAt is the end of the data grant, and absent where it has none.
    """

    name = "CreateDatashareCredentials"
    method = "POST"
    path = re.compile(f"/entrepot/datashares/{_ID}/credentials")

    def __init__(self, hand_out: Callable[[Scope, str], Awaitable[DatabaseLogin]]) -> None:
        """`hand_out` is `DatashareCredentials.hand_out`."""
        self._hand_out = hand_out

    async def answer(
        self, context: Context, resource_id: str, query_string: bytes, gone: Gone
    ) -> Mapping[str, object]:
        login = await self._hand_out(context.scope, resource_id)
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


class EventsRoute:
    """The events of the caller's account and Region, in their order; made on the event loop that uses it.

        {"Events": [{"version": "0", "detail-type": "Revision Published To Data Set", …}, …], "Cursor": "…"}

        cursor   what the former answer said; `latest` begins after all there are, none at the oldest
        limit    how many events at most: 1 to 1000, else 100
        wait     how many seconds to wait where there is none yet: 0 to 60, else 0

    Who asks again with the Cursor of the last answer sees every event once. Events are kept for some time (a
    setting), and a cursor that is older than the oldest of them goes on there.
    """

    name = "ListEvents"
    method = "GET"
    path = re.compile("/entrepot/events")

    def __init__(self, *, look_seconds: float = LOOK_SECONDS) -> None:
        self._look_seconds = look_seconds
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Ends all waiting, now and from now on: the server is about to end."""
        self._stopping.set()

    async def answer(
        self, context: Context, resource_id: str, query_string: bytes, gone: Gone
    ) -> Mapping[str, object]:
        given = dict(parse_qsl(query_string.decode("latin-1"), keep_blank_values=True))
        limit = _number(given, "limit", _DEFAULT_LIMIT, least=1, most=_MOST)
        wait_seconds = _number(given, "wait", 0, least=0, most=_LONGEST_WAIT_SECONDS)
        # An empty cursor is none: who begins has nothing to say.
        position = await position_of(context, given.get("cursor") or None)
        found = await events_after(context, position, limit)
        if not found and wait_seconds:
            found = await self._wait(context, position, limit, wait_seconds, gone)
        if found:
            position = found[-1].sequence
        return {"Events": [envelope(event) for event in found], "Cursor": cursor_at(context, position)}

    async def _wait(
        self, context: Context, position: int, limit: int, wait_seconds: int, gone: Gone
    ) -> list[StoredEvent]:
        """The first events that appear; none where the time is over, or nobody waits any more."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + wait_seconds
        ends = [asyncio.ensure_future(gone()), asyncio.ensure_future(self._stopping.wait())]
        try:
            while (left := deadline - loop.time()) > 0:
                pause = min(left, self._look_seconds)
                over, _ = await asyncio.wait(ends, timeout=pause, return_when=asyncio.FIRST_COMPLETED)
                if over:
                    break
                found = await events_after(context, position, limit)
                if found:
                    return found
        finally:
            for end in ends:
                end.cancel()
            await asyncio.gather(*ends, return_exceptions=True)
        return []


def _number(given: Mapping[str, str], name: str, default: int, *, least: int, most: int) -> int:
    text = given.get(name, "")
    if not text:
        return default
    number = number_within(text, least, most)
    if number is None:
        raise ValidationFailed(f"{name} takes a whole number from {least} to {most}.")
    return number
