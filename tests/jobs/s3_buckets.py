"""Buckets of a real S3 server as the users' buckets."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from entrepot.stores.credentials import StaticCredentials
from entrepot.stores.s3 import S3Store
from entrepot.stores.s3_client import S3Client
from entrepot.testing import S3Server


@dataclass(frozen=True)
class S3Buckets:
    """Finds a bucket by its name; keys are kept apart from those of other tests by a prefix."""

    client: S3Client
    server: S3Server
    prefix: str

    def __call__(self, name: str) -> S3Store:
        return S3Store(self.client, name, self.prefix)

    @classmethod
    @contextmanager
    def opened(cls, server: S3Server, prefix: str) -> Iterator[S3Buckets]:
        client = S3Client(
            StaticCredentials(server.access_key_id, server.secret_access_key),
            endpoint_url=server.endpoint_url,
        )
        try:
            yield cls(client, server, prefix)
        finally:
            client.close()
