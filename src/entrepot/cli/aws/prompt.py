"""Asks for a command line on the terminal. prompt_toolkit is imported here, and nowhere else."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from platformdirs import user_state_dir
from prompt_toolkit import PromptSession
from prompt_toolkit.application import run_in_terminal
from prompt_toolkit.application.current import get_app
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.output import create_output
from prompt_toolkit.shortcuts import CompleteStyle
from prompt_toolkit.validation import Validator

from entrepot.cli.aws.completion.engine import Engine
from entrepot.cli.aws.completion.line import Line, read_line
from entrepot.cli.aws.completion.live import LiveIds
from entrepot.cli.aws.completion.values import Candidate
from entrepot.client.client_errors import ClientError
from entrepot.settings.environment import environment

_NOT_OFFERED = {"--cli-auto-prompt", "--no-cli-auto-prompt"}


class Choice(Completion):
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
        line = read_line(document.text_before_cursor, {})
        for candidate in self._engine.complete(line.words, line.current):
            if candidate.value not in _NOT_OFFERED:
                yield Choice(candidate, line)

    def can_go_on(self, text: str) -> bool:
        """Whether the last word may be the beginning of something longer."""
        line = read_line(text, {})
        found = self._engine.complete(line.words, line.current)
        return any(candidate.value != line.current for candidate in found)


def _quoted(value: str, line: Line) -> str:
    if line.quote:
        return f"{line.quote}{value}"
    # A tilde in a path keeps its meaning, which a quotation would take from it.
    plain = value.replace("~", "") if "://~/" in value else value
    return value if shlex.quote(plain) == plain else shlex.quote(value)


def open_history() -> History:
    """Opens the history in the user's state directory, or one for this run where that cannot be used."""
    path = Path(user_state_dir("entrepot", appauthor=False)) / "prompt_history"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        with path.open("ab"):
            return FileHistory(path)
    except OSError:
        return InMemoryHistory()


_PROMPT = "> entrepot "
_OPTIONS = {"--cli-auto-prompt"}
_TOOLBAR = (
    " [Enter] take the choice, or run   [Tab] next choice   [F3] help   [Ctrl-R] history   [Ctrl-C] leave"
)


class _Left(BaseException):
    """The user left without running anything."""


def prompt_for_arguments(arguments: Sequence[str]) -> list[str] | None:
    """Lets the user complete a command line that begins with these arguments; None when the user left.

    The line that is to run is shown as `> entrepot …` where the answer will appear; one that was left, on
    standard error. Raises `ClientError` with an empty message, as the AWS CLI does, when the input ends.
    """
    begun = " ".join(shlex.quote(argument) for argument in arguments if argument not in _OPTIONS)
    session = _session()
    try:
        text = session.prompt(_PROMPT, default=_with_blank(session, begun), pre_run=_open_menu)
    except (_Left, KeyboardInterrupt):
        print(f"{_PROMPT}{session.default_buffer.text}", file=sys.stderr)
        return None
    except EOFError as error:
        raise ClientError("") from error
    # An answer that is redirected into a file is to be the answer alone.
    print(f"{_PROMPT}{text}", file=sys.stdout if sys.stdout.isatty() else sys.stderr, flush=True)
    return shlex.split(text)


def _session() -> PromptSession[str]:
    environ = environment()
    return PromptSession(
        completer=Choices(environ),
        complete_in_thread=True,
        complete_while_typing=True,
        complete_style=CompleteStyle.COLUMN,
        reserve_space_for_menu=12,
        history=open_history(),
        key_bindings=_bindings(),
        bottom_toolbar=_TOOLBAR,
        validator=Validator.from_callable(_is_closed, "A quotation is open.", move_cursor_to_end=True),
        validate_while_typing=False,
        erase_when_done=True,
        output=None if sys.stdout.isatty() else create_output(always_prefer_tty=True),
    )


def _is_closed(text: str) -> bool:
    try:
        shlex.split(text)
    except ValueError:
        return False
    return True


def _with_blank(session: PromptSession[str], begun: str) -> str:
    completer = session.completer
    if not begun or (isinstance(completer, Choices) and completer.can_go_on(begun)):
        return begun
    return f"{begun} "


def _open_menu() -> None:
    get_app().current_buffer.start_completion()


def _bindings() -> KeyBindings:
    bindings = KeyBindings()

    @bindings.add("enter")
    def _(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        chosen = buffer.complete_state.current_completion if buffer.complete_state else None
        if chosen is None:
            buffer.validate_and_handle()
            return
        buffer.complete_state = None
        if not isinstance(chosen, Choice) or chosen.final:
            buffer.insert_text(" ")
        buffer.start_completion()

    @bindings.add("c-c")
    @bindings.add("c-d")
    def _(event: KeyPressEvent) -> None:
        event.app.exit(exception=_Left())

    @bindings.add("f3")
    def _(event: KeyPressEvent) -> None:
        run_in_terminal(lambda: _show_help(event.current_buffer.text))

    return bindings


def _show_help(text: str) -> None:
    """The page of the operation that the line is about, or the list of all."""
    from entrepot.cli.aws.completion.situation import understand
    from entrepot.cli.aws.help.command import introduce, show_operation_help

    operation = understand(read_line(f"{text} ", {}).words, "").operation
    if operation is None:
        introduce(asked=True)
    else:
        show_operation_help(operation.command)
