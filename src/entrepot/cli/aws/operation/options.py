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
ERROR_FORMATS = ("legacy", "json", "yaml", "text", "table", "enhanced")
BINARY_FORMATS = ("base64", "raw-in-base64-out")

_SERVICE = "dataexchange"
"""The word before an operation where the AWS CLI reads one; here too, so that `--` means the same."""


class Globals:
    """What the shared options say."""

    __slots__ = (
        "binary_format",
        "ca_bundle",
        "colour",
        "connect_timeout",
        "debug",
        "endpoint_url",
        "error_format",
        "output",
        "pager",
        "paginate",
        "profile",
        "query",
        "read_timeout",
        "region",
        "sign",
        "verify_ssl",
    )

    def __init__(self, values: dict[str, Any]) -> None:
        self.debug: bool = values["debug"]
        self.endpoint_url: str | None = values["endpoint_url"]
        self.verify_ssl: bool = values["verify_ssl"]
        self.paginate: bool = values["paginate"]
        self.output: str | None = values["output"]
        self.query: str | None = values["query"]
        self.profile: str | None = values["profile"]
        self.region: str | None = values["region"]
        self.colour: str = values["color"]
        self.sign: bool = values["sign_request"]
        self.ca_bundle: str | None = values["ca_bundle"]
        self.read_timeout: str | None = values["cli_read_timeout"]
        self.connect_timeout: str | None = values["cli_connect_timeout"]
        self.binary_format: str | None = values["cli_binary_format"]
        self.pager: bool = not values["no_cli_pager"]
        self.error_format: str | None = values["cli_error_format"]

    def connection(self) -> Options:
        """What they say about the connection."""
        return Options(
            profile=self.profile,
            region=self.region,
            endpoint_url=self.endpoint_url,
            verify_ssl=self.verify_ssl,
            ca_bundle=self.ca_bundle,
            sign=self.sign,
            read_timeout=self.read_timeout,
            connect_timeout=self.connect_timeout,
        )


def global_options() -> tuple[Option, ...]:
    """In the order in which an ambiguous one names its candidates.

    `--output off` and `--cli-error-format` came with later editions of the AWS CLI than the one that this
    program equals. They work, but nothing that is said of other options changes for them.
    """
    output = Option("--output", choices=OUTPUTS)
    output.accepted = (*OUTPUTS, "off")
    error_format = Option("--cli-error-format", choices=ERROR_FORMATS)
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
        Option("--cli-binary-format", choices=BINARY_FORMATS),
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
    grammar = Grammar(
        (Option("--profile", ONE), Option("--debug", SWITCH_ON, default=False)), None, usage_text()
    )
    values, _ = grammar.read(arguments)
    return values["debug"] is True


def read_globals(arguments: Sequence[str]) -> tuple[Globals, list[str]]:
    """What the shared options say, and the rest of the command line.

    Raises `UsageError` and `VersionAsked`.
    """
    grammar = Grammar(global_options(), Word("command"), usage_text())
    values, rest = grammar.read([_SERVICE, *arguments])
    return Globals(values), rest


class DebugLog:
    """Writes where it is on; costs nothing where it is off. Secrets are never given to it."""

    __slots__ = ("on",)

    def __init__(self, *, on: bool = False) -> None:
        self.on = on

    def __call__(self, text: str) -> None:
        """Writes one line with the time before it."""
        if self.on:
            now = time.time()
            stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(now))
            milliseconds = int(now * 1000) % 1000
            print(f"{stamp},{milliseconds:03} - entrepot - DEBUG - {text}", file=sys.stderr)

    def failure(self, error: BaseException) -> None:
        """Writes where an error comes from."""
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
    """What may follow the name of one operation."""

    __slots__ = ("all", "members", "operation")

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

        A whole input or a skeleton lifts the need for every other option, but only where its full name stands
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
