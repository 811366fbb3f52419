"""What a durable engine must do: start a run here and now, and begin it again if this process dies.

It knows neither jobs nor their types: it is given a run's id and calls the one function it was started with.
Running the same run twice is harmless (the `jobs` row decides), so an engine may err on the side of running.
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
        """Begins to work, and to repeat what a process of the same worker left unfinished when it died."""
        ...

    async def submit(self, run_id: RunId, *, again: bool = False) -> None:
        """Has the run done in this process; does nothing when the engine already knows it.

        `again` forgets what the engine knows: for a run that the queue still gives to this worker, but that
        ended here without a result.
        """
        ...

    async def stop(self) -> None:
        """Cancels what runs and waits a moment for it; starts nothing any more."""
        ...

    async def close(self) -> None:
        """Gives back threads and connections."""
        ...
