"""The job workers beside the API process: children that are started, nudged, replaced and told to stop.

Moving bytes and answering requests do not share an interpreter. Each child holds the read end of a pipe as
its standard input: a byte means "there may be work", its end means "the parent is gone", however it ended.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Mapping
from contextlib import suppress

_FIRST_PAUSE_SECONDS = 0.2
_LONGEST_PAUSE_SECONDS = 10.0
_HEALTHY_AFTER_SECONDS = 20.0
_STOP_SECONDS = 8.5
NUDGE = b"\n"

_log = logging.getLogger(__name__)


class WorkerProcesses:
    """A number of `entrepot worker` processes that is kept up until `stop`."""

    def __init__(self, count: int, environ: Mapping[str, str]) -> None:
        self._count = count
        self._environ = dict(environ)
        self._processes: dict[int, asyncio.subprocess.Process] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping = asyncio.Event()

    def start(self) -> None:
        """Starts them, and another one whenever one dies; needs a running event loop."""
        self._tasks = [asyncio.create_task(self._keep(number)) for number in range(self._count)]

    def nudge(self) -> None:
        """Tells the workers that there may be work, so that they do not wait for their next poll."""
        for process in self._processes.values():
            pipe = process.stdin
            if pipe is not None and not pipe.is_closing() and not pipe.transport.get_write_buffer_size():
                pipe.write(NUDGE)

    async def stop(self) -> None:
        """Tells them to stop and waits; kills what has not ended after 8.5 seconds.

        Crash: a child that is killed here had not handed its runs back; others take them over.
        """
        self._stopping.set()
        for process in self._processes.values():
            with suppress(ProcessLookupError):
                process.terminate()
        if not self._tasks:
            return
        _, late = await asyncio.wait(self._tasks, timeout=_STOP_SECONDS)
        for process in self._processes.values():
            with suppress(ProcessLookupError):
                process.kill()
        for task in late:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _keep(self, number: int) -> None:
        loop = asyncio.get_running_loop()
        pause = _FIRST_PAUSE_SECONDS
        while not self._stopping.is_set():
            began = loop.time()
            status = await self._run_one(number)
            if self._stopping.is_set():
                return
            if loop.time() - began > _HEALTHY_AFTER_SECONDS:
                pause = _FIRST_PAUSE_SECONDS
            _log.warning(
                "job worker %d ended with status %d; another one starts in %g s", number, status, pause
            )
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._stopping.wait()
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    async def _run_one(self, number: int) -> int:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "entrepot",
            "worker",
            "--supervised",
            env=self._environ,
            stdin=asyncio.subprocess.PIPE,
        )
        self._processes[number] = process
        try:
            if self._stopping.is_set():
                process.terminate()
            return await process.wait()
        finally:
            del self._processes[number]
            if process.stdin is not None:
                process.stdin.close()
