"""The log of events: recorded in the transaction that makes true what they tell of, and kept for a while."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import uuid4

from entrepot.database import events as table
from entrepot.database.connection import Connection, Database
from entrepot.domain.event import NewEvent
from entrepot.domain.timestamp import Timestamp

PAGE = 500


async def record(connection: Connection, events: Sequence[NewEvent], now: Timestamp) -> None:
    """Records events for their recipients, in this order; to be told once the transaction is committed.

    For use inside a transaction: ONE call, near its end. It locks the recipients until the commit, all of
    them in one order; two calls could wait for those of another transaction, which waits for theirs.
    Crash: the events are there together with what they tell of, or neither is.
    """
    if not events:
        return
    await table.hold(connection, [(event.account_id, event.region) for event in events])
    await table.insert(connection, [(str(uuid4()), event) for event in events], now)


async def sweep_events(database: Database, before: Timestamp) -> int:
    """Deletes the events from before that moment, with their deliveries; returns how many.

    Called from time to time by every worker; two at once do no harm. Crash: some of them are gone already.
    """
    deleted = 0
    while page := await table.forget(database, before, PAGE):
        deleted += page
    return deleted
