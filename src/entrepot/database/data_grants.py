"""Queries of data grants: as their sender sees them, as their receiver does, and by what was granted."""

from __future__ import annotations

import sqlalchemy as sql

from entrepot.database.connection import Connection, Query, Row
from entrepot.database.expressions import Pages, fetch_count, in_scope, same, scoped, values_of
from entrepot.database.tables import DATA_GRANTS
from entrepot.domain.data_grant import AcceptanceState, DataGrant, DistributionScope
from entrepot.domain.data_set import AssetType
from entrepot.domain.scope import Scope
from entrepot.domain.timestamp import Timestamp

_g = DATA_GRANTS.c
_SELECT = sql.select(DATA_GRANTS)
_NOT_ENDED = sql.or_(_g.ends_at.is_(None), _g.ends_at > sql.bindparam("now"))
_RECEIVED = [*same(_g.receiver_id, _g.region)]

_INSERT = Query(sql.insert(DATA_GRANTS).values(values_of(DATA_GRANTS)))
_SENT = Query(_SELECT.where(*same(_g.id), *in_scope(DATA_GRANTS)))
_RECEIVED_ONE = Query(_SELECT.where(*same(_g.id), *_RECEIVED))
_RECEIVED_ONE_LOCKED = Query(_SELECT.where(*same(_g.id), *_RECEIVED).with_for_update())
_OF_DATA_SET = Query(_SELECT.where(*same(_g.data_set_id, _g.region)))
_LIVE = _SELECT.where(*same(_g.source_data_set_id), _NOT_ENDED).order_by(_g.id)
_LIVE_OF_SOURCE = Query(_LIVE)
_LIVE_OF_SOURCE_KEPT = Query(_LIVE.with_for_update(read=True))
_LIVE_OF_RECEIVER = Query(
    _SELECT.where(*_RECEIVED, _g.accepted_at.is_not(None), _NOT_ENDED).order_by(_g.created_at, _g.id)
)
_ACCEPT = Query(
    sql.update(DATA_GRANTS)
    .where(*same(_g.id), _g.accepted_at.is_(None))
    .values(accepted_at=sql.bindparam("now"), updated_at=sql.bindparam("now"))
)
_DELETE = Query(sql.delete(DATA_GRANTS).where(*same(_g.id), *in_scope(DATA_GRANTS)))
_COUNT_SENT = Query(
    sql.select(sql.func.count()).select_from(DATA_GRANTS).where(*in_scope(DATA_GRANTS), _NOT_ENDED)
)
_COUNT_PENDING = Query(
    sql.select(sql.func.count())
    .select_from(DATA_GRANTS)
    .where(*in_scope(DATA_GRANTS), *same(_g.receiver_id), _g.accepted_at.is_(None), _NOT_ENDED)
)
SENT_PAGES = Pages(_SELECT.where(*in_scope(DATA_GRANTS)), (_g.created_at, _g.id))
"""Served by the index data_grants_sent."""
RECEIVED_PAGES = Pages(_SELECT.where(*_RECEIVED), (_g.created_at, _g.id))
"""Served, as the next three, by the index data_grants_received."""
PENDING_PAGES = Pages(_SELECT.where(*_RECEIVED, _g.accepted_at.is_(None)), (_g.created_at, _g.id))
ACCEPTED_PAGES = Pages(_SELECT.where(*_RECEIVED, _g.accepted_at.is_not(None)), (_g.created_at, _g.id))
ENTITLED_PAGES = Pages(
    _SELECT.where(*_RECEIVED, _g.accepted_at.is_not(None), _NOT_ENDED), (_g.created_at, _g.id)
)


def _grant(row: Row) -> DataGrant:
    (
        grant_id,
        account_id,
        region,
        partition,
        receiver_id,
        source_data_set_id,
        data_set_id,
        id_mask,
        name,
        description,
        distribution_scope,
        asset_type,
        data_set_name,
        data_set_description,
        ends_at,
        accepted_at,
        created_at,
        updated_at,
    ) = row
    return DataGrant(
        scope=Scope(account_id, region, partition),
        id=grant_id,
        receiver_id=receiver_id,
        source_data_set_id=source_data_set_id,
        data_set_id=data_set_id,
        id_mask=id_mask,
        name=name,
        description=description,
        distribution_scope=DistributionScope[distribution_scope],
        asset_type=AssetType[asset_type],
        data_set_name=data_set_name,
        data_set_description=data_set_description,
        created_at=Timestamp(created_at),
        updated_at=Timestamp(updated_at),
        ends_at=None if ends_at is None else Timestamp(ends_at),
        accepted_at=None if accepted_at is None else Timestamp(accepted_at),
    )


def _milliseconds(moment: Timestamp | None) -> int | None:
    return None if moment is None else moment.milliseconds


