"""What the API and a job worker have in common."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING, Protocol, cast

from entrepot.database.connection import Database, open_database
from entrepot.database.migrate import schema_is_current
from entrepot.domain.errors import ConfigurationError
from entrepot.domain.own_bucket import OwnBucket
from entrepot.domain.timestamp import Timestamp
from entrepot.settings.settings import Settings
from entrepot.settings.values import AWS_ENDPOINT, AuthMode
from entrepot.stores.store import BeforeWrite, ObjectStore
from entrepot.transfer.account_buckets import PermittedBuckets, Place
from entrepot.transfer.signed_urls import LocalSignedUrls, SignedUrls, StoreSignedUrls

if TYPE_CHECKING:
    from entrepot.stores.credentials import CredentialSource
    from entrepot.stores.s3 import S3Store
    from entrepot.stores.s3_client import S3Client
    from entrepot.stores.s3_throttle import Throttle

_SERVERS_OWN = Place()
_MOST_CLIENTS = 64
"""At places other than the server's own: temporary credentials come and go."""


class Secrets(Protocol):
    """What the exchange keeps secret, as the wiring uses it."""

    def derive(self, purpose: str) -> bytes:
        """A key for one purpose, the same in every process of the exchange."""

    def open(self, sealed: str, context: str) -> bytes:
        """What was sealed with this context; raises `ConfigurationError` where it was not."""


def clock() -> Timestamp:
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


def own_store(settings: Settings, s3: S3, before_write: BeforeWrite | None = None) -> ObjectStore:
    """Where the exchange keeps its own bytes. Raises `ConfigurationError`."""
    if settings.store.bucket is not None:
        return s3.bucket(settings.store.bucket, settings.store.prefix)
    from entrepot.stores.local import LocalStore

    reserve_bytes = settings.disk_reserve_mb * 1024**2
    return LocalStore(settings.assets_folder, before_write=before_write, reserve_bytes=reserve_bytes)


def server_credentials(settings: Settings) -> CredentialSource:
    """The AWS credentials of this server; nothing is looked for before they are asked for."""
    from entrepot.stores.credentials import ChainCredentials, StaticCredentials

    if not settings.aws_access_key_id or not settings.aws_secret_access_key:
        return ChainCredentials()
    return StaticCredentials(
        settings.aws_access_key_id, settings.aws_secret_access_key, settings.aws_session_token
    )


class S3:
    """Buckets of S3, by clients that are made, and loaded, when first needed: one for each place.

    `before_write` is asked before each of their requests that writes. May be used from any thread.
    """

    def __init__(self, settings: Settings, before_write: BeforeWrite | None = None) -> None:
        self._settings = settings
        self._before_write = before_write
        self._lock = threading.Lock()
        self._throttle: Throttle | None = None
        self._source: CredentialSource | None = None
        self._own: S3Client | None = None
        self._clients: dict[Place, S3Client] = {}

    def bucket(self, name: str, prefix: str = "") -> S3Store:
        """A bucket of the server's own. Raises `ConfigurationError` where the endpoint cannot be used."""
        from entrepot.stores.s3 import S3Store

        return S3Store(self._client(_SERVERS_OWN), name, prefix)

    def bucket_at(self, name: str, place: Place) -> S3Store:
        """A bucket, wherever it is. Raises `ConfigurationError` where the endpoint cannot be used."""
        from entrepot.stores.s3 import S3Store

        return S3Store(self._client(place), name)

    def close(self) -> None:
        with self._lock:
            clients = [*self._clients.values(), *([] if self._own is None else [self._own])]
            self._clients, self._own = {}, None
        for client in clients:
            client.close()

    def _client(self, place: Place) -> S3Client:
        with self._lock:
            if place == _SERVERS_OWN:
                if self._own is None:
                    self._own = self._made(place)
                return self._own
            client = self._clients.pop(place, None) or self._made(place)
            self._clients[place] = client  # the last used comes last
            if len(self._clients) > _MOST_CLIENTS:
                self._clients.pop(next(iter(self._clients))).retire()
            return client

    def _made(self, place: Place) -> S3Client:
        from entrepot.http.pool import ConnectionOptions
        from entrepot.stores.credentials import StaticCredentials
        from entrepot.stores.s3_client import S3Client, S3Options
        from entrepot.stores.s3_throttle import Throttle

        settings = self._settings
        if self._source is None:
            self._source = server_credentials(settings)
        self._throttle = self._throttle or Throttle()
        theirs = place.credentials
        endpoint_url = place.endpoint_url or settings.s3_endpoint_url
        return S3Client(
            self._source
            if theirs is None
            else StaticCredentials(theirs.access_key_id, theirs.secret_access_key, theirs.session_token),
            endpoint_url=None if endpoint_url == AWS_ENDPOINT else endpoint_url,
            region=place.region or settings.region,
            options=S3Options(
                ConnectionOptions(
                    ca_bundle=settings.ca_bundle, proxies=settings.proxies, no_proxy=settings.no_proxy
                )
            ),
            before_write=self._before_write,
            throttle=self._throttle,
        )


def user_buckets(settings: Settings, database: Database, s3: S3, secrets: Secrets | None) -> PermittedBuckets:
    """The buckets that accounts may use; without `secrets` not those that have credentials of their own."""
    return PermittedBuckets(
        database,
        s3.bucket_at,
        secrets,
        accounts_are_proven=settings.auth is AuthMode.SIGV4,
        own=own_bucket(settings),
    )


def own_bucket(settings: Settings) -> OwnBucket | None:
    """The bucket where the exchange keeps its own bytes; None where they are in a folder."""
    store, endpoint_url = settings.store, settings.s3_endpoint_url
    if store.bucket is None:
        return None
    return OwnBucket(store.bucket, store.prefix, endpoint_url, settings.share_store_bucket)


def make_signed_urls(
    settings: Settings, store: ObjectStore, secrets: Secrets | None
) -> tuple[SignedUrls, LocalSignedUrls | None]:
    """Who makes signed URLs, and the same again where this server is to answer them itself."""
    if not settings.store.is_folder:
        return StoreSignedUrls(cast("S3Store", store)), None
    if secrets is None:
        raise ConfigurationError("The URLs of a local store are signed with the key file of its exchange.")
    local = LocalSignedUrls(settings.public_url, secrets.derive("signed urls"))
    return local, local
