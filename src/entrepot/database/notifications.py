"""Queries of the ClientTokens of SendDataSetNotification: what was sent under each is not sent again."""

from __future__ import annotations

import sqlalchemy as sql

from entrepot.database.connection import Connection, Query
from entrepot.database.expressions import in_scope, same, scoped, values_of
from entrepot.database.tables import NOTIFICATIONS
from entrepot.domain.scope import Scope
from entrepot.domain.timestamp import Timestamp

REMEMBERED_SECONDS = 86_400.0
"""How long a token is good for, at least [G]: clients repeat a request within minutes."""

_n = NOTIFICATIONS.c
_INSERT = Query(sql.insert(NOTIFICATIONS).values(values_of(NOTIFICATIONS)))
_DIGEST = Query(sql.select(_n.request_digest).where(*in_scope(NOTIFICATIONS), *same(_n.client_token)))
_FORGET = Query(sql.delete(NOTIFICATIONS).where(_n.created_at < sql.bindparam("before")))


async def sent_under(c: Connection, scope: Scope, client_token: str) -> str | None:
    """The digest of the request that was sent under the token; None where none was.

    To send only then, `hold` first, in the same transaction.
    """
    row = await c.fetch_one(_DIGEST, **scoped(scope), client_token=client_token)
    return None if row is None else str(row[0])


async def remember(
    c: Connection, scope: Scope, client_token: str, request_digest: str, now: Timestamp
) -> None:
    """Notes that a request was sent under the token. Crash: noted or not, together with its events."""
    await c.execute(
        _INSERT,
        **scoped(scope),
        client_token=client_token,
        request_digest=request_digest,
        created_at=now.milliseconds,
    )


async def forget(c: Connection, before: Timestamp) -> int:
    """Forgets the tokens that are older; how many. Crash: all of them, or none."""
    return await c.execute(_FORGET, before=before.milliseconds)
