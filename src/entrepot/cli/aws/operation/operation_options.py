"""The options of one operation, made from the model of its input."""

from __future__ import annotations

from entrepot.cli.aws.operation.grammar import (
    MANY,
    ONE,
    OPTIONAL,
    SWITCH_OFF,
    SWITCH_ON,
    Grammar,
    Option,
    Word,
    usage_text,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from entrepot.client.command_line_model import Member, Operation

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
