"""What the API and a job worker have in common."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Protocol, cast

from entrepot.database.connection import Database
from entrepot.database.migrate import schema_is_current
from entrepot.database.opening import open_database
from entrepot.domain.errors import ConfigurationError
from entrepot.domain.timestamp import Timestamp
from entrepot.settings import Settings
from entrepot.stores.store import ObjectStore
from entrepot.transfer.signed_urls import LocalSignedUrls, SignedUrls, StoreSignedUrls

if TYPE_CHECKING:
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


def make_signed_urls(
    settings: Settings, store: ObjectStore, secrets: Secrets | None
) -> tuple[SignedUrls, LocalSignedUrls | None]:
    """Who makes signed URLs, and the same again where this server is to answer them itself."""
    if settings.store.bucket is not None:
        return StoreSignedUrls(cast("S3Store", store)), None
    if secrets is None:
        raise ConfigurationError("The URLs of a local store are signed with the key file of its exchange.")
    local = LocalSignedUrls(settings.public_url, secrets.derive("signed urls"))
    return local, local
