"""Whether standard output ends on a terminal, and how wide that is."""

from __future__ import annotations

import sys

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
