"""Queries of event actions."""

from __future__ import annotations

import sqlalchemy as sql

from entrepot.database.connection import Connection, Query, Row
from entrepot.database.expressions import Pages, fetch_count, in_scope, same, scoped, values_of
from entrepot.database.tables import DATA_GRANTS, EVENT_ACTIONS
from entrepot.domain.event_action import EventAction
from entrepot.domain.scope import Scope
from entrepot.domain.timestamp import Timestamp

_e = EVENT_ACTIONS.c
_g = DATA_GRANTS.c
_OWN = sql.select(EVENT_ACTIONS).where(*in_scope(EVENT_ACTIONS))
_THIS = [*same(_e.id), *in_scope(EVENT_ACTIONS)]
_COUNT = sql.select(sql.func.count()).select_from(EVENT_ACTIONS).where(*in_scope(EVENT_ACTIONS))

_INSERT = Query(sql.insert(EVENT_ACTIONS).values(values_of(EVENT_ACTIONS)))
_GET = Query(sql.select(EVENT_ACTIONS).where(*_THIS))
_GET_LOCKED = Query(sql.select(EVENT_ACTIONS).where(*_THIS).with_for_update())
_SAVE = Query(
    sql.update(EVENT_ACTIONS)
    .where(*_THIS)
    .values(action_json=sql.bindparam("action_json"), updated_at=sql.bindparam("updated_at"))
)
_DELETE = Query(sql.delete(EVENT_ACTIONS).where(*_THIS))
_COUNT_ALL = Query(_COUNT)
_COUNT_OF_DATA_SET = Query(_COUNT.where(*same(_e.data_set_id)))
# The index data_grants_of_source, then for each grant event_actions_of_data_set.
_OF_RECEIVERS = Query(
    sql.select(EVENT_ACTIONS)
    .select_from(
        DATA_GRANTS.join(
            EVENT_ACTIONS,
            sql.and_(
                _e.account_id == _g.receiver_id, _e.region == _g.region, _e.data_set_id == _g.data_set_id
            ),
        )
    )
    .where(
        *same(_g.source_data_set_id),
        _g.accepted_at.is_not(None),
        sql.or_(_g.ends_at.is_(None), _g.ends_at > sql.bindparam("now")),
    )
    .order_by(_g.id, _e.created_at, _e.id)
)
PAGES = Pages(_OWN, (_e.created_at, _e.id))
"""Served by the index event_actions_newest."""
PAGES_OF_DATA_SET = Pages(_OWN.where(*same(_e.data_set_id)), (_e.created_at, _e.id))
"""Served by the index event_actions_of_data_set."""


def _event_action(row: Row) -> EventAction:
    event_action_id, account_id, region, partition, data_set_id, action_json, created_at, updated_at = row
    return EventAction(
        scope=Scope(account_id, region, partition),
        id=event_action_id,
        data_set_id=data_set_id,
        action_json=action_json.encode(),
        created_at=Timestamp(created_at),
        updated_at=Timestamp(updated_at),
    )


async def insert(c: Connection, action: EventAction) -> None:
    """Adds an event action. Crash: it is there whole or not at all."""
    await c.execute(
        _INSERT,
        id=action.id,
        **scoped(action.scope),
        aws_partition=action.scope.partition,
        data_set_id=action.data_set_id,
        action_json=action.action_json.decode(),
        created_at=action.created_at.milliseconds,
        updated_at=action.updated_at.milliseconds,
    )


async def get(c: Connection, scope: Scope, event_action_id: str, *, lock: bool = False) -> EventAction | None:
    """One event action; `lock` keeps others from changing or deleting it until the transaction ends."""
    row = await c.fetch_one(_GET_LOCKED if lock else _GET, id=event_action_id, **scoped(scope))
    return None if row is None else _event_action(row)


async def save(c: Connection, action: EventAction) -> bool:
    """Writes what can change (action, updated_at); False when it is gone. Crash: both changed, or neither."""
    changed = await c.execute(
        _SAVE,
        id=action.id,
        **scoped(action.scope),
        action_json=action.action_json.decode(),
        updated_at=action.updated_at.milliseconds,
    )
    return changed == 1


async def delete(c: Connection, scope: Scope, event_action_id: str) -> bool:
    """Takes an event action away; False when there is none. Crash: it is gone or not."""
    deleted = await c.execute(_DELETE, id=event_action_id, **scoped(scope))
    return deleted == 1


async def count(c: Connection, scope: Scope, data_set_id: str | None = None) -> int:
    """How many the account has, in all or of one data set.

    To add one more only if there are fewer than so many, `hold` first, in the same transaction.
    """
    if data_set_id is None:
        return await fetch_count(c, _COUNT_ALL, **scoped(scope))
    return await fetch_count(c, _COUNT_OF_DATA_SET, data_set_id=data_set_id, **scoped(scope))


async def page(
    c: Connection, scope: Scope, *, data_set_id: str | None = None, after: tuple[int, str] | None, limit: int
) -> list[EventAction]:
    """Newest first; `after` is (created_at in milliseconds, id) of the last one of the former page."""
    within = scoped(scope)
    if data_set_id is None:
        rows = await PAGES.fetch(c, after, limit, **within)
    else:
        rows = await PAGES_OF_DATA_SET.fetch(c, after, limit, data_set_id=data_set_id, **within)
    return [_event_action(row) for row in rows]


async def of_receivers(c: Connection, source_data_set_id: str, now: Timestamp) -> list[EventAction]:
    """The event actions of everyone who has access to the owned data set now, on what they were granted.

    One query for all of them; in the order of the grants, then the oldest first.
    """
    rows = await c.fetch_all(_OF_RECEIVERS, source_data_set_id=source_data_set_id, now=now.milliseconds)
    return [_event_action(row) for row in rows]
