"""Where standard output ends: whether that is a terminal, how wide it is, and the pager in front of it."""

from __future__ import annotations

import sys

from entrepot.client.client_errors import PagerUnavailable

WIDTH_WITHOUT_TERMINAL = 80


def on_terminal() -> bool:
    """Whether standard output is a terminal. One that is closed or missing is none."""
    try:
        return sys.stdout is not None and sys.stdout.isatty()
    except (OSError, ValueError):
        return False


def terminal_width() -> int:
    """The columns of the terminal on standard output, 80 where it is none. COLUMNS does not matter."""
    try:
        import fcntl
        import struct
        import termios

        answer = fcntl.ioctl(sys.stdout, termios.TIOCGWINSZ, bytes(8))
        return int(struct.unpack("hhhh", answer)[1])
    except (ImportError, OSError, TypeError, ValueError):
        return WIDTH_WITHOUT_TERMINAL


TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from subprocess import Popen
    from typing import Protocol

    class TextStream(Protocol):
        """Where the formats write to: standard output, the pager, or what stands for them."""

        def write(self, text: str, /) -> object:
            """Takes a text. Raises OSError where nobody takes it, UnicodeEncodeError for half a pair."""

        def flush(self) -> None:
            """Passes on what was held back. Raises OSError."""


_FLAGS_OF_LESS = "FRX"
"""Quit if it all fits on one screen, keep colours, leave the screen as it is."""


class Pager:
    """A stream into a pager, whose process starts with the first text: no output, no pager."""

    def __init__(self, command: str, environ: Mapping[str, str]) -> None:
        """`command` is what the user configured; an empty one means that no pager is wanted."""
        self.command = command
        self._environ = environ
        self._arguments: list[str] = []
        self._process: Popen[str] | None = None

    def open(self) -> None:
        """Splits the command as a shell would; none runs it. Raises ValueError for an open quotation."""
        import shlex

        self._arguments = shlex.split(self.command)

    def write(self, text: str) -> int:
        """Writes to the pager. Raises PagerUnavailable, or OSError where it cannot be run or was left."""
        if self._process is None:
            self._process = self._start()
        stdin = self._process.stdin
        return 0 if stdin is None else stdin.write(text)

    def flush(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.flush()

    def close(self) -> None:
        if self._process is not None:
            self._process.communicate()

    def _start(self) -> Popen[str]:
        import subprocess

        environ = {"LESS": _FLAGS_OF_LESS, **self._environ}
        try:
            return subprocess.Popen(  # noqa: S603 - the user's own choice
                self._arguments, stdin=subprocess.PIPE, env=environ, text=True
            )
        except FileNotFoundError as error:
            raise PagerUnavailable(str(error)) from error
