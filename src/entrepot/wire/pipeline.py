"""The life of a request. `Pipeline.handle` is the whole list of its stages, in their order.

A path that does not exist is answered before anyone asks for a signature; what the head proves wrong, before
a long body is read; a body too large to be looked at, before it is hashed; a signature that is wrong, before
anything the request says is believed or commented on.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

from entrepot.domain.api_call import LARGEST_PAYLOAD_BYTES, ApiCall
from entrepot.domain.errors import DatabaseUnavailable, ServiceError, ValidationFailed
from entrepot.domain.scope import Scope
from entrepot.domain.timestamp import Timestamp
from entrepot.http.messages import HttpRequest, HttpResponse
from entrepot.model.loader import load_model
from entrepot.model.service_model import Operation, ServiceModel
from entrepot.sigv4.verification import Authenticator, Principal, decoded_body
from entrepot.wire.api_calls import (
    SEND_API_ASSET,
    api_call,
    api_response,
    is_for_an_api,
    request_without_payload,
)
from entrepot.wire.asgi import BodyUnreadable
from entrepot.wire.parser import Parser
from entrepot.wire.responses import Serializer, error_code, error_response, internal_error
from entrepot.wire.router import Router
from entrepot.wire.validator import Validator

MEBIBYTE = 1024 * 1024
BODY_LIMIT_BYTES = 4 * MEBIBYTE
BODY_LIMITS_BYTES: Mapping[str, int] = MappingProxyType({SEND_API_ASSET: LARGEST_PAYLOAD_BYTES})
"""The operations with a limit of their own: API Gateway takes 10 MiB."""
LARGEST_BODY_BYTES = max(BODY_LIMIT_BYTES, *BODY_LIMITS_BYTES.values())

_NO_PARAMETERS: Mapping[str, str] = MappingProxyType({})

Run = Callable[[Any, Any], Awaitable[Any]]
"""An operation: from its context and its request to its response."""

logger = logging.getLogger("entrepot.wire")


class LongBody(Protocol):
    """A body that is read when somebody asks for it: `RequestBody`."""

    def exceeds(self, limit_bytes: int) -> bool:
        """Whether it is announced to be longer."""

    async def whole(self, limit_bytes: int, *, is_known: bool) -> bytes | None:
        """All of it, None where it is longer; whatever else it raises is the server's business."""


class AuditEntry(NamedTuple):
    """What is kept of every request. Who and what are None where a request failed before they were known."""

    at: Timestamp
    request_id: str
    account_id: str | None
    access_key_id: str | None
    operation: str | None
    status: int
    error_code: str | None
    duration_us: int


class AuditSink(Protocol):
    def record(self, entry: AuditEntry) -> None:
        """Takes one entry; must neither block nor raise."""


class LogAuditSink:
    """Writes one line for each request, at INFO, to the logger `entrepot.audit`."""

    def __init__(self) -> None:
        self._log = logging.getLogger("entrepot.audit")

    def record(self, entry: AuditEntry) -> None:
        if self._log.isEnabledFor(logging.INFO):
            self._log.info(
                "%s %s account=%s key=%s operation=%s status=%d error=%s us=%d",
                entry.at.isoformat(),
                entry.request_id,
                entry.account_id,
                entry.access_key_id,
                entry.operation,
                entry.status,
                entry.error_code,
                entry.duration_us,
            )


class _Stages:
    """The stages that differ from operation to operation, made once."""

    __slots__ = ("body_limit_bytes", "name", "parser", "run", "serializer", "validator")

    def __init__(self, operation: Operation, run: Run, model: ServiceModel) -> None:
        self.name = operation.name
        self.run = run
        self.parser = Parser(operation, model)
        self.validator = Validator(operation.input, model)
        self.serializer = Serializer(operation, model)
        self.body_limit_bytes = BODY_LIMITS_BYTES.get(operation.name, BODY_LIMIT_BYTES)

    def value(self, request: HttpRequest, parameters: Mapping[str, str]) -> Any:
        return self.validator.validate(self.parser.parse(request, parameters))

    def response(self, value: Any, result: Any, request: HttpRequest, request_id: str) -> HttpResponse:
        del value, request
        return self.serializer.serialize(result, request_id)

    def require_body_size(self, body: bytes | None) -> bytes:
        if body is None or len(body) > self.body_limit_bytes:
            raise ValidationFailed(
                f"The request body is too large: {self.name} takes {self.body_limit_bytes} bytes at most."
            )
        return body


