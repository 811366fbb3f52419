"""What help says of the options that the command line itself has, for all operations alike."""

from __future__ import annotations

import json
import os.path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

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
