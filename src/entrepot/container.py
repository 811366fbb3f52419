"""The only wiring: from settings to the objects that do the work, for the API and for a job worker."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Protocol, cast

from entrepot.database import accounts, jobs
from entrepot.database.connection import Database
from entrepot.database.migrate import schema_is_current
from entrepot.database.opening import open_database
from entrepot.domain.errors import ConfigurationError
from entrepot.domain.job import JobState
from entrepot.domain.scope import Scope
from entrepot.domain.timestamp import Timestamp
from entrepot.jobs.registry import DEFINITIONS
from entrepot.operations.context import Context, Services
from entrepot.operations.registry import OPERATIONS
from entrepot.setting_values import AuthMode
from entrepot.settings import Settings
from entrepot.stores.store import ObjectStore
from entrepot.transfer.signed_urls import LocalSignedUrls, SignedUrls, StoreSignedUrls
from entrepot.wire.authentication import AccessKey, Authenticator, SigV4Authenticator, TrustAuthenticator
from entrepot.wire.pagination import PageTokens
from entrepot.wire.pipeline import AuditSink, Pipeline

if TYPE_CHECKING:
    from entrepot.engine.worker import Worker
    from entrepot.jobs.runner import Runner
    from entrepot.stores.s3 import S3Store
    from entrepot.stores.s3_client import S3Client


class Secrets(Protocol):
    """What the exchange keeps secret, as the wiring uses it."""

    def derive(self, purpose: str) -> bytes:
        """A key for one purpose, the same in every process of the exchange."""
        ...

    def open(self, sealed: str, context: str) -> bytes:
        """The secret of an access key, whose id is the context."""
        ...


@dataclass(frozen=True, slots=True)
class ApiContainer:
    """What the API process works with."""

    database: Database
    store: ObjectStore
    local_urls: LocalSignedUrls | None
    """None where the store is S3 and serves its own signed URLs."""
    is_waiting: Callable[[str], Awaitable[bool]]
    """Whether the job of that id waits for StartJob; raises `DatabaseError`."""
    authenticator: Authenticator
    pipeline: Pipeline
    clock: Callable[[], Timestamp]
    close: Callable[[], None]


@dataclass(frozen=True, slots=True)
class WorkerContainer:
    """What a job worker's process works with."""

    worker: Worker
    runner: Runner
    close: Callable[[], Awaitable[None]]


def clock() -> Timestamp:
    """What time it is."""
    return Timestamp(time.time_ns() // 1_000_000)


async def prepare_database(url: str) -> Database:
    """The database, its schema current. Raises `DatabaseUnavailable`.

    Migrating loads much that nothing else needs, so it is done only where there is something to migrate.
    """
    database = await open_database(url)
    if not await schema_is_current(database):
        from entrepot.database.migrate import migrate

        await asyncio.to_thread(migrate, url)
    return database


def open_api(settings: Settings, database: Database, secrets: Secrets, audit: AuditSink) -> ApiContainer:
    """The API on a prepared database. Raises `ConfigurationError`."""
    s3 = S3(settings)
    store = own_store(settings, s3)
    signed_urls, local_urls = _signed_urls(settings, store, secrets)
    services = Services(
        database=database,
        clock=clock,
        random_bytes=os.urandom,
        limits=settings.limits,
        page_tokens=PageTokens(secrets.derive("page tokens")),
        job_types=DEFINITIONS,
        signed_urls=signed_urls,
    )
    authenticator = _authenticator(settings, database, secrets)
    pipeline = Pipeline(
        OPERATIONS,
        authenticator=authenticator,
        make_context=partial(_context, services),
        clock=clock,
        audit=audit,
    )
    return ApiContainer(
        database=database,
        store=store,
        local_urls=local_urls,
        is_waiting=partial(_is_waiting, database),
        authenticator=authenticator,
        pipeline=pipeline,
        clock=clock,
        close=s3.close,
    )


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
    signed_urls, _ = _signed_urls(settings, store, secrets)
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


def own_store(settings: Settings, s3: S3) -> ObjectStore:
    """Where the exchange keeps its own bytes. Raises `ConfigurationError`."""
    if settings.store.bucket is not None:
        return s3.bucket(settings.store.bucket, settings.store.prefix)
    from entrepot.stores.local import LocalStore

    return LocalStore(settings.assets_folder)


class S3:
    """Buckets at the endpoint of the settings, by one client that is made, and loaded, when first needed."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._client: S3Client | None = None

    def bucket(self, name: str, prefix: str = "") -> S3Store:
        """Raises `ConfigurationError` where the endpoint cannot be used."""
        from entrepot.stores.s3 import S3Store

        return S3Store(self._opened(), name, prefix)

    def close(self) -> None:
        """Ends its connections."""
        if self._client is not None:
            self._client.close()

    def _opened(self) -> S3Client:
        if self._client is None:
            from entrepot.stores.credentials import ChainCredentials, StaticCredentials
            from entrepot.stores.s3_client import S3Client, S3Options
            from entrepot.stores.s3_pool import ConnectionOptions

            settings = self._settings
            given = settings.aws_access_key_id and settings.aws_secret_access_key
            self._client = S3Client(
                StaticCredentials(
                    settings.aws_access_key_id or "",
                    settings.aws_secret_access_key or "",
                    settings.aws_session_token,
                )
                if given
                else ChainCredentials(),
                endpoint_url=settings.s3_endpoint_url,
                region=settings.region,
                options=S3Options(
                    ConnectionOptions(
                        ca_bundle=settings.ca_bundle,
                        proxies=settings.proxies,
                        no_proxy=settings.no_proxy,
                    )
                ),
            )
        return self._client


def _signed_urls(
    settings: Settings, store: ObjectStore, secrets: Secrets | None
) -> tuple[SignedUrls, LocalSignedUrls | None]:
    """Who makes signed URLs, and the same again where this server is to answer them itself."""
    if settings.store.bucket is not None:
        return StoreSignedUrls(cast("S3Store", store)), None
    if secrets is None:
        raise ConfigurationError("The URLs of a local store are signed with the key file of its exchange.")
    local = LocalSignedUrls(settings.public_url, secrets.derive("signed urls"))
    return local, local


async def _is_waiting(database: Database, job_id: str) -> bool:
    job = await jobs.get_unscoped(database, job_id)
    return job is not None and job.state is JobState.WAITING


def _context(services: Services, scope: Scope, request_id: str) -> Context:
    return Context(scope=scope, request_id=request_id, services=services)


def _authenticator(settings: Settings, database: Database, secrets: Secrets) -> Authenticator:
    if settings.auth is AuthMode.TRUST:
        return TrustAuthenticator(settings.region)

    async def find_key(access_key_id: str) -> AccessKey | None:
        stored = await accounts.get_key(database, access_key_id)
        if stored is None:
            return None
        secret = secrets.open(stored.encrypted_secret, access_key_id).decode()
        return AccessKey(access_key_id, stored.account_id, secret, stored.enabled)

    return SigV4Authenticator(find_key, settings.region)
