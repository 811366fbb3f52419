"""Queries of deliveries: which event is still to be sent where, who tries it now, and what came of it.

A claim pushes the next try of a delivery behind the time that trying may take, and raises its attempts: so
nobody else tries it meanwhile, somebody does when this worker dies, and a worker that comes back late with
its result is told apart.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

import sqlalchemy as sql

from entrepot.database.connection import Connection, Query, Value
from entrepot.database.expressions import among, same, texts, values_of
from entrepot.database.tables import EVENT_DELIVERIES, EVENTS
from entrepot.domain.timestamp import Timestamp
from entrepot.domain.webhook import DeadLetter, DeliveryState, DueDelivery

_d = EVENT_DELIVERIES.c
_PENDING = _d.state == sql.literal_column(f"'{DeliveryState.PENDING}'")
_DUE = (_PENDING, _d.next_try_at <= sql.bindparam("now"), ~among(_d.target, "besides"))
_DEAD = _d.state == sql.literal_column(f"'{DeliveryState.DEAD}'")
_THIS_ATTEMPT = (*same(_d.sequence, _d.target, _d.attempts), _PENDING)
_LIMIT = sql.bindparam("limit", type_=sql.Integer)

_INSERT = Query(sql.insert(EVENT_DELIVERIES).values(values_of(EVENT_DELIVERIES)))
# The index event_deliveries_due serves the next two.
_ANY_DUE = Query(sql.select(_d.sequence).where(*_DUE).limit(sql.literal_column("1")))
_FREE = Query(
    sql.select(_d.sequence, _d.target, _d.attempts)
    .where(*_DUE)
    .order_by(_d.next_try_at, _d.sequence)
    .limit(_LIMIT)
    .with_for_update(skip_locked=True)
)
_CLAIM = Query(
    sql.update(EVENT_DELIVERIES)
    .where(*same(_d.sequence, _d.target))
    .values(
        attempts=_d.attempts + sql.literal_column("1"),
        next_try_at=sql.bindparam("until"),
        updated_at=sql.bindparam("now"),
    )
)
_SETTLE = Query(
    sql.update(EVENT_DELIVERIES)
    .where(*_THIS_ATTEMPT)
    .values(
        state=sql.bindparam("new_state"),
        next_try_at=sql.bindparam("next_try_at"),
        error=sql.bindparam("error"),
        updated_at=sql.bindparam("now"),
    )
)
_DEAD_LETTERS = sql.select(
    _d.target, EVENTS.c.id, EVENTS.c.detail_type, EVENTS.c.account_id, _d.attempts, _d.error, _d.updated_at
).where(_DEAD, EVENTS.c.sequence == _d.sequence)
_ALL_DEAD = Query(_DEAD_LETTERS.order_by(_d.target, _d.sequence))
_DEAD_OF_TARGET = Query(  # index event_deliveries_of_target, as the next two
    _DEAD_LETTERS.where(*same(_d.target)).order_by(_d.sequence)
)
_AGAIN = sql.update(EVENT_DELIVERIES).values(
    state=DeliveryState.PENDING.value,
    attempts=sql.literal_column("0"),
    next_try_at=sql.bindparam("now"),
    error=sql.null(),
    updated_at=sql.bindparam("now"),
)
_DEAD_AGAIN = Query(_AGAIN.where(*same(_d.target), _DEAD))
_ALL_AGAIN = Query(_AGAIN.where(*same(_d.target), ~_PENDING))
_FORGET = Query(sql.delete(EVENT_DELIVERIES).where(*same(_d.sequence, _d.target)))


async def insert(c: Connection, deliveries: Iterable[tuple[int, str]], now: Timestamp) -> None:
    """Notes that events, by their sequences, are to be sent to targets, at once. Crash: all or none."""
    await c.execute_many(
        _INSERT,
        [
            {
                "sequence": sequence,
                "target": target,
                "state": DeliveryState.PENDING.value,
                "attempts": 0,
                "next_try_at": now.milliseconds,
                "error": None,
                "updated_at": now.milliseconds,
            }
            for sequence, target in deliveries
        ],
    )


async def claim(
    c: Connection, *, besides: Collection[str], limit: int, now: Timestamp, until: Timestamp
) -> list[DueDelivery]:
    """Up to `limit` deliveries that are due, those first that are due longest; none of the targets `besides`.

    They are this worker's until `until`, when they are due again. Nobody else gets them before.
    Crash: what was claimed is due again at `until`, with one attempt more.
    """
    due: dict[str, Value] = {"now": now.milliseconds, "besides": texts(sorted(besides))}
    if await c.fetch_one(_ANY_DUE, **due) is None:  # an idle worker takes no lock
        return []
    async with c.transaction() as t:
        free = [
            DueDelivery(sequence, target, attempts + 1)
            for sequence, target, attempts in await t.fetch_all(_FREE, limit=limit, **due)
        ]
        await t.execute_many(
            _CLAIM,
            [
                {
                    "sequence": one.sequence,
                    "target": one.target,
                    "until": until.milliseconds,
                    "now": now.milliseconds,
                }
                for one in free
            ],
        )
    return free


async def delivered(c: Connection, delivery: DueDelivery, now: Timestamp) -> None:
    """The event has arrived. Crash: before the commit it is sent once more."""
    await _settle(c, delivery, DeliveryState.DELIVERED, now, error=None, now=now)


async def failed(
    c: Connection, delivery: DueDelivery, error: str, *, next_try_at: Timestamp, now: Timestamp
) -> None:
    """It has not; it is due again at `next_try_at`. Crash: it is due when the claim ends."""
    await _settle(c, delivery, DeliveryState.PENDING, next_try_at, error=error, now=now)


async def given_up(c: Connection, delivery: DueDelivery, error: str, now: Timestamp) -> None:
    """It becomes a dead letter. Crash: it is tried once more."""
    await _settle(c, delivery, DeliveryState.DEAD, now, error=error, now=now)


async def _settle(
    c: Connection,
    delivery: DueDelivery,
    state: DeliveryState,
    next_try_at: Timestamp,
    *,
    error: str | None,
    now: Timestamp,
) -> None:
    """Says what came of the attempt, unless another one has begun since."""
    await c.execute(
        _SETTLE,
        sequence=delivery.sequence,
        target=delivery.target,
        attempts=delivery.attempt,
        new_state=state.value,
        next_try_at=next_try_at.milliseconds,
        error=error,
        now=now.milliseconds,
    )


async def forget(c: Connection, delivery: DueDelivery) -> None:
    """Drops a delivery whose target is no longer there."""
    await c.execute(_FORGET, sequence=delivery.sequence, target=delivery.target)


async def dead_letters(c: Connection, target: str | None) -> list[DeadLetter]:
    """What was given up, for one target or for all, the oldest event of each first."""
    rows = (
        await c.fetch_all(_ALL_DEAD) if target is None else await c.fetch_all(_DEAD_OF_TARGET, target=target)
    )
    return [
        DeadLetter(name, event_id, detail_type, account_id, attempts, error or "", Timestamp(at))
        for name, event_id, detail_type, account_id, attempts, error, at in rows
    ]


async def replay(c: Connection, target: str, now: Timestamp, *, delivered_too: bool) -> int:
    """Makes dead letters of a target due again, with all their attempts before them; returns how many.

    `delivered_too`: also what has arrived already. What is under way is left alone.
    Crash: all of them are due, or none.
    """
    query = _ALL_AGAIN if delivered_too else _DEAD_AGAIN
    return await c.execute(query, target=target, now=now.milliseconds)
