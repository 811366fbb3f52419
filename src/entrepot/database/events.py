"""Queries of events: written with what they tell of, read in the order in which they became visible.

The sequence of a row is taken when it is written, and rows become visible when they are committed. Whoever
writes events of an account holds its lock until then (`hold`), so both orders are one: a reader who has seen
a sequence has seen every smaller one of that account and Region.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable

import sqlalchemy as sql

from entrepot.database.connection import Connection, Query, Row
from entrepot.database.expressions import in_scope, same, scoped, values_of
from entrepot.database.tables import EVENT_DELIVERIES, EVENTS
from entrepot.domain.event import NewEvent, StoredEvent
from entrepot.domain.scope import Scope
from entrepot.domain.timestamp import Timestamp

_e = EVENTS.c
_LIMIT = sql.bindparam("limit", type_=sql.Integer)
_TO_BE_DISPATCHED: sql.ColumnElement[bool] = sql.literal_column("NOT dispatched", sql.Boolean())
"""In the words of the index events_to_dispatch, which SQLite knows it again by."""

_INSERT = Query(
    sql.insert(EVENTS).values(
        {name: value for name, value in values_of(EVENTS).items() if name != "sequence"}
    )
)
_AFTER = Query(  # index events_of_account, as the next one
    sql.select(EVENTS)
    .where(*in_scope(EVENTS), _e.sequence > sql.bindparam("after"))
    .order_by(_e.sequence)
    .limit(_LIMIT)
)
_LATEST = Query(sql.select(sql.func.max(_e.sequence)).where(*in_scope(EVENTS)))
_GET = Query(sql.select(EVENTS).where(*same(_e.sequence)))
# The index events_to_dispatch serves the next two.
_ANY_TO_DISPATCH = Query(sql.select(_e.sequence).where(_TO_BE_DISPATCHED).limit(sql.literal_column("1")))
_TO_DISPATCH = Query(
    sql.select(EVENTS)
    .where(_TO_BE_DISPATCHED)
    .order_by(_e.sequence)
    .limit(_LIMIT)
    .with_for_update(skip_locked=True)
)
_DISPATCHED = Query(sql.update(EVENTS).where(*same(_e.sequence)).values(dispatched=sql.true()))
_OLD = Query(  # index events_oldest
    sql.select(_e.sequence).where(_e["at"] < sql.bindparam("before")).order_by(_e["at"]).limit(_LIMIT)
)
_FORGET_DELIVERIES = Query(sql.delete(EVENT_DELIVERIES).where(*same(EVENT_DELIVERIES.c.sequence)))
_FORGET = Query(sql.delete(EVENTS).where(*same(_e.sequence)))


def _event(row: Row) -> StoredEvent:
    sequence, event_id, account_id, region, at, detail_type, resources_json, detail_json, _dispatched = row
    return StoredEvent(
        sequence=sequence,
        id=event_id,
        account_id=account_id,
        region=region,
        at=Timestamp(at),
        detail_type=detail_type,
        resources=tuple(json.loads(resources_json)),
        detail_json=detail_json,
    )


async def hold(c: Connection, recipients: Collection[tuple[str, str]]) -> None:
    """Until the end of the transaction nobody else writes events of these (account id, Region)s.

    One call for all of them, so that no two transactions wait for each other.
    """
    for account_id, region in sorted(set(recipients)):
        await c.hold(f"events of {account_id} in {region}")


async def insert(c: Connection, events: Iterable[tuple[str, NewEvent]], at: Timestamp) -> None:
    """Adds events under these ids, in this order; within `hold` of their recipients.

    Crash: they are there with the rest of the transaction, or not at all.
    """
    rows = [
        {
            "id": event_id,
            "account_id": event.account_id,
            "region": event.region,
            "at": at.milliseconds,
            "detail_type": event.detail_type.value,
            "resources_json": json.dumps(event.resources),
            "detail_json": json.dumps(event.detail),
            "dispatched": False,
        }
        for event_id, event in events
    ]
    await c.execute_many(_INSERT, rows)


async def after(c: Connection, scope: Scope, sequence: int, limit: int) -> list[StoredEvent]:
    """The `limit` events of the account and Region that follow `sequence`, in their order."""
    rows = await c.fetch_all(_AFTER, **scoped(scope), after=sequence, limit=limit)
    return [_event(row) for row in rows]


async def latest(c: Connection, scope: Scope) -> int:
    """The sequence of the last event of the account and Region; 0 where there is none."""
    row = await c.fetch_one(_LATEST, **scoped(scope))
    return 0 if row is None or row[0] is None else int(row[0])


async def get(c: Connection, sequence: int) -> StoredEvent | None:
    """One event, whosever it is."""
    row = await c.fetch_one(_GET, sequence=sequence)
    return None if row is None else _event(row)


async def any_to_dispatch(c: Connection) -> bool:
    """Whether there is an event whose deliveries have not been noted; takes no lock."""
    return await c.fetch_one(_ANY_TO_DISPATCH) is not None


async def to_dispatch(c: Connection, limit: int) -> list[StoredEvent]:
    """The oldest events whose deliveries have not been noted; in a transaction nobody else gets them."""
    return [_event(row) for row in await c.fetch_all(_TO_DISPATCH, limit=limit)]


async def mark_dispatched(c: Connection, events: Iterable[StoredEvent]) -> None:
    """Says that their deliveries have been noted; in the transaction that has noted them."""
    await c.execute_many(_DISPATCHED, [{"sequence": event.sequence} for event in events])


async def forget(c: Connection, before: Timestamp, limit: int) -> int:
    """Deletes up to `limit` events that are older, with their deliveries; returns how many.

    Several may do so at once. Crash: all of them are gone, or none.
    """
    if await c.fetch_one(_OLD, before=before.milliseconds, limit=1) is None:
        return 0
    async with c.transaction() as t:
        await t.hold("deletion of old events")
        old = [
            {"sequence": row[0]} for row in await t.fetch_all(_OLD, before=before.milliseconds, limit=limit)
        ]
        await t.execute_many(_FORGET_DELIVERIES, old)
        await t.execute_many(_FORGET, old)
    return len(old)
