"""Whatever a receiver holds in an owner's database, its end and what others get do not wait for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import replace

import psycopg
import pytest
from psycopg import Connection, sql
from tests.datashares.owner_database import OwnerDatabase, logged_in
from tests.servers.postgresql import new_database

from entrepot.domain.datashare import DatabaseLogin
from entrepot.domain.errors import IntegrationRefused
from entrepot.integrations import postgresql_roles

ROLE = "entrepot_0123456789abcdef"
ANOTHER = "entrepot_fedcba9876543210"
THIRD = "entrepot_0011223344556677"

_SLOW = "COPY (SELECT repeat('x', 1000) FROM generate_series(1, 1000000)) TO STDOUT"
HELD = {
    "the lock that exchanges took once": "SELECT pg_advisory_lock(7308907279945876404)",
    "it, until the end of the transaction": "BEGIN; SELECT pg_advisory_xact_lock(7308907279945876404)",
    "it, shared": "SELECT pg_advisory_lock_shared(7308907279945876404)",
    "its password": f"BEGIN; ALTER ROLE {ROLE} PASSWORD 'mine'",
    "its settings": f"BEGIN; ALTER ROLE {ROLE} SET work_mem = '1MB'",
    "privileges of a table": "BEGIN; GRANT SELECT ON sales.orders TO PUBLIC",
    "privileges of a view": "BEGIN; REVOKE SELECT ON sales.big FROM PUBLIC",
    "privileges of the schema": "BEGIN; GRANT USAGE ON SCHEMA sales TO PUBLIC",
    "privileges of the database": "BEGIN; GRANT CONNECT ON DATABASE {database} TO PUBLIC",
    "all that it was granted": "BEGIN; DROP OWNED BY CURRENT_USER",
    "the role of another": f"BEGIN; ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO {ANOTHER}",
    "a dependency on another": f"ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO {ANOTHER}",
    "a table": "BEGIN; LOCK TABLE sales.orders IN ACCESS SHARE MODE",
    "a view": "BEGIN; LOCK TABLE sales.big IN ACCESS SHARE MODE",
    "a cursor": "BEGIN; DECLARE c CURSOR FOR SELECT * FROM sales.orders; FETCH 1 FROM c",
    "a cursor beyond its transaction": "DECLARE c CURSOR WITH HOLD FOR SELECT * FROM sales.orders",
    "a snapshot": "BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT * FROM sales.orders",
    "a failed transaction": "BEGIN; SELECT * FROM sales.orders; SELECT * FROM sales.costs",
    "notifications": "LISTEN c; BEGIN; SELECT pg_notify('c', repeat('x', 7000)) FROM generate_series(1, 500)",
    "a prepared transaction": "BEGIN; GRANT SELECT ON sales.orders TO PUBLIC; PREPARE TRANSACTION 'mine''s'",
    "a prepared password": f"BEGIN; ALTER ROLE {ROLE} PASSWORD 'mine'; PREPARE TRANSACTION 'mine'",
    "a prepared table": "BEGIN; LOCK TABLE sales.orders IN ACCESS SHARE MODE; PREPARE TRANSACTION 'mine'",
    "a long query": "SELECT pg_sleep(3600)",
    "a long query of a table": "SELECT count(pg_sleep(3600)) FROM sales.orders",
    "a copy that it does not read": _SLOW,
}
_HAS_COME_SO_FAR = """
SELECT state <> 'active' OR wait_event IN ('PgSleep', 'ClientWrite')
  FROM pg_stat_activity WHERE pid = %s AND query = %s
"""

_LINGERS = """
SELECT count(*) FROM pg_locks l
 WHERE l.locktype = 'object' AND l.classid = 'pg_database'::regclass AND l.mode = 'RowExclusiveLock'
   AND l.pid NOT IN (SELECT pid FROM pg_stat_activity WHERE usesysid IS NOT NULL)
