"""From an error to an HTTP response, as every AWS SDK reads it (behaviour reference, section 0.3).

The name is in the header `x-amzn-errortype`. The body has the modelled members, and the message twice:
SDKs look for `message` where the model says `Message`.
"""

from __future__ import annotations

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
from entrepot.wire.request import Header, HttpResponse
from entrepot.wire.router import MethodNotAllowed
from entrepot.wire.serializer import json_response

RETRY_AFTER_SECONDS = 1


def error_code(error: ServiceError) -> str:
    """The name by which SDKs know the error."""
    return error.authentication_code if isinstance(error, AuthenticationFailed) else error.code


def error_response(error: ServiceError, request_id: str) -> HttpResponse:
    """The response that an error of the API is."""
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
    return json_response(error.status, msgspec.json.encode(present), request_id, headers)


def internal_error(request_id: str) -> InternalError:
    """What a caller is told of a failure that is not theirs: where to look, and nothing of its inside."""
    return InternalError(
        f"The exchange could not answer; its log tells why under request id {request_id}. Try again."
    )
