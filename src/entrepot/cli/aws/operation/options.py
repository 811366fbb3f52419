"""The options of operations: those that all share, and those made from the model of one operation's input."""

from __future__ import annotations

import sys
import time

from entrepot.cli.aws.operation.grammar import (
    MANY,
    ONE,
    OPTIONAL,
    SWITCH_OFF,
    SWITCH_ON,
    VERSION,
    Grammar,
    Option,
    Word,
    usage_text,
)
from entrepot.client.target import Options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from entrepot.client.command_line_model import Member, Operation

OUTPUTS = ("json", "text", "table", "yaml", "yaml-stream")
COLOURS = ("on", "off", "auto")

_SERVICE = "dataexchange"
"""The word before an operation where the AWS CLI reads one; here too, so that `--` means the same."""


class Globals(Options):
    """The values of the options that all operations share, those of the connection among them."""

    def __init__(self, values: dict[str, Any]) -> None:
        super().__init__(
            profile=values["profile"],
            region=values["region"],
            endpoint_url=values["endpoint_url"],
            verify_ssl=values["verify_ssl"],
            ca_bundle=values["ca_bundle"],
            sign=values["sign_request"],
            read_timeout=values["cli_read_timeout"],
            connect_timeout=values["cli_connect_timeout"],
        )
        self.debug: bool = values["debug"]
        self.paginate: bool = values["paginate"]
        self.output: str | None = values["output"]
        self.query: str | None = values["query"]
        self.colour: str = values["color"]
        self.pager: bool = not values["no_cli_pager"]
        self.error_format: str | None = values["cli_error_format"]


def global_options() -> tuple[Option, ...]:
    """The options that all operations share, in the order in which an ambiguous one names its candidates.

    `--output off` and `--cli-error-format` came with later editions of the AWS CLI than the one that this
    program equals. They work, but nothing that is said of other options changes for them.
    """
    output = Option("--output", choices=OUTPUTS)
    output.accepted = (*OUTPUTS, "off")
    error_format = Option(
        "--cli-error-format", choices=("legacy", "json", "yaml", "text", "table", "enhanced")
    )
    error_format.unlisted = True
    return (
        Option("--debug", SWITCH_ON, default=False),
        Option("--endpoint-url"),
        Option("--no-verify-ssl", SWITCH_OFF, dest="verify_ssl", default=True),
        Option("--no-paginate", SWITCH_OFF, dest="paginate", default=True),
        output,
        Option("--query"),
        Option("--profile"),
        Option("--region"),
        Option("--color", choices=COLOURS, default="auto"),
        Option("--no-sign-request", SWITCH_OFF, dest="sign_request", default=True),
        Option("--ca-bundle"),
        Option("--cli-read-timeout"),
        Option("--cli-connect-timeout"),
        Option("--cli-binary-format", choices=("base64", "raw-in-base64-out")),
        Option("--no-cli-pager", SWITCH_ON, default=False),
        Option("--cli-auto-prompt", SWITCH_ON, default=False),
        Option("--no-cli-auto-prompt", SWITCH_ON, default=False),
        Option("--version", VERSION),
        error_format,
    )


def read_first(arguments: Sequence[str]) -> bool:
    """Reads `--profile` and `--debug` before all else, as the AWS CLI does; whether `--debug` is given.

    A wrong use of one of the two is therefore reported before any other mistake. Raises `UsageError`.
    """
    options = (Option("--profile"), Option("--debug", SWITCH_ON, default=False))
    values, _ = Grammar(options, None, usage_text()).read(arguments)
    return values["debug"] is True


def read_globals(arguments: Sequence[str]) -> tuple[Globals, list[str]]:
    """Reads the shared options; returns the rest, too. Raises `UsageError` and `VersionAsked`."""
    values, rest = Grammar(global_options(), Word("command"), usage_text()).read([_SERVICE, *arguments])
    return Globals(values), rest


class DebugLog:
    """Writes where it is on; costs nothing where it is off. Secrets are never given to it."""

    def __init__(self, *, on: bool = False) -> None:
        self.on = on

    def __call__(self, text: str) -> None:
        if self.on:
            now = time.time()
            stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(now))
            milliseconds = int(now * 1000) % 1000
            print(f"{stamp},{milliseconds:03} - entrepot - DEBUG - {text}", file=sys.stderr)

    def failure(self, error: BaseException) -> None:
        if self.on:
            import traceback

            self("".join(traceback.format_exception(error)).rstrip("\n"))


SKELETON = "--generate-cli-skeleton"
INPUT_JSON = "--cli-input-json"
INPUT_YAML = "--cli-input-yaml"
SKELETONS = ("input", "output", "yaml-input")
HELP = "help"


def option_name(member: str) -> str:
    """`JobId` → `job-id`, `S3DataAccess` → `s3-data-access`."""
    letters = []
    for index, letter in enumerate(member):
        if letter.isupper() and index:
            before = member[index - 1]
            after = member[index + 1 : index + 2]
            if not before.isupper() or (after.islower()):
                letters.append("-")
        letters.append(letter.lower())
    return "".join(letters)


class OperationOptions:
    """The options of one operation."""

    def __init__(self, operation: Operation) -> None:
        self.operation = operation
        self.members: list[tuple[Option, Member]] = []
        """The options for members of the input, in the model's order; of a switch only the first."""
        self.all: list[Option] = []
        for member in operation.input.members.values():
            self._add_member(member)
        self.all += [Option(INPUT_JSON), Option(INPUT_YAML)]
        if operation.pagination is not None:
            page_size, max_items = Option("--page-size"), Option("--max-items")
            page_size.integer = max_items.integer = True
            self.all += [Option("--starting-token"), page_size, max_items]
        skeleton = Option(SKELETON, OPTIONAL, choices=SKELETONS)
        skeleton.implied = "input"
        self.all.append(skeleton)

    def _add_member(self, member: Member) -> None:
        name = option_name(member.name)
        kind = member.shape.kind
        if kind == "boolean":
            option = Option(f"--{name}", SWITCH_ON)
            self.all += [option, Option(f"--no-{name}", SWITCH_OFF, dest=option.dest)]
        else:
            option = Option(f"--{name}", MANY if kind == "list" else ONE)
            self.all.append(option)
        option.required = member.required and not member.is_token
        self.members.append((option, member))

    def grammar(self, arguments: Sequence[str]) -> Grammar:
        """The grammar for these arguments.

        A whole input or a skeleton makes the other options optional, but only where its full name stands
        alone. A sample output needs what the operation needs.
        """
        lifted = INPUT_JSON in arguments or INPUT_YAML in arguments
        if SKELETON in arguments:
            following = arguments[arguments.index(SKELETON) + 1 :]
            lifted = lifted or not following or following[0] != "output"
        if lifted:
            for option in self.all:
                option.required = False
        return Grammar(self.all, Word(HELP, required=False), usage_text(self.operation.command))
