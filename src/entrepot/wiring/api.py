"""The API's wiring."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from entrepot.database import accounts, jobs, workers
from entrepot.database.connection import Database
from entrepot.domain.job import JobState
from entrepot.domain.scope import Scope
from entrepot.engine.database import SILENT_SECONDS
from entrepot.entitlements.provisioning.datashare_credentials import DatashareCredentials
from entrepot.entitlements.visibility.download_receiver import Receiver
from entrepot.integrations.api_calls import GuardedApiCalls
from entrepot.integrations.guarded_http import GuardedHttp
from entrepot.jobs.registry import DEFINITIONS
from entrepot.operations.context import Context, Services
from entrepot.operations.page_tokens import PageTokens
from entrepot.operations.registry import OPERATIONS
from entrepot.settings.settings import Settings
from entrepot.settings.values import AuthMode
from entrepot.sigv4.verification import AccessKey, Authenticator, SigV4Authenticator, TrustAuthenticator
from entrepot.stores.store import ObjectStore
from entrepot.transfer.signed_urls import LocalSignedUrls
from entrepot.wire.pipeline import AuditSink, Pipeline
from entrepot.wiring.integrations import make_postgresql
from entrepot.wiring.shared import (
    S3,
    Secrets,
    clock,
    make_signed_urls,
    own_store,
    server_credentials,
    user_buckets,
)


@dataclass(frozen=True, slots=True)
class WiredApi:
    services: Services
    """What operations use, for routes that AWS does not have."""
    database: Database
    store: ObjectStore
    local_urls: LocalSignedUrls | None
    """None where the store is S3 and serves its own signed URLs."""
    is_waiting: Callable[[str], Awaitable[bool]]
    """Whether the job of that id waits for StartJob; raises `DatabaseError`."""
    is_entitled: Callable[[str], Awaitable[bool]]
    """Whether that receiver (`catalogue.receiver`) still may have what it got; raises `DatabaseError`."""
    workers_alive: Callable[[], Awaitable[int]]
    """How many job workers have given a sign of life lately; raises `DatabaseError`."""
    datashare_credentials: DatashareCredentials
    authenticator: Authenticator
    pipeline: Pipeline
    close: Callable[[], Awaitable[None]]


def open_api(settings: Settings, database: Database, secrets: Secrets, audit: AuditSink) -> WiredApi:
    """The API on a prepared database. Raises `ConfigurationError`."""
    s3 = S3(settings)
    store = own_store(settings, s3)
    signed_urls, local_urls = make_signed_urls(settings, store, secrets)
    api_calls = GuardedApiCalls(
        settings.api_endpoint,
        GuardedHttp(settings.allowed_networks, ca_bundle=settings.ca_bundle),
        server_credentials(settings),
    )
    services = Services(
        database=database,
        clock=clock,
        random_bytes=os.urandom,
        limits=settings.limits,
        page_tokens=PageTokens(secrets.derive("page tokens")),
        job_types=DEFINITIONS,
        signed_urls=signed_urls,
        buckets=user_buckets(settings, database, s3, secrets),
        api_calls=api_calls,
    )
    authenticator = _authenticator(settings, database, secrets)
    pipeline = Pipeline(
        OPERATIONS,
        authenticator=authenticator,
        make_context=partial(_context, services),
        clock=clock,
        audit=audit,
    )

    async def close() -> None:
        await api_calls.aclose()
        s3.close()

    return WiredApi(
        services=services,
        database=database,
        store=store,
        local_urls=local_urls,
        is_waiting=partial(_is_waiting, database),
        is_entitled=partial(_is_entitled, database),
        workers_alive=partial(_workers_alive, database),
        datashare_credentials=DatashareCredentials(database, make_postgresql(secrets), clock, os.urandom),
        authenticator=authenticator,
        pipeline=pipeline,
        close=close,
    )


async def _is_waiting(database: Database, job_id: str) -> bool:
    job = await jobs.get_unscoped(database, job_id)
    return job is not None and job.state is JobState.WAITING


async def _workers_alive(database: Database) -> int:
    return await workers.alive(database, clock().plus_seconds(-SILENT_SECONDS).milliseconds)


async def _is_entitled(database: Database, receiver: str) -> bool:
    return await Receiver.parse(receiver).is_entitled(database, clock())


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
