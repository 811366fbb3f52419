"""The API's wiring."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from entrepot.container.parts import S3, Secrets, clock, make_signed_urls, own_store
from entrepot.database import accounts, jobs
from entrepot.database.connection import Database
from entrepot.domain.job import JobState
from entrepot.domain.scope import Scope
from entrepot.domain.timestamp import Timestamp
from entrepot.jobs.registry import DEFINITIONS
from entrepot.operations.context import Context, Services
from entrepot.operations.registry import OPERATIONS
from entrepot.setting_values import AuthMode
from entrepot.settings import Settings
from entrepot.stores.store import ObjectStore
from entrepot.transfer.signed_urls import LocalSignedUrls
from entrepot.wire.authentication import AccessKey, Authenticator, SigV4Authenticator, TrustAuthenticator
from entrepot.wire.pagination import PageTokens
from entrepot.wire.pipeline import AuditSink, Pipeline


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


def open_api(settings: Settings, database: Database, secrets: Secrets, audit: AuditSink) -> ApiContainer:
    """The API on a prepared database. Raises `ConfigurationError`."""
    s3 = S3(settings)
    store = own_store(settings, s3)
    signed_urls, local_urls = make_signed_urls(settings, store, secrets)
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
