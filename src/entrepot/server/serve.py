"""The process of `entrepot serve`: the API on one port, and the job workers beside it.

lock the data directory → listen → database and first account → answer requests → start the workers
SIGTERM: stop listening, tell the workers, finish what is being answered; all within ten seconds
"""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

import uvicorn

from entrepot import __version__
from entrepot.database import bucket_permissions
from entrepot.database.connection import Connection
from entrepot.domain.errors import ConfigurationError, StoreError
from entrepot.domain.own_bucket import OwnBucket
from entrepot.server import process
from entrepot.server.app import Application, Readiness
from entrepot.server.audit import Metrics, ServerAudit
from entrepot.server.connections import Connections
from entrepot.server.data_directory import DataDirectory, FileLock
from entrepot.server.first_start import ensure_first_account, open_secrets, usage
from entrepot.server.http_connection import HttpConnection, OwnFaultsOnly
from entrepot.server.objects import SignedObjects, Transfers, WhatUrlsWereMadeFor
from entrepot.server.own_routes import DatashareCredentialsRoute, EventsRoute, OwnRoutes, ProgressRoute
from entrepot.server.process import listen
from entrepot.server.trusted_callers import TrustedCallers
from entrepot.server.upload_quota import UploadQuota
from entrepot.server.upload_slots import UploadSlots
from entrepot.server.worker_processes import WorkerProcesses
from entrepot.settings.environment import environment
from entrepot.settings.settings import Settings, without_password
from entrepot.settings.values import AuthMode
from entrepot.stores.store import ObjectStore
from entrepot.transfer.account_buckets import own_bucket_problem
from entrepot.wire.request_body import BodyBudget
from entrepot.wiring.api import WiredApi, open_api
from entrepot.wiring.shared import clock, own_bucket, prepare_database

if TYPE_CHECKING:
    from entrepot.s3_gateway.gateway import S3Gateway

_GRACE_SECONDS = 5
_KEEP_ALIVE_SECONDS = 75
_WATCH_SECONDS = 1.0
_OBJECT_THREADS = 64
_SPARE_UPLOAD_THREADS = 16
_UPLOADS_OF_ACCOUNT = 24
_HELD_BODIES_BYTES = 64 * 1024 * 1024
"""Of all requests that are being received or answered; the longest that is taken is 10 MiB."""

_log = logging.getLogger(__name__)


def run_server(settings: Settings) -> int:
    """Serves until SIGTERM or Ctrl-C, then returns 0.

    Raises `ConfigurationError` and `DatabaseUnavailable` before it has begun to serve, and
    `ConfigurationError` once the data directory is no longer there: nothing is to be told kept that is not.
    """
    process.log_to_stderr()
    logging.getLogger("uvicorn.error").addFilter(OwnFaultsOnly())
    directory = DataDirectory(settings.data_dir)
    with directory.lock_for_serving() as lock, listen(settings.host, settings.port) as listener:
        if settings.auth is AuthMode.TRUST and not settings.trust_network:
            process.require_loopback(listener, settings.host)
        directory.remove_leftovers()
        listening = settings.listening_on(listener.getsockname()[1])
        process.run(_serve(listening, directory, listener, lock))
        if not lock.is_in_place():
            raise ConfigurationError(
                f"The data directory {settings.data_dir} was removed or replaced while it was served. "
                "What was written since is lost. Bring it back, and start again."
            )
    return 0


async def _serve(
    settings: Settings, directory: DataDirectory, listener: socket.socket, lock: FileLock
) -> None:
    metrics = Metrics(__version__)
    workers = WorkerProcesses(settings.job_workers, environment() | settings.to_environ())
    transfers = Transfers(
        ThreadPoolExecutor(_OBJECT_THREADS + _SPARE_UPLOAD_THREADS, thread_name_prefix="uploads"),
        ThreadPoolExecutor(_OBJECT_THREADS, thread_name_prefix="downloads"),
        UploadSlots(
            most=_OBJECT_THREADS,
            most_of_account=_UPLOADS_OF_ACCOUNT,
            free_bytes=partial(_free_bytes, settings.data_dir),
            reserve_bytes=settings.disk_reserve_mb * 1024**2,
        ),
    )
    metrics.gauge("uploads", "Uploads by signed URLs under way.", lambda: transfers.slots.count)
    # Of its own, since a provider's endpoint that hangs would hold up everybody's signed URLs.
    s3_threads = ThreadPoolExecutor(_OBJECT_THREADS, thread_name_prefix="s3-gateway")
    async with AsyncExitStack() as closing:
        database = await prepare_database(settings.database)
        closing.push_async_callback(database.close)
        secrets = await open_secrets(directory, database)
        await _note_own_bucket(own_bucket(settings), directory, database)
        audit = ServerAudit(metrics, workers.nudge)
        api = open_api(settings, database, secrets, audit)
        closing.push_async_callback(api.close)
        for executor in (transfers.uploads, transfers.downloads, s3_threads):
            closing.callback(executor.shutdown, wait=False, cancel_futures=True)
        first = settings.auth is AuthMode.SIGV4 and await ensure_first_account(
            settings, database, secrets, directory, clock
        )

        def ready() -> None:
            workers.start()
            process.settle()
            if not settings.store.is_folder:
                # As a daemon: an endpoint that does not answer must not hold up the end of this process.
                threading.Thread(target=_look_at, args=(api.store,), daemon=True).start()
            print(_ready_lines(settings, directory, first=first), flush=True)  # noqa: T201 - its output

        events = EventsRoute()
        gateway = cache(partial(_s3_gateway, api, metrics, audit, s3_threads))
        application = _application(settings, api, metrics, transfers, events, gateway)
        connections = Connections.within(process.descriptor_limit())
        metrics.gauge("connections", "Open connections.", lambda: connections.count)
        metrics.count("connections_cut_total", "Connections that were cut or refused.", connections.cut)
        server = _Server(application, ready, connections)
        stopping: list[asyncio.Task[None]] = []

        def stop() -> None:
            server.should_exit = True
            events.stop()
            if not stopping:
                stopping.append(asyncio.create_task(workers.stop()))

        async def watch() -> None:
            while lock.is_in_place():  # noqa: ASYNC110 - nobody tells when a folder is removed
                await asyncio.sleep(_WATCH_SECONDS)
            stop()

        process.on_stop_signals(stop)
        watching = asyncio.create_task(watch())
        await server.serve(sockets=[listener])
        watching.cancel()
        stop()
        await asyncio.gather(*stopping)


