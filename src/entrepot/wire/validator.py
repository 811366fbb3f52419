"""Turns a request's members into the request's class, or says everything that is wrong with them.

Two passes. The fast one converts to the compiled class, which stops at the first violation. Only when it
refuses, or the parser had doubts, a thorough pass walks the same values along the model and lists every
violation in the words AWS uses. Both accept exactly the same requests.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

import msgspec

from entrepot.domain.errors import ValidationFailed
from entrepot.domain.timestamp import Timestamp
from entrepot.model import shapes
from entrepot.model.service_model import Kind, Location, ServiceModel, Shape, lower_camel
from entrepot.wire.parser import Parsed

MOST_VIOLATIONS_LISTED = 100
_SHOWN_VALUE_CHARACTERS = 256

_TYPE_CONSTRAINTS: Mapping[Kind, tuple[type | tuple[type, ...], str]] = {
    Kind.STRUCTURE: (dict, "Member must be an object"),
    Kind.MAP: (dict, "Member must be an object"),
    Kind.LIST: (list, "Member must be a list"),
    Kind.STRING: (str, "Member must be a string"),
    Kind.INTEGER: (int, "Member must be an integer"),
    Kind.DOUBLE: ((int, float), "Member must be a number"),
    Kind.BOOLEAN: (bool, "Member must be a boolean"),
    Kind.TIMESTAMP: ((str, int, float), "Member must be a timestamp"),
}


class Validator:
    def __init__(self, shape_name: str, model: ServiceModel) -> None:
        self._model = model
        self._shape = model.shapes[shape_name]
        self._type = shapes.structure(shape_name)

    def validate(self, parsed: Parsed) -> msgspec.Struct:
        """The request. Raises `ValidationFailed` that names every violation."""
        if parsed.doubtful:
            violations = self._first_violations(parsed)
            if violations:
                raise ValidationFailed(_message(violations))
        try:
            return shapes.convert(parsed.values, self._type)
        except msgspec.ValidationError as error:
            violations = self._first_violations(parsed) or [str(error)]
            raise ValidationFailed(_message(violations)) from error

    def violations(self, values: dict[str, Any]) -> Iterator[str]:
        """The thorough pass: every violation, in the order of the model."""
        yield from self._structure(self._shape, values, "")

    def _first_violations(self, parsed: Parsed) -> list[str]:
        """One more than are listed: a body of nothing but violations shall not fill the memory with them."""
        return list(islice(self.violations(parsed.values), MOST_VIOLATIONS_LISTED + 1))

    def _value(self, shape: Shape, value: Any, path: str) -> Iterator[str]:
        python_type, constraint = _TYPE_CONSTRAINTS[shape.kind]
        if value is None:
            yield _violation(value, path, "Member must not be null")
        elif not isinstance(value, python_type) or (
            isinstance(value, bool) and shape.kind is not Kind.BOOLEAN
        ):
            yield _violation(value, path, constraint)
        elif shape.kind is Kind.STRUCTURE:
            yield from self._structure(shape, value, f"{path}.")
        else:
            yield from _own_violations(shape, value, path)
            yield from self._items(shape, value, path)

    def _structure(self, shape: Shape, value: Any, prefix: str) -> Iterator[str]:
        for member in shape.members:
            found = value.get(member.key)
            path = prefix + lower_camel(member.name)
            if found is not None or member.required:
                if found == "" and member.location is Location.URI:
                    # A path parameter names a resource: it is never empty, though the model does not say so.
                    yield _violation(found, path, "Member must have length greater than or equal to 1")
                else:
                    yield from self._value(self._model.shapes[member.shape], found, path)

    def _items(self, shape: Shape, value: Any, path: str) -> Iterator[str]:
        if shape.item is None:
            return
        item_shape = self._model.shapes[shape.item]
        if shape.kind is Kind.LIST:
            for number, item in enumerate(value, start=1):
                yield from self._value(item_shape, item, f"{path}.{number}.member")
        else:
            for key, item in value.items():
                yield from _text_violations(key, f"{path}.key")
                yield from self._value(item_shape, item, f"{path}.{_shown(key)}.member")


def _own_violations(shape: Shape, value: Any, path: str) -> Iterator[str]:
    """Every violation of a value that is no structure."""
    if shape.kind is Kind.TIMESTAMP:
        try:
            Timestamp.parse(value)
        except ValueError:
            yield _violation(value, path, "Member must be a timestamp")
        return
    if shape.kind is Kind.STRING:
        yield from _text_violations(value, path)
        if shape.enum and value not in shape.enum:
            yield _violation(value, path, f"Member must satisfy enum value set: [{', '.join(shape.enum)}]")
        if shape.anchored is not None and not re.match(shape.anchored, value):
            yield _violation(value, path, f"Member must satisfy regular expression pattern: {shape.pattern}")
    if shape.minimum is None and shape.maximum is None:
        return
    size, noun = (value, "value") if shape.kind is Kind.INTEGER else (len(value), "length")
    if shape.minimum is not None and size < shape.minimum:
        yield _violation(value, path, f"Member must have {noun} greater than or equal to {shape.minimum}")
    if shape.maximum is not None and size > shape.maximum:
        yield _violation(value, path, f"Member must have {noun} less than or equal to {shape.maximum}")


def _text_violations(value: str, path: str) -> Iterator[str]:
    if "\0" in value:
        yield _violation(value, path, "Member must not contain the character NUL")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        yield _violation(value, path, "Member must be encoded as UTF-8")


def _violation(value: Any, path: str, constraint: str) -> str:
    shown = "null" if value is None else f"'{_shown(value)}'"
    return f"Value {shown} at '{path}' failed to satisfy constraint: {constraint}"


def _shown(value: Any) -> str:
    if isinstance(value, str):
        text = value
    else:
        try:
            text = msgspec.json.encode(value).decode("utf-8")
        except (RecursionError, UnicodeEncodeError):
            text = "…"  # nested as deeply as decoding allowed
    if len(text) > _SHOWN_VALUE_CHARACTERS:
        text = text[:_SHOWN_VALUE_CHARACTERS] + "…"
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\0")


def _message(violations: list[str]) -> str:
    count = len(violations)
    listed = "; ".join(violations[:MOST_VIOLATIONS_LISTED])
    if count > MOST_VIOLATIONS_LISTED:
        return f"More than {MOST_VIOLATIONS_LISTED} validation errors detected: {listed}; …"
    return f"{count} validation {'error' if count == 1 else 'errors'} detected: {listed}"
