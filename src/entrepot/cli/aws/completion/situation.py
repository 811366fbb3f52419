"""Which command a line is about, what it has been given, and what the word at the cursor stands for."""

from __future__ import annotations

from entrepot.cli.aws.operation.grammar import MANY, ONE, OPTIONAL, Option
from entrepot.cli.aws.operation.options import OperationOptions, global_options
from entrepot.cli.commands import own_command
from entrepot.client.command_line_model import Model

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from entrepot.client.command_line_model import Member, Operation

_TAKES_A_VALUE = {ONE, MANY, OPTIONAL}
_HIDDEN = {"--max-results", "--next-token"}
"""The API's own options of pagination: understood, but help shows those of the command line instead."""


class Situation:
    """What is known when a word is to be completed."""

    def __init__(self) -> None:
        self.own: str | None = None
        """The name of one of our own commands."""
        self.operation: Operation | None = None
        self.options: dict[str, Option] = {}
        """All that may be given here, by flag."""
        self.members: dict[str, Member] = {}
        """The parameters of the operation that options stand for, by flag."""
        self.given: dict[str, list[str]] = {}
        """What has been given already, by flag; `--flag` alone is there with no values."""
        self.positionals: list[str] = []
        """The words after the command that belong to no option."""
        self.expected: Option | None = None
        """The option whose value the cursor's word is."""
        self.optional = False
        """Whether that word may as well begin something else: the option needs no more values."""
        self.prefix = ""
        """What of the cursor's word comes before the value: `--output=`."""
        self.typed = ""
        """The value as far as it is typed, or the whole word where it is no value."""

    @property
    def unknown(self) -> bool:
        return self.own is None and self.operation is None

    def value(self, flag: str) -> str | None:
        """The last value of an option."""
        values = self.given.get(flag)
        return values[-1] if values else None


def understand(words: Sequence[str], current: str, own_options: Iterable[Option] = ()) -> Situation:
    """Reads the words before the cursor, without the program's name, and the word at it. Never raises.

    `own_options` are those of the program's own command, where the first word names one.
    """
    situation = Situation()
    if words and own_command(words[0]) is not None:
        situation.own = words[0]
        situation.options = {option.flag: option for option in own_options}
        words = words[1:]
    else:
        situation.options = {option.flag: option for option in global_options()}
    open_option = _read(situation, words)
    _place(situation, open_option, current)
    return situation


def _read(situation: Situation, words: Sequence[str]) -> Option | None:
    """Notes what is given; returns the option that may take the next word, if there is one."""
    open_option: Option | None = None
    for word in words:
        if word.startswith("--") and len(word) > 2:
            name, equals, value = word.partition("=")
            option = _find(situation, name)
            open_option = None
            if option is None:
                continue
            values = situation.given.setdefault(option.flag, [])
            if equals:
                values.append(value)
            elif option.takes in _TAKES_A_VALUE:
                open_option = option
        elif open_option is not None:
            situation.given[open_option.flag].append(word)
            if open_option.takes != MANY:
                open_option = None
        elif situation.unknown:
            _choose(situation, word)
        else:
            situation.positionals.append(word)
    return open_option


def _choose(situation: Situation, word: str) -> None:
    model = Model.load()
    try:
        operation = model.operation(word)
    except KeyError:
        return
    situation.operation = operation
    own = OperationOptions(operation)
    situation.members = {option.flag: member for option, member in own.members}
    hidden = _HIDDEN if operation.pagination is not None else set()
    offered = {option.flag: option for option in own.all if option.flag not in hidden}
    situation.options = offered | situation.options


def _find(situation: Situation, name: str) -> Option | None:
    if name in situation.options:
        return situation.options[name]
    close = [option for flag, option in situation.options.items() if flag.startswith(name)]
    return close[0] if len(close) == 1 else None


def _place(situation: Situation, open_option: Option | None, current: str) -> None:
    name, equals, value = current.partition("=")
    option = _find(situation, name) if current.startswith("--") and equals else None
    if option is not None and option.takes in _TAKES_A_VALUE:
        situation.expected, situation.prefix, situation.typed = option, f"{name}=", value
        return
    situation.typed = current
    if open_option is None:
        return
    has_values = bool(situation.given[open_option.flag])
    situation.optional = open_option.takes == OPTIONAL or (open_option.takes == MANY and has_values)
    # What begins with a dash is an option, whatever went before, as the grammar has it.
    if not current.startswith("--"):
        situation.expected = open_option
