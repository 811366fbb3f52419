"""What happens to an exchange and to what it needs, one thing after the other, by a seed."""

from __future__ import annotations

import math
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

from tests.chaos.faulty_proxy import Fault, FaultyProxy
from tests.chaos.processes import Fleet, Restartable
from tests.chaos.small_disk import SmallDisk

PAUSE_SECONDS = 12.0
"""Longer than a worker may be silent before others take its jobs."""
LONGEST_FULL_SECONDS = 10.0
USUAL_FAULTS, BURST = 0.02, 0.5
"""The share of requests to S3 that something happens to."""


@dataclass(slots=True)
class Tormentor:
    fleet: Fleet
    proxy: FaultyProxy
    servers: dict[str, Restartable]
    """By name."""
    disk: SmallDisk
    random: random.Random
    done: Counter[str] = field(default_factory=Counter)
    _paused: dict[int, float] = field(default_factory=dict)
    """Workers that are stopped, and when they go on."""
    _room_at: float = math.inf
    """When a full disk has room again."""

    def torment(self, seconds: float, stop: threading.Event) -> None:
        """For so long, and until each torment has been there once; `heal` afterwards."""
        ends_at = time.monotonic() + seconds
        self.proxy.rate = USUAL_FAULTS
        kinds: list[Callable[[], None]] = [self._kill, self._pause, self._burst]
        kinds += [partial(self._restart, name) for name in sorted(self.servers)]
        kinds += [self._fill_disk] * self.disk.is_limited
        often = [*kinds, self._kill, self._pause]
        self.random.shuffle(kinds)
        while (kinds or time.monotonic() < ends_at) and not stop.wait(self.random.uniform(1.0, 5.0)):
            self.fleet.keep_up()
            self._wake(time.monotonic())
            torment = kinds.pop() if kinds else self.random.choice(often)
            torment()

    def line(self) -> str:
        return ", ".join(f"{count} x {name}" for name, count in sorted(self.done.items()))

    def heal(self) -> None:
        """Everything runs, and nothing fails any more."""
        self.proxy.rate = 0.0
        self._wake(math.inf)
        self.fleet.keep_up()

    def _kill(self) -> None:
        workers = self.fleet.workers()
        if workers:
            with suppress(ProcessLookupError):
                os.kill(self.random.choice(workers), signal.SIGKILL)
                self.done["kill -9 of a worker"] += 1

    def _pause(self) -> None:
        workers = [pid for pid in self.fleet.workers() if pid not in self._paused]
        if len(workers) > 1:
            pid = self.random.choice(workers)
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
                self._paused[pid] = time.monotonic() + PAUSE_SECONDS
                self.done["pause of a worker"] += 1

    def _wake(self, now: float) -> None:
        if self._room_at <= now:
            self.disk.make_room()
            self._room_at = math.inf
        for pid in [pid for pid, at in self._paused.items() if at <= now]:
            del self._paused[pid]
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    def _burst(self) -> None:
        # what damages bytes in silence is among the faults each time
        self.proxy.kinds = (Fault.FLIP_ANSWER, *self.random.sample(tuple(Fault), 2))
        self.proxy.rate = BURST
        time.sleep(self.random.uniform(1.0, 3.0))
        self.proxy.rate, self.proxy.kinds = USUAL_FAULTS, tuple(Fault)
        self.done["burst of faults"] += 1

    def _restart(self, name: str) -> None:
        self.servers[name].kill()
        time.sleep(self.random.uniform(0.5, 4.0))
        self.servers[name].start()
        self.done[f"restart of {name}"] += 1

    def _fill_disk(self) -> None:
        """With room for a little more, or for nothing at all; other torments go on meanwhile."""
        self.disk.fill(self.random.choice((0, 0, 64 << 10, 4 << 20)))
        self._room_at = time.monotonic() + self.random.uniform(1.0, LONGEST_FULL_SECONDS)
        self.done["disk full"] += 1
