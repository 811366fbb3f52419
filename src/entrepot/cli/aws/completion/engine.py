"""Finds the candidates for the word at the cursor, with their meanings, for shells and for the prompt.

the first word      a command of ours or an operation
--…                 an option that is not given yet; required ones first
a value             choices, Regions, profiles, paths, names in a query, ids from the server
"""

from __future__ import annotations

from entrepot.cli.aws.completion.situation import Situation, understand
from entrepot.cli.aws.completion.values import Candidate, Values, matching
from entrepot.cli.aws.operation.grammar import MANY
from entrepot.cli.commands import COMMANDS, own_command

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from entrepot.cli.aws.completion.live import LiveIds
    from entrepot.cli.aws.completion.own_commands import OwnCommand
    from entrepot.cli.aws.completion.situation import Situation
    from entrepot.cli.aws.operation.grammar import Option


class Meanings:
    """Says what candidates mean, or nothing unless `explain`; reads the model's documentation when needed."""

    def __init__(self, *, explain: bool) -> None:
        self._explain = explain
        self._document: dict[str, Any] | None = None
        self._texts: dict[str, str] | None = None

    def operations(self) -> list[Candidate]:
        if not self._explain:
            from entrepot.client.command_line_model import commands

            return [Candidate(name) for name in commands()]
        from entrepot.cli.aws.help.texts import operation_texts

        return [Candidate(text.name, text.summary) for text in operation_texts()]

    def of_option(self, flag: str, situation: Situation) -> str:
        """The first sentence of its documentation; empty for an option that has none."""
        if not self._explain:
            return ""
        from entrepot.cli.aws.help.page import first_sentence

        if situation.own is not None:
            from entrepot.cli.aws.completion.own_commands import read_own_command

            return read_own_command(situation.own).meanings.get(flag, "")
        if flag not in situation.members and f"--{flag.removeprefix('--no-')}" in situation.members:
            return f"the opposite of --{flag.removeprefix('--no-')}"
        if situation.operation is not None and flag in situation.members:
            structure, member = situation.operation.input.name, situation.members[flag].name
            return first_sentence(self._of_member(structure, member))
        return first_sentence(self._own_texts().get(flag, ""))

    def _of_member(self, structure: str, member: str) -> str:
        if self._document is None:
            from entrepot.model.document import read_document

            self._document = read_document()["shapes"]
        found = self._document[structure]["members"][member]
        shape = self._document[found["shape"]]
        text: str = found.get("documentation") or shape.get("documentation", "")
        return text

    def _own_texts(self) -> dict[str, str]:
        if self._texts is None:
            from entrepot.cli.aws.help.texts import GLOBAL_OPTIONS, OPERATION_OPTIONS

            options = (*GLOBAL_OPTIONS, *OPERATION_OPTIONS)
            self._texts = {f"--{option.name}": option.text for option in options}
            self._texts["--cli-input-yaml"] = self._texts["--cli-input-json"].replace("JSON", "YAML")
        return self._texts


_HELP = "help"


class Engine:
    """Completes words. Keep one for a whole prompt: it remembers what the server said a moment ago."""

    def __init__(
        self, environ: Mapping[str, str], ids: LiveIds, *, explain: bool, own_commands: bool = True
    ) -> None:
        """`explain` gives candidates meanings. Without `own_commands` only operations are known."""
        self._environ = environ
        self._ids = ids
        self._meanings = Meanings(explain=explain)
        self._own_commands = own_commands

    def complete(self, words: Sequence[str], current: str) -> list[Candidate]:
        """The candidates for the word at the cursor, best first; none for a line that is wrong.

        `words` are those before it, without the program's name.
        """
        own = self._own(words)
        situation = understand(words, current, [] if own is None else own.options)
        values = Values(situation, self._environ, self._ids, own)
        found: list[Candidate] = []
        if situation.expected is not None:
            found = values.of_option(situation.expected)
        if situation.expected is None or (situation.optional and not situation.prefix):
            found = found + self._words(situation, values)
        if situation.prefix:
            found = [Candidate(situation.prefix + one.value, one.meaning, final=one.final) for one in found]
        return matching(found, current)

    def _own(self, words: Sequence[str]) -> OwnCommand | None:
        if not self._own_commands or not words or own_command(words[0]) is None:
            return None
        from entrepot.cli.aws.completion.own_commands import read_own_command

        return read_own_command(words[0])

    def _words(self, situation: Situation, values: Values) -> list[Candidate]:
        typed = situation.typed
        if typed.startswith("-"):
            return self._options(situation)
        if situation.unknown:
            return self._commands()
        if situation.own is not None:
            found = values.of_word()
            return found if found or typed else self._options(situation)
        if typed and _HELP.startswith(typed):
            return [Candidate(_HELP, "the help page of the operation")]
        return [] if typed else self._options(situation)

    def _commands(self) -> list[Candidate]:
        own = [Candidate(command.name, command.help) for command in COMMANDS if command.group]
        return (own if self._own_commands else []) + self._meanings.operations()

    def _options(self, situation: Situation) -> list[Candidate]:
        open_options = [option for option in situation.options.values() if _is_open(option, situation)]
        ordered = sorted(open_options, key=_rank)
        found = [self._option(option, situation) for option in ordered]
        if "--help" not in situation.options and situation.typed.startswith("--h"):
            found.append(Candidate("--help", "help for this"))
        return found

    def _option(self, option: Option, situation: Situation) -> Candidate:
        meaning = self._meanings.of_option(option.flag, situation)
        return Candidate(option.flag, f"(required) {meaning}" if option.required and meaning else meaning)


def _rank(option: Option) -> int:
    """Required options come first, help last."""
    return 0 if option.required else 2 if option.flag == "--help" else 1


def _is_open(option: Option, situation: Situation) -> bool:
    """Whether to offer an option: neither it nor its opposite is given yet."""
    if option.unlisted or option.flag in situation.given:
        return False
    opposites = {f"--no-{option.flag[2:]}", f"--{option.flag.removeprefix('--no-')}"}
    return option.takes == MANY or not opposites & situation.given.keys()
