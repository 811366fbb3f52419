"""Passwords are made, replaced and taken away, and no log of the server ever holds one."""

from __future__ import annotations

import asyncio
import re
import socket
import time
from pathlib import Path

import psycopg
import pytest
from tests.datashares.owner_database import OwnerDatabase, logged_in, without_password

from entrepot.domain.datashare import DatabaseLogin
from entrepot.domain.errors import IntegrationUnavailable
from entrepot.domain.timestamp import Timestamp
from entrepot.integrations.postgresql_shares import split_endpoint

ROLE = "entrepot_0123456789abcdef"


async def let_in(
    owner_database: OwnerDatabase, password: str = "first", expires_at: Timestamp | None = None
) -> DatabaseLogin:
    share, databases = owner_database.share(), owner_database.databases()
    await databases.give(share, ROLE)
    return await databases.let_in(share, ROLE, password, expires_at)


async def test_nobody_logs_in_before_a_password_was_handed_out(sharing_shop: OwnerDatabase) -> None:
    share, databases = sharing_shop.share(), sharing_shop.databases()
    with pytest.raises(IntegrationUnavailable, match="no role"):
        await databases.let_in(share, ROLE, "too early", None)
    await databases.give(share, ROLE)
    assert sharing_shop.value("SELECT rolcanlogin FROM pg_roles WHERE rolname = %s", ROLE) is False


async def test_a_new_password_ends_the_former_one_and_its_sessions(sharing_shop: OwnerDatabase) -> None:
    first = await let_in(sharing_shop)
    with pytest.raises(psycopg.OperationalError), logged_in(without_password(first)):
        pass
    with logged_in(first) as connection:
        second = await let_in(sharing_shop, "second")
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
    with pytest.raises(psycopg.OperationalError), logged_in(first):
        pass
    with logged_in(second) as connection:
        assert connection.execute("SELECT count(*) FROM orders").fetchone() == (2,)


async def test_a_password_ends_with_the_grant(owner_database: OwnerDatabase) -> None:
    now = Timestamp(time.time_ns() // 1_000_000)
    ended = await let_in(owner_database, expires_at=now.plus_seconds(-1))
    with pytest.raises(psycopg.OperationalError), logged_in(ended):
        pass
    goes_on = await let_in(owner_database, expires_at=now.plus_seconds(3600))
    assert goes_on.expires_at == now.plus_seconds(3600)
    with logged_in(goes_on):
        pass


async def test_what_is_taken_back_ends_at_once_and_leaves_no_role(sharing_shop: OwnerDatabase) -> None:
    share, databases = sharing_shop.share(), sharing_shop.databases()
    login = await let_in(sharing_shop)
    with logged_in(login) as connection:
        await databases.withdraw(share, ROLE)
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
    with pytest.raises(psycopg.OperationalError), logged_in(login):
        pass
    assert sharing_shop.value("SELECT count(*) FROM pg_roles WHERE rolname = %s", ROLE) == 0
    await databases.withdraw(share, ROLE)


async def test_taking_back_drops_what_a_receiver_could_make_where_public_was_allowed_to(
    sharing_shop: OwnerDatabase,
) -> None:
    sharing_shop.run("GRANT CREATE ON SCHEMA public TO PUBLIC")
    share, databases = sharing_shop.share(), sharing_shop.databases()
    with logged_in(await let_in(sharing_shop)) as connection:
        connection.execute("SET default_transaction_read_only = off")
        connection.execute("CREATE TABLE public.mine (x int)")
    await databases.withdraw(share, ROLE)
    assert sharing_shop.value("SELECT to_regclass('public.mine')") is None


async def test_many_at_once_do_not_disturb_each_other(sharing_shop: OwnerDatabase) -> None:
    share, databases = sharing_shop.share(), sharing_shop.databases()
    roles = [f"entrepot_{number:016x}" for number in range(8)]
    await asyncio.gather(*(databases.give(share, role) for role in (*roles, *roles)))
    await asyncio.gather(*(databases.let_in(share, role, "p", None) for role in roles))
    assert sharing_shop.value("SELECT count(*) FROM pg_roles WHERE rolname ~ '^entrepot_'") == 8
    await asyncio.gather(*(databases.withdraw(share, role) for role in (*roles, *roles)))
    assert sharing_shop.value("SELECT count(*) FROM pg_roles WHERE rolname ~ '^entrepot_'") == 0


async def test_the_log_of_the_server_never_holds_a_password(owner_database: OwnerDatabase) -> None:
    owner_database.run("ALTER SYSTEM SET log_statement = 'all'")
    owner_database.run("ALTER SYSTEM SET log_min_duration_statement = 0")
    owner_database.run("SELECT pg_reload_conf()")
    data = Path(str(owner_database.value("SHOW data_directory")))
    try:
        await let_in(owner_database, "a password nobody else may know")
        log = (data.parent / "log").read_text(encoding="utf-8", errors="replace")
    finally:
        owner_database.run("ALTER SYSTEM RESET ALL")
        owner_database.run("SELECT pg_reload_conf()")
    assert re.search(rf'ALTER ROLE "{ROLE}" LOGIN PASSWORD', log)
    assert "a password nobody else may know" not in log


async def test_a_database_that_is_away_is_worth_another_try_and_its_place_stays_in_the_log(
    owner_database: OwnerDatabase,
) -> None:
    with socket.socket() as nobody_listens:
        nobody_listens.bind(("127.0.0.1", 0))
        await _is_away(owner_database, nobody_listens.getsockname()[1])


async def _is_away(owner_database: OwnerDatabase, port: int) -> None:
    away = owner_database.somewhere_else(port)
    for call in (
        away.check(owner_database.share()),
        away.give(owner_database.share(), ROLE),
        away.withdraw(owner_database.share(), ROLE),
    ):
        with pytest.raises(IntegrationUnavailable) as unavailable:
            await call
        assert str(port) not in unavailable.value.message
        assert "hidden" not in f"{unavailable.value} {unavailable.value.__cause__}"
        assert str(port) in str(unavailable.value.__cause__)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("db.example.com", ("db.example.com", None)),
        ("db.example.com:5433", ("db.example.com", 5433)),
        ("[2001:db8::1]:5433", ("2001:db8::1", 5433)),
        ("[2001:db8::1]", ("2001:db8::1", None)),
        ("2001:db8::1", ("2001:db8::1", None)),
    ],
)
def test_where_receivers_connect_to_is_a_host_and_perhaps_a_port(
    text: str, place: tuple[str, int | None]
) -> None:
    assert split_endpoint(text) == place


@pytest.mark.parametrize("text", ["", ":5432", "a b", "host:x", "host:70000", "user@host", "[::1", "/tmp"])
def test_what_is_no_such_place_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no"):
        split_endpoint(text)
