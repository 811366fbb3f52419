"""The shorthand in which nested values are written on the command line, as the AWS CLI reads it.

    Key=Value,List=a,b,c,Nested={Inner=x,More=[y,z]},Quoted='it, too',FromFile@=file://path

    parameter     = pair *("," pair)
    pair          = key ("=" / "@=") values          with "@=" values may name files
    values        = list of words / "[" … "]" / "{" … "}" / nothing
    word          = plain / 'quoted' / "quoted"      in a plain one a comma is written \\,

It knows no model: everything is a string, a list or a dict. `fit_to_model` then turns what the model says are
numbers and truth values into them, and single values into lists where lists are wanted.
"""

from __future__ import annotations

import string

from entrepot.cli.aws.operation.parameters import load_paramfile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from re import Pattern
    from typing import Any

    from entrepot.client.command_line_model import Shape

_KEY = frozenset(string.ascii_letters + string.digits + "-_.#/:")
_SPACE = frozenset(string.whitespace)

_ESCAPED_COMMA = r"(\\,)"
_START = r"\!\#-&\(-\+\--\<\>-Z\\-z" + "\u007c-\uffff"
_FIRST_FOLLOWS = r"\s\!\#-&\(-\+\--\\\^-\|~-" + "\uffff"
_NEXT_FOLLOWS = r"\s\!\#-&\(-\+\--\<\>-" + "\uffff"
_EXPRESSIONS = {
    "singled quoted": r"'(?:\\'|[^'])*'",
    "double quoted": r'"(?:\\"|[^"])*"',
    # A first word ends at a closing bracket or brace, since it may stand within them; a later one does not.
    "first": f"({_ESCAPED_COMMA}|[{_START}])({_ESCAPED_COMMA}|[{_FIRST_FOLLOWS}])*",
    "second": f"({_ESCAPED_COMMA}|[{_START}])({_ESCAPED_COMMA}|[{_NEXT_FOLLOWS}])*",
}
"""The words by the names that error messages have for them."""


