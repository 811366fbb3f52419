"""The ASGI application: one look at the path, and a request is on its road.

    signed for the service s3          the S3 gateway, whatever the path
    /healthz  /readyz  /metrics        for those who run the exchange
    /entrepot/objects/…                signed URLs of the local store
    /entrepot/jobs/{id}/progress, …    what AWS has no call for: `own_routes`
    everything else                    the API of AWS Data Exchange: `wire.pipeline`

What is unknown ends in the pipeline too, so that every wrong path and method gets an error an SDK can read.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING
from uuid import uuid4

from entrepot.domain.errors import AccessDenied, EntrepotError, Throttled, ValidationFailed
from entrepot.http.messages import HttpRequest, HttpResponse
from entrepot.s3_gateway.s3_errors import ObjectProblem, problem_response
from entrepot.s3_gateway.s3_request import is_for_s3
from entrepot.server.audit import CONTENT_TYPE, UNKNOWN_OPERATION, Metrics
from entrepot.server.objects import SignedObjects
from entrepot.server.own_routes import OwnRoutes
from entrepot.server.trusted_callers import TrustedCallers
from entrepot.stores.store import ObjectStore
from entrepot.transfer.signed_urls import OBJECTS_PATH
from entrepot.wire.asgi import (
    CLOSE,
    AsgiScope,
    ClientDisconnected,
    Receive,
    Send,
    connection_headers,
    send_response,
    send_stream,
    until_disconnected,
)
from entrepot.wire.pipeline import Pipeline
from entrepot.wire.request_body import BodyBudget, BodyTooSlow, RequestBody
from entrepot.wire.responses import error_response

if TYPE_CHECKING:
    from entrepot.s3_gateway.gateway import S3Gateway


_OBJECTS = OBJECTS_PATH.encode("ascii")
_TOO_SLOW = HttpResponse(
    408,
    ((b"content-type", b"application/json"), (b"x-amzn-errortype", b"RequestTimeoutException")),
    b'{"message":"The request\'s body did not arrive in time. Send the request again."}',
)
_OPERATORS = frozenset({b"/healthz", b"/readyz", b"/metrics"})

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Application:
    pipeline: Pipeline
    own_routes: OwnRoutes
    readiness: Readiness
    metrics: Metrics
    gauges: Callable[[], Awaitable[dict[str, float]]]
    """Read at each `/metrics`."""
    objects: SignedObjects | None
    """None where the store signs its own URLs."""
    bodies: BodyBudget
    """Of all requests to the API; those to the other routes are never held."""
    s3_gateway: Callable[[], S3Gateway]
    """Gives the gateway, always the same one; it is not asked before the first request for it."""
    callers: TrustedCallers | None
    """None where requests are signed: a signature says more than where it comes from."""

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        raw_path: bytes = scope["raw_path"]
        refusal = None if self.callers is None else self.callers.refusal(scope)
        if refusal is not None:
            await self._refuse(scope, send, refusal)
        elif is_for_s3(scope):
            await self.s3_gateway().answer(scope, receive, send)
        elif raw_path in _OPERATORS and scope["method"] in {"GET", "HEAD"}:
            await send_response(send, await self._operators(raw_path))
        elif self.objects is not None and raw_path.startswith(_OBJECTS):
            started = perf_counter()
            status = await self.objects.answer(scope, receive, send)
            self.metrics.request(f"{scope['method'].title()}Object", status, perf_counter() - started)
        else:
            await self._api(scope, receive, send, raw_path.decode("latin-1"))

    async def _refuse(self, scope: AsgiScope, send: Send, refusal: AccessDenied) -> None:
        request_id = str(uuid4())
        if is_for_s3(scope):
            response = problem_response(ObjectProblem(403, "AccessDenied", refusal.message), request_id)
        else:
            response = error_response(refusal, request_id)
        self.metrics.request(UNKNOWN_OPERATION, response.status, 0.0)
        await send_response(send, response, extra=CLOSE)

    async def _api(self, scope: AsgiScope, receive: Receive, send: Send, raw_path: str) -> None:
        body = RequestBody(scope, receive, self.bodies)
        with body.held():
            try:
                response = await self._response(scope, receive, raw_path, body)
            except BodyTooSlow:
                await send_response(send, _TOO_SLOW, extra=CLOSE)
                return
            except ClientDisconnected:
                return
            if response.stream is not None:
                await send_stream(receive, send, response, response.stream)
                return
            await send_response(send, response, extra=() if body.is_whole else connection_headers(scope))

    async def _response(
        self, scope: AsgiScope, receive: Receive, raw_path: str, body: RequestBody
    ) -> HttpResponse:
        try:
            content = await body.short()
        except Throttled as error:
            return error_response(error, str(uuid4()))
        request = HttpRequest(
            scope["method"], raw_path, scope["query_string"], scope["headers"], content or b""
        )
        own = self.own_routes.find(request.method, raw_path) if raw_path.startswith("/entrepot/") else None
        if own is None:
            return await self.pipeline.handle(request, body if content is None else None)
        if content is None:
            too_long = ValidationFailed(f"{own.name} takes no request body; send it without one.")
            return error_response(too_long, str(uuid4()))
        return await self.own_routes.answer(own, request, partial(until_disconnected, receive))

    async def _operators(self, raw_path: bytes) -> HttpResponse:
        if raw_path == b"/healthz":
            return alive()
        if raw_path == b"/readyz":
            return await self.readiness.answer()
        try:
            gauges = await self.gauges()
        except EntrepotError as error:
            _log.warning("metrics are without what the database knows: %s", error)
            gauges = {}
        return HttpResponse(200, ((b"content-type", CONTENT_TYPE),), self.metrics.render(gauges))


_JSON = ((b"content-type", b"application/json"),)
_CHECK_SECONDS = 5.0


def alive() -> HttpResponse:
    """Answers `/healthz`: 200 as long as the process answers at all."""
    return HttpResponse(200, _JSON, b'{"status": "ok"}\n')


@dataclass(frozen=True, slots=True)
class Readiness:
    check_database: Callable[[], Awaitable[None]]
    store: ObjectStore
    workers_alive: Callable[[], Awaitable[int]]
    needs_workers: bool
    """Whether jobs are to run: with `--job-workers 0` somebody else's workers may come and go."""

    async def answer(self) -> HttpResponse:
        """200 when everything is well, else 503; each check by name with what is wrong with it."""
        found = await asyncio.gather(
            _outcome(self.check_database()),
            _outcome(asyncio.to_thread(self.store.check)),
            _outcome(self._require_worker()),
        )
        ready = all(state == "ok" for state in found)
        checks = dict(zip(("database", "store", "workers"), found, strict=True))
        body = {"status": "ok" if ready else "not ready", "checks": checks}
        return HttpResponse(200 if ready else 503, _JSON, json.dumps(body).encode() + b"\n")

    async def _require_worker(self) -> None:
        if self.needs_workers and not await self.workers_alive():
            raise _NoWorker("no job worker is alive; jobs wait until one is")


class _NoWorker(EntrepotError):
    """Nobody would run a job now."""


async def _outcome(check: Awaitable[object]) -> str:
    try:
        async with asyncio.timeout(_CHECK_SECONDS):
            await check
    except EntrepotError as error:
        return error.message
    except TimeoutError:
        return f"no answer within {_CHECK_SECONDS:g} s"
    return "ok"
