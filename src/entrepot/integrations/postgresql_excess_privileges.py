"""How far a receiver's role reaches in an owner's PostgreSQL beyond what it was granted.

Every role is also PUBLIC, to whom much is allowed where nobody has taken it away: temporary tables, the other
databases of the server, functions that run with their owner's rights. What is found here is told with the
statement that takes it away; whoever runs the database decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from psycopg import AsyncConnection, sql

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
