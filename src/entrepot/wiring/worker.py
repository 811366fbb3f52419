"""A job worker's wiring."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from entrepot.database import notifications
from entrepot.database.connection import Database
from entrepot.domain.event import SOURCE
from entrepot.jobs.registry import DEFINITIONS
from entrepot.settings.settings import Settings
from entrepot.settings.values import AWS_ENDPOINT, AuthMode
from entrepot.wiring.integrations import make_aws_services, make_integrations
from entrepot.wiring.shared import S3, Secrets, clock, make_signed_urls, own_store, user_buckets

if TYPE_CHECKING:
    from entrepot.engine.engine import Engine
    from entrepot.engine.loops import Loop
    from entrepot.integrations.aws import AwsServices
    from entrepot.integrations.guarded_http import GuardedHttp
    from entrepot.jobs.runner import Runner
    from entrepot.transfer.transfer import Transfer


_SWEEP_EVERY_SECONDS = 60.0
_ABORT_EVERY_SECONDS = 10.0
_COMPARE_SHARE = 100
"""A long listing is made seldom: it takes one part in so many of the time."""
_DAY_SECONDS = 86_400
_LOOK_EVERY_SECONDS = 1.0
_DELIVER_EVERY_SECONDS = 0.5
_FORGET_EVERY_SECONDS = 60.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class WiredWorker:
    engine: Engine
    runner: Runner
    loops: tuple[Loop, ...]
    close: Callable[[], Awaitable[None]]


def open_worker(
    settings: Settings, database: Database, secrets: Secrets | None, worker_id: str
) -> WiredWorker:
    """A job worker on a prepared database. `secrets` may be None where the store is S3.

    Without them jobs that need the credentials of a bucket permission end with an error that says so.
    Raises `ConfigurationError`.
    """
    from entrepot.engine.database import DatabaseEngine
    from entrepot.engine.lease import Lease
    from entrepot.engine.loops import Loop
    from entrepot.entitlements.provisioning.provisioners import make_provisioners
    from entrepot.entitlements.provisioning.reconciler import Reconciler
    from entrepot.integrations.guarded_http import GuardedHttp
    from entrepot.jobs.abandoned_uploads import sweep_abandoned_uploads
    from entrepot.jobs.runner import Runner
    from entrepot.jobs.sweeps import sweep_garbage, sweep_old_jobs, sweep_unknown_uploads, sweep_uploads
    from entrepot.jobs.unknown_objects import sweep_unknown_objects
    from entrepot.transfer.transfer import Transfer

    lease = Lease()
    s3 = S3(settings, before_write=lease.require)
    aws = make_aws_services(settings)
    proven = settings.auth is AuthMode.SIGV4
    integrations = make_integrations(aws, secrets, accounts_are_proven=proven)
    store = own_store(settings, s3, before_write=lease.require)
    signed_urls, _ = make_signed_urls(settings, store, secrets)
    transfer = Transfer(
        store, server_side_copy=settings.server_side_copy, unproven_sources=settings.unproven_sources
    )
    buckets = user_buckets(settings, database, s3, secrets)
    runner = Runner(
        database=database,
        transfer=transfer,
        buckets=buckets,
        limits=settings.limits,
        signed_urls=signed_urls,
        clock=clock,
        definitions=DEFINITIONS,
        integrations=integrations,
        timeouts=settings.job_timeouts,
        outage_seconds=settings.outage_minutes * 60,
    )
    reconciler = Reconciler(database, make_provisioners(database, integrations), clock)
    http = GuardedHttp(settings.allowed_networks)

    async def sweep() -> None:
        oldest = clock().plus_seconds(-settings.job_retention_days * _DAY_SECONDS)
        await sweep_old_jobs(database, DEFINITIONS, oldest)
        await sweep_garbage(database, transfer)
        unstarted = clock().plus_seconds(-settings.upload_retention_days * _DAY_SECONDS)
        await sweep_uploads(database, store, DEFINITIONS, created_before=unstarted, now=clock())
        await sweep_unknown_uploads(database, transfer)
        await notifications.forget(database, clock().plus_seconds(-notifications.REMEMBERED_SECONDS))
        if settings.store.is_folder:
            # Checking a local store also clears away what dead processes were writing.
            await asyncio.to_thread(store.check)

    async def abort_abandoned() -> None:
        await sweep_abandoned_uploads(database, transfer, buckets, clock())

    async def compare() -> None:
        began = time.monotonic()
        await sweep_unknown_objects(database, store, settings.limits, clock())
        await asyncio.sleep(_COMPARE_SHARE * (time.monotonic() - began))

    async def close() -> None:
        await reconciler.close()
        await http.aclose()
        await transfer.close()
        s3.close()
        aws.close()

    loops = (
        Loop("sweep", sweep, _SWEEP_EVERY_SECONDS),
        Loop("uploads that jobs have left", abort_abandoned, _ABORT_EVERY_SECONDS),
        Loop("comparison of the store with the rows", compare, _SWEEP_EVERY_SECONDS),
        *_scrubbing(settings, database, transfer, worker_id),
        Loop("access outside of the exchange", reconciler.look, _LOOK_EVERY_SECONDS),
        *_event_loops(settings, database, secrets, aws, http),
    )
    return WiredWorker(DatabaseEngine(database, worker_id, clock, lease), runner, loops, close)


def _scrubbing(
    settings: Settings, database: Database, transfer: Transfer, worker_id: str
) -> tuple[Loop, ...]:
    """Reading what is stored, where that is wanted."""
    from entrepot.engine.lease import SILENT_SECONDS
    from entrepot.engine.loops import Loop
    from entrepot.jobs.scrubber import LOOK_EVERY_SECONDS, Scrubber

    if settings.verify_stored_every == 0:
        return ()
    every = settings.verify_stored_every
    scrubber = Scrubber(database, transfer, clock, worker_id, every, SILENT_SECONDS)
    return (Loop("verification of stored assets", scrubber.work, LOOK_EVERY_SECONDS),)


def _event_loops(
    settings: Settings, database: Database, secrets: Secrets | None, aws: AwsServices, http: GuardedHttp
) -> tuple[Loop, ...]:
    """Deliveries and retention; without `secrets` retention alone, since webhooks are signed."""
    from entrepot.engine.loops import Loop
    from entrepot.events.deliveries import Deliveries
    from entrepot.events.event_log import sweep_events
    from entrepot.events.senders import EventBridgeSender, WebhookSender
    from entrepot.integrations.aws import AwsService
    from entrepot.integrations.event_bridge import SOURCE_AT_AWS, EventBridge

    async def forget() -> None:
        await sweep_events(database, clock().plus_seconds(-settings.event_retention_days * _DAY_SECONDS))

    retention = Loop("deletion of old events", forget, _FORGET_EVERY_SECONDS)
    if secrets is None:
        _log.warning("events are left to workers that have the key file: this one cannot sign what it sends")
        return (retention,)
    bridge = None
    if aws.is_configured(AwsService.EVENT_BRIDGE):
        source = SOURCE_AT_AWS if settings.event_bridge_endpoint_url == AWS_ENDPOINT else SOURCE
        bridge = EventBridgeSender(EventBridge(aws, settings.event_bus, source))
    deliveries = Deliveries(database, WebhookSender(http, secrets.open, clock), bridge, clock)
    return (Loop("delivery of events", deliveries.work, _DELIVER_EVERY_SECONDS), retention)
