"""Values for every shape of the model, in the form in which botocore takes and gives them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from entrepot.model.loader import load_model
from entrepot.model.service_model import Kind, Location, Member, Operation, Shape, lower_camel

MODEL = load_model()
OPERATIONS = list(MODEL.operations.values())
AWKWARD_TEXT = 'Größe/ a+b%2F\t"\\ \U0001f600'
MOMENT = datetime(2030, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)

# Each pattern of the model, with a text that it matches.
MATCHING = {
    r"[a-zA-Z0-9]{30,40}": "0123456789abcdef0123456789ABCDEF",
    (
        r"[a-zA-Z0-9]{30,40}$|^arn:aws[\-a-z]*:dataexchange:[\-a-z0-9]*:(\d{12}):"
        r"data-grants\/[a-zA-Z0-9]{30,40}"
    ): ("arn:aws:dataexchange:eu-west-1:123456789012:data-grants/0123456789abcdef0123456789abcdef"),
    r"arn:aws[\-a-z]*:dataexchange:[\-a-z0-9]*:(\d{12}):data-grants\/[a-zA-Z0-9]{30,40}": (
        "arn:aws:dataexchange:eu-west-1:123456789012:data-grants/0123456789abcdef0123456789abcdef"
    ),
    r"\d{12}": "123456789012",
    r"arn:aws[\-a-z]*:iam::(\d{12}):role\/.+": "arn:aws:iam::123456789012:role/exchange",
    r"[\x21-\x7E]{1,64}": "token-1",
    r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?": "1B2M2Y8AsgTpgAmY7PhCfg==",
}


def example(shape: Shape, *, full: bool) -> Any:
    """A valid value: with every member, or with the required ones alone."""
    match shape.kind:
        case Kind.STRUCTURE:
            return {
                member.name: member_example(member, full=full)
                for member in shape.members
                if full or member.required
            }
        case Kind.LIST:
            return [example(item_of(shape), full=full)] * max(shape.minimum or 0, 2 if full else 0)
        case Kind.MAP:
            return {"first": AWKWARD_TEXT, AWKWARD_TEXT: "second"} if full else {}
        case Kind.STRING:
            return _text(shape)
        case Kind.INTEGER:
            return shape.minimum or 7
        case Kind.DOUBLE:
            return 2.5
        case Kind.BOOLEAN:
            return True
        case Kind.TIMESTAMP:
            return MOMENT


def member_example(member: Member, *, full: bool) -> Any:
    shape = MODEL.shapes[member.shape]
    if member.location is Location.HEADERS:
        return {"first": "1", "x-second": "two"} if full else {}
    if member.location is Location.HEADER and shape.pattern is None:
        return f"a {member.name}"
    if member.location is Location.QUERY and shape.kind is Kind.LIST:
        return [example(item_of(shape), full=full)] * (
            2 if full else 1
        )  # an empty list leaves no trace in a query
    return example(shape, full=full)


def wire_form(shape: Shape, value: Any) -> Any:
    """A value of `example` as it is once JSON is decoded: keys of the wire, times as text."""
    match shape.kind:
        case Kind.STRUCTURE:
            return {
                member.key: wire_form(MODEL.shapes[member.shape], value[member.name])
                for member in shape.members
                if member.name in value
            }
        case Kind.LIST:
            return [wire_form(item_of(shape), item) for item in value]
        case Kind.TIMESTAMP:
            return value.isoformat()
        case _:
            return value


@dataclass(frozen=True)
class Change:
    """One value at one place of a valid request, and how a violation there is told."""

    path: tuple[str | int, ...]
    value: Any
    name: str
    """`details.importAssetsFromS3.assetSources.1.member.bucket`."""
    constraint: str
    accepted: bool = False

    def __str__(self) -> str:
        return f"{self.name}: {self.constraint}"

    def applied_to(self, values: Any) -> Any:
        """A copy of `values` with the change."""
        if not self.path:
            return self.value
        first, *rest = self.path
        inner = Change(tuple(rest), self.value, self.name, self.constraint)
        copy = values.copy()
        copy[first] = inner.applied_to(values[first])
        return copy


def changes(operation: Operation) -> Iterator[Change]:
    """Every constraint of the operation's input: at its boundaries, and violated once."""
    yield from _structure_changes(MODEL.shapes[operation.input], (), "")


