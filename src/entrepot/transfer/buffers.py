"""The memory that bytes pass through: buffers used again and again, and a budget that bounds them all.

Small pieces (up to 1 MiB) need no leave: there are never more of them than threads. Everything larger takes
its size from one budget first, so memory stays the same however many large objects are under way, and small
objects always find a thread.
"""

from __future__ import annotations

import asyncio
import mmap
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

MEBIBYTE = 1 << 20
SMALL_BYTES = MEBIBYTE
"""Up to here a piece of work needs no part of the budget."""


class Buffers:
    """Lends buffers; keeps at most `limit_bytes`, lent and idle ones together, except while more are lent."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._lock = threading.Lock()
        self._idle: dict[int, list[mmap.mmap]] = {}
        self._total_bytes = 0

    @property
    def total_bytes(self) -> int:
        return self._total_bytes

    @contextmanager
    def lend(self, size_bytes: int) -> Iterator[memoryview]:
        """A writable view of exactly `size_bytes`; what it holds at first is anybody's."""
        capacity = _capacity(size_bytes)
        buffer = self._take(capacity)
        view = memoryview(buffer)
        try:
            with view[:size_bytes] as exact:
                yield exact
        finally:
            view.release()
            self._give_back(capacity, buffer)

    def _take(self, capacity: int) -> mmap.mmap:
        with self._lock:
            idle = self._idle.get(capacity)
            if idle:
                return idle.pop()
            self._total_bytes += capacity
            self._drop_idle()
        return mmap.mmap(
            -1, capacity
        )  # costs no memory before it is written, and gives all back when dropped

    def _give_back(self, capacity: int, buffer: mmap.mmap) -> None:
        with self._lock:
            self._idle.setdefault(capacity, []).append(buffer)
            self._drop_idle()

    def _drop_idle(self) -> None:
        for capacity in sorted(self._idle, reverse=True):
            idle = self._idle[capacity]
            while idle and self._total_bytes > self._limit_bytes:
                idle.pop()
                self._total_bytes -= capacity


def _capacity(size_bytes: int) -> int:
    """The next power of two, 64 KiB at least: so that buffers fit more than one object."""
    return max(64 * 1024, 1 << max(size_bytes - 1, 0).bit_length())


class Budget:
    """How many bytes may be under way in large pieces, in one event loop; first come, first served."""

    def __init__(self, limit_bytes: int) -> None:
        self._units = max(1, limit_bytes // MEBIBYTE)
        self._free = asyncio.Semaphore(self._units)
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def take(self, size_bytes: int) -> AsyncIterator[None]:
        """Holds `size_bytes` of the budget; waits until there is so much. More than all counts as all."""
        wanted = 0 if size_bytes <= SMALL_BYTES else min(self._units, _capacity(size_bytes) // MEBIBYTE)
        held = 0
        try:
            if wanted:
                async with self._turn:  # one collects at a time: two halves never wait for each other
                    while held < wanted:
                        await self._free.acquire()
                        held += 1
            yield
        finally:
            for _ in range(held):
                self._free.release()
