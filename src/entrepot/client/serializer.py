"""Parameters as an HTTP request: path, query, headers and body, as the model's REST-JSON binding says.

What is given here has been checked already (`validation`). Bytes and their order are those of the AWS CLI.
"""

from __future__ import annotations

import json

from entrepot.client.client_errors import ClientError
from entrepot.client.timestamp import to_wire

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from entrepot.client.command_line_model import Operation, Shape

_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


class Request:
    __slots__ = ("body", "headers", "host_prefix", "method", "path", "query")

    def __init__(self, method: str, path: str, host_prefix: str | None = None) -> None:
        self.method = method
        self.path = path
        """Percent-encoded."""
        self.query: str | None = None
        """Percent-encoded; None where no parameter belongs there."""
        self.headers: list[tuple[str, str]] = []
        self.body = b""
        self.host_prefix = host_prefix


def serialize(operation: Operation, parameters: Mapping[str, Any]) -> Request:
    """The request of a call.

    Raises `ClientError` where a value cannot be written: half a character outside the BMP, or, if parameters
    go unchecked, what the model does not know.
    """
    request = Request(operation.method, operation.path, operation.host_prefix)
    members = operation.input.members
    body: dict[str, Any] = {}
    query: list[tuple[str, Any]] = []
    try:
        for name, value in parameters.items():
            if value is None:
                continue
            member = members[name]
            match member.location:
                case "uri":
                    request.path = request.path.replace(f"{{{member.key}}}", percent_encode(str(value)))
                case "querystring":
                    query += value.items() if isinstance(value, dict) else [(member.key, value)]
                case "header":
                    request.headers.append((member.key, str(value)))
                case "headers":
                    request.headers += [(member.key + key, text) for key, text in value.items()]
                case "payload":
                    request.body = value.encode()
                case _:
                    body[member.key] = _json_value(member.shape, value)
        if query:
            request.query = _encode_query(query)
    except (UnicodeEncodeError, KeyError) as error:
        raise ClientError(str(error)) from error
    if body or any(member.location == "body" for member in members.values()):
        request.body = json.dumps(body).encode()
        request.headers.append(("Content-Type", "application/json"))
    return request


def with_token(operation: Operation, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
    """The parameters, with a token made up where one makes repeated calls count once and none is given."""
    for member in operation.input.members.values():
        if member.is_token and member.name not in parameters:
            from uuid import uuid4

            return {**parameters, member.name: str(uuid4())}
    return parameters


def percent_encode(text: str) -> str:
    """The text in UTF-8 with everything but letters, digits and `-._~` as `%XX`. Raises `UnicodeEncodeError`.

    Not `urllib.parse.quote`, which gives the same: importing it takes longer than all that is left to do.
    """
    return "".join([chr(byte) if byte in _UNRESERVED else f"%{byte:02X}" for byte in text.encode()])


def _encode_query(pairs: list[tuple[str, Any]]) -> str:
    """Of a key that comes twice, the last counts, in the place of the first; a list repeats its key."""
    return "&".join(
        [
            f"{percent_encode(key)}={percent_encode(str(item))}"
            for key, value in dict(pairs).items()
            for item in (value if isinstance(value, list) else [value])
        ]
    )


def _json_value(shape: Shape, value: Any) -> Any:
    match shape.kind:
        case "structure":
            members = shape.members
            return {members[name].key: _json_value(members[name].shape, item) for name, item in value.items()}
        case "list" if shape.item is not None:
            return [_json_value(shape.item, item) for item in value]
        case "map" if shape.item is not None:
            return {key: _json_value(shape.item, item) for key, item in value.items()}
        case "timestamp":
            return to_wire(value)
        case _:
            return value
