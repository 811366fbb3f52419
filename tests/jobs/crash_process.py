"""Workers' processes that die on a line.

`python -m tests.jobs.crash_process` reads orders, one JSON text a line, and for each forks a process that
runs one job of the exchange in a folder. That ends by `os._exit` at the crash point it is told: nothing is
flushed, closed or rolled back, as after SIGKILL. Its exit status is the answer. (Forked, because loading
everything anew takes longer than what is tested.)
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import traceback
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec
from tests.jobs.harness import bucket_in, opened
from tests.jobs.s3_buckets import S3Buckets

from entrepot.domain.job import RunId
from entrepot.jobs.crash_points import CrashPoint
from entrepot.jobs.sweeps import sweep_garbage
from entrepot.testing import S3Server

DIED = 9
ROOT = Path(__file__).parents[2]


class Order(msgspec.Struct):
    folder: str
    job_id: str
    attempt: int
    point: str
    """The name of the crash point to die at."""
    database_url: str | None = None
    """None: the SQLite file in the folder."""
    vanishing_key: str | None = None
    """An object of the bucket `source` that is deleted as soon as the plan is recorded."""
    s3: S3Server | None = None
    """Where the users' buckets are; without it they are folders."""
    prefix: str = ""
    """What all keys of those buckets begin with."""


@dataclass(frozen=True)
class CrashingWorkers:
    """The process that takes orders."""

    process: subprocess.Popen[bytes]

    def die(self, order: Order) -> None:
        """A worker obeys the order and dies where it is told; another end is a failed test."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(msgspec.json.encode(order) + b"\n")
        self.process.stdin.flush()
        status = int(self.process.stdout.readline())
        assert status == DIED, f"the worker ended with status {status}; what it said is on stderr"

    @classmethod
    @contextmanager
    def ready(cls) -> Iterator[CrashingWorkers]:
        command = [sys.executable, "-m", "tests.jobs.crash_process"]
        with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            yield cls(process)  # the end of its input is the end of the process


async def obey(order: Order) -> None:
    point = CrashPoint[order.point]
    folder = Path(order.folder)

    def at(reached: CrashPoint) -> None:
        if reached is CrashPoint.PLAN_RECORDED and order.vanishing_key is not None:
            bucket_in(folder, "source").delete(order.vanishing_key)
        if reached is point:
            os._exit(DIED)

    with ExitStack() as open_buckets:
        buckets = None
        if order.s3 is not None:
            buckets = open_buckets.enter_context(S3Buckets.opened(order.s3, order.prefix))
        async with opened(folder, database_url=order.database_url, buckets=buckets) as harness:
            await harness.runner(at=at).run(RunId(order.job_id, order.attempt))
            await sweep_garbage(harness.database, harness.transfer, at)


def take_orders() -> None:
    while line := sys.stdin.buffer.readline():
        worker = os.fork()
        if worker == 0:
            try:
                asyncio.run(obey(msgspec.json.decode(line, type=Order)))
            except BaseException:  # noqa: BLE001 - the fork must not come back to the loop
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        _, status = os.waitpid(worker, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    take_orders()
