"""Runs one operation of the API, step by step, in the order of `STEPS`.

The order of the steps is the order in which the AWS CLI notices mistakes, and scripts rely on it: what is
wrong first is reported first, and what comes later does not happen.
"""

from __future__ import annotations

import sys

from entrepot.cli.aws.operation.grammar import (
    PROGRAM,
    Grammar,
    VersionAsked,
    Word,
    usage_text,
)
from entrepot.cli.aws.operation.options import (
    HELP,
    DebugLog,
    Globals,
    OperationOptions,
    read_first,
    read_globals,
)
from entrepot.cli.aws.operation.parameters import PAGING, paginates, read_parameters
from entrepot.cli.exit_codes import INTERRUPTED, SUCCESS, USAGE, exit_code
from entrepot.client.client_errors import ParameterError, UnknownOptions, UsageError
from entrepot.client.command_line_model import Model, Operation, Pagination
from entrepot.client.configuration import Configuration
from entrepot.client.target import check_settings, resolve_target
from entrepot.domain.errors import EntrepotError
from entrepot.settings.environment import environment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from entrepot.cli.aws.output.query import Query
    from entrepot.client.client import Client
    from entrepot.client.pagination import Pages

    Step = Callable[["Command"], int | None]

_PROMPT_OPTION, _NO_PROMPT_OPTION = "--cli-auto-prompt", "--no-cli-auto-prompt"


class Command:
    """What the steps have found out about the command so far."""

    arguments: list[str]
    client: Client
    globals: Globals
    operation: Operation
    operation_options: OperationOptions
    parameters: dict[str, Any]
    rest: list[str]
    values: dict[str, Any]

    def __init__(self, arguments: list[str]) -> None:
        self.arguments = arguments
        self.environ = environment()
        self.configuration = Configuration(self.environ)
        self.log = DebugLog()
        self.query: Query | None = None
        self.error_format: str | None = None
        self.paginated = False
        self.partial_prompt = False
        """Whether a command line that is wrong is not reported but completed by a prompt."""


def run(arguments: list[str]) -> int:
    """Runs one operation; returns the exit code. Errors are told on standard error."""
    command = Command(arguments)
    status = _live(command, STEPS)
    if status == USAGE and command.partial_prompt:
        command.partial_prompt = False
        status = _live(command, (prompt, *COMMAND_LINE_STEPS))
    return status


def _live(command: Command, steps: tuple[Step, ...]) -> int:
    try:
        for step in steps:
            status = step(command)
            if status is not None:
                return status
    except KeyboardInterrupt:
        print()
        return INTERRUPTED
    except VersionAsked:
        return _show_version()
    except Exception as error:  # noqa: BLE001 - the last one to ask: whatever it is, it ends in one line and a code
        return _explain(error, command)
    return SUCCESS


def look_for_debug(command: Command) -> None:
    """Reads `--profile` and `--debug` before all else."""
    command.log.on = read_first(command.arguments)
    command.log(f"arguments: {command.arguments}")


def read_files(command: Command) -> None:
    """Reads the config and credentials files; one that cannot be parsed ends every command."""
    command.configuration.files()


def prompt_if_wanted(command: Command) -> int | None:
    """Prompts where that is asked for, before the command or once it turns out wrong."""
    given = command.arguments
    if _PROMPT_OPTION in given and _NO_PROMPT_OPTION in given:
        raise ParameterError(
            "Both --cli-auto-prompt and --no-cli-auto-prompt cannot be specified at the same time."
        )
    if HELP in given or "--version" in given or _NO_PROMPT_OPTION in given:
        return None
    mode = "on" if _PROMPT_OPTION in given else command.configuration.auto_prompt()
    command.partial_prompt = mode == "on-partial"
    return prompt(command) if mode == "on" else None


