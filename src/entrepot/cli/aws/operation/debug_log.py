"""`--debug`: what the command does, line by line on standard error."""

from __future__ import annotations

import sys
import time


class DebugLog:
    """Writes where it is on; costs nothing where it is off. Secrets are never given to it."""

    __slots__ = ("on",)

    def __init__(self, *, on: bool = False) -> None:
        self.on = on

    def __call__(self, text: str) -> None:
        """Writes one line with the time before it."""
        if self.on:
            now = time.time()
            stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(now))
            milliseconds = int(now * 1000) % 1000
            print(f"{stamp},{milliseconds:03} - entrepot - DEBUG - {text}", file=sys.stderr)

    def failure(self, error: BaseException) -> None:
        """Writes where an error comes from."""
        if self.on:
            import traceback

            self("".join(traceback.format_exception(error)).rstrip("\n"))
