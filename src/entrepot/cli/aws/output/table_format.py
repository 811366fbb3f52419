"""`--output table`: boxes for people.

Here an answer becomes sections: one for each structure, and for each item of a list that has more inside than
scalars. How sections become lines is `table_drawing`'s concern. Members are sorted by name.
"""

from __future__ import annotations

from entrepot.cli.aws.output.colour import Palette
from entrepot.cli.aws.output.table_drawing import Table
from entrepot.cli.aws.output.terminal import terminal_width

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from entrepot.cli.aws.output.text_stream import TextStream


class TableFormat:
    """The format in one palette."""

    def __init__(self, palette: Palette) -> None:
        self._palette = palette
        # Asked for before pages are fetched, as the palette is.
        self._terminal_width = terminal_width()

    def write(self, title: str, answer: Any, stream: TextStream) -> None:
        """Write the answer, or nothing for one that is empty, null, false or zero.

        Raises ValueError or IndexError for rows of different lengths (`--query '[State,[Id,Type]]'`), before
        anything is written.
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
            table.add_row([item])
        elif all(_is_scalar(cell) for cell in item):
            table.add_row(item)
        else:
            _add(table, None, item, 0)


def _add_structure(table: Table, structure: dict[str, Any], level: int) -> None:
    scalars, others = _split(structure)
    names = sorted(scalars)
    if len(names) == 1:
        table.add_row([names[0], structure[names[0]]])
    elif names:
        table.add_header(names)
        table.add_row([structure[name] for name in names])
    for name in sorted(others):
        _add(table, name, structure[name], level + 1)


def _add_structures(table: Table, title: str | None, structures: list[dict[str, Any]], level: int) -> None:
    """Add a list of structures: rows of one section, or a section each where they have more than scalars."""
    scalars: set[str] = set()
    others: set[str] = set()
    for structure in structures:
        of_structure = _split(structure)
        scalars |= of_structure[0]
        others |= of_structure[1]
    names = sorted(scalars)
    nested = sorted(others)
    table.add_header(names)
    for number, structure in enumerate(structures):
        if number and nested:
            table.begin(title, level)
            table.add_header(names)
        table.add_row([structure.get(name, "") for name in names])
        for name in nested:
            if name in structure:
                _add(table, name, structure[name], level + 1)


def _split(structure: dict[str, Any]) -> tuple[set[str], set[str]]:
    """The names of the scalar members, and of the others."""
    scalars: set[str] = set()
    others: set[str] = set()
    for name in structure:  # noqa: PLC0206 - what is no structure after all fails as it does in the AWS CLI
        (scalars if _is_scalar(structure[name]) else others).add(name)
    return scalars, others


def _is_scalar(value: Any) -> bool:
    return not isinstance(value, (list, dict))
