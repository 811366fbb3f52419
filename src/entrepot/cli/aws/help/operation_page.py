"""The help page of one operation: the model's documentation, and how nested parameters are written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from entrepot.cli.aws.help.page import Block, Heading, Lines, Page, Paragraph, paragraphs
from entrepot.cli.aws.help.texts import (
    GLOBAL_OPTIONS,
    OPERATION_OPTIONS,
    OperationText,
    OptionText,
    operation_text,
)
from entrepot.cli.aws.operation.options import option_name
from entrepot.client.command_line_model import Member, Operation, Shape

_SCALARS = frozenset({"string", "integer", "double", "boolean", "timestamp"})
_DEEPEST_SHORTHAND = 3


def is_scalar(shape: Shape) -> bool:
    return shape.kind in _SCALARS


def shorthand_syntax(shape: Shape) -> str | None:
    """The schematic shorthand; None for single words, and for what is nested too deep for it."""
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
    """The schematic list of single words, one after the other; None for anything else."""
    item = shape.item
    if shape.kind != "list" or item is None or not is_scalar(item):
        return None
    word = '"string"' if item.kind == "string" else item.kind
    return f"{word} {word} ..."


def json_syntax(shape: Shape) -> list[str]:
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


_API_DOCUMENTATION = "https://docs.aws.amazon.com/goto/WebAPI/dataexchange-2017-07-25/"
_DEEPEST = 12
"""No shape of this service nests so deep; a model that comes to contain itself must not hang a help page."""


def operation_page(operation: Operation, document: dict[str, Any]) -> Page:
    """Makes the help page of an operation; `document` is what `read_document` gives."""
    words = _Words(document)
    text = operation_text(operation.command)
    page = Page()
    page.section("NAME", [Paragraph(f"{operation.command} - {text.summary}")])
    page.section("DESCRIPTION", list(_description(operation, words)))
    page.section("SYNOPSIS", [Lines(tuple(_synopsis(operation)))])
    page.section("OPTIONS", list(_options(operation, words)))
    page.section("GLOBAL OPTIONS", [block for option in GLOBAL_OPTIONS for block in _own_option(option)])
    page.section("EXAMPLES", list(_example(text)))
    page.section("OUTPUT", list(_output(operation, words)))
    return page


def shown_members(operation: Operation) -> list[Member]:
    """The parameters that help shows: without the API's own for pagination."""
    pagination = operation.pagination
    hidden = set() if pagination is None else {pagination.input_token, pagination.limit_key}
    return [member for name, member in operation.input.members.items() if name not in hidden]


class _Words:
    """The documentation of operations and members."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._operations: dict[str, Any] = document["operations"]
        self._shapes: dict[str, Any] = document["shapes"]

    def of_operation(self, operation: Operation) -> list[str]:
        return paragraphs(self._operations[operation.name].get("documentation", ""))

    def of_member(self, structure: Shape, member: Member) -> list[str]:
        found = self._shapes.get(structure.name, {}).get("members", {}).get(member.name, {})
        return paragraphs(found["documentation"]) if "documentation" in found else self.of_shape(member.shape)

    def of_shape(self, shape: Shape) -> list[str]:
        return paragraphs(self._shapes.get(shape.name, {}).get("documentation", ""))

    def of_item(self, shape: Shape) -> list[str]:
        """Of the items of a list or a map; their place there may say more than their shape."""
        entry = self._shapes.get(shape.name, {})
        place = entry.get("member") or entry.get("value") or {}
        if "documentation" in place:
            return paragraphs(place["documentation"])
        return [] if shape.item is None else self.of_shape(shape.item)


def _description(operation: Operation, words: _Words) -> Iterator[Block]:
    for text in words.of_operation(operation):
        yield Paragraph(text)
    yield Paragraph(f"See also: AWS API Documentation ({_API_DOCUMENTATION}{operation.name})")
    if operation.pagination is not None:
        yield Paragraph(
            f"{operation.command} is a paginated operation: it asks page after page until it has everything. "
            "--no-paginate makes it stop after the first. With --output text, a --query is applied to each "
            f"page by itself, so let it pick from: {operation.pagination.result_key}"
        )


def _synopsis(operation: Operation) -> Iterator[str]:
    yield f"entrepot {operation.command}"
    for member in shown_members(operation):
        usage = _title(member) if member.shape.kind == "boolean" else f"{_title(member)} <value>"
        yield f"  {usage if member.required else f'[{usage}]'}"
    for option in OPERATION_OPTIONS:
        if operation.pagination is not None or not option.paginated_only:
            yield f"  [{option.usage}]"
    for option in GLOBAL_OPTIONS:
        yield f"  [{option.usage}]"


def _options(operation: Operation, words: _Words) -> Iterator[Block]:
    for member in shown_members(operation):
        shape = member.shape
        yield Heading(f"{_title(member)} ({shape.kind})")
        yield from (Paragraph(text, 1) for text in words.of_member(operation.input, member))
        if shape.enum:
            yield Paragraph("Possible values:", 1)
            yield from (Paragraph(f"- {value}", 1) for value in shape.enum)
        yield from _content(shape, words, 1)
        yield from _syntax(shape)
    for option in OPERATION_OPTIONS:
        if operation.pagination is not None or not option.paginated_only:
            yield from _own_option(option)


def _title(member: Member) -> str:
    name = option_name(member.name)
    return f"--{name} | --no-{name}" if member.shape.kind == "boolean" else f"--{name}"


def _own_option(option: OptionText) -> Iterator[Block]:
    yield Heading(f"{option.title} ({option.type})")
    yield from (Paragraph(text, 1) for text in paragraphs(option.text))
    yield from (Paragraph(f"- {value}", 1) for value in option.values)


def _syntax(shape: Shape) -> Iterator[Block]:
    for title, lines in (
        ("Shorthand Syntax:", shorthand_syntax(shape)),
        ("Syntax:", list_syntax(shape)),
    ):
        if lines is not None:
            yield Paragraph(title)
            yield Lines((lines,), 1)
    item = shape.item
    if shape.kind == "list" and item is not None and is_scalar(item):
        if item.enum:
            yield Paragraph("Where valid values are:")
            yield Lines(item.enum, 1)
    elif not is_scalar(shape):
        yield Paragraph("JSON Syntax:")
        yield Lines(tuple(json_syntax(shape)), 1)


def _output(operation: Operation, words: _Words) -> Iterator[Block]:
    if operation.output is None or not operation.output.members:
        yield Paragraph("None")
    else:
        yield from _content(operation.output, words, 0)


def _content(shape: Shape, words: _Words, depth: int) -> Iterator[Block]:
    """Describes what is inside a structure, a list or a map; nothing for a word."""
    if depth > _DEEPEST:
        return
    for member in shape.members.values():
        yield Heading(f"{member.name} -> ({member.shape.kind})", depth)
        yield from (Paragraph(text, depth + 1) for text in words.of_member(shape, member))
        yield from _content(member.shape, words, depth + 1)
    item = shape.item
    if item is None:
        return
    if shape.kind == "map":
        yield Heading("key -> (string)", depth)
    yield Heading(f"value -> ({item.kind})" if shape.kind == "map" else f"({item.kind})", depth)
    yield from (Paragraph(text, depth + 1) for text in words.of_item(shape))
    yield from _content(item, words, depth + 1)


def _example(text: OperationText) -> Iterator[Block]:
    yield Paragraph(text.words)
    yield Lines(text.command, 1)
