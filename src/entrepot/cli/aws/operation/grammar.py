"""How a command line is read: options before and after words, abbreviated or not, as the AWS CLI takes them.

The AWS CLI reads with Python's argparse as it was in 3.11, and scripts rely on its every habit: an option may
be cut short while it stays unique, `--option=value` takes values that begin with a dash, `--` ends the
options, what looks like a negative number is a value. argparse itself changes its habits from one Python to
the next and costs a tenth of a whole `get-job`; so its rules are written down here, once.

What a grammar does not know it hands back for the next one: a command line is read three times, for the
options that all operations share, for the operation, and for its own options.
"""

from __future__ import annotations

from entrepot.client.client_errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    Value = str | int | bool | list[str] | None

    Match = tuple["Option | None", str, str | None]

    """What looks like an option may be: the option, its full spelling, and what follows a `=`."""

PROGRAM = "entrepot"
_COLUMNS = 2


def usage_text(command: str | None = None) -> str:
    """How to use the operation of that name, or any; ends with a newline."""
    named = command or "<operation>"
    everything = "" if command else f"  {PROGRAM} help                every command and operation\n"
    return (
        f"usage: {PROGRAM} {named} [--option value ...]\n\n{everything}"
        f"  {PROGRAM} {named} help    its options, each explained, and an example\n"
    )


def explain_choices(given: str, choices: Sequence[str], similar: Sequence[str] = ()) -> str:
    """Lists the choices in two columns, and those, also of `similar`, that `given` may be a slip for."""
    from difflib import get_close_matches

    rows = [choices[start : start + _COLUMNS] for start in range(0, len(choices), _COLUMNS)]
    lines = ["Invalid choice, valid choices are:\n"]
    lines += [" | ".join(f"{choice:40}" for choice in row) for row in rows]
    close = get_close_matches(given, [*choices, *similar], cutoff=0.8)
    if close:
        lines.append(f"\n\nInvalid choice: {given!r}, maybe you meant:\n")
        lines += [f"  * {word}" for word in close]
    return "\n".join(lines)


ONE = "one"
"""Takes one value."""
MANY = "many"
"""Takes the values that follow, down to none."""
OPTIONAL = "optional"
"""Takes a value if one follows, else `implied`."""
SWITCH_ON = "on"
SWITCH_OFF = "off"
VERSION = "version"
"""Ends everything: the version is to be shown."""

_WORD, _OPTION, _SEPARATOR = "AO-"


class VersionAsked(Exception):
    """`--version` is among the options."""


class Option:
    def __init__(
        self,
        flag: str,
        takes: str = ONE,
        *,
        dest: str | None = None,
        choices: tuple[str, ...] = (),
        default: Value = None,
    ) -> None:
        """`dest` is the name of its value, the flag's own by default."""
        self.flag = flag
        self.takes = takes
        self.dest = flag[2:].replace("-", "_") if dest is None else dest
        self.choices = choices
        self.accepted = choices
        """The choices, and what is accepted but not named among them."""
        self.default = default
        self.implied = ""
        self.required = False
        self.integer = False
        self.unlisted = False
        """Whether it must be written in full, and no shortening is ambiguous for its sake."""


class Word:
    """The one word that a grammar may take: an argument that belongs to no option."""

    def __init__(
        self,
        name: str,
        *,
        required: bool = True,
        choices: tuple[str, ...] = (),
        similar: Callable[[], Sequence[str]] = tuple,
    ) -> None:
        """`similar` gives further words that a wrong one may be a slip for."""
        self.name = name
        self.required = required
        self.choices = choices
        self.similar = similar


class Grammar:
    def __init__(self, options: Iterable[Option], word: Word | None, usage: str) -> None:
        """`usage` is shown above what is wrong. The last of two options with one flag counts."""
        self.options = {option.flag: option for option in options}
        self.word = word
        self.usage = usage

    def read(self, arguments: Sequence[str]) -> tuple[dict[str, Value], list[str]]:
        """Values by name, and arguments of no option here. Raises `UsageError` and `VersionAsked`."""
        return _Reading(self, arguments).run()

    def interpret(self, argument: str) -> Match | None:
        """What an argument is: None for a word, an option of this grammar, or one that it does not know."""
        if len(argument) < 2 or argument[0] != "-":
            return None
        name, equals, given = argument.partition("=")
        explicit = given if equals else None
        if argument in self.options:
            return self.options[argument], argument, None
        if name in self.options:
            return self.options[name], name, explicit
        if argument.startswith("--"):
            close = [
                flag for flag, option in self.options.items() if flag.startswith(name) and not option.unlisted
            ]
            if len(close) > 1:
                text = f"ambiguous option: {argument} could match {', '.join(close)}"
                raise UsageError(text, usage=self.usage)
            if close:
                return self.options[close[0]], close[0], explicit
        if " " in argument or _is_negative_number(argument):
            return None
        return None, argument, None


