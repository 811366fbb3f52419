"""The ASGI application: one look at the path, and a request is on its road.

    /healthz  /readyz  /metrics        for those who run the exchange
    /entrepot/objects/…                signed URLs of the local store
    /entrepot/jobs/{id}/progress       how far a job is
    everything else                    the API of AWS Data Exchange: `wire.pipeline`

What is unknown ends in the pipeline too, so that every wrong path and method gets an error an SDK can read.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from time import perf_counter

from entrepot.domain.errors import EntrepotError
from entrepot.server import health
from entrepot.server.asgi import (
    CLOSE,
    AsgiScope,
    BodyTooLarge,
    BodyTooSlow,
    ClientDisconnected,
    Receive,
    Send,
    connection_headers,
    read_body,
    send_response,
)
from entrepot.server.metrics import CONTENT_TYPE, Metrics
from entrepot.server.objects import SignedObjects
from entrepot.server.progress import ProgressRoute
from entrepot.transfer.signed_urls import OBJECTS_PATH
from entrepot.wire.pipeline import LARGEST_BODY_BYTES, Pipeline
from entrepot.wire.request import HttpRequest, HttpResponse

_OBJECTS = OBJECTS_PATH.encode("ascii")
_TOO_SLOW = HttpResponse(
    408,
    ((b"content-type", b"application/json"), (b"x-amzn-errortype", b"RequestTimeoutException")),
    b'{"message":"The request\'s body did not arrive in time. Send the request again."}',
)
_OPERATORS = frozenset({b"/healthz", b"/readyz", b"/metrics"})

_log = logging.getLogger(__name__)


class Application:
    """All routes of one server."""

    def __init__(
        self,
        pipeline: Pipeline,
        progress: ProgressRoute,
        readiness: health.Readiness,
        metrics: Metrics,
        gauges: Callable[[], Awaitable[dict[str, float]]],
        objects: SignedObjects | None,
    ) -> None:
        """`objects` is None where the store signs its own URLs; `gauges` are read at each `/metrics`."""
        self._pipeline = pipeline
        self._progress = progress
        self._readiness = readiness
        self._metrics = metrics
        self._gauges = gauges
        self._objects = objects

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] != "http":
            return
        raw_path: bytes = scope["raw_path"]
        if raw_path in _OPERATORS and scope["method"] in {"GET", "HEAD"}:
            await send_response(send, await self._operators(raw_path))
        elif self._objects is not None and raw_path.startswith(_OBJECTS):
            started = perf_counter()
            status = await self._objects.answer(scope, receive, send)
            self._metrics.request(f"{scope['method'].title()}Object", status, perf_counter() - started)
        else:
            await self._api(scope, receive, send, raw_path.decode("latin-1"))

    async def _api(self, scope: AsgiScope, receive: Receive, send: Send, raw_path: str) -> None:
        unread = False
        try:
            body = await read_body(scope, receive, LARGEST_BODY_BYTES)
        except BodyTooLarge:
            # Longer than any operation takes: the pipeline refuses it by its length, whatever it holds.
            body, unread = bytes(LARGEST_BODY_BYTES + 1), True
        except BodyTooSlow:
            await send_response(send, _TOO_SLOW, extra=CLOSE)
            return
        except ClientDisconnected:
            return
        request = HttpRequest(scope["method"], raw_path, scope["query_string"], scope["headers"], body)
        if raw_path.startswith("/entrepot/") and self._progress.matches(request.method, raw_path):
            started = perf_counter()
            response = await self._progress.answer(request)
            self._metrics.request("GetJobProgress", response.status, perf_counter() - started)
        else:
            response = await self._pipeline.handle(request)
        await send_response(send, response, extra=connection_headers(scope) if unread else ())

    async def _operators(self, raw_path: bytes) -> HttpResponse:
        if raw_path == b"/healthz":
            return health.alive()
        if raw_path == b"/readyz":
            return await self._readiness.answer()
        try:
            gauges = await self._gauges()
        except EntrepotError as error:
            _log.warning("metrics are without what the database knows: %s", error)
            gauges = {}
        return HttpResponse(200, ((b"content-type", CONTENT_TYPE),), self._metrics.render(gauges))
