"""How blocking pumps are asked to stop: they look here between two reads and before each write."""

from __future__ import annotations

import threading


class Stopped(Exception):
    """A pump was asked to stop and did. Never leaves this package."""


class StopSignal:
    """A flag that threads look at; it is up, too, when its parent's is."""

    def __init__(self, parent: StopSignal | None = None) -> None:
        self._event = threading.Event()
        self._parent = parent

    def set(self) -> None:
        """Asks everything that looks at this signal, or at a child of it, to stop."""
        self._event.set()

    def is_set(self) -> bool:
        """Whether to stop."""
        return self._event.is_set() or (self._parent is not None and self._parent.is_set())

    def check(self) -> None:
        """Raises `Stopped` where stopping was asked for."""
        if self.is_set():
            raise Stopped
