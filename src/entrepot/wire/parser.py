"""From an HTTP request to one mapping of its members: JSON body, path, query and headers merged.

Nothing is checked but that the body can be read at all; what the values must be is the validator's business.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import unquote_to_bytes

import msgspec

from entrepot.domain.errors import ValidationFailed
from entrepot.domain.outside_numbers import integer
from entrepot.http.messages import HttpRequest
from entrepot.model.service_model import Kind, Location, Member, Operation, ServiceModel

_JSON_NUL = b"\\u0000"


class Parsed(NamedTuple):
    """What was read, by the keys of `Member.key`."""

    values: dict[str, Any]
    doubtful: bool
    """Whether some text may be one that only the validator's thorough pass refuses: empty where it names a
    resource, not UTF-8, or with a NUL, which PostgreSQL cannot store."""


class Parser:
    def __init__(self, operation: Operation, model: ServiceModel) -> None:
        members = model.shapes[operation.input].members
        self._kinds: Mapping[str, Kind] = {member.name: model.shapes[member.shape].kind for member in members}
        by_location: dict[Location, list[Member]] = {location: [] for location in Location}
        for member in members:
            by_location[member.location].append(member)
        self._reads_json = bool(by_location[Location.BODY])
        self._payload = next(iter(by_location[Location.PAYLOAD]), None)
        self._headers = {member.location_name.encode(): member for member in by_location[Location.HEADER]}
        self._header_prefixes = [(m.location_name.encode(), m) for m in by_location[Location.HEADERS]]
        query = by_location[Location.QUERY]
        self._query = {m.location_name: m for m in query if self._kinds[m.name] is not Kind.MAP}
        self._query_rest = next((m for m in query if self._kinds[m.name] is Kind.MAP), None)
        self._reads_query = bool(query)
        self._reads_headers = bool(self._headers or self._header_prefixes)
        self._elsewhere = [member.name for member in members if member.location is not Location.BODY]

    def parse(self, request: HttpRequest, parameters: Mapping[str, str]) -> Parsed:
        """Merges all members of the request. Raises `ValidationFailed` when the body cannot be read.

        A body that the operation has no use for is ignored, whatever it is; so is `Content-Type`.
        """
        values, doubtful = self._body(request.body)
        for name, value in parameters.items():
            values[name] = value
            doubtful = doubtful or not value or not value.isprintable()
        if self._reads_query and request.query_string:
            doubtful = self._read_query(request.query_string, values) or doubtful
        if self._reads_headers:
            doubtful = self._read_headers(request, values) or doubtful
        return Parsed(values, doubtful)

    def _body(self, body: bytes) -> tuple[dict[str, Any], bool]:
        if not body:
            return {}, False
        if self._payload is not None:
            text = _decode(body)
            return {self._payload.name: text}, not text.isprintable()
        if not self._reads_json:
            return {}, False
        values = decode_object(body)
        for name in self._elsewhere:
            values.pop(name, None)  # what belongs into the path cannot be smuggled in by the body
        return values, _JSON_NUL in body

    def _read_query(self, query_string: bytes, values: dict[str, Any]) -> bool:
        """Adds the query's members; whether any text is doubtful."""
        doubtful = False
        for pair in query_string.split(b"&"):
            raw_key, _, raw_value = pair.partition(b"=")
            key, value = _unquote(raw_key), _unquote(raw_value)
            member = self._query.get(key)
            if member is not None:
                self._put(member, value, values)
            elif self._query_rest is not None and key:
                values.setdefault(self._query_rest.name, {})[key] = value
            else:
                continue
            doubtful = doubtful or not value.isprintable() or not key.isprintable()
        return doubtful

    def _read_headers(self, request: HttpRequest, values: dict[str, Any]) -> bool:
        """Adds the headers' members; whether any text is doubtful."""
        doubtful = False
        for name, raw_value in request.headers:
            member = self._headers.get(name)
            if member is not None:
                value = _decode(raw_value)
                self._put(member, value, values)
                doubtful = doubtful or not value.isprintable()
                continue
            for prefix, prefixed in self._header_prefixes:
                if name.startswith(prefix):
                    rest, value = _decode(name.removeprefix(prefix)), _decode(raw_value)
                    values.setdefault(prefixed.name, {})[rest] = value
                    doubtful = doubtful or not value.isprintable()
        return doubtful

    def _put(self, member: Member, text: str, values: dict[str, Any]) -> None:
        """One value of a query or header: lists collect, numbers are read; a text that is none stays one."""
        match self._kinds[member.name]:
            case Kind.LIST:
                values.setdefault(member.name, []).append(text)
            case Kind.INTEGER if (number := integer(text)) is not None:
                values[member.name] = number
            case _:
                values[member.name] = text


def decode_object(body: bytes) -> dict[str, Any]:
    """The JSON object that a body is. Raises `ValidationFailed` when it is none."""
    try:
        content = msgspec.json.decode(body)
    except RecursionError as error:
        raise ValidationFailed("The request body is nested too deeply.") from error
    except UnicodeDecodeError as error:
        raise ValidationFailed(f"The request body is not valid UTF-8 (byte {error.start}).") from error
    except (msgspec.DecodeError, ValueError) as error:
        raise ValidationFailed(f"The request body is not valid JSON: {error}.") from error
    if not isinstance(content, dict):
        raise ValidationFailed("The request body must be a JSON object.")
    return content


def _unquote(text: bytes) -> str:
    if b"+" in text:
        text = text.replace(b"+", b" ")
    return _decode(unquote_to_bytes(text) if b"%" in text else text)


def _decode(text: bytes) -> str:
    return text.decode("utf-8", "surrogateescape")
