"""Roles in an owner's PostgreSQL database, each for one receiver of one datashare, and what each may do.

A role may connect to the database, use the one schema, and read the tables and views that are shared: nothing
is granted to it beyond that. It cannot log in before its password is set. Every statement quotes its names by
`psycopg.sql`, and is the work of the user in the share's URL, who may be a superuser or one with CREATEROLE.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress

import psycopg
from psycopg import AsyncConnection, sql

from entrepot.domain.datashare import PostgresqlShare
from entrepot.domain.errors import IntegrationRefused, IntegrationUnavailable, ShareGone
from entrepot.domain.timestamp import Timestamp
from entrepot.integrations.postgresql_blockers import COMMENT, Connect, in_transaction, roll_back_prepared

CONNECTIONS = 10
"""That one receiver may have at once, where the server has as many for each."""
KEPT_FREE = 10
"""Of the server's connections, for its owner and the exchange; all receivers share the others."""
_AT_ONCE = 100
_SESSIONS_END_SECONDS = 5.0
_LOOK_AGAIN_SECONDS = 0.05

_HARMLESS = """
SELECT NOT (rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls)
       AND NOT EXISTS (SELECT FROM pg_auth_members WHERE member = r.oid)
       AND starts_with(coalesce(shobj_description(r.oid, 'pg_authid'), ''), %s)
  FROM pg_roles r WHERE rolname = %s
"""
_SHARED = """
SELECT c.oid, c.relname
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = %(schema)s AND c.relkind IN ('r', 'v', 'm', 'p', 'f')
   AND (%(tables)s::text[] IS NULL OR c.relname = ANY (%(tables)s))
 ORDER BY c.relname
"""
_ROOM = """
SELECT (current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
        - coalesce(current_setting('reserved_connections', true), '0')::int - %s) / count(*)
  FROM pg_roles WHERE starts_with(coalesce(shobj_description(oid, 'pg_authid'), ''), %s)
"""
_BEYOND = """
SELECT rolname FROM pg_roles
 WHERE starts_with(coalesce(shobj_description(oid, 'pg_authid'), ''), %(comment)s)
   AND (rolconnlimit > %(limit)s OR rolname = %(role)s AND rolconnlimit <> %(limit)s)
   AND pg_has_role(oid, 'USAGE')
 ORDER BY rolname
"""
_END_EXCESS = """
SELECT pg_terminate_backend(s.pid)
  FROM (SELECT pid, usesysid, row_number() OVER (PARTITION BY usesysid ORDER BY backend_start) AS number
          FROM pg_stat_activity WHERE backend_type = 'client backend') s
  JOIN pg_roles r ON r.oid = s.usesysid
 WHERE starts_with(coalesce(shobj_description(r.oid, 'pg_authid'), ''), %s)
   AND s.number > r.rolconnlimit AND pg_has_role(r.oid, 'USAGE')
"""
_LINGERING = """
SELECT pid FROM pg_locks
 WHERE locktype = 'object' AND classid = 'pg_database'::regclass AND mode = 'RowExclusiveLock'
   AND pid NOT IN (SELECT pid FROM pg_stat_activity WHERE usesysid IS NOT NULL)
"""
"""Sessions that have not begun hold this lock on their database."""
_GRANTED_TABLES = """
SELECT c.oid, n.nspname, c.relname
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE EXISTS (SELECT FROM aclexplode(c.relacl) a WHERE a.grantee = %s::text::regrole)
"""
_GRANTED_DATABASE = """
SELECT EXISTS (SELECT FROM pg_database d, aclexplode(d.datacl) a
                WHERE d.datname = current_database() AND a.grantee = %s::text::regrole)
"""
_GRANTED_SCHEMA = """
SELECT EXISTS (SELECT FROM pg_namespace n, aclexplode(n.nspacl) a
                WHERE n.nspname = %s AND a.grantee = %s::text::regrole)
"""
_NOT_GRANTED = """
SELECT 'CONNECT on the database' WHERE NOT has_database_privilege(%(role)s, current_database(), 'CONNECT')
UNION ALL
SELECT 'USAGE on schema ' || %(schema)s WHERE NOT has_schema_privilege(%(role)s, %(schema)s, 'USAGE')
UNION ALL
SELECT 'SELECT on ' || c.oid::regclass FROM pg_class c
 WHERE c.oid = ANY (%(oids)s) AND NOT has_table_privilege(%(role)s, c.oid, 'SELECT')
"""


async def shared_objects(connection: AsyncConnection, share: PostgresqlShare) -> dict[int, str]:
    """The tables and views of the share, by their oids. Raises `ShareGone` where one is missing."""
    schema = await _one(connection, "SELECT 1 FROM pg_namespace WHERE nspname = %s", [share.schema])
    if schema is None:
        raise ShareGone(f"Datashare {share.name!r}: its database has no schema {share.schema!r}.")
    tables = None if share.tables is None else list(share.tables)
    cursor = await connection.execute(_SHARED, {"schema": share.schema, "tables": tables})
    found: dict[int, str] = dict(await cursor.fetchall())
    missing = sorted(set(share.tables or ()) - set(found.values()))
    if missing:
        raise ShareGone(
            f"Datashare {share.name!r}: schema {share.schema!r} has no table or view "
            f"{', '.join(repr(name) for name in missing)}."
        )
    return found