def _free_bytes(folder: Path) -> int:
    """What the folder's disk has left; nothing where the folder is gone."""
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return 0


async def _note_own_bucket(own: OwnBucket | None, directory: DataDirectory, database: Connection) -> None:
    """Lets `entrepot bucket allow` know of the store's bucket, and logs which permissions for it are void."""
    directory.note_own_bucket(own)
    if own is None:
        return
    for each in await bucket_permissions.every(database):
        has_credentials = each.encrypted_credentials is not None
        problem = own_bucket_problem(own, each.bucket, each.endpoint_url, has_credentials)
        if problem is not None and not own.leaves_to_others(each.prefix):
            _log.warning("a permission of account %s is void: %s", each.account_id, problem)


def _look_at(store: ObjectStore) -> None:
    """Checks the store and logs what is wrong with it, before the first job fails of it."""
    try:
        store.check()
    except StoreError as error:
        _log.warning("the store cannot be used now: %s", error)


def _application(
    settings: Settings,
    api: WiredApi,
    metrics: Metrics,
    transfers: Transfers,
    events: EventsRoute,
    s3_gateway: Callable[[], S3Gateway],
) -> Application:
    bodies = BodyBudget(_HELD_BODIES_BYTES)
    metrics.gauge("request_bodies_bytes", "Bytes of request bodies held now.", lambda: bodies.held_bytes)

    async def gauges() -> dict[str, float]:
        return {"job_workers_alive": await api.workers_alive()}

    objects = None
    if api.local_urls is not None:
        holds = WhatUrlsWereMadeFor(
            api.is_waiting,
            api.account_of_job,
            api.is_entitled,
            api.asset_of,
            api.keep_upload_headers,
            api.mark_damaged,
        )
        quota = UploadQuota(
            api.store, transfers.downloads, api.waiting_uploads, settings.upload_quota_gb * 1024**3
        )
        objects = SignedObjects(
            api.store, api.local_urls, api.services.clock, metrics, transfers, holds, quota
        )
    readiness = Readiness(
        api.database.check, api.store, api.workers_alive, needs_workers=settings.job_workers > 0
    )
    credentials = DatashareCredentialsRoute(api.datashare_credentials.hand_out)
    routes = (ProgressRoute(), events, credentials)
    own_routes = OwnRoutes(routes, api.authenticator, api.services, metrics)
    callers = None
    if settings.auth is AuthMode.TRUST:
        callers = TrustedCallers(settings.host, settings.public_url, settings.trust_network)
    return Application(
        api.pipeline, own_routes, readiness, metrics, gauges, objects, bodies, s3_gateway, callers
    )


def _s3_gateway(
    api: WiredApi, metrics: Metrics, audit: ServerAudit, threads: ThreadPoolExecutor
) -> S3Gateway:
    """The gateway. It is loaded when its first request comes: a server may well never have one."""
    from entrepot.s3_gateway.gateway import GatewayParts, S3Gateway
    from entrepot.s3_gateway.provider_threads import ProviderThreads

    return S3Gateway(
        GatewayParts(
            database=api.database,
            authenticator=api.authenticator,
            buckets=api.services.buckets,
            own_bucket=api.store.bucket,
            page_tokens=api.services.page_tokens,
            clock=api.services.clock,
            audit=audit,
            threads=ProviderThreads(threads, _OBJECT_THREADS // 2),
            count_sent=metrics.sent,
            random_bytes=os.urandom,
        )
    )


def _ready_lines(settings: Settings, directory: DataDirectory, *, first: bool) -> str:
    database = (
        "" if settings.database.startswith("sqlite") else f", database: {without_password(settings.database)}"
    )
    lines = [
        f"Entrepot {__version__} listening on {settings.local_url} "
        f"(data: {settings.data_dir}{database}, auth: {settings.auth.value})"
    ]
    if first:
        lines += [
            "This exchange is new. Its first account and access key are ready to use:",
            *usage(directory, settings.local_url),
        ]
    return "\n".join(lines)


class _Server(uvicorn.Server):
    """uvicorn, with our signals instead of its own, and a word when it is ready."""

    def __init__(self, application: Application, ready: Callable[[], None], connections: Connections) -> None:
        super().__init__(
            uvicorn.Config(
                application,
                http=cast("type[HttpConnection]", partial(HttpConnection, connections=connections)),
                ws="none",
                lifespan="off",
                interface="asgi3",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_keep_alive=_KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=_GRACE_SECONDS,
            )
        )
        self._ready = ready

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        await self._serve(sockets)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()
