"""A line on standard error now and then, for whoever waits for a long run."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_EVERY_SECONDS = 10.0


@contextmanager
def told_now_and_then(line: Callable[[], str]) -> Iterator[None]:
    """Tells the line as it is at that moment, until the block ends."""
    ended = threading.Event()

    def tell() -> None:
        while not ended.wait(_EVERY_SECONDS):
            print(line(), file=sys.stderr, flush=True)

    thread = threading.Thread(target=tell, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
