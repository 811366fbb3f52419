"""The process of `entrepot worker`: one job worker until it is told to stop.

Beside a server (`--supervised`) its standard input is a pipe: a byte says that there may be work, the end of
it that the server is gone, and then this process ends as if told to, whatever became of the server.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

from entrepot.engine.loops import repeating
from entrepot.server import process
from entrepot.server.data_directory import DataDirectory
from entrepot.server.first_start import open_secrets
from entrepot.settings.settings import Settings
from entrepot.wiring.shared import prepare_database
from entrepot.wiring.worker import open_worker

_CLOSE_SECONDS = 1.0


def run_worker(settings: Settings, *, supervised: bool) -> int:
    """Ends the process with status 0 once its runs are handed back.

    Raises `ConfigurationError` and `DatabaseUnavailable` before it has begun to work.
    """
    process.log_to_stderr()
    directory = DataDirectory(settings.data_dir)
    slot, lock = directory.lock_worker_slot()
    with lock:
        process.run(_work(settings, directory, f"{directory.instance_id()}-{slot}", supervised=supervised))
    return 0


async def _work(settings: Settings, directory: DataDirectory, worker_id: str, *, supervised: bool) -> None:
    stop = asyncio.Event()
    process.on_stop_signals(stop.set)
    async with AsyncExitStack() as closing:
        database = await prepare_database(settings.database)
        closing.push_async_callback(database.close)
        needed = settings.store.is_folder or directory.key_file.exists()
        secrets = await open_secrets(directory, database) if needed else None
        wired = open_worker(settings, database, secrets, worker_id)
        closing.push_async_callback(_at_most, _CLOSE_SECONDS, wired.close)
        if supervised:
            pipe = await _listen_to_parent(wired.engine.nudge, stop.set)
            closing.callback(pipe.close)
        closing.push_async_callback(wired.engine.stop)
        await wired.engine.start(wired.runner.run)
        await closing.enter_async_context(repeating(wired.loops))
        process.settle()
        await stop.wait()
    logging.shutdown()
    # Here and now: threads that wait for a slow store would keep the process, and their runs are handed back.
    os._exit(0)


async def _at_most(seconds: float, close: Callable[[], Awaitable[None]]) -> None:
    """Waits for `close`, and lets it go on without being waited for where it takes longer."""
    done, _ = await asyncio.wait([asyncio.ensure_future(close())], timeout=seconds)
    for task in done:
        if error := task.exception():
            logging.getLogger(__name__).warning("closing failed: %s", error)


class _Parent(asyncio.Protocol):
    def __init__(self, nudge: Callable[[], None], gone: Callable[[], None]) -> None:
        self._nudge = nudge
        self._gone = gone

    def data_received(self, data: bytes) -> None:
        self._nudge()

    def connection_lost(self, error: Exception | None) -> None:
        self._gone()


async def _listen_to_parent(nudge: Callable[[], None], gone: Callable[[], None]) -> asyncio.ReadTransport:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_read_pipe(lambda: _Parent(nudge, gone), sys.stdin)
    return transport
