"""Reads answers by the model: the members of an output, or what an error says.

Only members that the model knows are kept, in its order and without nulls. Scalars pass as they came, of any
type; where a structure, list or map should be and something else is, the answer cannot be read.
"""

from __future__ import annotations

import json

from entrepot.client.client_errors import UnreadableAnswer
from entrepot.client.timestamp import to_iso8601

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from entrepot.client.command_line_model import Operation, Shape
    from entrepot.http.answer import Answer

    TimestampReader = Callable[[object], Any]


def as_sent(value: object) -> object:
    """A timestamp as the service wrote it: `cli_timestamp_format = wire`."""
    return value


def parse_output(
    operation: Operation, answer: Answer, read_timestamp: TimestampReader = to_iso8601
) -> dict[str, Any]:
    """The output of an operation. A body that is no JSON counts as one without members, as with the AWS CLI.

    Raises `UnreadableAnswer`.
    """
    output = operation.output
    if output is None:
        return {}
    parsed: dict[str, Any] = {}
    payload = None
    for member in output.members.values():
        if member.location == "headers":
            parsed[member.name] = _headers_with(member.key, answer.sent_headers)
        elif member.location == "payload":
            payload = member
    if payload is not None:
        parsed[payload.name] = _decode(answer.body)
    else:
        body = _structure(output, parse_json(answer.body), read_timestamp)
        if body is None:
            raise UnreadableAnswer("'NoneType' object is not iterable")
        parsed.update(body)
    return parsed


def parse_error(answer: Answer) -> tuple[str, str]:
    """Code and message of an answer of status 300 or more. Raises `UnreadableAnswer`."""
    status = str(answer.status)
    if answer.status == 300:
        return "Unknown", "Unknown"
    if answer.status >= 500 and (not answer.body.strip() or answer.body.strip().startswith(b"<html>")):
        return status, _standard_reason(answer.status)
    body = parse_json(answer.body)
    if not isinstance(body, dict):
        raise UnreadableAnswer(f"'{type(body).__name__}' object has no attribute 'get'")
    message = body.get("message", body.get("Message", ""))
    return f"{_error_code(answer.headers, body, status)}", f"{message}"


def parse_json(body: bytes) -> Any:
    """The value of a body; without one an empty object; of anything else an object with the text as message.

    Raises `UnreadableAnswer` where it is not UTF-8 or too deeply nested.
    """
    if not body:
        return {}
    text = _decode(body)
    try:
        return json.loads(text)
    except ValueError:
        return {"message": text}
    except RecursionError as error:
        raise UnreadableAnswer(str(error)) from error


def _decode(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise UnreadableAnswer(str(error)) from error


def _error_code(headers: dict[str, str], body: dict[str, Any], status: str) -> object:
    in_header = headers.get("x-amzn-errortype")
    if in_header is not None:
        return in_header.split(":")[0]
    code: object = body.get("code", body.get("Code", body))
    if code is body:
        query_error = headers.get("x-amzn-query-error", "").split(";")
        code = query_error[0] if len(query_error) == 2 and query_error[0] else body.get("__type", status)
        if code is None:
            return ""
        if not isinstance(code, str):
            raise UnreadableAnswer(f"argument of type '{type(code).__name__}' is not iterable")
        return code.rpartition("#")[2]
    if isinstance(code, (list, dict)):
        raise UnreadableAnswer(f"unhashable type: '{type(code).__name__}'")
    return code


def _standard_reason(status: int) -> str:
    """The reason phrase of a status, whatever the server wrote."""
    from http import HTTPStatus

    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def _headers_with(prefix: str, headers: dict[str, str]) -> dict[str, str]:
    prefix = prefix.lower()
    return {name[len(prefix) :]: value for name, value in headers.items() if name.lower().startswith(prefix)}


def _structure(shape: Shape, value: Any, read_timestamp: TimestampReader) -> dict[str, Any] | None:
    if value is None:
        return None
    if not isinstance(value, dict):
        raise UnreadableAnswer(f"'{type(value).__name__}' object has no attribute 'get'")
    parsed = {}
    for member in shape.members.values():
        item = value.get(member.key)
        if item is not None and member.location == "body":
            parsed[member.name] = _value(member.shape, item, read_timestamp)
    return parsed


def _value(shape: Shape, value: Any, read_timestamp: TimestampReader) -> Any:
    if shape.kind == "timestamp":
        return read_timestamp(value)
    read = _CONTAINERS.get(shape.kind)
    return value if read is None else read(shape, value, read_timestamp)


def _list(shape: Shape, value: Any, read_timestamp: TimestampReader) -> list[Any]:
    """A text counts as the list of its characters and an object as that of its names: so the CLI has it."""
    if not isinstance(value, (list, str, dict)):
        raise UnreadableAnswer(f"'{type(value).__name__}' object is not iterable")
    items: Iterable[Any] = value
    item_shape = shape.item
    return [] if item_shape is None else [_value(item_shape, item, read_timestamp) for item in items]


def _map(shape: Shape, value: Any, read_timestamp: TimestampReader) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise UnreadableAnswer(f"'{type(value).__name__}' object has no attribute 'items'")
    item_shape = shape.item
    if item_shape is None:
        return {}
    return {key: _value(item_shape, item, read_timestamp) for key, item in value.items()}


_CONTAINERS: dict[str, Callable[[Shape, Any, TimestampReader], Any]] = {
    "structure": _structure,
    "list": _list,
    "map": _map,
}
