"""`--generate-cli-skeleton`: an input to fill in: JSON, or YAML with what each member means beside it."""

from __future__ import annotations

from entrepot.client.command_line_model import Shape

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from entrepot.client.command_line_model import Operation

_TIME = "1970-01-01T00:00:00"
_MAP_KEY = "KeyName"


def input_skeleton(operation: Operation) -> str:
    """The input as JSON, with an empty or the first possible value for every member."""
    import json

    return json.dumps(_empty(operation.input), indent=4) + "\n"


def yaml_input_skeleton(operation: Operation) -> str:
    """The same as YAML. Each line says whether the member is required, what it is, and what it may be."""
    if not operation.input.members:
        return "{}\n"
    return "".join(f"{line}\n" for line in _Comments().structure(operation.input, operation.name))


def _empty(shape: Shape) -> Any:
    if shape.kind == "structure":
        return {name: _empty(member.shape) for name, member in shape.members.items()}
    if shape.item is not None:
        item = _empty(shape.item)
        return [item] if shape.kind == "list" else {_MAP_KEY: item}
    if shape.kind == "string":
        return shape.enum[0] if shape.enum else ""
    return {"integer": 0, "double": 0.0, "boolean": True, "timestamp": _TIME}[shape.kind]


class _Comments:
    """Lines of YAML with what the model says of each member."""

    def __init__(self) -> None:
        from entrepot.model.document import read_document

        document = read_document()
        self.shapes: dict[str, Any] = document["shapes"]
        self.operations: dict[str, Any] = document["operations"]

    def structure(self, shape: Shape, operation_name: str) -> Iterator[str]:
        """The lines of the input of that operation."""
        return self._structure(shape, self.operations[operation_name]["input"]["shape"])

    def _structure(self, shape: Shape, name: str) -> Iterator[str]:
        # The first comment of a mapping stands two blanks off, the others one.
        gap = "  "
        for member in shape.members.values():
            described = self.shapes[name]["members"][member.name]
            comment = self._comment(described, member.shape, required=member.required)
            value, nested = self._value(member.shape, described["shape"])
            yield f"{member.name}:{value}{gap}# {comment}" if comment else f"{member.name}:{value}"
            if comment:
                gap = " "
            yield from nested

    def _value(self, shape: Shape, name: str) -> tuple[str, Iterator[str]]:
        """What stands behind the colon, and the lines below."""
        if shape.kind == "structure":
            if not shape.members:
                return " {}", iter(())
            return "", _indented(self._structure(shape, name))
        if shape.item is None:
            return f" {_yaml_scalar(shape)}", iter(())
        described = self.shapes[name].get("member") or self.shapes[name]["value"]
        value, nested = self._value(shape.item, described["shape"])
        if shape.kind == "map":
            return "", _indented(iter([f"{_MAP_KEY}:{value}", *nested]))
        if value:
            return "", iter([f"-{value}", *nested])
        return "", _as_item(nested)

    def _comment(self, described: dict[str, Any], shape: Shape, *, required: bool) -> str:
        text = described.get("documentation", self.shapes[described["shape"]].get("documentation", ""))
        parts = ["[REQUIRED]"] if required else []
        parts.append(_first_sentence(text))
        if shape.enum:
            parts.append(f"Valid values are: {', '.join(shape.enum)}.")
        return " ".join(parts).rstrip() if any(parts) else ""


def _yaml_scalar(shape: Shape) -> str:
    if shape.kind == "string":
        return shape.enum[0] if shape.enum else "''"
    return {"integer": "0", "double": "0.0", "boolean": "true", "timestamp": _TIME.replace("T", " ")}[
        shape.kind
    ]


def _indented(lines: Iterator[str]) -> Iterator[str]:
    return (f"  {line}" for line in lines)


def _as_item(lines: Iterator[str]) -> Iterator[str]:
    return (f"{'  ' if number else '- '}{line.removeprefix('  ')}" for number, line in enumerate(lines))


def _first_sentence(documentation: str) -> str:
    """The text up to its first full stop or colon, on one line, without its mark-up."""
    import re
    from html import unescape

    text = re.split(r"[.:]+", unescape(re.sub(r"<[^>]*>", "", documentation)), maxsplit=1)[0]
    return re.sub(r"[\n\r]", " ", f"{text}.") if text else ""
