"""Every structure of the model as a frozen class: `CreateJobRequest`, `ResponseDetails`, `JobError`, …

The classes are compiled when this module is imported. `shapes.pyi` shows them to people and type checkers; it
is renewed by `python -m entrepot.model.stub`, and a test keeps it current. Members are in snake_case; an
optional one that is absent is None. Constructing a value checks nothing; `decode` and `convert` check all
that the model constrains.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from entrepot.domain.timestamp import Timestamp
from entrepot.model.compiler import compile_structures
from entrepot.model.loader import load_model

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
