"""A PostgreSQL server of its own: how far a role reaches depends on everything that is on its server."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql
from tests.datashares.owner_database import OwnerDatabase, administrator, close_to_public
from tests.servers.postgresql import new_database, running_postgresql


@pytest.fixture(scope="session")
def owners_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server on which nobody may do more than was granted; the URL of its superuser."""
    with running_postgresql(tmp_path_factory.mktemp("owners")) as url:
        with psycopg.connect(url, autocommit=True) as connection:
            for name in ("postgres", "template1"):
                connection.execute(
                    sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(name))
                )
        yield url


@pytest.fixture
def owner_database(owners_server: str) -> Iterator[OwnerDatabase]:
    """A database with something to share and something to hide, closed to PUBLIC."""
    with new_database(owners_server) as url, administrator(url) as connection:
        owner_database = OwnerDatabase(url, connection)
        close_to_public(connection)
        owner_database.fill()
        yield owner_database
        owner_database.drop_roles()


@pytest.fixture(params=["superuser", "createrole"])
def sharing_shop(request: pytest.FixtureRequest, owner_database: OwnerDatabase) -> OwnerDatabase:
    """The same, shared by a superuser, or by its owner who has CREATEROLE and no more."""
    if request.param == "createrole":
        owner_database.give_to_an_owner()
    return owner_database
