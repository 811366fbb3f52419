"""Running exchanges and S3 servers, shared by the functional tests of all processes of a run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Any

import pytest
from tests.functional.accounts import Account, allow_bucket, new_account
from tests.functional.clients import client as make_client
from tests.functional.clients import s3_client
from tests.servers import exchanges
from tests.servers.exchanges import Exchange
from tests.servers.shared import shared
from tests.servers.warm_program import WarmProgram, warm_program

from entrepot.testing import S3Server

if TYPE_CHECKING:
    from tests.functional.shared_bucket_exchange import Place

MakeClient = Callable[..., Any]
MISSING_BUCKETS = ("no-such-bucket", "no-such-bucket-at-all", "no-such-bucket-anywhere")


@dataclass(frozen=True, slots=True)
class Port:
    """An exchange, one account there, the S3 server where its buckets are, and two buckets it may use."""

    exchange: Exchange
    account: Account
    storage: S3Server
    source: str
    destination: str

    def allow(self, bucket: str) -> None:
        """Lets the account use another bucket."""
        allow_bucket(self.exchange, self.account, bucket, "--read", "--write")


@pytest.fixture(scope="session")
def program() -> Iterator[WarmProgram]:
    """`entrepot` without the start of an interpreter, for runs that are not about their start."""
    commands = ("bulk.*", "jobs.*", "aws.operation.*", "aws.output.*", "aws.completion.*")
    operators = ("account", "bucket", "doctor", "key", "local_ids", "webhook")
    loaded = [f"entrepot.cli.{name}" for name in (*commands, *(f"admin.{name}" for name in operators))]
    loaded += ["entrepot.client.*", "entrepot.server.first_start"]
    loaded += ["entrepot.wiring.shared", "entrepot.wiring.integrations"]
    with warm_program([*loaded, "botocore.session", "platformdirs.unix"]) as program:
        yield program


@pytest.fixture(scope="session")
def storage(s3_server: S3Server) -> S3Server:
    return s3_server


@pytest.fixture(scope="session")
def sigv4_exchange(
    tmp_path_factory: pytest.TempPathFactory, storage: S3Server, moto_url: str
) -> Iterator[Exchange]:
    start = partial(exchanges.sigv4_exchange, storage=storage, moto_url=moto_url)
    with shared(tmp_path_factory, "exchange", Exchange, start) as running:
        yield running


@pytest.fixture(scope="session")
def trusting_exchange(tmp_path_factory: pytest.TempPathFactory, moto_url: str) -> Iterator[Exchange]:
    start = partial(exchanges.trusting_exchange, moto_url=moto_url)
    with shared(tmp_path_factory, "trusting", Exchange, start) as running:
        yield running


@pytest.fixture(scope="session")
def postgresql_exchange(
    tmp_path_factory: pytest.TempPathFactory, postgresql_server_url: str, storage: S3Server, moto_url: str
) -> Iterator[Exchange]:
    start = partial(
        exchanges.postgresql_exchange,
        postgresql_url=postgresql_server_url,
        storage=storage,
        moto_url=moto_url,
    )
    with shared(tmp_path_factory, "on-postgresql", Exchange, start) as running:
        yield running


@pytest.fixture(scope="session")
def buckets(storage: S3Server) -> tuple[str, str]:
    """New ones: what the exchange writes there has no prefix that would keep it apart."""
    s3 = s3_client(storage)
    names = f"provider-{token_hex(4)}", f"receiver-{token_hex(4)}"
    for name in names:
        s3.create_bucket(Bucket=name)
    s3.close()
    return names


@pytest.fixture(scope="session")
def s3_of_users(storage: S3Server) -> Iterator[Any]:
    """One for all tests that do not close theirs: making one takes longer than many a test."""
    s3 = s3_client(storage)
    yield s3
    s3.close()


@pytest.fixture(scope="module")
def port(sigv4_exchange: Exchange, storage: S3Server, buckets: tuple[str, str]) -> Iterator[Port]:
    account = new_account(sigv4_exchange, "a test's")
    made = Port(sigv4_exchange, account, storage, *buckets)
    for bucket in (*buckets, *MISSING_BUCKETS):
        made.allow(bucket)
    yield made
    account.client.close()


@pytest.fixture
def client(port: Port) -> Iterator[MakeClient]:
    """Makes boto3 clients and closes them: `client("s3")`, `client("dataexchange")`."""
    made: list[Any] = []

    def make(service: str, **options: Any) -> Any:
        keys = port.storage if service == "s3" else port.account
        url = port.storage.endpoint_url if service == "s3" else port.exchange.url
        secret = options.pop("secret", keys.secret_access_key)
        made.append(make_client(service, url, keys.access_key_id, secret, **options))
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


@pytest.fixture(scope="session")
def place(sigv4_exchange: Exchange, storage: S3Server, moto_url: str) -> Iterator[Place]:
    """Accounts between which a part of a bucket is shared where it is."""
    from tests.functional.shared_bucket_exchange import (
        live_place,  # loads Arrow, which the other tests have no use for
    )

    with live_place(sigv4_exchange, storage, moto_url) as opened:
        yield opened
