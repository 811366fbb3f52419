"""What botocore makes of our model's operations: the requests it sends, and what it reads from responses."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import botocore.awsrequest
import botocore.loaders
import botocore.model
import botocore.parsers
import botocore.serialize

from entrepot.http.messages import HttpRequest, HttpResponse

_LOADER = botocore.loaders.Loader()
SERVICE = botocore.model.ServiceModel(_LOADER.load_service_model("dataexchange", "service-2"), "dataexchange")
_SERIALIZER = botocore.serialize.create_serializer("rest-json", include_validation=False)
_PARSER = botocore.parsers.create_parser("rest-json")


def sent(operation_name: str, parameters: dict[str, Any]) -> HttpRequest:
    """The request that botocore sends, as a server reads it."""
    operation = SERVICE.operation_model(operation_name)
    pieces = _SERIALIZER.serialize_to_request(parameters, operation)
    botocore.awsrequest.prepare_request_dict(pieces, endpoint_url="http://127.0.0.1:8250")
    prepared = botocore.awsrequest.create_request_object(pieces).prepare()
    url = urlsplit(prepared.url)
    body = prepared.body or b""
    return HttpRequest(
        method=prepared.method,
        raw_path=url.path,
        query_string=url.query.encode(),
        headers=[(name.lower().encode(), _bytes(value)) for name, value in prepared.headers.items()],
        body=_bytes(body),
    )


def received(operation_name: str, response: HttpResponse) -> dict[str, Any]:
    """What botocore reads from a successful response, or from an error."""
    operation = SERVICE.operation_model(operation_name)
    parsed: dict[str, Any] = _PARSER.parse(_pieces(response), operation.output_shape)
    return parsed


def received_error(operation_name: str, response: HttpResponse) -> tuple[str, str, dict[str, Any]]:
    """Code, message and modelled members of an error, as `ClientError.response` has them."""
    parsed = received(operation_name, response)
    code = parsed["Error"]["Code"]
    shape = SERVICE.shape_for_error_code(code)
    members = _PARSER.parse(_pieces(response), shape) if shape is not None else {}
    return (
        code,
        parsed["Error"]["Message"],
        {name: members[name] for name in shape.members if name in members},
    )


def _pieces(response: HttpResponse) -> dict[str, Any]:
    headers = {name.decode(): value.decode() for name, value in response.headers}
    return {
        "status_code": response.status,
        "headers": botocore.awsrequest.HeadersDict(headers),
        "body": response.body,
    }


def _bytes(text: str | bytes) -> bytes:
    return text.encode() if isinstance(text, str) else text
