"""`--output table`: boxes for people.

An answer becomes sections: one for each structure, and for each item of a list that has more inside than
scalars. Members are sorted by name.
"""

from __future__ import annotations

import atexit
import sys
import unicodedata

from entrepot.cli.aws.output.terminal import on_terminal, terminal_width

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any, TextIO

    from entrepot.cli.aws.output.terminal import TextStream

RESET = "\x1b[0m"
_VALUE = "\x1b[1m\x1b[34m"
_FRAME = "\x1b[2m\x1b[33m"


class Palette:
    def __init__(self, *, coloured: bool) -> None:
        self._coloured = coloured

    def value(self, text: str) -> str:
        return f"{_VALUE}{text}{RESET}" if self._coloured else text

    def frame(self, text: str) -> str:
        return f"{_FRAME}{text}{RESET}" if self._coloured else text


def palette(colour: str) -> Palette:
    """The palette for `--color on|off|auto`; a coloured one also changes the standard streams for good."""
    coloured = colour == "on" or (colour == "auto" and on_terminal())
    if coloured:
        _reset_after_every_write()
    return Palette(coloured=coloured)


class ResettingStream:
    """A text stream that is flushed, and resets its colours, after each write."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        self._stream.write(text)
        self._stream.flush()
        self._stream.write(RESET)
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _reset_after_every_write() -> None:
    if isinstance(sys.stdout, ResettingStream):
        return
    output, errors = sys.stdout, sys.stderr
    if output is not None and on_terminal():
        atexit.register(output.write, RESET)
    if output is not None:
        sys.stdout = ResettingStream(output)
    if errors is not None:
        sys.stderr = ResettingStream(errors)


_CELL_PADDING = 4
_BORDERS = 2


def width_of(text: str) -> int:
    """The columns that a text takes: two for what is wide in East Asia, or may be."""
    if text.isascii():
        return len(text)
    return sum(2 if unicodedata.east_asian_width(character) in "WFA" else 1 for character in text)


class Section:
    """A title, headings of columns (or none), and rows; `level` counts the sections around it."""

    def __init__(self, title: str | None, level: int) -> None:
        self.title = title
        self.level = level
        self.headings: Sequence[str] = ()
        self.rows: list[list[str]] = []
        self._columns: int | None = None
        self._widths: list[int] = []

    def add_header(self, headings: Sequence[str]) -> None:
        self._widen(headings)
        if self._columns is None:
            self._columns = len(headings)
        self.headings = headings

    def add_row(self, cells: Sequence[Any]) -> None:
        if self._columns is None:
            self._columns = len(cells)
        if len(cells) != self._columns:
            raise ValueError(f"Row should have {self._columns} elements, instead it has {len(cells)}")
        row = [str(cell) for cell in cells]
        self.rows.append(row)
        self._widen(row)

    def width(self) -> int:
        """The least width of the whole table that this section fits in."""
        cells = sum(width + _CELL_PADDING for width in self._widths)
        return max(width_of(self.title or ""), cells) + _BORDERS + 2 * self.level

    def column_widths(self, total: int) -> list[int]:
        """Widths that add up to `total`, in proportion to what the columns need."""
        needed = [width + _CELL_PADDING for width in self._widths]
        if not needed:
            return needed
        scale = total / sum(needed)
        widths = [round(scale * width) for width in needed]
        surplus = sum(widths) - total
        # Rounding leaves a few columns too many, taken from the left, or too few, given from the right.
        step = -1 if surplus > 0 else 1
        order = range(len(widths)) if surplus > 0 else range(len(widths) - 1, -1, -1)
        for turn in range(abs(surplus)):
            widths[order[turn % len(widths)]] += step
        return widths

    def turned(self) -> Section:
        """A section of one row as lines of heading and value; any other as it is."""
        if len(self.rows) != 1 or not self.headings:
            return self
        turned = Section(self.title, self.level)
        for heading, cell in zip(self.headings, self.rows[0], strict=False):
            turned.add_row([heading, cell])
        return turned

    def _widen(self, cells: Sequence[str]) -> None:
        if not self._widths:
            self._widths = [width_of(cell) for cell in cells]
            return
        for column, cell in enumerate(cells):
            self._widths[column] = max(self._widths[column], width_of(cell))


class Table:
    def __init__(self, palette: Palette, terminal_width: int) -> None:
        self._palette = palette
        self._terminal_width = terminal_width
        self._sections: list[Section] = []

    @property
    def section(self) -> Section:
        """The one that rows are added to until the next one begins."""
        return self._sections[-1]

    def begin(self, title: str | None, level: int) -> None:
        self._sections.append(Section(title, level))

    def draw(self, stream: TextStream) -> None:
        sections = self._sections
        width = max(section.width() for section in sections)
        if width > self._terminal_width:
            sections = [section.turned() for section in sections]
            width = max(section.width() for section in sections)
        stream.write("-" * width + "\n")
        for section in sections:
            self._draw_section(section, width - 2 * section.level, stream)

    def _draw_section(self, section: Section, width: int, stream: TextStream) -> None:
        bars = self._palette.frame("|") * section.level
        for line in self._lines(section, width):
            # One write each: where colours are on, every write is followed by a reset.
            stream.write(bars)
            stream.write(line)
            stream.write(bars)
            stream.write("\n")

    def _lines(self, section: Section, width: int) -> Iterable[str]:
        if section.title:
            yield _centred(section.title, width, "|")
            if not section.headings and not section.rows:
                yield _rule([width])
        widths = section.column_widths(width)
        if section.headings:
            yield _rule(widths)
            cells = zip(section.headings, widths, strict=False)
            yield "".join(
                _centred(heading, width, "" if number else "|")
                for number, (heading, width) in enumerate(cells)
            )
        if section.rows and widths:
            yield _rule(widths)
            for row in section.rows:
                yield self._row(row, widths)
            yield _rule(widths)

    def _row(self, row: list[str], widths: list[int]) -> str:
        edge = "|"
        parts = []
        for width, cell in zip(widths, row, strict=False):
            taken = width_of(cell)
            padding = 2 if taken + len(edge) + 3 <= width else 0
            rest = width - len(edge) - padding - taken - 1
            parts.append(f"{edge}{' ' * padding}{self._palette.value(cell)}{' ' * rest}|")
            edge = ""
        return "".join(parts)


def _centred(text: str, width: int, edge: str) -> str:
    taken = width_of(text)
    before = width // 2 - taken // 2 - 1
    after = width - 1 - len(edge) - before - taken
    return f"{edge}{' ' * before}{text}{' ' * after}|"


def _rule(widths: list[int]) -> str:
    return "+" + "+".join("-" * (width - (1 if number else 2)) for number, width in enumerate(widths)) + "+"


class TableFormat:
    def __init__(self, palette: Palette) -> None:
        self._palette = palette
        # Asked for before pages are fetched, as the palette is.
        self._terminal_width = terminal_width()

    def write(self, title: str, answer: Any, stream: TextStream) -> None:
        """Writes the answer, or nothing for one that is empty, null, false or zero.

        Raises ValueError or IndexError for rows of different lengths (`--query '[State,[Id,Type]]'`) first.
        """
        table = Table(self._palette, self._terminal_width)
        if _add(table, title, answer, 0):
            table.draw(stream)


def _add(table: Table, title: str | None, value: Any, level: int) -> bool:
    """Add a value as a section, or to the current one where it has no title. False if it is empty."""
    if not value:
        return False
    if title is not None:
        table.begin(title, level)
    if isinstance(value, list):
        if isinstance(value[0], dict):
            _add_structures(table, title, value, level)
        else:
            _add_items(table, value)
    elif isinstance(value, dict):
        _add_structure(table, value, level)
    return True


def _add_items(table: Table, items: list[Any]) -> None:
    for item in items:
        if _is_scalar(item):
            table.section.add_row([item])
        elif all(_is_scalar(cell) for cell in item):
            table.section.add_row(item)
        else:
            _add(table, None, item, 0)


def _add_structure(table: Table, structure: dict[str, Any], level: int) -> None:
    scalars, others = _split(structure)
    names = sorted(scalars)
    if len(names) == 1:
        table.section.add_row([names[0], structure[names[0]]])
    elif names:
        table.section.add_header(names)
        table.section.add_row([structure[name] for name in names])
    for name in sorted(others):
        _add(table, name, structure[name], level + 1)


def _add_structures(table: Table, title: str | None, structures: list[dict[str, Any]], level: int) -> None:
    """Adds a list of structures: rows of one section, or a section each where they have more than scalars."""
    scalars: set[str] = set()
    others: set[str] = set()
    for structure in structures:
        of_structure = _split(structure)
        scalars |= of_structure[0]
        others |= of_structure[1]
    names, nested = sorted(scalars), sorted(others)
    table.section.add_header(names)
    for number, structure in enumerate(structures):
        if number and nested:
            table.begin(title, level)
            table.section.add_header(names)
        table.section.add_row([structure.get(name, "") for name in names])
        for name in nested:
            if name in structure:
                _add(table, name, structure[name], level + 1)


def _split(structure: dict[str, Any]) -> tuple[set[str], set[str]]:
    scalars: set[str] = set()
    others: set[str] = set()
    for name in structure:  # noqa: PLC0206 - what is no structure after all fails as it does in the AWS CLI
        (scalars if _is_scalar(structure[name]) else others).add(name)
    return scalars, others


def _is_scalar(value: Any) -> bool:
    return not isinstance(value, (list, dict))
