"""Writes `shapes.pyi` from the model: `python -m entrepot.model.stub`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from entrepot.model.loader import load_model
from entrepot.model.service_model import Kind, ServiceModel, Shape

STUB = Path(__file__).with_name("shapes.pyi")

_HEADER = '''\
"""Generated from the service model by `python -m entrepot.model.stub`; do not edit."""

from collections.abc import Mapping
from typing import Any, TypeVar

from msgspec import Struct

from entrepot.domain.timestamp import Timestamp

T = TypeVar("T")

def encode(value: Any) -> bytes: ...
def decode(content: bytes | str, shape: type[T]) -> T: ...
def convert(value: Mapping[str, Any], shape: type[T]) -> T: ...
def encoded(content: bytes) -> Any: ...
def structure(name: str) -> type[Struct]: ...
'''

_LINE_LENGTH = 110
_SCALARS = {
    Kind.STRING: "str",
    Kind.TIMESTAMP: "Timestamp",
    Kind.INTEGER: "int",
    Kind.DOUBLE: "float",
    Kind.BOOLEAN: "bool",
}


def render(model: ServiceModel) -> str:
    structures = (shape for shape in model.shapes.values() if shape.kind is Kind.STRUCTURE)
    return _HEADER + "".join(f"\n{_class(shape, model)}" for shape in structures)


def _class(shape: Shape, model: ServiceModel) -> str:
    if not shape.members:
        return f"class {shape.name}(Struct, frozen=True, kw_only=True): ...\n"
    return f"class {shape.name}(Struct, frozen=True, kw_only=True):\n" + "".join(_fields(shape, model))


def _fields(shape: Shape, model: ServiceModel) -> Iterator[str]:
    for member in shape.members:
        annotation = _annotation(model.shapes[member.shape], model)
        line = f"    {member.python_name}: {annotation}" + ("" if member.required else " | None = ...")
        if len(line) > _LINE_LENGTH:
            line = f"    {member.python_name}: (\n        {annotation} | None\n    ) = ..."
        yield f"{line}\n"


def _annotation(shape: Shape, model: ServiceModel) -> str:
    if shape.kind is Kind.STRUCTURE:
        return shape.name
    if shape.item is None:
        return _SCALARS[shape.kind]
    item = _annotation(model.shapes[shape.item], model)
    return f"list[{item}]" if shape.kind is Kind.LIST else f"dict[str, {item}]"


if __name__ == "__main__":
    STUB.write_text(render(load_model()), encoding="utf-8")
