"""Every structure of the model as a frozen class: `CreateJobRequest`, `ResponseDetails`, `JobError`, …

The classes are compiled when this module is imported. `shapes.pyi` shows them to people and type checkers; it
is renewed by `python -m entrepot.model.stub`, and a test keeps it current. Members are in snake_case; an
optional one that is absent is None. Constructing a value checks nothing; `decode` and `convert` check all
that the model constrains: required members, types, enums, patterns (over the whole value), lengths in code
points, ranges. Unknown members are ignored; an optional member that is null is absent.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar

import msgspec

from entrepot.domain.timestamp import Timestamp
from entrepot.model.loader import load_model
from entrepot.model.service_model import Kind, ServiceModel, Shape

# The Struct's module is where its users find it, and where pickle and repr look.
_MODULE = "entrepot.model.shapes"


def compile_structures(model: ServiceModel) -> dict[str, type[msgspec.Struct]]:
    types: dict[str, Any] = {}
    for shape in model.shapes.values():
        _type_of(shape, model, types)
    return {name: types[name] for name, shape in model.shapes.items() if shape.kind is Kind.STRUCTURE}


def _type_of(shape: Shape, model: ServiceModel, types: dict[str, Any]) -> Any:
    """The Python type of a shape, compiled once, parts before wholes (the model has no cycles)."""
    if shape.name not in types:
        if shape.kind is Kind.STRUCTURE:
            types[shape.name] = _structure(shape, model, types)
        elif shape.item is not None:
            item = _type_of(model.shapes[shape.item], model, types)
            container: Any = list[item] if shape.kind is Kind.LIST else dict[str, item]  # type: ignore[valid-type]
            types[shape.name] = _constrained(container, shape)
        else:
            types[shape.name] = _scalar(shape)
    return types[shape.name]


def _structure(shape: Shape, model: ServiceModel, types: dict[str, Any]) -> type[msgspec.Struct]:
    fields: list[Any] = []
    for member in shape.members:
        member_type = _type_of(model.shapes[member.shape], model, types)
        if member.required:
            fields.append((member.python_name, member_type))
        else:
            fields.append((member.python_name, member_type | None, None))
    return msgspec.defstruct(
        shape.name,
        fields,
        module=_MODULE,
        frozen=True,
        kw_only=True,
        omit_defaults=True,
        rename={member.python_name: member.key for member in shape.members},
    )


def _scalar(shape: Shape) -> Any:
    match shape.kind:
        case Kind.STRING if shape.enum:
            return Literal[shape.enum]
        case Kind.STRING:
            return _constrained(str, shape)
        case Kind.INTEGER:
            return _constrained(int, shape)
        case Kind.DOUBLE:
            return int | float  # a whole number stays one, so that a size is not written with `.0`
        case Kind.BOOLEAN:
            return bool
        case Kind.TIMESTAMP:
            return Timestamp
    raise TypeError(f"shape {shape.name} has no scalar type: {shape.kind}")


def _constrained(python_type: Any, shape: Shape) -> Any:
    if shape.kind is Kind.INTEGER:
        meta: dict[str, Any] = {"ge": shape.minimum, "le": shape.maximum}
    else:
        meta = {"min_length": shape.minimum, "max_length": shape.maximum, "pattern": shape.anchored}
    if not any(value is not None for value in meta.values()):
        return python_type
    return Annotated[python_type, msgspec.Meta(**meta)]


T = TypeVar("T")


def encode(value: Any) -> bytes:
    """JSON in the form of the wire; members that are None are left out."""
    return _ENCODER.encode(value)


def decode(content: bytes | str, shape: type[T]) -> T:
    """Reads JSON in the form of the wire. Raises `msgspec.DecodeError` where it breaks the model."""
    return msgspec.json.decode(content, type=shape, dec_hook=_decode_timestamp)


def convert(value: Mapping[str, Any], shape: type[T]) -> T:
    """Reads decoded JSON. Raises `msgspec.ValidationError` where it breaks the model."""
    return msgspec.convert(value, shape, dec_hook=_decode_timestamp)


def encoded(content: bytes) -> Any:
    """A value that is in the form of the wire already, for any member of a response; `encode` copies it.

    Thus a job's stored details need not be decoded to be shown.
    """
    return msgspec.Raw(content)


def structure(name: str) -> type[msgspec.Struct]:
    """The class of that name. Raises `KeyError` when the model has none."""
    return _STRUCTURES[name]


def _encode_timestamp(value: Any) -> Any:
    if isinstance(value, Timestamp):
        return value.isoformat()
    raise NotImplementedError(f"{type(value).__name__} has no form on the wire")


def _decode_timestamp(expected: type, value: Any) -> Any:
    if expected is Timestamp and isinstance(value, str | int | float):
        return Timestamp.parse(value)
    raise ValueError(f"expected a {expected.__name__.lower()}")


_ENCODER = msgspec.json.Encoder(enc_hook=_encode_timestamp)
_STRUCTURES = compile_structures(load_model())
globals().update(_STRUCTURES)
