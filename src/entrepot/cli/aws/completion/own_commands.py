"""The table of what the program's own commands take, which completion reads fast.

The parsers of the commands are the truth, but making one costs the imports of its command, a tenth of a
second for some. So the table is written from them by `python -m entrepot.cli.aws.completion.own_commands`,
and a test keeps it current.
"""

from __future__ import annotations

import json
import os.path

from entrepot.cli.aws.operation.grammar import MANY, ONE, OPTIONAL, SWITCH_ON, Option

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from typing import Any

TABLE = os.path.join(os.path.dirname(__file__), "own_commands.json")  # noqa: PTH118, PTH120 - pathlib takes 5 ms

_WITHOUT_PARSER = {"help"}
"""Its words are commands, operations and topics, which completion knows by itself."""


class Word:
    """A word, or several, that a command takes beside its options."""

    def __init__(self, entry: dict[str, Any]) -> None:
        self.metavar: str = entry["metavar"]
        """What it stands for: `JOB`, `FOLDER|s3://…`."""
        self.choices: tuple[str, ...] = tuple(entry.get("choices", ()))
        self.many: bool = entry.get("many", False)


class OwnCommand:
    def __init__(self, entry: dict[str, Any]) -> None:
        self.options: list[Option] = []
        self.meanings: dict[str, str] = {}
        """By flag."""
        self.metavars: dict[str, str] = {}
        """By flag, of options that take a value."""
        for flag, content in entry["options"].items():
            option = Option(flag, content["takes"], choices=tuple(content.get("choices", ())))
            self.options.append(option)
            self.meanings[flag] = content.get("meaning", "")
            self.metavars[flag] = content.get("metavar", "")
        self.words = [Word(word) for word in entry["words"]]

    def word(self, place: int) -> Word | None:
        """The word that is expected at that place, from 0; None where none is."""
        if place < len(self.words):
            return self.words[place]
        return self.words[-1] if self.words and self.words[-1].many else None


def read_own_command(name: str) -> OwnCommand:
    """Reads a command from the table; an empty one where the table does not know it."""
    with open(TABLE, "rb") as file:  # noqa: PTH123
        entry = json.loads(file.read()).get(name)
    return OwnCommand(entry or {"options": {}, "words": []})


def describe_own_commands() -> dict[str, Any]:
    """Makes the table from the parsers of all commands that have one."""
    from entrepot.cli.commands import COMMANDS

    described = [command for command in COMMANDS if command.group and command.name not in _WITHOUT_PARSER]
    return {command.name: _describe(_parser_of(command.module)) for command in described}


class _ParserSeen(BaseException):
    """Ends a command once it has made its parser, past its handling of errors."""

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        super().__init__()
        self.parser = parser


def _parser_of(module: str) -> argparse.ArgumentParser:
    """The parser that a command makes. Raises `LookupError` where it makes none."""
    import argparse
    from importlib import import_module
    from unittest.mock import patch

    def seen(parser: argparse.ArgumentParser, *_: object, **__: object) -> None:
        raise _ParserSeen(parser)

    run = import_module(module).run
    with patch.object(argparse.ArgumentParser, "parse_known_args", seen):
        try:
            run([])
        except _ParserSeen as found:
            return found.parser
    raise LookupError(f"{module} makes no parser")


def _describe(parser: argparse.ArgumentParser) -> dict[str, Any]:
    from argparse import SUPPRESS

    options: dict[str, Any] = {}
    words: list[dict[str, Any]] = []
    for action in parser._actions:  # noqa: SLF001 - argparse has no public way to ask what a parser takes
        if action.help == SUPPRESS:
            continue
        many = action.nargs in {"*", "+"}
        choices = {"choices": [str(choice) for choice in action.choices]} if action.choices else {}
        meaning = (action.help or "").partition(" [")[0].replace("%%", "%")
        if not action.option_strings:
            metavar = action.metavar if isinstance(action.metavar, str) else action.dest
            words.append({"metavar": metavar, **choices, **({"many": True} if many else {})})
            continue
        flag = max(action.option_strings, key=len)
        takes = SWITCH_ON if action.nargs == 0 else MANY if many else OPTIONAL if action.nargs == "?" else ONE
        metavar = action.metavar if isinstance(action.metavar, str) else action.dest.upper()
        shown = {} if takes == SWITCH_ON else {"metavar": metavar}
        options[flag] = {"takes": takes, **shown, **choices, "meaning": meaning}
    return {"options": options, "words": words}


if __name__ == "__main__":
    table = json.dumps(describe_own_commands(), indent=1, ensure_ascii=False)
    with open(TABLE, "w", encoding="utf-8") as written:  # noqa: PTH123
        written.write(f"{table}\n")
