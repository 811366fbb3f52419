"""`--output yaml` and `yaml-stream`: YAML 1.2, members sorted, lists not indented below their name.

The layout is that of libyaml's emitter, which the AWS CLI's YAML library uses where it can. It is written out
here because emitters differ in where they fold and what they quote, from version to version, and a script
that compares outputs does not care why. Scalars are `yaml_scalars`' concern.
"""

from __future__ import annotations

import json

from entrepot.cli.aws.output.yaml_scalars import has_line_break, write_scalar
from entrepot.cli.aws.output.yaml_text import YamlText

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from entrepot.cli.aws.output.text_stream import TextStream

_BLOCK = 16379
"""Bytes after which libyaml hands over what it has: what a full disk or a closed pipe loses depends on it."""
_LONGEST_SIMPLE_NAME = 128
"""Bytes of a member's name up to which it stands before a colon; a longer one gets a line of its own."""


def write_yaml(title: str, answer: Any, stream: TextStream) -> None:
    """Write the answer as one document, nothing for an empty structure, and a single scalar as JSON.

    Raises TypeError for what YAML cannot say, and UnicodeEncodeError for half of a surrogate pair.
    """
    del title
    if answer == {}:
        return
    if answer is None or isinstance(answer, (str, int, float)):
        # In YAML a document that is a scalar may need an end marker.
        json.dump(answer, stream, ensure_ascii=False)
        stream.write("\n")
        return
    _write_document(answer, stream)


def write_yaml_item(answer: Any, stream: TextStream) -> None:
    """Write the answer as the next item of a list that spans the whole output. Raises as `write_yaml`."""
    _write_document([answer], stream)


def _write_document(value: Any, stream: TextStream) -> None:
    document = _Document(value).text().encode()
    start = 0
    while start < len(document):
        end = start + _BLOCK
        while end < len(document) and document[end] & 0xC0 == 0x80:
            end += 1  # not in the middle of a character
        stream.write(document[start:end].decode())
        start = end


class _Document:
    """The walk over one value: block style throughout, flow style for what is empty."""

    def __init__(self, value: Any) -> None:
        self._value = value
        self._anchors: dict[int, str | None] = {}
        """By identity, the structures and lists met so far; a name for each that comes more than once."""
        self._names = 0
        self._written: set[int] = set()
        self._text = YamlText()

    def text(self) -> str:
        """The document, with its last newline."""
        self._find_anchors(self._value)
        self._write(self._value, in_structure=False)
        self._text.begin_line()
        return self._text.value()

    def _find_anchors(self, value: Any) -> None:
        """Name what a query has put in more than one place: it is written once, then referred to."""
        if not isinstance(value, (dict, list)):
            if value is None or isinstance(value, (str, int, float)):
                return
            raise TypeError(f"cannot represent an object: {value}")
        identity = id(value)
        if identity in self._anchors:
            if self._anchors[identity] is None:
                self._names += 1
                self._anchors[identity] = f"id{self._names:03}"
            return
        self._anchors[identity] = None
        for inner in _in_order(value):
            self._find_anchors(inner)

    def _write(self, value: Any, *, in_structure: bool) -> None:
        if not isinstance(value, (dict, list)):
            self._text.indent()
            write_scalar(self._text, value, foldable=True)
            self._text.outdent()
            return
        anchor = self._anchors[id(value)]
        if anchor is not None and id(value) in self._written:
            self._text.mark(f"*{anchor}")
            return
        self._written.add(id(value))
        if anchor is not None:
            self._text.mark(f"&{anchor}")
        if not value:
            self._text.mark("{}" if isinstance(value, dict) else "[]")
        elif isinstance(value, dict):
            self._write_structure(value)
        else:
            self._write_list(value, in_structure=in_structure)

    def _write_structure(self, structure: dict[str, Any]) -> None:
        text = self._text
        text.indent_block()
        for name in sorted(structure):
            text.begin_line()
            simple = _is_simple_name(name)
            if not simple:
                text.mark("?", opens_line=True)
            text.indent()
            write_scalar(text, name, foldable=not simple)
            text.outdent()
            if simple:
                text.mark(":", apart=False)
            else:
                text.begin_line()
                text.mark(":", opens_line=True)
            self._write(structure[name], in_structure=True)
        text.outdent()

    def _write_list(self, items: list[Any], *, in_structure: bool) -> None:
        text = self._text
        # After a name, the dashes stand below its first letter; after another dash, beside it.
        text.indent_block(same=in_structure and not text.at_line_start)
        for item in items:
            text.begin_line()
            text.mark("-", opens_line=True)
            self._write(item, in_structure=False)
        text.outdent()


def _in_order(value: dict[str, Any] | list[Any]) -> list[Any]:
    return [value[name] for name in sorted(value)] if isinstance(value, dict) else value


def _is_simple_name(name: str) -> bool:
    return len(name.encode()) <= _LONGEST_SIMPLE_NAME and not has_line_break(name)