def prompt(command: Command) -> int | None:
    """Lets the user complete the command line, or leave."""
    from entrepot.cli.aws.prompt import prompt_for_arguments

    arguments = prompt_for_arguments(command.arguments)
    if arguments is None:
        return INTERRUPTED
    command.arguments = arguments
    return None


def read_shared_options(command: Command) -> None:
    command.globals, command.rest = read_globals(command.arguments)
    command.log.on = command.globals.debug
    command.error_format = command.globals.error_format


def read_query(command: Command) -> None:
    """Checks the syntax of `--query`; functions and types show only when there is an answer."""
    if command.globals.query is not None:
        from entrepot.cli.aws.output.query import compile_query

        command.query = compile_query(command.globals.query)


def check_shared_options(command: Command) -> None:
    check_settings(command.configuration, command.globals)


def choose_operation(command: Command) -> int | None:
    """Finds the operation that the first remaining word names."""
    asked = bool(command.arguments) or command.partial_prompt
    if asked:
        model = Model.load()
        word = Word("operation", choices=(*model.commands, HELP), similar=_own_commands)
        values, command.rest = Grammar((), word, usage_text()).read(command.rest)
        if values["operation"] != HELP:
            command.operation = model.operation(str(values["operation"]))
            return None
    from entrepot.cli.aws.help.command import introduce

    return introduce(asked=asked)


def show_help(command: Command) -> int | None:
    """Shows `help`; also for `--help` and `-h`, which end with 252 as the AWS CLI ends them."""
    asked = command.rest == [HELP]
    if not asked and not _begs_for_help(command.rest):
        return None
    from entrepot.cli.aws.help.command import show_operation_help

    status = show_operation_help(command.operation.command, paged=command.globals.pager)
    return status if asked else USAGE


def _begs_for_help(words: list[str]) -> bool:
    """Whether `--help` or `-h` is there, and not as the value of an option."""
    return any(
        word in {"--help", "-h"} and not (before.startswith("--") and len(before) > 2)
        for before, word in zip(["", *words], words, strict=False)
    )


def read_own_options(command: Command) -> int | None:
    """Reads the operation's own options. Unknown ones are reported after what is missing."""
    command.operation_options = OperationOptions(command.operation)
    grammar = command.operation_options.grammar(command.rest)
    command.values, unknown = grammar.read(command.rest)
    word: Any = command.values[HELP]
    if word == HELP:
        from entrepot.cli.aws.help.command import show_operation_help

        return show_operation_help(command.operation.command, paged=command.globals.pager)
    if word:
        unknown.append(word)
    if unknown:
        raise UnknownOptions(f"Unknown options: {', '.join(unknown)}", usage=grammar.usage)
    return None


def decide_on_pages(command: Command) -> None:
    command.paginated = paginates(command.operation, command.values, wanted=command.globals.paginate)


def build_parameters(command: Command) -> None:
    """Reads files, shorthand and JSON, and then what an input document adds."""
    command.parameters = read_parameters(command.operation_options, command.values, command.environ)
    json_text, yaml_text = command.values["cli_input_json"], command.values["cli_input_yaml"]
    if json_text is not None or yaml_text is not None:
        from entrepot.cli.aws.operation.parameters import add_input_document

        add_input_document(command.parameters, json_text, yaml_text, command.environ)
    if Pagination.input_token in command.parameters or Pagination.limit_key in command.parameters:
        command.paginated = False
    command.log(f"parameters of {command.operation.name}: {list(command.parameters)}")


def show_skeleton(command: Command) -> int | None:
    """Shows a skeleton instead of calling. Only a sample answer checks the parameters."""
    kind = command.values["generate_cli_skeleton"]
    if not kind:
        return None
    from entrepot.cli.aws.operation import skeleton

    if kind == "output":
        return _show_sample(command)
    make = skeleton.input_skeleton if kind == "input" else skeleton.yaml_input_skeleton
    sys.stdout.write(make(command.operation))
    return SUCCESS


