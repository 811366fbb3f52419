"""The edition's model as botocore's, so that botocore tells what is right for exactly the same operations.

And values for the model's shapes: right ones, and ones that are wrong in ways that people get them wrong.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import botocore.model
from hypothesis import settings
from hypothesis import strategies as st

from entrepot.client.command_line_model import Model, Operation, Shape

MODEL = Model.load()
OPERATIONS = [MODEL.operation(command) for command in MODEL.commands]

_LOCATIONS = {"uri": "uri", "querystring": "querystring", "header": "header", "headers": "headers"}


def botocore_service() -> botocore.model.ServiceModel:
    """A service of botocore with the edition's operations and shapes."""
    shapes: dict[str, Any] = {"Text": {"type": "string"}}
    operations = {}
    for operation in OPERATIONS:
        _describe(operation.input, shapes)
        operations[operation.name] = {
            "name": operation.name,
            "http": {"method": operation.method, "requestUri": operation.path},
            "input": {"shape": operation.input.name},
        }
        if operation.output is not None:
            _describe(operation.output, shapes)
            operations[operation.name]["output"] = {"shape": operation.output.name}
        if operation.host_prefix is not None:
            operations[operation.name]["endpoint"] = {"hostPrefix": operation.host_prefix}
    description = {
        "metadata": {"protocol": "rest-json", "apiVersion": "2017-07-25", "serviceId": "DataExchange"},
        "operations": operations,
        "shapes": shapes,
    }
    return botocore.model.ServiceModel(description, "dataexchange")


def _describe(shape: Shape, shapes: dict[str, Any]) -> None:
    if shape.name in shapes:
        return
    entry: dict[str, Any] = {"type": shape.kind}
    shapes[shape.name] = entry
    if shape.minimum is not None:
        entry["min"] = shape.minimum
    if shape.kind == "timestamp":
        entry["timestampFormat"] = "iso8601"
    if shape.item is not None:
        _describe(shape.item, shapes)
        if shape.kind == "map":
            entry |= {"key": {"shape": "Text"}, "value": {"shape": shape.item.name}}
        else:
            entry["member"] = {"shape": shape.item.name}
    if shape.kind == "structure":
        entry["members"] = {}
        entry["required"] = [member.name for member in shape.members.values() if member.required]
        for member in shape.members.values():
            _describe(member.shape, shapes)
            described: dict[str, Any] = {"shape": member.shape.name, "locationName": member.key}
            if member.location in _LOCATIONS:
                described["location"] = _LOCATIONS[member.location]
            if member.location == "payload":
                entry["payload"] = member.name
            entry["members"][member.name] = described


SERVICE = botocore_service()
FEW = settings(max_examples=12)
"""For properties that are tried with each of the 37 operations."""

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(
    ["Größe/ a+b%2F", 'say "\\"', "\U0001f680", "..", "", "a,b", "https://x/?y=z&a"]
)
HEADER_TEXTS = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=8)
TIMESTAMPS = st.datetimes().map(lambda moment: moment.isoformat() + "Z")


@cache
def valid(shape: Shape) -> st.SearchStrategy[Any]:
    """Values that pass every check."""
    match shape.kind:
        case "structure":
            required = {m.name: valid_member(m) for m in shape.members.values() if m.required}
            optional = {m.name: valid_member(m) for m in shape.members.values() if not m.required}
            return st.fixed_dictionaries(required, optional=optional)
        case "list":
            assert shape.item is not None
            return st.lists(valid(shape.item), min_size=shape.minimum or 0, max_size=3)
        case "map":
            return st.dictionaries(TEXTS, TEXTS, max_size=3)
        case "timestamp":
            return TIMESTAMPS
        case "string":
            least = shape.minimum or 0
            return TEXTS.map(lambda text: text.ljust(least, "x"))
        case "boolean":
            return st.booleans()
        case "integer":
            return st.integers(shape.minimum or 0, 10_000)
        case _:
            return st.floats(allow_nan=False, allow_infinity=False) | st.integers()


def valid_member(member: Any) -> st.SearchStrategy[Any]:
    """The same for a member: what stands in headers can be no more than headers can carry."""
    if member.location == "headers":
        return st.dictionaries(HEADER_TEXTS, HEADER_TEXTS, max_size=3)
    if member.location == "header":
        return HEADER_TEXTS
    return valid(member.shape)


WRONG = st.sampled_from(
    [
        None,
        5,
        -1,
        0,
        1.5,
        True,
        "",
        "x",
        b"bytes",
        [],
        [None],
        ["a", 3],
        {},
        {"Unknown": 1},
        {"a": "b"},
        (),
        ("x",),
    ]
)


@cache
def spoilt(shape: Shape) -> st.SearchStrategy[Any]:
    """Values in which anything may be missing, unknown or of another type."""
    if shape.kind == "structure":
        members = {member.name: spoilt(member.shape) for member in shape.members.values()}
        whole = st.fixed_dictionaries({}, optional={**members, "Unknown": WRONG})
        return st.one_of(whole, whole, WRONG)
    if shape.kind == "list":
        assert shape.item is not None
        return st.lists(spoilt(shape.item), max_size=2) | WRONG
    if shape.kind == "map":
        return st.dictionaries(TEXTS, TEXTS | WRONG, max_size=2) | WRONG
    return valid(shape) | WRONG


@cache
def answers(shape: Shape) -> st.SearchStrategy[Any]:
    """JSON that a service may send for a shape: mostly as modelled; nulls, unknown members, wrong types."""
    if shape.kind == "structure":
        members = {member.key: answers(member.shape) for member in shape.members.values()}
        whole = st.fixed_dictionaries({}, optional={**members, "Unknown": _JSON})
        return st.one_of(whole, whole, whole, st.none())
    if shape.kind == "list":
        assert shape.item is not None
        return st.lists(answers(shape.item), max_size=3) | st.none()
    if shape.kind == "map":
        return st.dictionaries(TEXTS, TEXTS, max_size=2) | st.none()
    if shape.kind == "timestamp":
        return TIMESTAMPS | st.none()
    if shape.kind == "double":  # later editions of botocore make a number of everything here
        return st.floats(allow_nan=False) | st.none()
    if shape.kind == "boolean":  # and a boolean here
        return st.booleans() | st.none()
    return _JSON


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


def operation_of(name: str) -> Operation:
    """An operation by the name it has on the wire."""
    return next(operation for operation in OPERATIONS if operation.name == name)