class ShorthandError(Exception):
    """The text is no shorthand; the message says where."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class _Unexpected(ShorthandError):
    def __init__(self, text: str, expected: str, found: str, place: int) -> None:
        super().__init__(
            f"Expected: '{expected}', received: '{found}' for input:\n{_with_caret(text, place)}"
        )


def parse_shorthand(text: str, environ: Mapping[str, str]) -> dict[str, Any]:
    """Parses shorthand. Raises `ShorthandError`, and `FileNotRead` for a file that a value names."""
    return _Reader(text, environ).parameter()


def fit_to_model(parsed: object, shape: Shape) -> None:
    """Turns strings into the numbers, truth values and lists of one item that the model wants.

    What does not fit stays as it is, for validation to name it. A number that is none raises `ValueError`.
    """
    _fit({}, shape, "", parsed)


class _Reader:
    def __init__(self, text: str, environ: Mapping[str, str]) -> None:
        self.text = text
        self.place = 0
        self.environ = environ
        self.from_files = False
        """Whether the words of the pair that is read may name files."""

    def parameter(self) -> dict[str, Any]:
        key, value = self._pair()
        pairs = {key: value}
        end = self.place
        while self.place < len(self.text):
            self._expect(",", spaces=True)
            key, value = self._pair()
            if key in pairs:
                where = _with_caret(self.text, end + 1)
                raise ShorthandError(
                    f'Second instance of key "{key}" encountered for input:\n{where}\n'
                    'This is often because there is a preceding "," instead of a space.'
                )
            pairs[key] = value
            end = self.place
        return pairs

    def _pair(self) -> tuple[str, Any]:
        key = self._key()
        return key, self._values()

    def _key(self) -> str:
        """Reads a key and the `=` or `@=` that follows it."""
        start = self.place
        while self._current() in _KEY:
            self.place += 1
        key = self.text[start : self.place]
        # Blanks before an @ that is not there are read all the same.
        self._skip_spaces()
        self.from_files = self._current() == "@"
        if self.from_files:
            self.place += 1
            self._skip_spaces()
        self._expect("=", spaces=True)
        return key

    def _values(self) -> Any:
        current = self._current()
        if not current:
            return ""
        if current == "[":
            return self._list()
        if current == "{":
            return self._structure()
        return self._words()

    def _words(self) -> Any:
        """One word, or several with commas between; a comma before `key=` ends them."""
        first = self._first_word()
        self._skip_spaces()
        if self._current() != ",":
            return first
        self._expect(",", spaces=True)
        words = [first]
        while True:
            try:
                word = self._next_word()
                self._skip_spaces()
                if not self._current():
                    words.append(word)
                    break
                self._expect(",", spaces=True)
                words.append(word)
            except _Unexpected:
                if not self._current():
                    raise
                while self.place >= 0 and self.text[self.place] != ",":
                    self.place -= 1
                break
        return first if len(words) == 1 else words

    def _list(self) -> list[Any]:
        self._expect("[", spaces=True)
        values = []
        while self._current() != "]":
            values.append(self._nested())
            self._skip_spaces()
            if self._current() != "]":
                self._expect(",")
                self._skip_spaces()
        self._expect("]")
        return values

    def _structure(self) -> dict[str, Any]:
        self._expect("{", spaces=True)
        pairs = {}
        while self._current() != "}":
            key = self._key()
            value = self._nested()
            self._skip_spaces()
            if self._current() != "}":
                self._expect(",")
                self._skip_spaces()
            pairs[key] = value
        self._expect("}")
        return pairs

    def _nested(self) -> Any:
        if self._current() == "[":
            return self._list()
        if self._current() == "{":
            return self._structure()
        return self._first_word()

    def _first_word(self) -> str | bytes:
        if self._current() in {"'", '"'}:
            return self._quoted()
        found = _expression("first").match(self.text[self.place :])
        return "" if found is None else self._plain(found.group())

    def _next_word(self) -> str | bytes:
        if self._current() in {"'", '"'}:
            return self._quoted()
        return self._plain(self._match("second"))

    def _plain(self, word: str) -> str | bytes:
        self.place += len(word)
        return self._resolve(word.replace("\\,", ",").rstrip())

    def _quoted(self) -> str | bytes:
        quote = self._current()
        word = self._match("singled quoted" if quote == "'" else "double quoted")
        self.place += len(word)
        return self._resolve(word[1:-1].replace(f"\\{quote}", quote).replace("\\\\", "\\"))

    def _match(self, name: str) -> str:
        """The text of the word of that kind that stands here, without moving on."""
        found = _expression(name).match(self.text[self.place :])
        if found is None:
            raise _Unexpected(self.text, f"<{name}>", "<none>", self.place)
        return found.group()

    def _resolve(self, word: str) -> str | bytes:
        content = load_paramfile(word, self.environ) if self.from_files else None
        return word if content is None else content

    def _expect(self, character: str, *, spaces: bool = False) -> None:
        if spaces:
            self._skip_spaces()
        current = self._current()
        if current != character:
            raise _Unexpected(self.text, character, current or "EOF", self.place)
        self.place += 1
        if spaces:
            self._skip_spaces()

    def _skip_spaces(self) -> None:
        while self._current() in _SPACE:
            self.place += 1

    def _current(self) -> str:
        return self.text[self.place : self.place + 1]


def _expression(name: str) -> Pattern[str]:
    import re

    return re.compile(_EXPRESSIONS[name])


def _with_caret(text: str, place: int) -> str:
    """The text with a caret below that place, on a line of its own."""
    line_start = text.rfind("\n", 0, place) + 1
    line_end = text.find("\n", place)
    line_end = len(text) if line_end < 0 else line_end
    return f"{text[:line_end]}\n{' ' * (place - line_start)}^{text[line_end:]}"


def _fit(parent: Any, shape: Shape, name: str | int, value: Any) -> None:
    if shape.kind == "structure":
        if isinstance(value, dict):
            for member in shape.members.values():
                _fit(value, member.shape, member.name, value.get(member.name))
    elif shape.kind == "map":
        if isinstance(value, dict) and shape.item is not None:
            for key, item in value.items():
                _fit(value, shape.item, key, item)
    elif shape.kind == "list":
        if isinstance(value, list) and shape.item is not None:
            for index, item in enumerate(value):
                _fit(value, shape.item, index, item)
        elif value is not None:
            parent[name] = [value]
    elif value is not None:
        _fit_scalar(parent, shape.kind, name, value)


def _fit_scalar(parent: Any, kind: str, name: str | int, value: Any) -> None:
    if kind == "integer":
        parent[name] = int(value)
    elif kind == "double":
        parent[name] = float(value)
    elif kind == "boolean" and value.lower() in {"true", "false"}:
        parent[name] = value.lower() == "true"
