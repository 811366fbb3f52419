"""Earlier command lines of the prompt, kept for this user alone."""

from __future__ import annotations

from pathlib import Path

from platformdirs import user_state_dir
from prompt_toolkit.history import FileHistory, History, InMemoryHistory


def open_history() -> History:
    """The history in the user's state directory; one for this run only where that cannot be used."""
    path = Path(user_state_dir("entrepot", appauthor=False)) / "prompt_history"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        with path.open("ab"):
            return FileHistory(path)
    except OSError:
        return InMemoryHistory()
