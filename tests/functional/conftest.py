"""A running exchange and a running S3 server, shared by the functional tests of one session."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from tests.functional.moto_server import running_moto

from entrepot.testing import RunningServer, S3Server, running_entrepot

if TYPE_CHECKING:
    from tests.functional.shared_bucket_exchange import Place

MakeClient = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Port:
    """An exchange, the S3 server where its users' buckets are, and two buckets there."""

    exchange: RunningServer
    storage: S3Server
    source: str
    destination: str


@pytest.fixture(scope="session")
def storage(s3_server: S3Server) -> S3Server:
    return s3_server


@pytest.fixture(scope="session")
def buckets(storage: S3Server) -> tuple[str, str]:
    """New ones: what the exchange writes there has no prefix that would keep it apart."""
    s3 = boto3.session.Session(storage.access_key_id, storage.secret_access_key).client(
        "s3", endpoint_url=storage.endpoint_url, region_name="us-east-1"
    )
    names = f"provider-{token_hex(4)}", f"receiver-{token_hex(4)}"
    for name in names:
        s3.create_bucket(Bucket=name)
    s3.close()
    return names


@pytest.fixture(scope="session")
def port(
    tmp_path_factory: pytest.TempPathFactory, storage: S3Server, buckets: tuple[str, str]
) -> Iterator[Port]:
    with running_entrepot(
        tmp_path_factory.mktemp("exchange"),
        arguments=["--s3-endpoint-url", storage.endpoint_url],
        environ={
            "AWS_ACCESS_KEY_ID": storage.access_key_id,
            "AWS_SECRET_ACCESS_KEY": storage.secret_access_key,
        },
    ) as exchange:
        yield Port(exchange, storage, *buckets)


@pytest.fixture
def client(port: Port) -> Iterator[MakeClient]:
    """Makes boto3 clients and closes them: `client("s3")`, `client("dataexchange")`."""
    made: list[Any] = []

    def make(service: str, **options: Any) -> Any:
        if service == "s3":
            defaults = {
                "endpoint_url": port.storage.endpoint_url,
                "aws_access_key_id": port.storage.access_key_id,
                "aws_secret_access_key": port.storage.secret_access_key,
            }
        else:
            defaults = {
                "endpoint_url": port.exchange.url,
                "aws_access_key_id": port.exchange.access_key_id,
                "aws_secret_access_key": port.exchange.secret_access_key,
            }
        defaults |= {"region_name": "us-east-1", "config": Config(retries={"total_max_attempts": 1})}
        made.append(boto3.session.Session().client(service, **(defaults | options)))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def file_of(tmp_path: Path) -> Callable[[bytes], Path]:
    """Writes bytes to a new file and says where it is."""
    count = 0

    def write(content: bytes) -> Path:
        nonlocal count
        count += 1
        path = tmp_path / f"file-{count}"
        path.write_bytes(content)
        return path

    return write


@pytest.fixture
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a new moto, an S3 server of another kind."""
    with running_moto(tmp_path_factory.mktemp("moto")) as url:
        yield url


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory, storage: S3Server, moto_url: str) -> Iterator[Place]:
    """An exchange in which a part of a bucket is shared where it is."""
    from tests.functional.shared_bucket_exchange import (
        live_place,  # loads Arrow, which the other tests have no use for
    )

    with live_place(tmp_path_factory.mktemp("live"), storage, moto_url) as opened:
        yield opened
