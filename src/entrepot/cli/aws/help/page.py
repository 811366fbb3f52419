"""A page of help: titled sections of paragraphs and of lines to be kept as they are, fitted to a width."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

_BLOCK = r"</?(?:p|ul|ol|li|dl|dt|dd|note|important|fullname|br|h\d)\b[^>]*>"
_LINK = r"<a\b[^>]*?\bhref=\"([^\"]*)\"[^>]*>(.*?)</a>"
_ABBREVIATIONS = ("e.g.", "i.e.", "etc.", "vs.")


def paragraphs(documentation: str) -> list[str]:
    """Splits documentation into paragraphs of one line without markup; items of lists begin with a hyphen.

    A link is followed by its address in brackets, since nothing can be clicked on.
    """
    text = re.sub(_LINK, r"\2 (\1)", documentation, flags=re.DOTALL)
    text = re.sub(r"<li\b[^>]*>\s*(?:<p\b[^>]*>)?", "\0- ", text)
    text = re.sub(_BLOCK, "\0", text)
    text = re.sub(r"<[^>]+>", "", text)
    if "&" in text:
        from html import unescape

        text = unescape(text)
    lines = (" ".join(part.split()) for part in text.split("\0"))
    return [line for line in lines if line]


def first_sentence(documentation: str) -> str:
    first = next(iter(paragraphs(documentation)), "")
    end = 0
    while (end := first.find(". ", end)) >= 0:
        end += 1
        if not first[:end].endswith(_ABBREVIATIONS):
            return first[:end]
    return first


_BODY = 4
_STEP = 4
_NARROWEST = 24
"""However deep a text stands, it keeps so many columns: a column of single words is no text."""
_BOLD, _PLAIN = "\x1b[1m", "\x1b[0m"


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Text that is wrapped."""

    text: str
    depth: int = 0


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines that stay as they are; one too long is cut where its syntax lets it, and goes on deeper."""

    lines: tuple[str, ...]
    depth: int = 0


@dataclass(frozen=True, slots=True)
class Heading:
    """A line that names what follows it, with nothing between: an option, a member."""

    text: str
    depth: int = 0


Block = Paragraph | Lines | Heading


@dataclass(slots=True)
class Page:
    """Sections in their order. Build it, then `render` it."""

    sections: list[tuple[str, list[Block]]] = field(default_factory=list)

    def section(self, title: str, blocks: Sequence[Block]) -> None:
        self.sections.append((title, list(blocks)))

    def render(self, width: int, *, bold: bool) -> str:
        """The text, ending with a newline. No line is longer than `width`, unless one word is."""
        return "\n".join(self._lines(width, bold=bold)) + "\n"

    def _lines(self, width: int, *, bold: bool) -> Iterator[str]:
        for number, (title, blocks) in enumerate(self.sections):
            if number:
                yield ""
            yield _emphasized(title) if bold else title
            before: Block | None = None
            for block in blocks:
                if before is not None and not _close(before, block):
                    yield ""
                yield from _block_lines(block, width, bold=bold)
                before = block


def _close(one: Block, following: Block) -> bool:
    """Whether no empty line is between two blocks: a heading and its text, two items of a list."""
    if isinstance(one, Heading):
        return not isinstance(following, Heading) and following.depth > one.depth
    return all(isinstance(block, Paragraph) and block.text.startswith("- ") for block in (one, following))


def _block_lines(block: Block, width: int, *, bold: bool) -> Iterator[str]:
    indent = _indent(block.depth, width)
    match block:
        case Heading(text=text):
            name, space, rest = text.partition(" ")
            emphasized = bold and not name.startswith("(")
            yield f"{indent}{_emphasized(name) if emphasized else name}{space}{rest}"
        case Lines(lines=lines):
            for line in lines:
                yield from _folded(line, indent, width)
        case Paragraph(text=text):
            hanging = "  " if text.startswith("- ") else ""
            yield from textwrap.wrap(
                text,
                width,
                initial_indent=indent,
                subsequent_indent=indent + hanging,
                break_long_words=False,
                break_on_hyphens=False,
            ) or [""]


def _indent(depth: int, width: int) -> str:
    return " " * max(0, min(_BODY + _STEP * depth, width - _NARROWEST))


def _emphasized(text: str) -> str:
    return f"{_BOLD}{text}{_PLAIN}"


def _folded(line: str, indent: str, width: int) -> Iterator[str]:
    """The line, cut after commas and braces where it does not fit."""
    text, room = line, width - len(indent)
    while len(text) > room:
        leading = len(text) - len(text.lstrip())
        cut = max((found.end() for found in re.finditer(r"[,|]|=\{| ", text[:room])), default=0)
        if cut <= leading:
            break
        yield indent + text[:cut].rstrip()
        text = " " * (leading + 2 if text is line else leading) + text[cut:].lstrip()
    yield indent + text


def topic_page(text: str) -> Page:
    """Makes the page of a topic: unindented lines are titles; empty lines separate blocks.

    A block that is indented by four columns is wrapped; one that is indented more stays as it is.
    """
    page = Page()
    for title, body in re.findall(r"^(\S[^\n]*)\n((?:(?:[ ][^\n]*)?\n)*)", text, flags=re.MULTILINE):
        blocks = [block for block in body.strip("\n").split("\n\n") if block.strip()]
        page.section(title, [_topic_block(block) for block in blocks])
    return page


def _topic_block(block: str) -> Block:
    lines = block.split("\n")
    if any(line.startswith(" " * (_BODY + 1)) for line in lines):
        return Lines(tuple(line[_BODY:] for line in lines))
    return Paragraph(" ".join(line.strip() for line in lines))
