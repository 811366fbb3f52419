"""How a nested parameter is written on the command line, as schematic text: shorthand and JSON."""

from __future__ import annotations

from collections.abc import Iterator

from entrepot.client.command_line_model import Shape

_SCALARS = frozenset({"string", "integer", "double", "boolean", "timestamp"})
_DEEPEST_SHORTHAND = 3


def is_scalar(shape: Shape) -> bool:
    """Whether its value is one word."""
    return shape.kind in _SCALARS


def shorthand_syntax(shape: Shape) -> str | None:
    """One line; None for what is one word anyway, and for what is too deep to be written so by a person."""
    item = shape.item
    if is_scalar(shape) or (shape.kind == "list" and item is not None and is_scalar(item)):
        return None
    try:
        if shape.kind == "list" and item is not None:
            return f"{_shorthand(item, 0)} ..."
        return _shorthand(shape, 0)
    except _TooDeep:
        return None


def list_syntax(shape: Shape) -> str | None:
    """For a list of single words, which are written one after the other; None for anything else."""
    item = shape.item
    if shape.kind != "list" or item is None or not is_scalar(item):
        return None
    word = '"string"' if item.kind == "string" else item.kind
    return f"{word} {word} ..."


def json_syntax(shape: Shape) -> list[str]:
    """The lines of a schematic JSON document."""
    return list(_json(shape))


class _TooDeep(Exception):
    """The shape nests deeper than shorthand is any help."""


def _shorthand(shape: Shape, depth: int) -> str:
    if depth > _DEEPEST_SHORTHAND:
        raise _TooDeep
    item = shape.item
    if shape.kind == "structure":
        inner = ",".join(
            f"{name}={_shorthand(member.shape, depth + 1)}" for name, member in shape.members.items()
        )
        return f"{{{inner}}}" if depth else inner
    if shape.kind == "list" and item is not None:
        one = _shorthand(item, depth + 1)
        return f"[{one},{one}]" if depth > 1 or not is_scalar(item) else f"{one},{one}"
    if shape.kind == "map" and item is not None:
        one = _shorthand(item, depth)
        pairs = f"KeyName1={one},KeyName2={one}"
        return f"{{{pairs}}}" if depth else pairs
    return shape.kind


def _json(shape: Shape) -> Iterator[str]:
    item = shape.item
    if shape.kind == "structure":
        yield "{"
        last = len(shape.members) - 1
        for number, (name, member) in enumerate(shape.members.items()):
            lines = list(_json(member.shape))
            lines[0] = f'"{name}": {lines[0]}'
            lines[-1] += "," if number < last else ""
            yield from (f"  {line}" for line in lines)
        yield "}"
    elif shape.kind == "list" and item is not None and is_scalar(item):
        yield f"[{_json_word(item)}, ...]"
    elif shape.kind == "list" and item is not None:
        yield "["
        yield from (f"  {line}" for line in _json(item))
        yield "  ..."
        yield "]"
    elif shape.kind == "map" and item is not None:
        lines = list(_json(item))
        yield f'{{"string": {lines[0]}'
        yield from (f"  {line}" for line in lines[1:])
        yield "  ...}"
    else:
        yield _json_word(shape)


def _json_word(shape: Shape) -> str:
    if shape.kind == "string":
        return "|".join(f'"{value}"' for value in shape.enum) or '"string"'
    return "true|false" if shape.kind == "boolean" else shape.kind
