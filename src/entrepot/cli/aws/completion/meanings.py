"""What candidates mean, in a few words: from the model's documentation, and from our own texts."""

from __future__ import annotations

from entrepot.cli.aws.completion.values import Candidate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from entrepot.cli.aws.completion.situation import Situation


class NoMeanings:
    """Says nothing, and reads nothing for it."""

    def operations(self) -> list[Candidate]:
        """All operations."""
        from entrepot.client.command_line_model import commands

        return [Candidate(name) for name in commands()]

    def of_option(self, flag: str, situation: Situation) -> str:
        """What an option means in this situation."""
        return ""


class Meanings(NoMeanings):
    """Says what there is to say. Reads the documentation once, when the first option needs it."""

    def __init__(self) -> None:
        self._document: dict[str, Any] | None = None
        self._texts: dict[str, str] | None = None

    def operations(self) -> list[Candidate]:
        """All operations, group by group."""
        from entrepot.cli.aws.help.texts import operation_texts

        return [Candidate(text.name, text.summary) for text in operation_texts()]

    def of_option(self, flag: str, situation: Situation) -> str:
        """The first sentence of its documentation."""
        from entrepot.cli.aws.help.page import first_sentence

        if situation.own is not None:
            from entrepot.cli.aws.completion.own_commands import read_own_command

            return read_own_command(situation.own).meanings.get(flag, "")
        if flag not in situation.members and f"--{flag.removeprefix('--no-')}" in situation.members:
            return f"the opposite of --{flag.removeprefix('--no-')}"
        if situation.operation is not None and flag in situation.members:
            return first_sentence(
                self._of_member(situation.operation.input.name, situation.members[flag].name)
            )
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

            self._texts = {
                f"--{option.name}": option.text for option in (*GLOBAL_OPTIONS, *OPERATION_OPTIONS)
            }
            self._texts["--cli-input-yaml"] = self._texts["--cli-input-json"].replace("JSON", "YAML")
        return self._texts
