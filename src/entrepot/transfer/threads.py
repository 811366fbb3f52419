"""The asynchronous face of blocking stores: a fixed set of threads, and a way out of them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar


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
        return self._event.is_set() or (self._parent is not None and self._parent.is_set())

    def check(self) -> None:
        if self.is_set():
            raise Stopped


_LINGER_SECONDS = 5.0
"""How long a cancelled caller waits for its thread: a server that hangs must not hold up a worker's end."""

P = ParamSpec("P")
T = TypeVar("T")


class Threads:
    """Runs blocking calls for one event loop in at most `count` threads."""

    def __init__(self, count: int) -> None:
        self._executor = ThreadPoolExecutor(count, thread_name_prefix="transfer")
        self.closing = StopSignal()
        """The parent of every other signal here."""

    async def run(
        self, stop: StopSignal, call: Callable[P, T], /, *arguments: P.args, **named: P.kwargs
    ) -> T:
        """What the call returns or raises.

        When the caller is cancelled, a call that has not begun never begins; one that runs is asked to stop
        through `stop`, and is waited for, five seconds at most: what goes on longer hangs in the network, and
        does nothing but end when it comes back.
        """
        if self.closing.is_set():
            raise asyncio.CancelledError
        future = self._executor.submit(call, *arguments, **named)
        waiting = asyncio.wrap_future(future)
        try:
            return await asyncio.shield(waiting)
        except Stopped:
            raise asyncio.CancelledError from None
        except asyncio.CancelledError:
            if not future.cancel():
                stop.set()
                waiting.add_done_callback(_look_away)
                await asyncio.wait([waiting], timeout=_LINGER_SECONDS)
            raise

    async def close(self) -> None:
        """Stops what runs and returns when every thread has ended."""
        self.closing.set()
        await asyncio.to_thread(self._executor.shutdown, wait=True, cancel_futures=True)


async def all_or_first_error(stop: StopSignal, coroutines: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Runs all at once; at the first error, or when cancelled, stops the others and waits for their end."""
    tasks = [asyncio.create_task(coroutine) for coroutine in coroutines]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    finally:
        if any(not task.done() for task in tasks):
            stop.set()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    outcomes = [None if task.cancelled() else task.exception() for task in tasks]
    for error in outcomes:
        if error is not None:
            raise error
    if any(task.cancelled() for task in tasks):  # the transfer was closed meanwhile
        raise asyncio.CancelledError


def _look_away(waiting: asyncio.Future[Any]) -> None:
    """Takes the outcome that nobody waits for any more, so that asyncio does not report it as lost."""
    if not waiting.cancelled():
        waiting.exception()
