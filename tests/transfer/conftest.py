"""Real places to move bytes between: a folder, and two S3 servers that know nothing of each other."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest
from tests.servers.open_buckets import OpenBuckets
from tests.transfer.moving import FROM, PART, TO, Between, S3Places

from entrepot.stores.credentials import StaticCredentials
from entrepot.stores.local import LocalStore
from entrepot.stores.s3 import S3Store
from entrepot.stores.s3_client import S3Client
from entrepot.stores.store import ObjectStore
from entrepot.testing import S3Server
from entrepot.transfer.transfer import Transfer


@pytest.fixture(scope="session")
def clients(s3_server: S3Server, another_s3_server: S3Server) -> Iterator[tuple[S3Client, S3Client]]:
    first, second = (
        S3Client(
            StaticCredentials(server.access_key_id, server.secret_access_key),
            endpoint_url=server.endpoint_url,
        )
        for server in (s3_server, another_s3_server)
    )
    yield first, second
    first.close()
    second.close()


@pytest.fixture
def s3(clients: tuple[S3Client, S3Client]) -> S3Places:
    prefix = f"test-{token_hex(4)}/"
    return lambda server, bucket="one": S3Store(clients[server], bucket, prefix)


@pytest.fixture
def local(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "objects")


@pytest.fixture
async def between() -> AsyncIterator[Between]:
    made: list[Transfer] = []

    def make(
        source: ObjectStore, destination: ObjectStore, *, part_bytes: int = PART, **options: Any
    ) -> Transfer:
        buckets = OpenBuckets({FROM: source, TO: destination}.__getitem__)
        made.append(Transfer(source, buckets, part_bytes=part_bytes, **options))
        return made[-1]

    yield make
    for transfer in made:
        await transfer.close()
