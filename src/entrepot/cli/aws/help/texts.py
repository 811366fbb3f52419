"""What this program itself says in help: a line and an example for each operation, and its own options."""

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


# Completion reads this too, and is in a hurry: no pathlib, no dataclasses.
_TEXTS = os.path.join(os.path.dirname(__file__), "options.json")  # noqa: PTH118, PTH120
_PAGINATION = {"starting-token", "page-size", "max-items"}
_OPERATION = ("cli-input-json", "starting-token", "page-size", "max-items", "generate-cli-skeleton")
_TWO_NAMES = {"cli-input-json": "--cli-input-json | --cli-input-yaml"}


class OptionText:
    """One option, or a pair of which one may be given."""

    __slots__ = ("name", "text", "type", "values")

    def __init__(self, name: str, entry: dict[str, Any]) -> None:
        self.name = name
        self.type: str = entry["type"]
        """As help shows it: `string`, `boolean`, `int`."""
        self.text: str = entry["text"]
        """Marked up as the model's documentation is."""
        self.values: tuple[str, ...] = tuple(entry.get("values", ()))

    @property
    def title(self) -> str:
        """`--cli-input-json | --cli-input-yaml`."""
        return _TWO_NAMES.get(self.name, f"--{self.name}")

    @property
    def usage(self) -> str:
        """As the synopsis has it."""
        return self.title if self.type == "boolean" or self.name in _TWO_NAMES else f"{self.title} <value>"

    @property
    def paginated_only(self) -> bool:
        """Whether only paginated operations have it."""
        return self.name in _PAGINATION


def _read() -> tuple[OptionText, ...]:
    with open(_TEXTS, "rb") as file:  # noqa: PTH123
        content = json.loads(file.read())
    return tuple(OptionText(name, entry) for name, entry in content.items())


_ALL = _read()
OPERATION_OPTIONS = tuple(option for option in _ALL if option.name in _OPERATION)
GLOBAL_OPTIONS = tuple(option for option in _ALL if option.name not in _OPERATION)
