"""The colours of tables.

`--color on`, or a terminal, colours values and frames, and puts a reset after whatever is written to either
of the standard streams from then on, so that no colour ever leaks into what follows.
"""

from __future__ import annotations

import atexit
import sys

from entrepot.cli.aws.output.terminal import on_terminal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TextIO

RESET = "\x1b[0m"
_VALUE = "\x1b[1m\x1b[34m"
_FRAME = "\x1b[2m\x1b[33m"


class Palette:
    """How the parts of a table are drawn."""

    __slots__ = ("_coloured",)

    def __init__(self, *, coloured: bool) -> None:
        self._coloured = coloured

    def value(self, text: str) -> str:
        """A cell: bold blue."""
        return f"{_VALUE}{text}{RESET}" if self._coloured else text

    def frame(self, text: str) -> str:
        """The bars of the levels around a section: dim yellow."""
        return f"{_FRAME}{text}{RESET}" if self._coloured else text


def palette(colour: str) -> Palette:
    """The palette for `--color on|off|auto`; a coloured one also changes the standard streams for good."""
    coloured = colour == "on" or (colour == "auto" and on_terminal())
    if coloured:
        _reset_after_every_write()
    return Palette(coloured=coloured)


class ResettingStream:
    """A text stream that is flushed and told to reset its colours after each write."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write, flush and reset. Raises what the stream raises."""
        self._stream.write(text)
        self._stream.flush()
        self._stream.write(RESET)
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _reset_after_every_write() -> None:
    if isinstance(sys.stdout, ResettingStream):
        return
    output, errors = sys.stdout, sys.stderr
    if output is not None and on_terminal():
        atexit.register(output.write, RESET)
    if output is not None:
        sys.stdout = ResettingStream(output)
    if errors is not None:
        sys.stderr = ResettingStream(errors)