class _Reading:
    def __init__(self, grammar: Grammar, arguments: Sequence[str]) -> None:
        self.grammar = grammar
        self.arguments = list(arguments)
        self.word = grammar.word
        self.values: dict[str, Value] = {option.dest: option.default for option in grammar.options.values()}
        self.seen: set[str] = set()
        self.unknown: list[str] = []
        self.options: dict[int, Match] = {}
        self.kinds = self._classify()

    def _classify(self) -> str:
        """What each argument is, a letter each. All that follows `--` are words."""
        kinds = ""
        for index, argument in enumerate(self.arguments):
            if argument == "--":
                return kinds + _SEPARATOR + _WORD * (len(self.arguments) - index - 1)
            match = self.grammar.interpret(argument)
            if match is None:
                kinds += _WORD
            else:
                kinds += _OPTION
                self.options[index] = match
        return kinds

    def run(self) -> tuple[dict[str, Value], list[str]]:
        position = 0
        for place in self.options:
            # The word is looked for only where arguments stand before an option. Where an option comes first,
            # a word that need not be there would else count as read.
            while position < place:
                after = self._take_word(position)
                if after == position:
                    break
                position = after
            self.unknown += self.arguments[position:place]
            position = self._take_option(place)
        position = self._take_word(position)
        self.unknown += self.arguments[position:]
        self._require()
        return self.values, self.unknown

    def _take_word(self, start: int) -> int:
        """Reads the word, if it is still to come and stands here; the place after it."""
        word = self.word
        if word is None:
            return start
        end = _after_separator(self.kinds, start)
        found = self.kinds[end : end + 1] == _WORD
        if found:
            end = _after_separator(self.kinds, end + 1)
        elif word.required:
            return start
        self.word = None
        given = [argument for argument in self.arguments[start:end] if argument != "--"] if found else []
        self.values[word.name] = None
        if given:
            self._check(word.name, word.choices, given[0], word.similar)
            self.values[word.name] = given[0]
        self.seen.add(word.name)
        return end

    def _take_option(self, place: int) -> int:
        """Reads the option at that place with its values; the place after them."""
        option, _, explicit = self.options[place]
        if option is None:
            self.unknown.append(self.arguments[place])
            return place + 1
        self.seen.add(option.flag)
        if explicit is None:
            count = self._count(option, place + 1)
            self._take(option, self.arguments[place + 1 : place + 1 + count])
            return place + 1 + count
        if option.takes not in {ONE, MANY, OPTIONAL}:
            raise self._error(option.flag, f"ignored explicit argument {explicit!r}")
        self._take(option, [] if explicit == "--" else [explicit])
        return place + 1

    def _count(self, option: Option, start: int) -> int:
        """How many of the words from here on belong to the option."""
        following = self.kinds[start:]
        words = len(following) - len(following.lstrip(_WORD))
        if option.takes == ONE:
            if not words:
                raise self._error(option.flag, "expected one argument")
            return 1
        if option.takes == OPTIONAL:
            return min(words, 1)
        return words if option.takes == MANY else 0

    def _take(self, option: Option, given: list[str]) -> None:
        if option.takes == VERSION:
            raise VersionAsked
        if option.takes in {SWITCH_ON, SWITCH_OFF}:
            self.values[option.dest] = option.takes == SWITCH_ON
        elif option.takes == OPTIONAL and not given:
            self.values[option.dest] = option.implied
        elif option.takes == MANY or not given:
            # `--option=--` gives no value even where one is wanted; the value is then an empty list.
            self.values[option.dest] = given
        else:
            if given[0] not in option.accepted:
                self._check(option.flag, option.choices, given[0])
            try:
                self.values[option.dest] = int(given[0]) if option.integer else given[0]
            except ValueError:
                raise self._error(option.flag, f"invalid int value: {given[0]!r}") from None

    def _check(
        self, name: str, choices: tuple[str, ...], given: str, similar: Callable[[], Sequence[str]] = tuple
    ) -> None:
        if choices and given not in choices:
            raise self._error(name, explain_choices(given, choices, similar()))

    def _require(self) -> None:
        missing = [
            option.flag
            for option in self.grammar.options.values()
            if option.required and option.flag not in self.seen
        ]
        word = self.grammar.word
        if word is not None and word.required and word.name not in self.seen:
            missing.append(word.name)
        if missing:
            text = f"the following arguments are required: {', '.join(missing)}"
            raise UsageError(text, usage=self.grammar.usage)

    def _error(self, name: str, text: str) -> Exception:
        return UsageError(f"argument {name}: {text}", usage=self.grammar.usage)


def _after_separator(kinds: str, start: int) -> int:
    """The place after a `--` that may stand here."""
    return start + 1 if kinds[start : start + 1] == _SEPARATOR else start


def _is_negative_number(argument: str) -> bool:
    """`-1`, `-1.5`, `-.5`: they are values."""
    whole, point, fraction = argument[1:].removesuffix("\n").partition(".")
    if not point:
        return whole.isdecimal()
    return fraction.isdecimal() and (whole.isdecimal() or not whole)
