"""What a worker process does again and again: heartbeats, sweeps, deliveries."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Loop:
    """One thing to repeat; errors are logged, and it goes on."""

    name: str
    act: Callable[[], Awaitable[object]]
    every_seconds: float
    """Between the end of one time and the beginning of the next."""

    async def repeat(self) -> None:
        """Goes on until it is cancelled, whatever goes wrong."""
        failing = False
        while True:
            try:
                await self.act()
                failing = False
            except Exception as error:  # noqa: BLE001 - the loop outlives whatever the database raises
                if not failing:
                    _log.warning(
                        "%s failed, and is tried again every %g s: %s", self.name, self.every_seconds, error
                    )
                failing = True
            await asyncio.sleep(self.every_seconds)


@asynccontextmanager
async def repeating(loops: Iterable[Loop]) -> AsyncIterator[None]:
    """All of them go on, side by side, until the end of the block."""
    tasks = [asyncio.create_task(loop.repeat(), name=loop.name) for loop in loops]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
