"""Routes under `/entrepot/…`: what an account may ask of this exchange that AWS has no call for.

Signed like every other request, answered in JSON, and errors in the form that every AWS SDK reads.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Protocol
from uuid import uuid4

from entrepot.domain.errors import DatabaseError, ServiceError
from entrepot.http.messages import HttpRequest, HttpResponse
from entrepot.operations.context import Context, Services
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
        ...

    def matches(self, method: str, raw_path: str) -> bool:
        """Whether a request is for this route."""
        ...

    async def answer(self, context: Context, request: HttpRequest, gone: Gone) -> Mapping[str, object]:
        """The answer to the caller, as JSON has it. Raises `ServiceError` and `DatabaseError`.

        A route that waits for something to happen gives up waiting when `gone` returns.
        """
        ...


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
