"""A receiver reads what is shared, and can do nothing else, whatever it tries."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import psycopg
import pytest
import pytest_asyncio
from psycopg import Connection
from tests.datashares.owner_database import OwnerDatabase, logged_in

from entrepot.domain.errors import IntegrationRefused, ShareGone

ROLE = "entrepot_0123456789abcdef"
ANOTHER = "entrepot_fedcba9876543210"

FORBIDDEN = {
    "a table of the schema that is not shared": "SELECT * FROM sales.costs",
    "a table of another schema": "SELECT * FROM people.salaries",
    "a table of schema public": "SELECT * FROM public.notes",
    "insert": "INSERT INTO sales.orders VALUES (3, 1)",
    "update": "UPDATE sales.orders SET total = 0",
    "delete": "DELETE FROM sales.orders",
    "truncate": "TRUNCATE sales.orders",
    "write through a view": "UPDATE sales.big SET total = 0",
    "lock for update": "SELECT * FROM sales.orders FOR UPDATE",
    "lock": "DO $$ BEGIN LOCK TABLE sales.orders IN ACCESS EXCLUSIVE MODE; END $$",
    "a sequence": "SELECT nextval('sales.numbers')",
    "create a table": "CREATE TABLE sales.mine (x int)",
    "create a table in public": "CREATE TABLE public.mine (x int)",
    "create a temporary table": "CREATE TEMPORARY TABLE mine (x int)",
    "create a function": "CREATE FUNCTION sales.f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "create a temporary function": "CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "create a schema": "CREATE SCHEMA mine",
    "create a database": "CREATE DATABASE mine",
    "create a role": "CREATE ROLE mine",
    "a large object": "SELECT lo_create(0)",
    "a large object with bytes": "SELECT lo_from_bytea(0, 'x')",
    "run a program": "COPY (SELECT 1) TO PROGRAM 'id'",
    "read by a program": "COPY sales.orders FROM PROGRAM 'id'",
    "write a file": "COPY (SELECT 1) TO '/tmp/entrepot-test'",
    "read a file": "SELECT pg_read_file('/etc/passwd')",
    "read a file as bytes": "SELECT pg_read_binary_file('/etc/passwd')",
    "list a folder": "SELECT pg_ls_dir('.')",
    "import a file": "SELECT lo_import('/etc/passwd')",
    "be the superuser": "SET ROLE postgres",
    "be the superuser for the session": "SET SESSION AUTHORIZATION postgres",
    "be another receiver": f"SET ROLE {ANOTHER}",
    "join a powerful role": f"GRANT pg_read_all_data TO {ROLE}",
    "become a superuser": f"ALTER ROLE {ROLE} SUPERUSER",
    "live longer": f"ALTER ROLE {ROLE} VALID UNTIL 'infinity'",
    "have more connections": f"ALTER ROLE {ROLE} CONNECTION LIMIT 1000",
    "passwords of others": "SELECT rolpassword FROM pg_authid",
    "password of another": f"ALTER ROLE {ANOTHER} PASSWORD 'mine'",
    "statistics of columns": "SELECT * FROM pg_statistic",
    "end others' sessions": "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE usename = 'postgres'",
    "settings of the server": "ALTER SYSTEM SET work_mem = '1GB'",
    "checkpoint": "CHECKPOINT",
    "block": "DO $$ BEGIN PERFORM * FROM people.salaries; END $$",
    "move a table": "ALTER TABLE sales.orders SET SCHEMA public",
    "drop a table": "DROP TABLE sales.orders",
    "comment": "COMMENT ON TABLE sales.orders IS 'mine'",
    "analyze with effects": "EXPLAIN ANALYZE INSERT INTO sales.orders VALUES (9, 9)",
    "refresh": "REFRESH MATERIALIZED VIEW sales.big",
}


@pytest_asyncio.fixture
async def receiver(owner_database: OwnerDatabase) -> AsyncIterator[Connection]:
    """A receiver of two tables of a schema, logged in, who has taken off what can be taken off."""
    share, databases = owner_database.share("orders", "big"), owner_database.databases()
    await databases.give(share, ROLE)
    await databases.give(share, ANOTHER)
    with logged_in(await databases.let_in(share, ROLE, "first", None)) as connection:
        connection.execute("SET default_transaction_read_only = off")
        connection.execute(f"ALTER ROLE {ROLE} RESET ALL".encode())
        yield connection


async def test_a_receiver_reads_what_is_shared(receiver: Connection) -> None:
    assert receiver.execute("SELECT id FROM sales.orders ORDER BY 1").fetchall() == [(1,), (2,)]
    assert receiver.execute("SELECT id FROM sales.big").fetchall() == [(2,)]


async def test_a_receiver_can_do_nothing_else(receiver: Connection, owner_database: OwnerDatabase) -> None:
    done = []
    for what, statement in FORBIDDEN.items():
        try:
            receiver.execute(statement.encode())
        except (psycopg.errors.InsufficientPrivilege, psycopg.errors.WrongObjectType):
            continue
        except psycopg.Error as error:
            done.append(f"{what}: {type(error).__name__} {error}")
        else:
            done.append(what)
    assert done == []
    assert owner_database.value("SELECT count(*) FROM sales.orders") == 2


async def test_a_receiver_can_pass_nothing_on(receiver: Connection, owner_database: OwnerDatabase) -> None:
    receiver.execute("GRANT SELECT ON sales.orders TO PUBLIC")  # a warning, and no effect
    owner_database.run("CREATE ROLE nobody_else")
    owner_database.made.append("nobody_else")
    assert (
        owner_database.value("SELECT has_table_privilege('nobody_else', 'sales.orders', 'SELECT')") is False
    )


async def test_a_receiver_cannot_connect_to_other_databases_of_the_server(
    owner_database: OwnerDatabase, owners_server: str
) -> None:
    share, databases = owner_database.share("orders"), owner_database.databases()
    await databases.give(share, ROLE)
    login = await databases.let_in(share, ROLE, "first", None)
    with (
        pytest.raises(psycopg.OperationalError, match="permission denied for database"),
        logged_in(replace(login, database="postgres")),
    ):
        pass


async def test_transactions_are_read_only_from_the_beginning(owner_database: OwnerDatabase) -> None:
    share, databases = owner_database.share(), owner_database.databases()
    await databases.give(share, ROLE)
    with logged_in(await databases.let_in(share, ROLE, "first", None)) as connection:
        assert connection.execute("SHOW default_transaction_read_only").fetchone() == ("on",)
        assert connection.execute("SELECT count(*) FROM orders").fetchone() == (2,), "by the search path"
        shown = connection.execute("SHOW transaction_read_only").fetchone()
        assert shown == ("on",)


async def test_a_role_has_no_rights_but_these(sharing_shop: OwnerDatabase) -> None:
    await sharing_shop.databases().give(sharing_shop.share("orders"), ROLE)
    assert sharing_shop.connection.execute(
        "SELECT rolcanlogin, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls,"
        " rolconnlimit > 0 FROM pg_roles WHERE rolname = %s",
        [ROLE],
    ).fetchone() == (False, False, False, False, False, False, False, True)
    assert sharing_shop.value("SELECT count(*) FROM pg_auth_members WHERE member = %s::regrole", ROLE) == 0


async def test_a_table_that_comes_later_is_shared_with_its_schema_and_not_with_a_list(
    sharing_shop: OwnerDatabase,
) -> None:
    databases = sharing_shop.databases()
    everything, listed = sharing_shop.share(), sharing_shop.share("orders")
    await databases.give(everything, ROLE)
    await databases.give(listed, ANOTHER)
    sharing_shop.run("CREATE TABLE sales.later AS SELECT 1 AS x")
    owner = sharing_shop.value("SELECT tableowner FROM pg_tables WHERE tablename = 'orders'")
    sharing_shop.run(f"ALTER TABLE sales.later OWNER TO {owner}")
    await databases.give(everything, ROLE)
    await databases.give(listed, ANOTHER)
    query = "SELECT has_table_privilege(%s, 'sales.later', 'SELECT')"
    assert sharing_shop.value(query, ROLE) is True
    assert sharing_shop.value(query, ANOTHER) is False


async def test_a_table_that_leaves_the_schema_leaves_the_share(sharing_shop: OwnerDatabase) -> None:
    databases, share = sharing_shop.databases(), sharing_shop.share()
    await databases.give(share, ROLE)
    sharing_shop.run("ALTER TABLE sales.orders SET SCHEMA people")
    await databases.give(share, ROLE)
    assert sharing_shop.value("SELECT has_table_privilege(%s, 'people.orders', 'SELECT')", ROLE) is False


async def test_a_share_whose_table_is_gone_is_told_from_one_that_cannot_be_granted(
    owner_database: OwnerDatabase,
) -> None:
    databases = owner_database.databases()
    with pytest.raises(ShareGone, match="has no table or view 'none'"):
        await databases.check(owner_database.share("orders", "none"))
    with pytest.raises(ShareGone, match="has no schema 'none'"):
        await databases.check(owner_database.share(schema="none"))
    owner_database.give_to_an_owner()
    with pytest.raises(IntegrationRefused) as refused:
        await databases.check(owner_database.share(schema="public"))
    assert refused.value.denied


@pytest.mark.parametrize(
    ("taken", "said"),
    [
        ("REVOKE GRANT OPTION FOR CONNECT ON DATABASE {database} FROM {owner}", "CONNECT on the database"),
        (
            "ALTER SCHEMA sales OWNER TO postgres; GRANT USAGE ON SCHEMA sales TO {owner}",
            "USAGE on schema sales",
        ),
        (
            "ALTER TABLE sales.orders OWNER TO postgres; GRANT SELECT ON sales.orders TO {owner}",
            "SELECT on sales.orders",
        ),
    ],
)
async def test_who_may_use_and_not_pass_on_shares_nothing(
    owner_database: OwnerDatabase, taken: str, said: str
) -> None:
    owner_database.give_to_an_owner()
    owner_database.run(
        taken.format(owner=owner_database.made[0], database=owner_database.connection.info.dbname)
    )
    with pytest.raises(IntegrationRefused, match=f"may not pass on {said}") as refused:
        await owner_database.databases().check(owner_database.share())
    assert refused.value.denied


async def test_a_role_that_was_there_and_can_do_more_is_not_taken_for_ours(
    owner_database: OwnerDatabase,
) -> None:
    owner_database.run(f"CREATE ROLE {ROLE} CREATEDB")
    with pytest.raises(IntegrationRefused, match="is not as this exchange made it"):
        await owner_database.databases().give(owner_database.share(), ROLE)
    owner_database.run(f"ALTER ROLE {ROLE} NOCREATEDB")
    with pytest.raises(IntegrationRefused, match="is not as this exchange made it"):
        await owner_database.databases().give(owner_database.share(), ROLE)


@pytest.mark.parametrize(
    "name",
    ['a"b', "a'b", 'x"; DROP TABLE people.salaries; --', "x'; DROP TABLE people.salaries; --", "%s", "ä b.c"],
)
async def test_names_are_names_whatever_they_hold(owner_database: OwnerDatabase, name: str) -> None:
    quoted = '"' + name.replace('"', '""') + '"'
    owner_database.run(f"CREATE SCHEMA {quoted}")
    owner_database.run(f"CREATE TABLE {quoted}.{quoted} AS SELECT 7 AS x")
    databases, share = owner_database.databases(), owner_database.share(name, name=name, schema=name)
    await databases.check(share)
    await databases.give(share, ROLE)
    with logged_in(await databases.let_in(share, ROLE, "p'w\"", None)) as connection:
        assert connection.execute(f"SELECT x FROM {quoted}".encode()).fetchone() == (7,)
    await databases.withdraw(share, ROLE)
    assert owner_database.value("SELECT amount FROM people.salaries") == 4242