async def insert(c: Connection, grant: DataGrant) -> None:
    """Adds a grant. Crash: it is there whole or not at all."""
    await c.execute(
        _INSERT,
        id=grant.id,
        **scoped(grant.scope),
        aws_partition=grant.scope.partition,
        receiver_id=grant.receiver_id,
        source_data_set_id=grant.source_data_set_id,
        data_set_id=grant.data_set_id,
        id_mask=grant.id_mask,
        name=grant.name,
        description=grant.description,
        distribution_scope=grant.distribution_scope.value,
        asset_type=grant.asset_type.value,
        data_set_name=grant.data_set_name,
        data_set_description=grant.data_set_description,
        ends_at=_milliseconds(grant.ends_at),
        accepted_at=_milliseconds(grant.accepted_at),
        created_at=grant.created_at.milliseconds,
        updated_at=grant.updated_at.milliseconds,
    )


async def get_sent(c: Connection, scope: Scope, grant_id: str) -> DataGrant | None:
    """One grant that the account has given."""
    row = await c.fetch_one(_SENT, id=grant_id, **scoped(scope))
    return None if row is None else _grant(row)


async def get_received(c: Connection, scope: Scope, grant_id: str, *, lock: bool = False) -> DataGrant | None:
    """One grant that the account has been given, whether accepted or ended."""
    query = _RECEIVED_ONE_LOCKED if lock else _RECEIVED_ONE
    row = await c.fetch_one(query, id=grant_id, receiver_id=scope.account_id, region=scope.region)
    return None if row is None else _grant(row)


async def of_data_set(c: Connection, region: str, entitled_data_set_id: str) -> DataGrant | None:
    """The grant that an entitled data set comes from, whoever asks: the caller must look who may know."""
    row = await c.fetch_one(_OF_DATA_SET, data_set_id=entitled_data_set_id, region=region)
    return None if row is None else _grant(row)


async def live_of_source(
    c: Connection, source_data_set_id: str, now: Timestamp, *, keep: bool = False
) -> list[DataGrant]:
    """The grants of an owned data set that have not ended, pending ones too, in the order of their ids.

    With `keep` nobody accepts or deletes one of them before the transaction ends.
    """
    query = _LIVE_OF_SOURCE_KEPT if keep else _LIVE_OF_SOURCE
    rows = await c.fetch_all(query, source_data_set_id=source_data_set_id, now=now.milliseconds)
    return [_grant(row) for row in rows]


async def live_of_receiver(c: Connection, scope: Scope, now: Timestamp) -> list[DataGrant]:
    """The grants that give the account access now, the oldest first."""
    rows = await c.fetch_all(
        _LIVE_OF_RECEIVER, receiver_id=scope.account_id, region=scope.region, now=now.milliseconds
    )
    return [_grant(row) for row in rows]


async def accept(c: Connection, grant_id: str, now: Timestamp) -> bool:
    """Pending → accepted; False when it was not pending. Crash: accepted or not."""
    return await c.execute(_ACCEPT, id=grant_id, now=now.milliseconds) == 1


async def delete(c: Connection, scope: Scope, grant_id: str) -> bool:
    """Takes a given grant away; False when there is none. Crash: it is gone or not."""
    return await c.execute(_DELETE, id=grant_id, **scoped(scope)) == 1


async def count_sent(c: Connection, scope: Scope, now: Timestamp) -> int:
    """How many grants of the account have not ended."""
    return await fetch_count(c, _COUNT_SENT, **scoped(scope), now=now.milliseconds)


async def count_pending(c: Connection, scope: Scope, receiver_id: str, now: Timestamp) -> int:
    """How many grants of the account to the receiver wait to be accepted."""
    return await fetch_count(
        c, _COUNT_PENDING, **scoped(scope), receiver_id=receiver_id, now=now.milliseconds
    )


async def page_sent(
    c: Connection, scope: Scope, *, after: tuple[int, str] | None, limit: int
) -> list[DataGrant]:
    """Grants given, newest first; `after` is (created_at in milliseconds, id) of the last one before."""
    rows = await SENT_PAGES.fetch(c, after, limit, **scoped(scope))
    return [_grant(row) for row in rows]


async def page_received(
    c: Connection, scope: Scope, state: AcceptanceState | None, *, after: tuple[int, str] | None, limit: int
) -> list[DataGrant]:
    """Grants received, newest first, ended ones too; `state` None is both states."""
    pages = {
        None: RECEIVED_PAGES,
        AcceptanceState.PENDING_RECEIVER_ACCEPTANCE: PENDING_PAGES,
        AcceptanceState.ACCEPTED: ACCEPTED_PAGES,
    }[state]
    rows = await pages.fetch(c, after, limit, receiver_id=scope.account_id, region=scope.region)
    return [_grant(row) for row in rows]


async def page_entitled(
    c: Connection, scope: Scope, now: Timestamp, *, after: tuple[int, str] | None, limit: int
) -> list[DataGrant]:
    """The grants whose data sets the account may see now, newest first."""
    rows = await ENTITLED_PAGES.fetch(
        c, after, limit, receiver_id=scope.account_id, region=scope.region, now=now.milliseconds
    )
    return [_grant(row) for row in rows]
