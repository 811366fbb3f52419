"""The texts of help: a line and an example for each operation, the shared options, and the topics."""

from __future__ import annotations

import json
import os.path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from entrepot.cli.aws.help.page import Page

# Completion reads this too, and is in a hurry: no pathlib, no dataclasses.
_FILE = os.path.join(os.path.dirname(__file__), "operations.json")  # noqa: PTH118, PTH120


class OperationText:
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
    with open(_FILE, "rb") as file:  # noqa: PTH123
        groups = json.loads(file.read())
    return [
        OperationText(name, group, entry)
        for group, entries in groups.items()
        for name, entry in entries.items()
    ]


def operation_text(command: str) -> OperationText:
    """Raises `KeyError`."""
    return {text.name: text for text in operation_texts()}[command]


_TEXTS = os.path.join(os.path.dirname(__file__), "options.json")  # noqa: PTH118, PTH120
_PAGINATION = {"starting-token", "page-size", "max-items"}
_OPERATION = ("cli-input-json", "starting-token", "page-size", "max-items", "generate-cli-skeleton")
_TWO_NAMES = {"cli-input-json": "--cli-input-json | --cli-input-yaml"}


class OptionText:
    """One option of help, or a pair of which one may be given."""

    def __init__(self, name: str, entry: dict[str, Any]) -> None:
        self.name = name
        self.type: str = entry["type"]
        """As help shows it: `string`, `boolean`, `int`."""
        self.text: str = entry["text"]
        """Marked up as the model's documentation is."""
        self.values: tuple[str, ...] = tuple(entry.get("values", ()))
        self.title = _TWO_NAMES.get(name, f"--{name}")
        is_alone = self.type == "boolean" or name in _TWO_NAMES
        self.usage = self.title if is_alone else f"{self.title} <value>"
        self.paginated_only = name in _PAGINATION


with open(_TEXTS, "rb") as _file:  # noqa: PTH123
    _ALL = tuple(OptionText(name, entry) for name, entry in json.loads(_file.read()).items())
OPERATION_OPTIONS = tuple(option for option in _ALL if option.name in _OPERATION)
GLOBAL_OPTIONS = tuple(option for option in _ALL if option.name not in _OPERATION)


_FOLDER = os.path.join(os.path.dirname(__file__), "topics")  # noqa: PTH118, PTH120


class Topic:
    """One topic; its text is in `topics/<name>.txt`."""

    def __init__(self, name: str, summary: str, others: tuple[str, ...] = ()) -> None:
        self.name = name
        self.summary = summary
        self.others = others
        """Further names under which people look for it."""

    def page(self) -> Page:
        from entrepot.cli.aws.help.page import topic_page

        with open(os.path.join(_FOLDER, f"{self.name}.txt"), encoding="utf-8") as file:  # noqa: PTH118, PTH123
            return topic_page(file.read())


TOPICS = (
    Topic(
        "config-vars", "options, variables and files that configure operations", ("settings", "configuration")
    ),
    Topic("exit-codes", "what the program ends with, and what that means", ("return-codes",)),
    Topic("output", "formats of answers, and picking from them with --query", ("query",)),
    Topic("pagination", "long lists: pages, limits, going on later"),
    Topic("shorthand", "nested parameters: JSON, shorthand, files, skeletons", ("parameters",)),
    Topic("jobs", "how data moves: kinds of jobs and their states"),
    Topic("publish-and-fetch", "a folder to a revision and back, in one command each"),
    Topic("completion", "the Tab key in bash, zsh and fish; the prompt", ("auto-prompt", "prompt")),
)


def find_topic(name: str) -> Topic | None:
    return next((topic for topic in TOPICS if name in {topic.name, *topic.others}), None)
