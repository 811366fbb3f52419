"""From an operation's result, or from an error, to an HTTP response as every AWS SDK reads it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from entrepot.domain.errors import (
    AuthenticationFailed,
    Conflict,
    InternalError,
    ResourceNotFound,
    ServiceError,
    ServiceLimitExceeded,
    Throttled,
    ValidationFailed,
)
from entrepot.http.messages import Header, HttpResponse
from entrepot.model import shapes
from entrepot.model.service_model import Location, Operation, ServiceModel
from entrepot.wire.router import MethodNotAllowed

RETRY_AFTER_SECONDS = 1


def error_code(error: ServiceError) -> str:
    return error.authentication_code if isinstance(error, AuthenticationFailed) else error.code


def error_response(error: ServiceError, request_id: str) -> HttpResponse:
    message = error.message.encode("utf-8", "replace").decode()
    body: dict[str, Any] = {"Message": message, "message": message}
    headers: list[Header] = [(b"x-amzn-errortype", error_code(error).encode())]
    match error:
        case Conflict() | ResourceNotFound():
            body |= {"ResourceId": error.resource_id, "ResourceType": error.resource_type}
        case ServiceLimitExceeded():
            body |= {"LimitName": error.limit_name, "LimitValue": float(error.limit_value)}
        case ValidationFailed():
            body |= {"ExceptionCause": error.exception_cause}
            if isinstance(error, MethodNotAllowed):
                headers.append((b"allow", ", ".join(error.allowed).encode()))
        case Throttled():
            headers.append((b"retry-after", b"%d" % RETRY_AFTER_SECONDS))
    present = {name: value for name, value in body.items() if value is not None}
    return _response(error.status, msgspec.json.encode(present), request_id, [_JSON, *headers])


def internal_error(request_id: str) -> InternalError:
    """The error for a failure that is not the caller's: where to look, and nothing of its inside."""
    return InternalError(
        f"The exchange could not answer; its log tells why under request id {request_id}. Try again."
    )


_JSON = (b"content-type", b"application/json")
_NOT_OURS_TO_PASS_ON = frozenset(
    (b"connection", b"content-length", b"keep-alive", b"te", b"trailer", b"transfer-encoding", b"upgrade")
) | {b"x-amzn-requestid"}


class Serializer:
    def __init__(self, operation: Operation, model: ServiceModel) -> None:
        self._status = operation.status
        members = () if operation.output is None else model.shapes[operation.output].members
        self._has_output = bool(members)
        self._payload = next((m for m in members if m.location is Location.PAYLOAD), None)
        self._headers = [m for m in members if m.location in (Location.HEADER, Location.HEADERS)]
        self._elsewhere = [m.python_name for m in members if m.location is not Location.BODY]

    def serialize(self, result: msgspec.Struct | None, request_id: str) -> HttpResponse:
        """The response with the operation's success status; without output, an empty one without a type.

        Raises `TypeError` when a result is missing, or is there though the model has none.
        """
        if not self._has_output:
            return _response(self._status, b"", request_id, ())
        if result is None:
            raise TypeError("the operation has an output, but it returned None")
        if not self._elsewhere:
            return _response(self._status, shapes.encode(result), request_id, [_JSON])
        headers = list(self._header_values(result))
        if self._payload is None:
            in_body = msgspec.structs.replace(result, **dict.fromkeys(self._elsewhere))
            return _response(self._status, shapes.encode(in_body), request_id, [_JSON, *headers])
        body = (getattr(result, self._payload.python_name) or "").encode()
        return _response(self._status, body, request_id, headers)

    def _header_values(self, result: msgspec.Struct) -> Iterator[Header]:
        for member in self._headers:
            value: Any = getattr(result, member.python_name)
            if value is None:
                continue
            if member.location is Location.HEADER:
                yield _header(member.location_name, str(value))
            else:
                for name, text in value.items():
                    header = _header(member.location_name + name, text)
                    if header[0] not in _NOT_OURS_TO_PASS_ON:
                        yield header


def _response(status: int, body: bytes, request_id: str, headers: Sequence[Header]) -> HttpResponse:
    """Puts into a response what every one has; its length is the business of who sends it."""
    return HttpResponse(status, [(b"x-amzn-requestid", request_id.encode()), *headers], body)


def _header(name: str, value: str) -> Header:
    """One header. Raises `ValueError` for what would end the header early and begin another."""
    if any(character in name + value for character in "\r\n\0"):
        raise ValueError(f"header {name!r} contains a line break or NUL")
    return name.lower().encode(), value.encode()
