"""A job worker's wiring."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from entrepot.container.parts import S3, Secrets, clock, make_signed_urls, own_store
from entrepot.database.connection import Database
from entrepot.jobs.registry import DEFINITIONS
from entrepot.settings import Settings

if TYPE_CHECKING:
    from entrepot.engine.worker import Worker
    from entrepot.jobs.runner import Runner


@dataclass(frozen=True, slots=True)
class WorkerContainer:
    """What a job worker's process works with."""

    worker: Worker
    runner: Runner
    close: Callable[[], Awaitable[None]]


def open_worker(
    settings: Settings, database: Database, secrets: Secrets | None, worker_id: str
) -> WorkerContainer:
    """A job worker on a prepared database. `secrets` may be None where the store is S3.

    Raises `ConfigurationError`.
    """
    from entrepot.engine.durable import DurableEngine
    from entrepot.engine.worker import DEFAULT_CONCURRENCY, Worker
    from entrepot.jobs.garbage import sweep_garbage
    from entrepot.jobs.runner import Runner
    from entrepot.transfer.transfer import Transfer

    s3 = S3(settings)
    store = own_store(settings, s3)
    signed_urls, _ = make_signed_urls(settings, store, secrets)
    transfer = Transfer(store, s3.bucket, server_side_copy=settings.server_side_copy)
    runner = Runner(
        database=database,
        transfer=transfer,
        limits=settings.limits,
        signed_urls=signed_urls,
        clock=clock,
        definitions=DEFINITIONS,
        timeout_seconds=settings.job_timeout_seconds,
    )
    engine = DurableEngine(settings.engine_database, worker_id, concurrency=DEFAULT_CONCURRENCY)

    async def sweep() -> None:
        await sweep_garbage(database, transfer)
        if settings.store.bucket is None:
            # Checking a local store also clears away what dead processes were writing.
            await asyncio.to_thread(store.check)

    async def close() -> None:
        await engine.close()
        await transfer.close()
        s3.close()

    return WorkerContainer(Worker(database, engine, worker_id, clock, sweep=sweep), runner, close)
