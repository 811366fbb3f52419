"""The text of a YAML document while it is written: where it is in the line, and how far it is indented."""

from __future__ import annotations

_STEP = 2
WIDTH = 80
"""The column after which the next blank of a scalar becomes a new line."""


class YamlText:
    """An open document."""

    __slots__ = ("_indents", "_parts", "at_line_start", "column", "indentation", "spaced")

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._indents: list[int] = []
        self.indentation = -1
        """Columns before what follows; below zero outside of everything."""
        self.column = 0
        self.spaced = True
        """Whether the last thing written is blank or needs no blank after it."""
        self.at_line_start = True
        """Whether the line has nothing but indentation, dashes and question marks so far."""

    def value(self) -> str:
        """All that was written."""
        return "".join(self._parts)

    def put(self, text: str) -> None:
        """Write text that has no newline."""
        self._parts.append(text)
        self.column += len(text)

    def break_line(self, character: str = "\n") -> None:
        """End the line, whatever it is."""
        self._parts.append(character)
        self.column = 0

    def begin_line(self) -> None:
        """Go to where the next line's text begins, without ending a line that has nothing yet."""
        indentation = max(self.indentation, 0)
        if (
            not self.at_line_start
            or self.column > indentation
            or (self.column == indentation and not self.spaced)
        ):
            self.break_line()
        if self.column < indentation:
            self.put(" " * (indentation - self.column))
        self.spaced = True
        self.at_line_start = True

    def mark(self, text: str, *, apart: bool = True, opens_line: bool = False) -> None:
        """Write an indicator: `apart` from what is before it, and as one after which a line still begins."""
        if apart and not self.spaced:
            self.put(" ")
        self.put(text)
        self.spaced = False
        self.at_line_start = self.at_line_start and opens_line

    def indent(self) -> None:
        """Indent the lines that a scalar goes on with."""
        self._indents.append(self.indentation)
        self.indentation = _STEP if self.indentation < 0 else self.indentation + _STEP

    def indent_block(self, *, same: bool = False) -> None:
        """Indent the members of a structure or the items of a list: as what is around them, or deeper."""
        self._indents.append(self.indentation)
        if self.indentation < 0:
            self.indentation = 0
        elif not same:
            self.indentation += _STEP

    def outdent(self) -> None:
        """Undo the last indentation."""
        self.indentation = self._indents.pop()
