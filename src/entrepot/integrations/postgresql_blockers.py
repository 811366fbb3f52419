"""Transactions in an owner's database that no receiver of a datashare can hold up.

Every user of a PostgreSQL can hold what others wait for: an advisory lock, its own role (ALTER ROLE …
PASSWORD), the privileges of a table (a GRANT that grants nothing still locks them), all of it in an open or a
prepared transaction. So the exchange takes no lock of its own, and where one of its statements waits, the
receivers' sessions that it waits for, directly or through others, are ended, and what receivers prepared is
rolled back.
They may only read, which nobody waits for. Whoever is no receiver is left alone.

Where two change the same thing at once, PostgreSQL lets one of them fail: it begins again.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TypeVar

import psycopg
from psycopg import AsyncConnection, sql

COMMENT = "Entrepot: a receiver of datashare "
"""How the comment of every receiver's role begins; nobody but who may create roles can change it."""
_IN_TIME_SECONDS = 0.1
"""After this long a transaction waits for somebody."""
_LOOK_AGAIN_SECONDS = 0.05
_TRIES_SECONDS = 20.0
_LONGEST_PAUSE_SECONDS = 0.1

_LOST_RACES = (
    psycopg.errors.InternalError_,
    psycopg.errors.DeadlockDetected,
    psycopg.errors.UniqueViolation,
    psycopg.errors.DuplicateObject,
    psycopg.errors.UndefinedObject,
)
"""Somebody else changed, made or dropped the same thing; the first is "tuple concurrently updated"."""

_END_BLOCKERS = """
WITH RECURSIVE waited_for (pid) AS (
    SELECT unnest(pg_blocking_pids(%(pid)s))
    UNION SELECT unnest(pg_blocking_pids(pid)) FROM waited_for
)
SELECT pg_terminate_backend(a.pid)
  FROM waited_for JOIN pg_stat_activity a USING (pid)
 WHERE starts_with(coalesce(shobj_description(a.usesysid, 'pg_authid'), ''), %(comment)s)
   AND pg_has_role(a.usesysid, 'USAGE')
"""
_END_WRITERS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
 WHERE backend_xid IS NOT NULL
   AND starts_with(coalesce(shobj_description(usesysid, 'pg_authid'), ''), %(comment)s)
   AND pg_has_role(usesysid, 'USAGE')
"""
_PREPARED = """
SELECT p.gid, r.rolname
  FROM pg_prepared_xacts p JOIN pg_roles r ON r.rolname = p.owner
 WHERE p.database = current_database()
   AND starts_with(coalesce(shobj_description(r.oid, 'pg_authid'), ''), %(comment)s)
   AND pg_has_role(r.oid, 'USAGE')
"""

_log = logging.getLogger(__name__)
_Result = TypeVar("_Result")
Connect = Callable[[], AbstractAsyncContextManager[AsyncConnection]]


async def in_transaction(
    connection: AsyncConnection,
    connect: Connect,
    work: Callable[[], Awaitable[_Result]],
    *,
    undone: bool = False,
) -> _Result:
    """Runs `work` in a transaction of the connection, and undoes it at the end if so told.

    `connect` opens another connection to the same database, which is used only while the first one waits.
    Raises what `work` raises, and `psycopg.Error` where somebody who is no receiver holds it up for longer
    than `lock_timeout`, or others are always faster.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _TRIES_SECONDS
    while True:
        try:
            async with (
                _nobody_in_the_way(connection, connect),
                connection.transaction(force_rollback=undone),
            ):
                return await work()
        except _LOST_RACES:
            if loop.time() > deadline:
                raise
        await connection.execute(_END_WRITERS, {"comment": COMMENT})
        await asyncio.sleep(random.uniform(0, _LONGEST_PAUSE_SECONDS))


async def roll_back_prepared(connection: AsyncConnection) -> None:
    """Rolls back what receivers prepared (PREPARE TRANSACTION), which would outlast their sessions."""
    cursor = await connection.execute(_PREPARED, {"comment": COMMENT})
    for gid, role in await cursor.fetchall():
        # Only its owner may, or a superuser. By another's hand it may have ended meanwhile.
        await connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(role)))
        try:
            await connection.execute(sql.SQL("ROLLBACK PREPARED {}").format(sql.Literal(gid)))
        except psycopg.errors.UndefinedObject:
            pass
        finally:
            await connection.execute("RESET ROLE")


@asynccontextmanager
async def _nobody_in_the_way(connection: AsyncConnection, connect: Connect) -> AsyncIterator[None]:
    done = asyncio.Event()
    watch = asyncio.create_task(_end_blockers(connection.info.backend_pid, connect, done))
    try:
        yield
    finally:
        done.set()
        watch.cancel()
        await asyncio.gather(watch, return_exceptions=True)


async def _end_blockers(pid: int, connect: Connect, done: asyncio.Event) -> None:
    """Ends receivers' sessions that a backend waits for, until it is cancelled.

    `done` is for a cancellation that arrives together with an answer: Python 3.11 forgets it.
    """
    await asyncio.sleep(_IN_TIME_SECONDS)
    try:
        async with connect() as connection:
            while not done.is_set():
                await connection.execute(_END_BLOCKERS, {"pid": pid, "comment": COMMENT})
                await roll_back_prepared(connection)
                await asyncio.sleep(_LOOK_AGAIN_SECONDS)
    except Exception as error:  # noqa: BLE001 - then the statement that waits ends by its own time-out
        _log.warning("what a datashare's database waits for could not be looked at: %s", error)
