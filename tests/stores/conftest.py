"""The stores that every test of the contract runs on: a directory, and a bucket of a real S3 server."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex

import pytest

from entrepot.stores.credentials import StaticCredentials
from entrepot.stores.local import LocalStore
from entrepot.stores.s3 import S3Store
from entrepot.stores.s3_client import S3Client
from entrepot.stores.store import ObjectStore
from entrepot.testing import S3Server


@pytest.fixture(scope="session")
def seaweedfs(s3_server: S3Server) -> S3Server:
    return s3_server


@pytest.fixture(scope="session")
def client(seaweedfs: S3Server) -> Iterator[S3Client]:
    client = S3Client(
        StaticCredentials(seaweedfs.access_key_id, seaweedfs.secret_access_key),
        endpoint_url=seaweedfs.endpoint_url,
    )
    yield client
    client.close()


@dataclass(frozen=True)
class Pair:
    """Two stores of one kind, between which objects can be copied; each test has its own."""

    store: ObjectStore
    other: ObjectStore


@pytest.fixture(params=["local", pytest.param("s3", marks=pytest.mark.seaweedfs)])
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> Pair:
    if request.param == "local":
        return Pair(LocalStore(tmp_path / "one"), LocalStore(tmp_path / "two"))
    client = request.getfixturevalue("client")
    prefix = f"test-{token_hex(4)}/"
    return Pair(S3Store(client, "one", prefix), S3Store(client, "two", prefix))


@pytest.fixture
def store(pair: Pair) -> ObjectStore:
    return pair.store
