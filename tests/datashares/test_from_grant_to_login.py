"""A data grant of a PostgreSQL share, from its acceptance to its end, in a real database of the owner."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest
import pytest_asyncio
from tests.databases.conftest import migrated_sqlite_file
from tests.databases.rows import an_id
from tests.datashares.owner_database import OwnerDatabase, logged_in
from tests.provisioning.fixtures import OWNER, RECEIVER, Fixtures, masked_asset
from tests.servers.sqlite import open_hastily

from entrepot.database import data_grants, datashares, events, external_access
from entrepot.domain.datashare import DatashareArn, role_name
from entrepot.domain.errors import Conflict, InternalError, ResourceNotFound, ValidationFailed
from entrepot.domain.scope import Scope
from entrepot.domain.timestamp import Timestamp
from entrepot.entitlements.provisioning.datashare_credentials import DatashareCredentials
from entrepot.entitlements.provisioning.provisioners import DatashareProvisioner
from entrepot.entitlements.provisioning.reconciler import Reconciler
from entrepot.integrations.postgresql_shares import PostgresqlShares
from entrepot.integrations.protocols import Integrations

__all__ = ["migrated_sqlite_file"]

TO = Scope(RECEIVER, "us-east-1")


class Exchange:
    """One exchange with one share, and a grant of it that ends in an hour."""

    def __init__(self, fixtures: Fixtures, owner_database: OwnerDatabase) -> None:
        self.fixtures = fixtures
        self.owner_database = owner_database
        self.url = owner_database.url
        databases = PostgresqlShares(lambda _: self.url)
        provisioner = DatashareProvisioner(fixtures.database, Integrations(postgresql=databases))
        self.reconciler = Reconciler(fixtures.database, [provisioner], fixtures.clock)
        self.credentials = DatashareCredentials(fixtures.database, databases, fixtures.clock, os.urandom)
        self.asset_id = ""
        self.role = role_name(an_id("a grant"), an_id("ds sales"))

    async def begin(self) -> None:
        share = self.owner_database.share("orders")
        await datashares.insert(self.fixtures.database, share)
        await self.fixtures.share("sales", arn=share.arn)
        grant = await self.fixtures.grant(ends_at=self.fixtures.now.plus_seconds(3600))
        self.asset_id = masked_asset(grant, "ds", "sales")

    def has_role(self) -> bool:
        return self.owner_database.value("SELECT count(*) FROM pg_roles WHERE rolname = %s", self.role) == 1


@pytest_asyncio.fixture
async def exchange(
    tmp_path: Path, migrated_sqlite_file: Path, owner_database: OwnerDatabase
) -> AsyncIterator[Exchange]:
    path = tmp_path / "entrepot.sqlite"
    path.write_bytes(migrated_sqlite_file.read_bytes())
    database = await open_hastily(f"sqlite:///{path}")
    fixtures = Fixtures(database)
    fixtures.now = Timestamp(time.time_ns() // 1_000_000)
    exchange = Exchange(fixtures, owner_database)
    await exchange.begin()
    yield exchange
    await exchange.reconciler.close()
    await database.close()


async def test_the_receiver_logs_in_with_what_it_is_handed(exchange: Exchange) -> None:
    await exchange.reconciler.settle()
    login = await exchange.credentials.hand_out(TO, exchange.asset_id)
    assert (login.user, login.schema) == (exchange.role, "sales")
    assert login.expires_at == exchange.fixtures.now.plus_seconds(3600)
    with logged_in(login) as connection:
        assert connection.execute("SELECT count(*) FROM orders").fetchone() == (2,)
    again = await exchange.credentials.hand_out(TO, exchange.asset_id)
    assert again.password != login.password
    with pytest.raises(psycopg.OperationalError), logged_in(login):
        pass


async def test_nobody_else_is_handed_anything(exchange: Exchange) -> None:
    await exchange.reconciler.settle()
    others = (
        (OWNER, exchange.asset_id),
        (Scope("999999999999", "us-east-1"), exchange.asset_id),
        (Scope(RECEIVER, "eu-west-1"), exchange.asset_id),
        (TO, an_id("ds sales")),
        (OWNER, an_id("ds sales")),
        (TO, "0" * 32),
    )
    for scope, asset_id in others:
        with pytest.raises(ResourceNotFound):
            await exchange.credentials.hand_out(scope, asset_id)


@pytest.mark.parametrize("way", ["revoked", "grant deleted", "ended"])
async def test_what_is_over_is_over_at_once_and_the_role_goes(exchange: Exchange, way: str) -> None:
    fixtures = exchange.fixtures
    await exchange.reconciler.settle()
    login = await exchange.credentials.hand_out(TO, exchange.asset_id)
    with logged_in(login) as connection:
        match way:
            case "revoked":
                await fixtures.revoke("sales")
            case "grant deleted":
                await data_grants.delete(fixtures.database, OWNER, an_id("a grant"))
            case "ended":
                fixtures.passes(3600)
        with pytest.raises(ResourceNotFound):
            await exchange.credentials.hand_out(TO, exchange.asset_id)
        await exchange.reconciler.settle()
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
    assert not exchange.has_role()


async def test_a_role_that_is_not_there_yet_is_told_from_one_that_never_will_be(exchange: Exchange) -> None:
    exchange.url = "postgresql://postgres@127.0.0.1:1/nothing"
    await exchange.reconciler.settle()
    with pytest.raises(Conflict, match="could not be prepared so far"):
        await exchange.credentials.hand_out(TO, exchange.asset_id)


async def test_a_database_that_is_away_is_said_to_be_without_saying_where(
    exchange: Exchange, caplog: pytest.LogCaptureFixture
) -> None:
    await exchange.reconciler.settle()
    exchange.url = "postgresql://postgres:hidden@127.0.0.1:1/nothing"
    with pytest.raises(InternalError) as failed:
        await exchange.credentials.hand_out(TO, exchange.asset_id)
    assert "127.0.0.1" not in failed.value.message
    assert "hidden" not in caplog.text


async def test_a_role_is_dropped_as_soon_as_its_database_is_back(exchange: Exchange) -> None:
    await exchange.reconciler.settle()
    there, exchange.url = exchange.url, "postgresql://postgres@127.0.0.1:1/nothing"
    await exchange.fixtures.revoke("sales")
    await exchange.reconciler.settle()
    assert exchange.has_role()
    exchange.url = there
    exchange.fixtures.passes(1)
    await exchange.reconciler.settle()
    assert not exchange.has_role()


async def test_a_share_that_goes_is_told_to_its_receiver_once(exchange: Exchange) -> None:
    fixtures = exchange.fixtures
    await exchange.reconciler.settle()
    exchange.owner_database.run("DROP TABLE sales.orders CASCADE")
    for _ in range(3):
        fixtures.passes(301)
        await exchange.reconciler.settle()
    told = await events.after(fixtures.database, TO, 0, 10)
    assert [(event.detail_type, event.resources) for event in told] == [
        ("Redshift Data Share Access Lost", (exchange.owner_database.share("orders").arn,))
    ]
    exchange.owner_database.run("CREATE TABLE sales.orders (id int)")
    fixtures.passes(301)
    await exchange.reconciler.settle()
    recorded = await external_access.get(fixtures.database, an_id("a grant"), an_id("ds sales"))
    assert recorded is not None
    assert recorded.error is None


async def test_a_share_that_was_removed_is_no_longer_given_and_no_role_stays(exchange: Exchange) -> None:
    share = exchange.owner_database.share("orders")
    await exchange.reconciler.settle()
    await exchange.owner_database.databases().withdraw(share, exchange.role)
    await datashares.remove(exchange.fixtures.database, DatashareArn.parse(share.arn, "Arn"))
    exchange.fixtures.passes(301)
    await exchange.reconciler.settle()
    assert not exchange.has_role()
    with pytest.raises(Conflict):
        await exchange.credentials.hand_out(TO, exchange.asset_id)
    await exchange.fixtures.revoke("sales")
    await exchange.reconciler.settle()
    assert await external_access.get(exchange.fixtures.database, an_id("a grant"), an_id("ds sales")) is None


async def test_a_share_of_redshift_needs_no_password(exchange: Exchange) -> None:
    await exchange.fixtures.share("warehouse")
    grant = await data_grants.of_data_set(
        exchange.fixtures.database, "us-east-1", an_id("entitled by a grant")
    )
    assert grant is not None
    await exchange.reconciler.settle()
    recorded = await external_access.get(exchange.fixtures.database, grant.id, an_id("ds warehouse"))
    assert recorded is not None
    assert "ENTREPOT_REDSHIFT_ENDPOINT_URL" in (recorded.error or "")
    with pytest.raises(ValidationFailed, match="Amazon Redshift"):
        await exchange.credentials.hand_out(TO, masked_asset(grant, "ds", "warehouse"))


async def test_a_deleted_grant_ends_access_though_its_receiver_holds_all_it_can(exchange: Exchange) -> None:
    exchange.owner_database.give_to_an_owner()
    exchange.url = exchange.owner_database.url
    await exchange.reconciler.settle()
    login = await exchange.credentials.hand_out(TO, exchange.asset_id)
    with logged_in(login) as locking, logged_in(login) as changing:
        locking.execute("SELECT pg_advisory_lock(%s)", [0x656E74726570C3B4])
        changing.execute("SET default_transaction_read_only = off")
        changing.execute(f"BEGIN; ALTER ROLE {exchange.role} PASSWORD 'mine'".encode())
        await data_grants.delete(exchange.fixtures.database, OWNER, an_id("a grant"))
        await exchange.reconciler.settle()
        for connection in (locking, changing):
            with pytest.raises(psycopg.OperationalError):
                connection.execute("SELECT 1")
    with pytest.raises(psycopg.OperationalError), logged_in(login):
        pass
    assert not exchange.has_role()