def _structure_changes(shape: Shape, path: tuple[str | int, ...], prefix: str) -> Iterator[Change]:
    for member in shape.members:
        name = prefix + lower_camel(member.name)
        inner = (*path, member.key)
        null = "Member must not be null"
        yield Change(inner, None, name, null, accepted=not member.required)
        yield from _changes(MODEL.shapes[member.shape], inner, name)


def _changes(shape: Shape, path: tuple[str | int, ...], name: str) -> Iterator[Change]:
    wrong, constraint = WRONG_TYPES[shape.kind]
    yield Change(path, wrong, name, constraint)
    if shape.enum:
        listed = f"Member must satisfy enum value set: [{', '.join(shape.enum)}]"
        yield Change(path, shape.enum[0].lower() + "?", name, listed)
        for value in shape.enum:
            yield Change(path, value, name, "", accepted=True)
    yield from _size_changes(shape, path, name)
    if shape.pattern is not None:
        pattern = f"Member must satisfy regular expression pattern: {shape.pattern}"
        sample = MATCHING[shape.pattern]
        for spoilt in (sample[:-1] + "\n", "é" + sample[1:]):
            yield Change(path, spoilt, name, pattern)
    if shape.kind is Kind.STRUCTURE:
        yield from _structure_changes(shape, path, f"{name}.")
    elif shape.kind is Kind.LIST:
        yield Change((*path, 1), None, f"{name}.2.member", "Member must not be null")
        yield from _changes(item_of(shape), (*path, 1), f"{name}.2.member")
    elif shape.kind is Kind.MAP:
        yield from _changes(item_of(shape), (*path, "first"), f"{name}.first.member")


def _size_changes(shape: Shape, path: tuple[str | int, ...], name: str) -> Iterator[Change]:
    noun = "value" if shape.kind is Kind.INTEGER else "length"
    for bound, beyond, words in (
        (shape.minimum, -1, "greater than or equal to"),
        (shape.maximum, +1, "less than or equal to"),
    ):
        if bound is None:
            continue
        constraint = f"Member must have {noun} {words} {bound}"
        if shape.pattern is None:
            yield Change(path, _sized(shape, bound), name, constraint, accepted=True)
        if bound + beyond >= 0:
            yield Change(path, _sized(shape, bound + beyond), name, constraint)


def _sized(shape: Shape, size: int) -> Any:
    """A value of that size; texts are of characters outside the BMP, since code points are what counts."""
    if shape.kind is Kind.INTEGER:
        return size
    if shape.kind is Kind.LIST:
        return [wire_form(item_of(shape), example(item_of(shape), full=False))] * size
    return ("\U0001f600" if shape.pattern is None else "x") * size


WRONG_TYPES: dict[Kind, tuple[Any, str]] = {
    Kind.STRUCTURE: ([], "Member must be an object"),
    Kind.MAP: ("text", "Member must be an object"),
    Kind.LIST: ({}, "Member must be a list"),
    Kind.STRING: (5, "Member must be a string"),
    Kind.INTEGER: ("ten", "Member must be an integer"),
    Kind.DOUBLE: (True, "Member must be a number"),
    Kind.BOOLEAN: ("true", "Member must be a boolean"),
    Kind.TIMESTAMP: ("yesterday", "Member must be a timestamp"),
}


def item_of(shape: Shape) -> Shape:
    """The shape of a list's or map's values."""
    assert shape.item is not None
    return MODEL.shapes[shape.item]


def _text(shape: Shape) -> str:
    if shape.enum:
        return shape.enum[-1]
    if shape.anchored is not None and shape.pattern is not None:
        sample = MATCHING[shape.pattern]
        assert re.match(shape.anchored, sample)
        return sample
    return AWKWARD_TEXT