class _ApiCallStages(_Stages):
    """Those of SendApiAsset, which passes on what shapes cannot hold."""

    __slots__ = ()

    def value(self, request: HttpRequest, parameters: Mapping[str, str]) -> ApiCall:
        named = super().value(request_without_payload(request), parameters)
        return api_call(request, named)

    def response(self, value: ApiCall, result: Any, request: HttpRequest, request_id: str) -> HttpResponse:
        return api_response(value, result, request, request_id)


class Pipeline:
    """Answers requests.

    `operations` gives the function of each operation by the operation's name; every one of the model must be
    there. `make_context` makes what these functions get beside the request.
    """

    def __init__(
        self,
        operations: Mapping[str, Run],
        *,
        authenticator: Authenticator,
        make_context: Callable[[Scope, str], Any],
        clock: Callable[[], Timestamp],
        audit: AuditSink,
        random_bytes: Callable[[int], bytes] = os.urandom,
    ) -> None:
        model = load_model()
        self._router = Router(model.operations.values())
        self._stages = {
            name: _Stages(operation, operations[name], model) for name, operation in model.operations.items()
        }
        api = model.operations[SEND_API_ASSET]
        self._api_stages = _ApiCallStages(api, operations[api.name], model)
        self._stages[api.name] = self._api_stages
        self._authenticator = authenticator
        self._make_context = make_context
        self._clock = clock
        self._audit = audit
        self._random_bytes = random_bytes

    async def handle(self, request: HttpRequest, long_body: LongBody | None = None) -> HttpResponse:
        """Takes one request through all stages. `long_body` is the body where the request has none yet.

        Never raises, but for cancellation, and what ends the reading of a body without an answer of ours
        (`BodyUnreadable`).
        """
        started_ns = time.perf_counter_ns()
        request_id = self._new_request_id()
        now = self._clock()
        stages: _Stages | None = None
        principal: Principal | None = None
        failure: ServiceError | None = None
        try:
            if is_for_an_api(request):
                stages, parameters = self._api_stages, _NO_PARAMETERS
            else:
                operation, parameters = self._router.route(request.method, request.raw_path)
                stages = self._stages[operation.name]
            if long_body is not None:
                if long_body.exceeds(stages.body_limit_bytes):
                    stages.require_body_size(None)
                is_known = await self._authenticator.look_at_head(request, now)
                body = await long_body.whole(stages.body_limit_bytes, is_known=is_known)
                request = replace(request, body=stages.require_body_size(body))
            stages.require_body_size(request.body)
            principal = await self._authenticator.authenticate(request, now)
            principal.require_data_exchange()
            if request.body:
                request = replace(request, body=decoded_body(request))
            value = stages.value(request, parameters)
            context = self._make_context(principal.scope, request_id)
            result = await stages.run(context, value)
            response = stages.response(value, result, request, request_id)
        except ServiceError as error:
            failure = error
        except BodyUnreadable:
            raise
        except DatabaseUnavailable as error:
            logger.error("request %s: the database is unavailable: %s", request_id, error)  # noqa: TRY400
            failure = internal_error(request_id)
        except Exception:
            logger.exception("request %s failed: %s %r", request_id, request.method, request.raw_path)
            failure = internal_error(request_id)
        if failure is not None:
            response = error_response(failure, request_id)
        self._audit.record(
            AuditEntry(
                at=now,
                request_id=request_id,
                account_id=None if principal is None else principal.scope.account_id,
                access_key_id=None if principal is None else principal.access_key_id,
                operation=None if stages is None else stages.name,
                status=response.status,
                error_code=None if failure is None else error_code(failure),
                duration_us=(time.perf_counter_ns() - started_ns) // 1000,
            )
        )
        return response

    def _new_request_id(self) -> str:
        """A random UUID in form; nothing reads its version."""
        digits = self._random_bytes(16).hex()
        return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