"""


@pytest.fixture
def held_shop(owner_database: OwnerDatabase) -> Iterator[OwnerDatabase]:
    """Shared by an owner who is no superuser; nothing that was prepared in it stays behind."""
    owner_database.give_to_an_owner()
    yield owner_database
    left = owner_database.connection.execute(
        "SELECT gid FROM pg_prepared_xacts WHERE database = current_database()"
    ).fetchall()
    for (gid,) in left:
        owner_database.connection.execute(sql.SQL("ROLLBACK PREPARED {}").format(sql.Literal(gid)))


@asynccontextmanager
async def holding(login: DatabaseLogin, shop: OwnerDatabase, what: str) -> AsyncIterator[Connection]:
    """A receiver has come as far with its statements as they go by themselves."""
    statements = HELD[what].format(database=shop.connection.info.dbname)
    with logged_in(login) as receiver:
        pid = receiver.info.backend_pid
        try:
            receiver.execute("SET default_transaction_read_only = off")
            receiver.pgconn.send_query(statements.encode())
            while not shop.value(_HAS_COME_SO_FAR, pid, statements):
                await asyncio.sleep(0.01)
            yield receiver
        finally:
            receiver.close()
            while shop.value("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = %s", pid):
                await asyncio.sleep(0.01)


async def receive(shop: OwnerDatabase, *roles: str) -> list[DatabaseLogin]:
    share, databases = shop.share("orders", "big"), shop.databases()
    for role in roles:
        await databases.give(share, role)
    return [await databases.let_in(share, role, f"of {role}", None) for role in roles]


@pytest.mark.parametrize("what", HELD)
async def test_its_access_ends_whatever_it_holds(held_shop: OwnerDatabase, what: str) -> None:
    login, _ = await receive(held_shop, ROLE, ANOTHER)
    async with holding(login, held_shop, what) as receiver:
        pid = receiver.info.backend_pid
        await held_shop.databases().withdraw(held_shop.share(), ROLE)
        assert held_shop.value("SELECT count(*) FROM pg_stat_activity WHERE pid = %s", pid) == 0
    with pytest.raises(psycopg.OperationalError), logged_in(login):
        pass
    assert held_shop.value("SELECT count(*) FROM pg_roles WHERE rolname = %s", ROLE) == 0
    assert held_shop.value("SELECT count(*) FROM pg_prepared_xacts") == 0


@pytest.mark.parametrize("what", HELD)
async def test_what_others_are_given_and_lose_does_not_wait_for_it(
    held_shop: OwnerDatabase, what: str
) -> None:
    share, databases = held_shop.share("orders", "big"), held_shop.databases()
    login, _ = await receive(held_shop, ROLE, ANOTHER)
    async with holding(login, held_shop, what):
        (third,) = await receive(held_shop, THIRD)
        with logged_in(third) as connection:
            assert connection.execute("SELECT count(*) FROM sales.orders").fetchone() == (2,)
        await databases.withdraw(share, THIRD)
        await databases.withdraw(share, ANOTHER)
        await databases.check(share)
    assert held_shop.value("SELECT array_agg(rolname) FROM pg_roles WHERE rolname ~ '^entrepot_'") == [ROLE]


@pytest.mark.parametrize("what", ["its password", "its settings", "a prepared password", "a cursor"])
async def test_a_new_password_ends_what_the_former_one_began(held_shop: OwnerDatabase, what: str) -> None:
    first, _ = await receive(held_shop, ROLE, ANOTHER)
    async with holding(first, held_shop, what) as receiver:
        pid = receiver.info.backend_pid
        second = await held_shop.databases().let_in(held_shop.share(), ROLE, "second", None)
        assert held_shop.value("SELECT count(*) FROM pg_stat_activity WHERE pid = %s", pid) == 0
    with pytest.raises(psycopg.OperationalError), logged_in(first):
        pass
    with logged_in(second) as connection:
        assert connection.execute("SELECT count(*) FROM sales.orders").fetchone() == (2,)


@pytest.mark.parametrize(
    "statement",
    [
        f"ALTER ROLE {ROLE} PASSWORD 'SCRAM-SHA-256$4096:c2FsdA==$a2V5:a2V5'",
        "GRANT CONNECT ON DATABASE {database} TO PUBLIC",
    ],
)
async def test_who_changes_the_same_again_and_again_holds_up_nobody(
    held_shop: OwnerDatabase, statement: str
) -> None:
    (login,) = await receive(held_shop, ROLE)
    endless = f"DO $$ BEGIN LOOP {statement}; COMMIT; END LOOP; END $$"
    endless = endless.format(database=held_shop.connection.info.dbname)
    with logged_in(login) as receiver:
        receiver.execute("SET default_transaction_read_only = off")
        receiver.pgconn.send_query(endless.encode())
        active = "SELECT count(*) FROM pg_stat_activity WHERE query = %s AND state = 'active'"
        while held_shop.value(active, endless) == 0:
            await asyncio.sleep(0.01)
        await receive(held_shop, THIRD)
        await held_shop.databases().withdraw(held_shop.share(), THIRD)
        await held_shop.databases().withdraw(held_shop.share(), ROLE)
        receiver.close()
    with pytest.raises(psycopg.OperationalError), logged_in(login):
        pass
    assert held_shop.value("SELECT count(*) FROM pg_roles WHERE rolname ~ '^entrepot_'") == 0


async def test_receivers_share_the_connections_of_the_server_and_never_get_the_last_ones(
    held_shop: OwnerDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql_roles, "KEPT_FREE", 190)  # so receivers have 7 of 200
    (login,) = await receive(held_shop, ROLE)
    with ExitStack() as stack:
        for _ in range(7):
            stack.enter_context(logged_in(login)).execute("SELECT 1")
        with pytest.raises(psycopg.OperationalError), logged_in(login):
            pass
        await receive(held_shop, ANOTHER)
        count = "SELECT count(*) FROM pg_stat_activity WHERE usename = %s"
        while held_shop.value(count, ROLE) != 3:
            await asyncio.sleep(0.01)
    limits = "SELECT array_agg(rolconnlimit) FROM pg_roles WHERE rolname ~ '^entrepot_'"
    assert held_shop.value(limits) == [3, 3]
    share, databases = held_shop.share(), held_shop.databases()
    for number in range(5):
        await databases.give(share, f"entrepot_{number:016x}")
    with pytest.raises(IntegrationRefused, match="no connection left for one more receiver"):
        await databases.give(share, THIRD)
    await databases.withdraw(share, ANOTHER)
    await databases.give(share, THIRD)


@pytest.mark.parametrize("way", ["withdrawn", "a new password"])
async def test_a_session_that_lingers_in_its_login_ends_too(held_shop: OwnerDatabase, way: str) -> None:
    """`post_auth_delay`, which every client may set, keeps a session that has logged in out of sight."""
    share, databases = held_shop.share(), held_shop.databases()
    (login,) = await receive(held_shop, ROLE)
    lingering = asyncio.create_task(asyncio.to_thread(query_slowly, login))
    while held_shop.value(_LINGERS) == 0:
        await asyncio.sleep(0.01)
    if way == "withdrawn":
        await databases.withdraw(share, ROLE)
    else:
        await databases.let_in(share, ROLE, "second", None)
    with pytest.raises(psycopg.OperationalError):
        await lingering


def query_slowly(login: DatabaseLogin) -> None:
    with psycopg.connect(
        host=login.host,
        port=login.port,
        dbname=login.database,
        user=login.user,
        password=login.password,
        options="-c post_auth_delay=60",
    ) as connection:
        connection.execute("SELECT count(*) FROM sales.orders")


async def test_what_it_owns_in_another_database_keeps_its_name_and_none_of_its_rights(
    held_shop: OwnerDatabase, owners_server: str
) -> None:
    databases = held_shop.databases()
    (login,) = await receive(held_shop, ROLE)
    with new_database(owners_server) as url:
        name = url.rpartition("/")[2]
        held_shop.run(f"GRANT CREATE ON DATABASE {name} TO PUBLIC")
        with logged_in(replace(login, database=name)) as receiver:
            receiver.execute("SET default_transaction_read_only = off")
            receiver.execute("CREATE SCHEMA mine")
            with pytest.raises(IntegrationRefused, match="cannot be dropped"):
                await databases.withdraw(held_shop.share(), ROLE)
            with pytest.raises(psycopg.OperationalError):
                receiver.execute("SELECT 1")
        assert held_shop.value("SELECT rolcanlogin FROM pg_roles WHERE rolname = %s", ROLE) is False
        assert held_shop.value("SELECT has_table_privilege(%s, 'sales.orders', 'SELECT')", ROLE) is False
    await databases.withdraw(held_shop.share(), ROLE)
    assert held_shop.value("SELECT count(*) FROM pg_roles WHERE rolname = %s", ROLE) == 0
