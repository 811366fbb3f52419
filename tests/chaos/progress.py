"""What a long run tells whoever waits for it: a line now and then, and what came of it at its end."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

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


def told_at_the_end(prefix: str, run: Callable[[Path], Mapping[str, Any]], *, keep: bool) -> int:
    """Runs in a folder of its own and prints the summary as JSON; returns 1 where that has violations.

    The folder is kept then, and where it is asked for.
    """
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    summary = run(folder)
    print(json.dumps(summary, indent=2))
    if summary["Violations"] or keep:
        print(f"kept for a look: {folder}", file=sys.stderr)
    else:
        shutil.rmtree(folder)
    return 1 if summary["Violations"] else 0