def connect(command: Command) -> None:
    """Finds Region, endpoint and keys. Nothing is sent yet."""
    from entrepot.client.client import Client

    target = resolve_target(command.configuration, command.globals)
    command.log(f"endpoint: {target.endpoint_url} region: {target.region}")
    timestamps = command.configuration.timestamp_format()
    command.client = Client(target, timestamps=timestamps, log=command.log if command.log.on else None)


def call_and_show(command: Command) -> None:
    """Calls, and shows the answer. Pages are fetched while they are shown, after `--output` is checked."""
    if not command.paginated:
        _show([command.client.call(command.operation, command.parameters)], command)
        return
    from entrepot.client.pagination import pages

    paging = command.parameters.pop(PAGING, {})
    listing = pages(
        command.client,
        command.operation,
        command.parameters,
        max_items=paging.get("MaxItems"),
        starting_token=paging.get("StartingToken"),
        page_size=paging.get("PageSize"),
    )
    _show(listing, command)


COMMAND_LINE_STEPS: tuple[Step, ...] = (
    read_shared_options,
    read_query,
    check_shared_options,
    choose_operation,
    show_help,
    read_own_options,
    decide_on_pages,
    build_parameters,
    show_skeleton,
    connect,
    call_and_show,
)

STEPS: tuple[Step, ...] = (look_for_debug, read_files, prompt_if_wanted, *COMMAND_LINE_STEPS)


def _show(answers: list[dict[str, Any]] | Pages, command: Command) -> None:
    from entrepot.cli.aws.output.terminal import Pager, on_terminal
    from entrepot.cli.aws.output.writer import write

    wants_pager = command.globals.pager and on_terminal()
    pager = Pager(command.configuration.pager(), command.environ) if wants_pager else None
    output = command.globals.output
    write(
        answers,
        operation_name=command.operation.name,
        output_format=command.configuration.output() if output is None else output,
        query=command.query,
        colour=command.globals.colour,
        pager=pager,
    )


def _show_sample(command: Command) -> int:
    """Shows a sample answer to valid parameters; neither Region nor keys are needed."""
    from entrepot.cli.aws.operation.skeleton import sample_answer
    from entrepot.cli.aws.output.writer import write
    from entrepot.client.validation import validate

    validate(command.parameters, command.operation.input)
    write(
        [sample_answer(command.operation)],
        operation_name=command.operation.name,
        output_format=command.globals.output or "json",
        query=command.query,
        colour=command.globals.colour,
    )
    return SUCCESS


def _show_version() -> int:
    import platform

    from entrepot import __version__

    system = f"{platform.system()}/{platform.release()}"
    print(f"{PROGRAM}/{__version__} Python/{platform.python_version()} {system}")
    return SUCCESS


def _own_commands() -> tuple[str, ...]:
    from entrepot.cli.commands import COMMANDS

    return tuple(command.name for command in COMMANDS if command.group and command.name != HELP)


def _explain(error: Exception, command: Command) -> int:
    """Tells an error on standard error, in the AWS CLI's form; returns its exit code."""
    command.log.failure(error)
    status = exit_code(error)
    to_be_completed = isinstance(error, (ParameterError, UsageError)) and not isinstance(
        error, UnknownOptions
    )
    if command.partial_prompt and to_be_completed:
        return status
    text = error.message if isinstance(error, EntrepotError) else str(error)
    if command.error_format is not None:
        from entrepot.cli.aws.operation.error_format import show_error

        show_error(error, text, command.error_format, command.globals.colour)
        return status
    if isinstance(error, UsageError):
        name = "" if isinstance(error, UnknownOptions) else f"{PROGRAM}: error: "
        text = f"{error.usage}\n{name}{text}\n"
    # In parts, as the AWS CLI writes: once a table has turned colours on, a reset follows each.
    for part in ("\n", text, "\n"):
        sys.stderr.write(part)
    return status
