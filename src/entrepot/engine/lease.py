"""Whether a worker may still write: others take over the jobs of one that has been silent.

A process can stand still for any time: stopped by a signal, swapped out, on a machine that sleeps. When it
goes on, its jobs may be done by others, and their bytes in use. So it asks here before every request that
writes, and what it had in hand then ends in `JobLost`.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from entrepot.domain.errors import JobLost

SILENT_SECONDS = 10.0
"""A worker whose last heartbeat is older than this is dead to the others."""
LEASE_SECONDS = 8.0
"""How long after a heartbeat a worker writes. The difference is for clocks that differ, and for a request
that was begun in the last moment."""


def seconds_since_boot() -> float:
    """Goes on while the machine sleeps, where the system has such a clock (Linux)."""
    boot_clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boot_clock is None else time.clock_gettime(boot_clock)


class Lease:
    """One worker's; renewed by its heartbeats, and asked from any thread."""

    def __init__(self, now: Callable[[], float] = seconds_since_boot) -> None:
        self.now = now
        self._ends_at = 0.0
        self._is_over = False

    def renew(self, heartbeat_began_at: float) -> None:
        """After a heartbeat has been written: others count from when it began, at the earliest."""
        self._ends_at = heartbeat_began_at + LEASE_SECONDS

    def end(self) -> None:
        """For good: the jobs are about to be handed back."""
        self._is_over = True

    def require(self) -> None:
        """Raises `JobLost` unless the worker may write now."""
        if self._is_over or self.now() >= self._ends_at:
            raise JobLost(
                "This worker has handed back its jobs, or could not tell the database for "
                f"{LEASE_SECONDS:g} s that it lives, so others may have them: it writes nothing more."
            )
