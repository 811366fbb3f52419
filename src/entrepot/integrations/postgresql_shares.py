"""Datashares that PostgreSQL databases serve: a role for each receiver, with its own password.

Nobody but the user in the share's URL is needed: it makes the roles and grants what is shared. The URL is
opened when it is needed, and no message holds it.

Every role is also PUBLIC, to whom much is allowed where nobody has taken it away: temporary tables, the other
databases of the server, functions that run with their owner's rights. What `reach` finds of this is told with
the statement that takes it away; whoever runs the database decides.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import psycopg
from psycopg import AsyncConnection, sql
from psycopg.conninfo import conninfo_to_dict

from entrepot.domain.datashare import DatabaseLogin, PostgresqlShare
from entrepot.domain.errors import (
    ConfigurationError,
    DatabaseUnavailable,
    IntegrationError,
    IntegrationRefused,
    IntegrationUnavailable,
)
from entrepot.domain.timestamp import Timestamp
from entrepot.integrations import postgresql_roles as roles
from entrepot.integrations.postgresql_blockers import in_transaction
from entrepot.integrations.protocols import OpenShare

DEFAULT_PORT = 5432
_REHEARSED_ROLE = "entrepot_rehearsal"
_SETTINGS = (
    # What others have put into the database's schemas must not be mistaken for the system's own.
    "SELECT pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', false),"
    " pg_catalog.set_config('lock_timeout', '10s', false),"
    " pg_catalog.set_config('statement_timeout', '20s', false)"
)
_PASSING = (
    psycopg.OperationalError,
    psycopg.errors.LockNotAvailable,
    psycopg.errors.QueryCanceled,
    psycopg.errors.DeadlockDetected,
    psycopg.errors.InternalError_,
)
"""Another GRANT on the same object at the same time is an internal error of PostgreSQL."""


class PostgresqlShares:
    def __init__(self, open_share: OpenShare) -> None:
        self._open_share = open_share

    async def check(self, share: PostgresqlShare) -> None:
        """Does all that `give` does, and undoes it."""
        await self.reach(share)

    async def reach(self, share: PostgresqlShare) -> list[Reach]:
        """What a receiver of the share could do in its database beyond reading what is shared.

        Found out with a role that is made for it and never committed. Raises as `check`.
        """
        async with self._connected(share) as connection:

            async def rehearse() -> list[Reach]:
                await roles.grant(connection, share, _REHEARSED_ROLE)
                objects = await roles.shared_objects(connection, share)
                return await reach(connection, _REHEARSED_ROLE, list(objects))

            return await in_transaction(connection, lambda: self._connected(share), rehearse, undone=True)

    async def give(self, share: PostgresqlShare, role: str) -> None:
        async with self._connected(share) as connection:
            await in_transaction(
                connection,
                lambda: self._connected(share),
                lambda: roles.grant(connection, share, role),
            )
            await roles.end_excess(connection)

    async def withdraw(self, share: PostgresqlShare, role: str) -> None:
        async with self._connected(share) as connection:
            await roles.drop(connection, lambda: self._connected(share), role)

    async def let_in(
        self, share: PostgresqlShare, role: str, password: str, expires_at: Timestamp | None
    ) -> DatabaseLogin:
        host, port, database = self.place(share)
        async with self._connected(share) as connection:
            if not await roles.set_password(
                connection, lambda: self._connected(share), role, password, expires_at
            ):
                raise IntegrationUnavailable(f"Datashare {share.name!r} has no role {role} yet.")
        return DatabaseLogin(host, port, database, share.schema, role, password, expires_at)

    def place(self, share: PostgresqlShare) -> tuple[str, int, str]:
        """Host, port and database that receivers connect to.

        Raises `IntegrationRefused` where the URL names no host that others could reach, and no endpoint is
        set.
        """
        given = conninfo_to_dict(self._text(share))
        database = str(given.get("dbname") or given.get("user") or "")
        if share.endpoint is not None:
            host, port = split_endpoint(share.endpoint)
            return host, port or DEFAULT_PORT, database
        host = str(given.get("host") or "").partition(",")[0]
        port = int(str(given.get("port") or DEFAULT_PORT).partition(",")[0])
        if not host or host.startswith(("/", "@")):
            raise IntegrationRefused(
                f"The URL of datashare {share.name!r} names no host that receivers could connect to."
            )
        return host, port, database

    def _text(self, share: PostgresqlShare) -> str:
        try:
            return self._open_share(share)
        except (DatabaseUnavailable, ConfigurationError) as error:
            raise IntegrationRefused(f"Datashare {share.name!r}: {error.message}") from error

    @asynccontextmanager
    async def _connected(self, share: PostgresqlShare) -> AsyncIterator[AsyncConnection]:
        try:
            text = self._text(share)
            async with await AsyncConnection.connect(text, autocommit=True) as connection:
                await connection.execute(_SETTINGS)
                yield connection
        except psycopg.Error as error:
            raise _translated(error, share) from error


def split_endpoint(text: str) -> tuple[str, int | None]:
    """Host and port of `host`, `host:port` or `[address]:port`. Raises `ValueError`."""
    host, port = text, ""
    if text.startswith("["):
        host, closed, port = text[1:].partition("]")
        if not closed or (port and not port.startswith(":")):
            raise ValueError(f"{text!r} is no host")
        port = port[1:]
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
    if not host or any(character.isspace() or character in "/@" for character in host):
        raise ValueError(f"{text!r} is no host")
    if not port:
        return host, None
    if not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise ValueError(f"{port!r} is no port")
    return host, int(port)


def _translated(error: psycopg.Error, share: PostgresqlShare) -> IntegrationError:
    said = " ".join(str(error).split()).rstrip(".")
    start = f"Datashare {share.name!r}"
    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        return IntegrationRefused(
            f"{start}: {said}. The user in its URL must be able to create roles and grant what is shared.",
            denied=True,
        )
    if isinstance(error, _PASSING):
        # Where the database is and what it said is for the log: it is this error's cause.
        return IntegrationUnavailable(f"{start}: its database cannot be used now; try again later.")
    return IntegrationRefused(f"{start}: its database refused a statement: {said}.")


_MOST = 20
"""Of one kind that are named one by one."""
_USERS_SCHEMAS = "n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(toast|temp)'"


@dataclass(frozen=True, slots=True)
class Reach:
    """One thing that a receiver could do."""

    what: str
    remedy: str
    """SQL that takes it away; empty where there is none."""


@dataclass(frozen=True, slots=True)
class _Question:
    """A query for names, how to say what it finds, and the statement against it; both take the names.

    In the query, `(users schemas)` are those that are not the system's.
    """

    query: str
    what: str
    remedy: str


_QUESTIONS = (
    _Question(
        "SELECT p, current_database() FROM unnest(ARRAY['TEMPORARY', 'CREATE']) p"
        " WHERE has_database_privilege(%(role)s, current_database(), p)",
        "use {0} on the database: make temporary tables, and functions that see through views",
        "REVOKE {0} ON DATABASE {1:i} FROM PUBLIC;",
    ),
    _Question(
        "SELECT datname FROM pg_database WHERE datallowconn AND datname <> current_database()"
        " AND has_database_privilege(%(role)s, oid, 'CONNECT') ORDER BY 1",
        "connect to database {0} of the same server",
        "REVOKE CONNECT ON DATABASE {0:i} FROM PUBLIC;",
    ),
    _Question(
        "SELECT n.nspname FROM pg_namespace n WHERE (users schemas)"
        " AND has_schema_privilege(%(role)s, n.oid, 'CREATE') ORDER BY 1",
        "create objects in schema {0}",
        "REVOKE CREATE ON SCHEMA {0:i} FROM PUBLIC;",
    ),
    _Question(
        "SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE c.relkind IN ('r', 'v', 'm', 'p', 'f') AND (users schemas)"
        " AND has_schema_privilege(%(role)s, n.oid, 'USAGE') AND NOT c.oid = ANY (%(shared)s)"
        " AND (has_table_privilege(%(role)s, c.oid,"
        " 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')"
        " OR has_any_column_privilege(%(role)s, c.oid, 'SELECT, INSERT, UPDATE, REFERENCES')) ORDER BY 1, 2",
        "use {0}.{1}, which is not shared",
        "REVOKE ALL ON {0:i}.{1:i} FROM PUBLIC;",
    ),
    _Question(
        "SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE c.oid = ANY (%(shared)s)"
        " AND (has_table_privilege(%(role)s, c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')"
        " OR has_any_column_privilege(%(role)s, c.oid, 'INSERT, UPDATE, REFERENCES')) ORDER BY 1, 2",
        "write to {0}.{1}",
        "REVOKE ALL ON {0:i}.{1:i} FROM PUBLIC;",
    ),
    _Question(
        "SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE c.relkind = 'S' AND (users schemas) AND has_schema_privilege(%(role)s, n.oid, 'USAGE')"
        # In one CASE, since PostgreSQL may ask in any order, and of a table this question is an error.
        " AND CASE WHEN c.relkind = 'S' THEN has_sequence_privilege(%(role)s, c.oid, 'USAGE, SELECT, UPDATE')"
        " END ORDER BY 1, 2",
        "use sequence {0}.{1}",
        "REVOKE ALL ON SEQUENCE {0:i}.{1:i} FROM PUBLIC;",
    ),
    _Question(
        "SELECT n.nspname, p.oid::regprocedure::text"
        " FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace"
        " JOIN pg_language l ON l.oid = p.prolang"
        " LEFT JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'"
        " LEFT JOIN pg_extension e ON e.oid = d.refobjid"
        " WHERE (users schemas) AND p.prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype)"
        " AND (p.prosecdef OR NOT (l.lanpltrusted OR l.lanname IN ('internal', 'c'))"
        " OR e.extname IN ('dblink', 'http', 'pg_net', 'aws_s3', 'pg_background', 'adminpack'))"
        " AND has_schema_privilege(%(role)s, n.oid, 'USAGE')"
        " AND has_function_privilege(%(role)s, p.oid, 'EXECUTE') ORDER BY 1, 2",
        "call {1}, which may do more than its caller",
        "REVOKE EXECUTE ON ROUTINE {1} FROM PUBLIC;",
    ),
    _Question(
        # what the system itself keeps from PUBLIC: reading files of the server, for instance
        "SELECT p.oid::regprocedure::text FROM pg_init_privs i JOIN pg_proc p ON p.oid = i.objoid"
        " WHERE i.classoid = 'pg_proc'::regclass AND i.privtype = 'i' AND NOT EXISTS"
        " (SELECT FROM aclexplode(i.initprivs) a WHERE a.grantee = 0 AND a.privilege_type = 'EXECUTE')"
        " AND has_function_privilege(%(role)s, p.oid, 'EXECUTE') ORDER BY 1",
        "call {0} of the system, which is not for everybody",
        "REVOKE EXECUTE ON FUNCTION {0} FROM PUBLIC;",
    ),
    _Question(
        "SELECT c.relname FROM pg_init_privs i JOIN pg_class c ON c.oid = i.objoid"
        " WHERE i.classoid = 'pg_class'::regclass AND i.objsubid = 0 AND i.privtype = 'i'"
        " AND c.relkind IN ('r', 'v') AND NOT EXISTS"
        " (SELECT FROM aclexplode(i.initprivs) a WHERE a.grantee = 0 AND a.privilege_type = 'SELECT')"
        " AND has_table_privilege(%(role)s, c.oid, 'SELECT') ORDER BY 1",
        "read {0} of the system, which is not for everybody",
        "REVOKE ALL ON pg_catalog.{0:i} FROM PUBLIC;",
    ),
    _Question(
        "SELECT p.oid::regprocedure::text FROM pg_proc p WHERE p.pronamespace = 'pg_catalog'::regnamespace"
        " AND p.proname IN ('lo_creat', 'lo_create', 'lo_from_bytea')"
        " AND has_function_privilege(%(role)s, p.oid, 'EXECUTE') ORDER BY 1",
        "make large objects with {0}",
        "REVOKE EXECUTE ON FUNCTION {0} FROM PUBLIC;",
    ),
    _Question(
        "SELECT DISTINCT m.oid::text FROM pg_largeobject_metadata m, aclexplode(m.lomacl) a"
        " WHERE a.grantee = 0 ORDER BY 1",
        "use large object {0}",
        "REVOKE ALL ON LARGE OBJECT {0} FROM PUBLIC;",
    ),
    _Question(
        "SELECT 'on' FROM pg_largeobject_metadata WHERE current_setting('lo_compat_privileges')::boolean"
        " LIMIT 1",
        "use every large object, since lo_compat_privileges is {0}",
        "ALTER SYSTEM RESET lo_compat_privileges;",
    ),
    _Question(
        "SELECT s.srvname FROM pg_foreign_server s WHERE has_server_privilege(%(role)s, s.oid, 'USAGE')"
        " ORDER BY 1",
        "use foreign server {0}",
        "REVOKE USAGE ON FOREIGN SERVER {0:i} FROM PUBLIC;",
    ),
)


async def reach(connection: AsyncConnection, role: str, shared: Sequence[int]) -> list[Reach]:
    """What a role that was granted nothing but the tables `shared`, by their oids, could do beyond them."""
    found = []
    for question in _QUESTIONS:
        query = question.query.replace("(users schemas)", _USERS_SCHEMAS)
        cursor = await connection.execute(query.encode(), {"role": role, "shared": list(shared)})
        rows = await cursor.fetchall()
        for row in rows[:_MOST]:
            names = [_Name(str(name), sql.Identifier(str(name)).as_string(connection)) for name in row]
            found.append(Reach(question.what.format(*names), question.remedy.format(*names)))
        if len(rows) > _MOST:
            found.append(Reach(f"… and {len(rows) - _MOST} more of this kind", ""))
    return found


@dataclass(frozen=True, slots=True)
class _Name:
    """A name that is written as it is, or, by the format `{0:i}`, as an identifier of SQL."""

    plain: str
    identifier: str

    def __format__(self, spec: str) -> str:
        return self.identifier if spec == "i" else self.plain
