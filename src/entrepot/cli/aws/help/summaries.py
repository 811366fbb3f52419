"""What this program itself says of each operation: its group, one line, one example."""

from __future__ import annotations

import json
import os.path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_FILE = os.path.join(os.path.dirname(__file__), "operations.json")  # noqa: PTH118, PTH120 - completion is in a hurry


class OperationText:
    """One operation."""

    __slots__ = ("command", "group", "name", "summary", "words")

    def __init__(self, name: str, group: str, entry: dict[str, Any]) -> None:
        self.name = name
        self.group = group
        """`Data sets`; operations of one group stand together in lists."""
        self.summary: str = entry["summary"]
        """What it does, in one line, beginning with a small letter."""
        self.words: str = entry["words"]
        """What the example is for; ends with a colon."""
        self.command: tuple[str, ...] = tuple(entry["command"])
        """The lines of the example, for any POSIX shell: ids are variables such as `$DATA_SET`."""


def operation_texts() -> list[OperationText]:
    """All of them, group by group."""
    with open(_FILE, "rb") as file:  # noqa: PTH123
        groups = json.loads(file.read())
    return [
        OperationText(name, group, entry)
        for group, entries in groups.items()
        for name, entry in entries.items()
    ]


def operation_text(command: str) -> OperationText:
    """Raises `KeyError`."""
    for text in operation_texts():
        if text.name == command:
            return text
    raise KeyError(command)
