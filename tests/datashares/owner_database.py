"""An owner's database: what it shares, what it hides, and who looks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from secrets import token_hex
from urllib.parse import quote

import psycopg
from psycopg import Connection, sql
from psycopg.conninfo import make_conninfo

from entrepot.domain.datashare import DatabaseLogin, DatashareArn, PostgresqlShare, namespace_of
from entrepot.domain.scope import Scope
from entrepot.domain.timestamp import Timestamp
from entrepot.integrations.postgresql_shares import PostgresqlShares

OWNER = Scope("111111111111", "us-east-1")
_TABLES = """
CREATE SCHEMA sales;
CREATE TABLE sales.orders (id int PRIMARY KEY, total numeric);
INSERT INTO sales.orders VALUES (1, 9.5), (2, 20);
CREATE TABLE sales.costs (amount int);
INSERT INTO sales.costs VALUES (1000);
CREATE VIEW sales.big AS SELECT * FROM sales.orders WHERE total > 10;
CREATE SEQUENCE sales.numbers;
CREATE SCHEMA people;
CREATE TABLE people.salaries (name text, amount int);
INSERT INTO people.salaries VALUES ('Ada', 4242);
CREATE TABLE public.notes (text text);
INSERT INTO public.notes VALUES ('secret');
"""
_LARGE_OBJECTS = ("lo_creat(integer)", "lo_create(oid)", "lo_from_bytea(oid, bytea)")


@contextmanager
def administrator(url: str) -> Iterator[Connection]:
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


def close_to_public(connection: Connection) -> None:
    """What the documentation tells owners to do in a database that serves datashares."""
    database = sql.Identifier(connection.info.dbname)
    connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(database))
    for function in _LARGE_OBJECTS:
        connection.execute(f"REVOKE EXECUTE ON FUNCTION {function} FROM PUBLIC".encode())


@dataclass
class OwnerDatabase:
    url: str
    """Of whoever shares."""
    connection: Connection
    """A superuser's."""
    made: list[str] = field(default_factory=list)
    """Roles that are not a receiver's."""

    def fill(self) -> None:
        self.connection.execute(_TABLES.encode())

    def run(self, statement: str) -> None:
        self.connection.execute(statement.encode())

    def value(self, query: str, *parameters: object) -> object:
        row = self.connection.execute(query.encode(), parameters).fetchone()
        return None if row is None else row[0]

    def give_to_an_owner(self) -> None:
        """From now on a user who is no superuser shares."""
        name, password = f"owner_{token_hex(4)}", token_hex(8)
        database = self.connection.info.dbname
        self.run(f"CREATE ROLE {name} LOGIN CREATEROLE NOINHERIT PASSWORD '{password}'")
        self.run(f"GRANT CONNECT ON DATABASE {database} TO {name} WITH GRANT OPTION")
        for schema in ("sales", "people"):
            self.run(f"ALTER SCHEMA {schema} OWNER TO {name}")
        for table in ("sales.orders", "sales.costs", "sales.big", "people.salaries"):
            self.run(f"ALTER TABLE {table} OWNER TO {name}")
        self.made.append(name)
        address = self.url.partition("@")[2]
        self.url = f"postgresql://{name}:{quote(password)}@{address}"

    def drop_roles(self) -> None:
        found = self.connection.execute(
            "SELECT rolname FROM pg_roles WHERE rolname ~ '^entrepot_'"
        ).fetchall()
        for name in (*self.made, *(row[0] for row in found)):
            self.connection.execute(sql.SQL("DROP OWNED BY {} CASCADE").format(sql.Identifier(name)))
            self.connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))

    def share(self, *tables: str, name: str = "sales", schema: str = "sales") -> PostgresqlShare:
        arn = DatashareArn(OWNER, namespace_of(OWNER, b"k" * 32), name)
        return PostgresqlShare(
            arn=str(arn),
            owner=OWNER,
            name=name,
            encrypted_database_url="sealed",
            schema=schema,
            created_at=Timestamp(0),
            tables=tables or None,
        )

    def databases(self) -> PostgresqlShares:
        return PostgresqlShares(lambda _: self.url)

    def somewhere_else(self, port: int) -> PostgresqlShares:
        return PostgresqlShares(lambda _: f"postgresql://somebody:hidden@127.0.0.1:{port}/nothing")


@contextmanager
def logged_in(login: DatabaseLogin) -> Iterator[Connection]:
    """What a receiver does with what it was handed."""
    text = make_conninfo(
        host=login.host,
        port=login.port,
        dbname=login.database,
        user=login.user,
        password=login.password,
        connect_timeout=5,
    )
    with psycopg.connect(text, autocommit=True) as connection:
        yield connection


def without_password(login: DatabaseLogin) -> DatabaseLogin:
    return replace(login, password="wrong")