async def grant(connection: AsyncConnection, share: PostgresqlShare, role: str) -> None:
    """Makes the role, and what it may do what the share says; within a transaction.

    Raises `ShareGone` where something of the share is missing, and `IntegrationRefused` where a role of that
    name is not ours.
    """
    objects = await shared_objects(connection, share)
    await _make_role(connection, share, role)
    await _gain_power_over(connection, role)
    await _limit_connections(connection, share, role)
    identifier, schema = sql.Identifier(role), sql.Identifier(share.schema)
    database = sql.Identifier(connection.info.dbname)
    if await _one(connection, _GRANTED_DATABASE, [quoted(role, connection)]) is False:
        await connection.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(database, identifier))
    if await _one(connection, _GRANTED_SCHEMA, [share.schema, quoted(role, connection)]) is False:
        await connection.execute(sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(schema, identifier))
    cursor = await connection.execute(_GRANTED_TABLES, [quoted(role, connection)])
    granted = {oid: (nspname, relname) for oid, nspname, relname in await cursor.fetchall()}
    for oid, names in granted.items():
        if oid not in objects:  # it was moved to another schema, with its privileges
            await connection.execute(
                sql.SQL("REVOKE ALL ON {} FROM {}").format(sql.Identifier(*names), identifier)
            )
    missing = [name for oid, name in objects.items() if oid not in granted]
    for start in range(0, len(missing), _AT_ONCE):
        tables = [sql.Identifier(share.schema, name) for name in missing[start : start + _AT_ONCE]]
        await connection.execute(
            sql.SQL("GRANT SELECT ON TABLE {} TO {}").format(sql.SQL(", ").join(tables), identifier)
        )
    await _require_granted(connection, share, role, list(objects))


async def end_excess(connection: AsyncConnection) -> None:
    """Ends receivers' sessions beyond the number that they may have, which falls where there come many."""
    await connection.execute(_END_EXCESS, [COMMENT])


async def set_password(
    connection: AsyncConnection, connect: Connect, role: str, password: str, expires_at: Timestamp | None
) -> bool:
    """Lets the role log in with that password alone, and ends its sessions; False where there is no role.

    The server is sent a SCRAM verifier, so that not even its log can hold the password.
    """
    verifier = connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256")
    until = "infinity" if expires_at is None else expires_at.isoformat()

    async def let_in() -> int | None:
        oid = await _oid(connection, role)
        if oid is None:
            return None
        await _gain_power_over(connection, role)
        await _signal_sessions(connection, role, oid)
        await connection.execute(
            sql.SQL("ALTER ROLE {} LOGIN PASSWORD {} VALID UNTIL {}").format(
                sql.Identifier(role), sql.Literal(verifier.decode()), sql.Literal(until)
            )
        )
        return oid

    oid = await in_transaction(connection, connect, let_in)
    if oid is None:
        return False
    await _end_sessions(connection, role, oid)
    await roll_back_prepared(connection)
    return True


async def drop(connection: AsyncConnection, connect: Connect, role: str) -> None:
    """Takes the login, ends the sessions, drops what the role owns and may do, and the role.

    Whatever outlives the role has no rights any more.

    Crash: after the first of these nobody can log in any more; repeating them finishes the rest.
    """
    identifier = sql.Identifier(role)

    async def lock_out() -> int | None:
        oid = await _oid(connection, role)
        if oid is not None:
            await _gain_power_over(connection, role)
            await _signal_sessions(connection, role, oid)
            await connection.execute(sql.SQL("ALTER ROLE {} NOLOGIN PASSWORD NULL").format(identifier))
        return oid

    async def take_rights() -> None:
        if await _oid(connection, role) is not None:
            await connection.execute(sql.SQL("DROP OWNED BY {} CASCADE").format(identifier))

    async def drop_role() -> None:
        if await _oid(connection, role) is not None:
            # Again, for what a session made before it ended.
            await connection.execute(sql.SQL("DROP OWNED BY {} CASCADE").format(identifier))
            await connection.execute(sql.SQL("DROP ROLE {}").format(identifier))

    oid = await in_transaction(connection, connect, lock_out)
    if oid is None:
        return
    await _signal_sessions(connection, role, oid)  # those that began while it still could log in
    await in_transaction(connection, connect, take_rights)
    await _end_sessions(connection, role, oid)
    await roll_back_prepared(connection)
    await in_transaction(connection, connect, drop_role)


def quoted(role: str, connection: AsyncConnection) -> str:
    """The name as text that `regrole` reads."""
    return sql.Identifier(role).as_string(connection)


