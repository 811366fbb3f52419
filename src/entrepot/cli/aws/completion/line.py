"""A command line while it is typed: its words without their quotation, and the open one at its end."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_BLANKS = " \t\n"
_ESCAPED_IN_DOUBLE_QUOTES = '"\\$`'


class Line:
    """A command line up to the cursor."""

    def __init__(self, words: list[str], current: str, raw: str, quote: str) -> None:
        self.words = words
        """The finished words, the program's name included."""
        self.current = current
        """The word at the cursor, as far as it is typed; empty after a blank."""
        self.raw = raw
        """The same as it stands there, with its quotation."""
        self.quote = quote
        """The quotation mark that is still open, or empty."""


def read_line(text: str, variables: Mapping[str, str]) -> Line:
    """Splits the text; `$NAME` and `${NAME}` become what `variables` has for them, else they stay.

    Nothing else is expanded, and nothing is wrong: whatever is half typed is taken as it is.
    """
    return _Reader(text, variables).read()


class _Reader:
    def __init__(self, text: str, variables: Mapping[str, str]) -> None:
        self.text = text
        self.variables = variables
        self.words: list[str] = []
        self.word: list[str] = []
        self.start: int | None = None
        self.quote = ""

    def read(self) -> Line:
        place = 0
        while place < len(self.text):
            letter = self.text[place]
            if self.start is None and letter not in _BLANKS:
                self.start = place
            place = self._quoted(place, letter) if self.quote else self._plain(place, letter)
        start = len(self.text) if self.start is None else self.start
        return Line(self.words, "".join(self.word), self.text[start:], self.quote)

    def _plain(self, place: int, letter: str) -> int:
        if letter in _BLANKS:
            if self.start is not None:
                self.words.append("".join(self.word))
                self.word, self.start = [], None
            return place + 1
        if letter in "'\"":
            self.quote = letter
            return place + 1
        if letter == "\\":
            self.word.append(self.text[place + 1 : place + 2])
            return place + 2
        return self._maybe_variable(place, letter)

    def _quoted(self, place: int, letter: str) -> int:
        if letter == self.quote:
            self.quote = ""
            return place + 1
        if self.quote == '"':
            following = self.text[place + 1 : place + 2]
            if letter == "\\" and following and following in _ESCAPED_IN_DOUBLE_QUOTES:
                self.word.append(following)
                return place + 2
            return self._maybe_variable(place, letter)
        self.word.append(letter)
        return place + 1

    def _maybe_variable(self, place: int, letter: str) -> int:
        if letter == "$":
            name, end = _variable_name(self.text, place + 1)
            if name in self.variables:
                self.word.append(self.variables[name])
                return end
        self.word.append(letter)
        return place + 1


def _variable_name(text: str, start: int) -> tuple[str, int]:
    """The name after a `$`, and the place behind it; an empty name where there is none."""
    if text[start : start + 1] == "{":
        end = text.find("}", start)
        return ("", start) if end < 0 else (text[start + 1 : end], end + 1)
    end = start
    while end < len(text) and (text[end].isalnum() or text[end] == "_"):
        end += 1
    return text[start:end], end
