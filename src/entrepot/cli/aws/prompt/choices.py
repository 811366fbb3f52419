"""Completion in the terms of prompt_toolkit."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

from entrepot.cli.aws.completion.candidate import Candidate
from entrepot.cli.aws.completion.engine import Engine
from entrepot.cli.aws.completion.line import Line, read_line
from entrepot.cli.aws.completion.live import LiveIds

_NOT_OFFERED = {"--cli-auto-prompt", "--no-cli-auto-prompt"}


class Choice(Completion):
    """A row of the menu."""

    def __init__(self, candidate: Candidate, line: Line) -> None:
        super().__init__(
            _quoted(candidate.value, line),
            start_position=-len(line.raw),
            display=candidate.value,
            display_meta=candidate.meaning,
        )
        self.final = candidate.final
        """Whether a blank may follow."""


class Choices(Completer):
    """Offers what the engine finds for the operation that is being typed."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._engine = Engine(environ, LiveIds(environ), explain=True, own_commands=False)

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterator[Completion]:
        """The rows of the menu for the text before the cursor."""
        line = read_line(document.text_before_cursor, {})
        for candidate in self._engine.complete(line.words, line.current):
            if candidate.value not in _NOT_OFFERED:
                yield Choice(candidate, line)

    def can_go_on(self, text: str) -> bool:
        """Whether the last word of the text is the beginning of something longer."""
        line = read_line(text, {})
        found = self._engine.complete(line.words, line.current)
        return any(candidate.value != line.current for candidate in found)


def _quoted(value: str, line: Line) -> str:
    if line.quote:
        return f"{line.quote}{value}"
    # A tilde in a path keeps its meaning, which a quotation would take from it.
    plain = value.replace("~", "") if "://~/" in value else value
    return value if shlex.quote(plain) == plain else shlex.quote(value)