async def _require_granted(
    connection: AsyncConnection, share: PostgresqlShare, role: str, objects: list[int]
) -> None:
    """Raises `IntegrationRefused`: a GRANT of what one may not pass on is a warning, not an error."""
    cursor = await connection.execute(_NOT_GRANTED, {"role": role, "schema": share.schema, "oids": objects})
    missing = [row[0] for row in await cursor.fetchall()]
    if missing:
        raise IntegrationRefused(
            f"Datashare {share.name!r}: the user in its URL may not pass on {', '.join(missing)}. Let it own "
            "what it shares, or grant it that WITH GRANT OPTION.",
            denied=True,
        )


async def _make_role(connection: AsyncConnection, share: PostgresqlShare, role: str) -> None:
    harmless = await _one(connection, _HARMLESS, [COMMENT, role])
    if harmless:
        return
    if harmless is False:
        raise IntegrationRefused(
            f"Datashare {share.name!r}: role {role} in its database is not as this exchange made it; it may "
            "do more than read. Drop it."
        )
    identifier = sql.Identifier(role)
    await connection.execute(
        sql.SQL(
            "CREATE ROLE {} NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOINHERIT NOREPLICATION NOBYPASSRLS "
            "CONNECTION LIMIT {}"
        ).format(identifier, sql.Literal(CONNECTIONS))
    )
    comment = sql.Literal(COMMENT + repr(share.name))
    await connection.execute(sql.SQL("COMMENT ON ROLE {} IS {}").format(identifier, comment))
    # These two are for comfort: a role may change both for itself, and has no right to write all the same.
    await connection.execute(
        sql.SQL("ALTER ROLE {} SET default_transaction_read_only = on").format(identifier)
    )
    await connection.execute(
        sql.SQL("ALTER ROLE {} SET search_path = {}").format(identifier, sql.Identifier(share.schema))
    )


async def _limit_connections(connection: AsyncConnection, share: PostgresqlShare, role: str) -> None:
    """Sees to it that all receivers together cannot take the last connections of the server.

    Raises `IntegrationRefused` where there are more receivers than connections.
    """
    room = await _one(connection, _ROOM, [KEPT_FREE, COMMENT])
    limit = min(CONNECTIONS, room if isinstance(room, int) else 0)
    if limit < 1:
        raise IntegrationRefused(
            f"Datashare {share.name!r}: the server of its database has no connection left for one more "
            "receiver. Raise its max_connections."
        )
    cursor = await connection.execute(_BEYOND, {"comment": COMMENT, "limit": limit, "role": role})
    for (name,) in await cursor.fetchall():
        await connection.execute(
            sql.SQL("ALTER ROLE {} CONNECTION LIMIT {}").format(sql.Identifier(name), sql.Literal(limit))
        )


async def _gain_power_over(connection: AsyncConnection, role: str) -> None:
    """Lets a user who is no superuser end the role's sessions, and drop or roll back what it owns."""
    # From version 16 on membership by itself need not mean its rights.
    version_16 = connection.info.server_version >= 160_000
    has_role = (
        "SELECT pg_has_role(r, 'USAGE') AND pg_has_role(r, %s) FROM (SELECT %s::text::regrole::oid) x (r)"
    )
    parameters = ["SET" if version_16 else "MEMBER", quoted(role, connection)]
    if await _one(connection, has_role, parameters):
        return
    options = " WITH INHERIT TRUE, SET TRUE" if version_16 else ""
    await connection.execute(
        sql.SQL("GRANT {} TO CURRENT_USER").format(sql.Identifier(role)) + sql.SQL(options)
    )


async def _end_sessions(connection: AsyncConnection, role: str, oid: int) -> None:
    """Raises `IntegrationUnavailable` where some do not end."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _SESSIONS_END_SECONDS
    while await _signal_sessions(connection, role, oid):
        if loop.time() > deadline:
            raise IntegrationUnavailable(f"The sessions of role {role} do not end.")
        await asyncio.sleep(_LOOK_AGAIN_SECONDS)


async def _signal_sessions(connection: AsyncConnection, role: str, oid: int) -> int:
    """Tells the role's sessions to end, in all databases of the server; how many there are still.

    A client can linger in its login (`post_auth_delay`), where nothing shows whose it is. As the role itself
    one may end the role's own sessions and nobody else's.
    """
    cursor = await connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usesysid = %s", [oid]
    )
    number = len(await cursor.fetchall())
    for (pid,) in await (await connection.execute(_LINGERING)).fetchall():
        with suppress(psycopg.errors.InsufficientPrivilege):
            async with connection.transaction():
                await connection.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(role)))
                await connection.execute("SELECT pg_catalog.pg_terminate_backend(%s)", [pid])
                number += 1
                await connection.execute("RESET ROLE")
    return number


async def _oid(connection: AsyncConnection, role: str) -> int | None:
    cursor = await connection.execute("SELECT oid FROM pg_roles WHERE rolname = %s", [role])
    row = await cursor.fetchone()
    return None if row is None else row[0]


async def _one(connection: AsyncConnection, query: str, parameters: Sequence[object]) -> object | None:
    cursor = await connection.execute(query.encode(), parameters)
    row = await cursor.fetchone()
    return None if row is None else row[0]
