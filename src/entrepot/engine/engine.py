"""What an engine does: it has runs done, each on one worker at a time, until they have ended.

It knows no job types: it calls the one function it was started with. Doing a run twice is harmless (the
`jobs` row decides), so an engine may err on that side.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from entrepot.domain.job import RunId

RunFunction = Callable[[RunId], Awaitable[None]]
"""Does one run to its end; called on the event loop that started the engine."""


class Engine(Protocol):
    """One engine, in one worker process."""

    async def start(self, run: RunFunction) -> None:
        """Begins to work, and goes on with what a process of the same worker left unfinished when it died.

        Raises `DatabaseUnavailable` when there is no database.
        """

    def nudge(self) -> None:
        """There may be something to do: look now instead of at the next poll."""

    async def stop(self) -> None:
        """Starts nothing any more, cancels its runs and hands them back; takes five seconds at most."""
