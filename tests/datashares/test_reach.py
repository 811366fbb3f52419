"""What a receiver could reach beyond a share is found, and what is advised against it takes it away."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from psycopg import sql
from tests.datashares.owner_database import OwnerDatabase, administrator
from tests.servers.postgresql import new_database

OPEN_TO_PUBLIC = {
    "TEMPORARY on the database": "GRANT TEMPORARY ON DATABASE {database} TO PUBLIC",
    "connect to database postgres": "GRANT CONNECT ON DATABASE postgres TO PUBLIC",
    "create objects in schema people": "GRANT USAGE, CREATE ON SCHEMA people TO PUBLIC",
    "use people.salaries, which is not shared": "GRANT USAGE ON SCHEMA people TO PUBLIC;"
    " GRANT SELECT ON people.salaries TO PUBLIC",
    "use sales.costs, which is not shared": "GRANT SELECT (amount) ON sales.costs TO PUBLIC",
    "use public.notes, which is not shared": "GRANT INSERT ON public.notes TO PUBLIC",
    "write to sales.orders": "GRANT UPDATE ON sales.orders TO PUBLIC",
    "use sequence sales.numbers": "GRANT USAGE ON SEQUENCE sales.numbers TO PUBLIC",
    'call sales."Pay"(text,integer), which may do more': 'CREATE FUNCTION sales."Pay"(text, int) RETURNS int'
    " SECURITY DEFINER LANGUAGE sql AS 'SELECT amount FROM people.salaries'",
    "call pg_read_file(text) of the system": "GRANT EXECUTE ON FUNCTION pg_read_file(text) TO PUBLIC",
    "read pg_authid of the system": "GRANT SELECT ON pg_authid TO PUBLIC",
    "make large objects with lo_create(oid)": "GRANT EXECUTE ON FUNCTION lo_create(oid) TO PUBLIC",
    "use large object 4711": "SELECT lo_from_bytea(4711, 'x'); GRANT SELECT ON LARGE OBJECT 4711 TO PUBLIC",
}


async def found_in(owner_database: OwnerDatabase) -> list[tuple[str, str]]:
    found = await owner_database.databases().reach(owner_database.share("orders"))
    return [(reach.what, reach.remedy) for reach in found]


async def test_a_database_that_was_closed_to_public_shows_nothing(sharing_shop: OwnerDatabase) -> None:
    assert await found_in(sharing_shop) == []
    assert sharing_shop.value("SELECT count(*) FROM pg_roles WHERE rolname ~ '^entrepot_'") == 0


@pytest.mark.parametrize("what", OPEN_TO_PUBLIC)
async def test_what_is_open_to_public_is_found_and_the_advice_closes_it(
    owner_database: OwnerDatabase, what: str
) -> None:
    database = sql.Identifier(owner_database.connection.info.dbname).as_string(owner_database.connection)
    owner_database.run(OPEN_TO_PUBLIC[what].format(database=database))
    found = await found_in(owner_database)
    assert [said for said, _ in found if what in said] != []
    for _, remedy in found:
        owner_database.run(remedy)
    assert await found_in(owner_database) == []


@pytest.fixture
def untouched_shop(owners_server: str) -> Iterator[OwnerDatabase]:
    with new_database(owners_server) as url, administrator(url) as connection:
        owner_database = OwnerDatabase(url, connection)
        owner_database.fill()
        yield owner_database


async def test_a_database_as_postgresql_makes_it_is_open_in_known_ways(untouched_shop: OwnerDatabase) -> None:
    found = await found_in(untouched_shop)
    assert [what.partition(":")[0] for what, _ in found] == [
        "use TEMPORARY on the database",
        "make large objects with lo_creat(integer)",
        "make large objects with lo_create(oid)",
        "make large objects with lo_from_bytea(oid,bytea)",
    ]
    for _, remedy in found:
        untouched_shop.run(remedy)
    assert await found_in(untouched_shop) == []
