"""The help page of one operation: the model's own documentation, and what the command line adds to it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from entrepot.cli.aws.help.page import Block, Heading, Lines, Page, Paragraph, paragraphs
from entrepot.cli.aws.help.syntax import is_scalar, json_syntax, list_syntax, shorthand_syntax
from entrepot.cli.aws.help.texts import (
    GLOBAL_OPTIONS,
    OPERATION_OPTIONS,
    OperationText,
    OptionText,
    operation_text,
)
from entrepot.cli.aws.operation.operation_options import option_name
from entrepot.client.command_line_model import Member, Operation, Shape

_API_DOCUMENTATION = "https://docs.aws.amazon.com/goto/WebAPI/dataexchange-2017-07-25/"
_DEEPEST = 12
"""No shape of this service nests so deep; a model that comes to contain itself must not hang a help page."""


def operation_page(operation: Operation, document: dict[str, Any]) -> Page:
    """`document` is botocore's description of the service, as `read_document` gives it."""
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
    """The parameters that help shows: those of pagination are there under names of the command line's own."""
    pagination = operation.pagination
    hidden = set() if pagination is None else {pagination.input_token, pagination.limit_key}
    return [member for name, member in operation.input.members.items() if name not in hidden]


class _Words:
    """What the document says of operations and members."""

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
        """What stands in a list or a map; its place there may say more than its shape."""
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
    """What is inside a structure, a list or a map; nothing for a word."""
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
