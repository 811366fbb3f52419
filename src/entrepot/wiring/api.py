"""The API's wiring."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from entrepot.database import accounts, jobs, stored_assets, workers
from entrepot.database.connection import Database
from entrepot.domain.asset import Asset
from entrepot.domain.job import JobState, JobType
from entrepot.domain.object_headers import ObjectHeaders
from entrepot.engine.lease import SILENT_SECONDS
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

_MOST_WAITING_UPLOADS = 10_000
"""Of an account, that are looked at: the oldest of more would be found when these are gone."""


@dataclass(frozen=True, slots=True)
class WiredApi:
    services: Services
    """What operations use, for routes that AWS does not have."""
    database: Database
    store: ObjectStore
    local_urls: LocalSignedUrls | None
    """None where the store is S3 and serves its own signed URLs."""
    datashare_credentials: DatashareCredentials
    authenticator: Authenticator
    pipeline: Pipeline
    close: Callable[[], Awaitable[None]]

    async def is_waiting(self, job_id: str) -> bool:
        """Whether the job waits for StartJob; raises `DatabaseError`."""
        job = await jobs.get_unscoped(self.database, job_id)
        return job is not None and job.state is JobState.WAITING

    async def account_of_job(self, job_id: str) -> str | None:
        """Whose job that is, None where there is none; raises `DatabaseError`."""
        job = await jobs.get_unscoped(self.database, job_id)
        return None if job is None else job.scope.account_id

    async def waiting_uploads(self, account_id: str) -> list[str]:
        """The ids of the account's jobs that wait for an upload, or with one; raises `DatabaseError`."""
        types = (JobType.IMPORT_ASSET_FROM_SIGNED_URL, JobType.IMPORT_ASSET_FROM_API_GATEWAY_API)
        found = [
            await jobs.waiting_of_account(self.database, account_id, each, _MOST_WAITING_UPLOADS)
            for each in types
        ]
        return [job_id for of_type in found for job_id in of_type]

    async def is_entitled(self, receiver: str) -> bool:
        """Whether that `Receiver`, as text, still may have what it got; raises `DatabaseError`."""
        return await Receiver.parse(receiver).is_entitled(self.database, clock())

    async def asset_of(self, store_key: str) -> Asset | None:
        """The asset whose bytes lie under the key; raises `DatabaseError`."""
        return await stored_assets.of_store_key(self.database, store_key)

    async def keep_upload_headers(self, job_id: str, headers: ObjectHeaders) -> bool:
        """Whether the job still waits, and knows the headers of its upload now; raises `DatabaseError`."""
        return await jobs.keep_upload_headers(self.database, job_id, headers)

    async def mark_damaged(self, store_key: str) -> None:
        """The asset whose bytes lie under the key is served to nobody any more; raises `DatabaseError`."""
        await stored_assets.mark_damaged(self.database, store_key, clock())

    async def workers_alive(self) -> int:
        """How many job workers have given a sign of life lately; raises `DatabaseError`."""
        return await workers.alive(self.database, clock().plus_seconds(-SILENT_SECONDS).milliseconds)


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
        make_context=lambda scope, request_id: Context(scope, request_id, services),
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
        datashare_credentials=DatashareCredentials(database, make_postgresql(secrets), clock, os.urandom),
        authenticator=authenticator,
        pipeline=pipeline,
        close=close,
    )


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
