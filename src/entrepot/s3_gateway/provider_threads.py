"""Threads in which providers' endpoints are asked and read.

An endpoint may hang, and each request to it then holds a thread for a minute. So one provider's never have
all of them: the others' receivers find some that are free.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from typing import ParamSpec, TypeVar

_P = ParamSpec("_P")
_T = TypeVar("_T")


class ProviderThreads:
    """Shares an executor's threads out; for one event loop."""

    def __init__(self, executor: Executor, at_once: int) -> None:
        """`at_once` is how many threads one provider's endpoints may hold."""
        self._executor = executor
        self._at_once = at_once
        self._shares: dict[str, asyncio.Semaphore] = {}

    async def run(
        self, provider_id: str, work: Callable[_P, _T], *arguments: _P.args, **named: _P.kwargs
    ) -> _T:
        """What `work` returns or raises, once one of the provider's threads is free.

        When cancelled it still returns only after work that has begun has ended.
        """
        share = self._shares.setdefault(provider_id, asyncio.Semaphore(self._at_once))
        async with share:
            loop = asyncio.get_running_loop()
            future = loop.run_in_executor(self._executor, lambda: work(*arguments, **named))
            try:
                return await asyncio.shield(future)
            except asyncio.CancelledError:
                await asyncio.wait([future])
                raise
