"""A program on a real terminal: what a person types goes in, what the screen gets comes out."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

PATIENCE_SECONDS = 60.0
TAB, ENTER, CTRL_C, CTRL_D, CTRL_U = "\t", "\r", "\x03", "\x04", "\x15"
_CONTROL = re.compile(
    r"\x1b\[[0-9;?=>]*[a-zA-Z]|\x1b[()][A-B0]|\x1b\][^\x07]*\x07|\x1b[=>78]|[\r\x07\x08\x0f]"
)


@dataclass(slots=True)
class Terminal:
    """One program and its terminal."""

    process: subprocess.Popen[bytes]
    descriptor: int
    said: bytes = b""
    _read_to: int = 0

    def type(self, text: str) -> None:
        """Types without waiting."""
        os.write(self.descriptor, text.encode())

    def wait_for(self, pattern: str) -> str:
        """Reads on until what has come since the last wait fits; control sequences are left out."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not (found := re.search(pattern, self._new())):
            if not self._read(deadline):
                raise AssertionError(f"{pattern!r} did not come: {self._new()!r}")
        self._read_to = len(self.text)
        return found.group()

    def wait_for_end(self) -> int:
        """Reads the rest; the exit code."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self._read(deadline):
            pass
        return self.process.wait(PATIENCE_SECONDS)

    @property
    def text(self) -> str:
        """All that it has said, without control sequences."""
        return _CONTROL.sub("", self.said.decode(errors="replace"))

    def _new(self) -> str:
        return self.text[self._read_to :]

    def _read(self, deadline: float) -> bool:
        ready, _, _ = select.select([self.descriptor], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            return False
        try:
            chunk = os.read(self.descriptor, 65_536)
        except OSError:  # how Linux says that nobody has the terminal any more
            return False
        # prompt_toolkit asks where the cursor is; a terminal answers.
        for _ in range(chunk.count(b"\x1b[6n")):
            self.type("\x1b[1;1R")
        self.said += chunk
        return bool(chunk)


@contextmanager
def on_terminal(
    arguments: Sequence[str], environ: Mapping[str, str], *, columns: int = 100, rows: int = 40
) -> Iterator[Terminal]:
    """Runs the program with a terminal of its own for all three streams; it is ended with the block."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def take_terminal() -> None:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    process = subprocess.Popen(
        list(arguments),
        env=dict(environ),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        preexec_fn=take_terminal,  # noqa: PLW1509 - it makes one system call and takes no lock
    )
    os.close(theirs)
    with process:
        try:
            yield Terminal(process, ours)
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            process.wait(PATIENCE_SECONDS)
            os.close(ours)
