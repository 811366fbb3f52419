"""Queries of access outside of the exchange: who should have it, who has it, and whose turn it is.

Every change names the state and the moment that its caller saw (`state` and `next_try_at` together are the
claim), so that of two workers one succeeds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sql

from entrepot.database.connection import Connection, Query, Row, Value
from entrepot.database.expressions import among, same, scoped, texts
from entrepot.database.tables import ASSETS, DATA_GRANTS, OUTSIDE_ACCESS, REVISIONS
from entrepot.domain.data_set import AssetType
from entrepot.domain.external_access import AccessState, ExternalAccess
from entrepot.domain.scope import Scope
from entrepot.domain.timestamp import Timestamp

_o = OUTSIDE_ACCESS.c
_g = DATA_GRANTS.c
_r = REVISIONS.c
_a = ASSETS.c


def _is(*states: AccessState) -> sql.ColumnElement[bool]:
    return _o.state.in_([sql.literal_column(f"'{state.value}'") for state in states])


_ENTITLED = (
    # a grant that gives access now, of the data set in which the asset lies in a revision that may be used
    _g.source_data_set_id == _a.data_set_id,
    _g.accepted_at.is_not(None),
    sql.or_(_g.ends_at.is_(None), _g.ends_at > sql.bindparam("now")),
    _r.id == _a.revision_id,
    _r.finalized_at.is_not(None),
    _r.revoked_at.is_(None),
    _a.details_json.is_not(None),
)
_RECORDED = sql.exists().where(_o.grant_id == _g.id, _o.asset_id == _a.id)
_IS_ENTITLED = sql.exists().where(_g.id == _o.grant_id, _a.id == _o.asset_id, *_ENTITLED)


def _fairly(statement: sql.Select[Any], order: Sequence[sql.ColumnElement[Any]]) -> Query:
    """A page of a statement in which no owner has more than its share, and what has waited stands first.

    The first column of the statement is the owner's account.
    """
    columns = statement.selected_columns
    place = sql.func.row_number().over(partition_by=columns[0], order_by=order).label("place")
    placed = statement.add_columns(place).subquery("placed")
    return Query(
        sql.select(*(placed.c[column.name] for column in columns))
        .where(placed.c.place <= sql.bindparam("of_one_owner", type_=sql.Integer))
        .order_by(placed.c.place)
        .limit(sql.bindparam("limit", type_=sql.Integer))
    )


_MISSING = _fairly(  # index assets_alive, then data_grants_of_source and primary keys
    sql.select(
        _g.account_id,
        _g.region,
        _g.aws_partition,
        _g.id.label("grant_id"),
        _g.receiver_id,
        _g.data_set_id,
        _a.id.label("asset_id"),
        _a.asset_type,
        _a.details_json,
    ).where(*_ENTITLED, among(_a.asset_type, "asset_types"), ~_RECORDED),
    (_g.accepted_at, _a.id),
)
_DUE = _fairly(
    sql.select(OUTSIDE_ACCESS, _IS_ENTITLED.label("entitled")).where(
        among(_o.asset_type, "asset_types"),
        sql.or_(
            _o.next_try_at <= sql.bindparam("now"),
            sql.and_(_is(AccessState.WANTED, AccessState.GIVEN), ~_IS_ENTITLED),
        ),
    ),
    (_o.attempts, _o.next_try_at),
)
_THIS = same(_o.grant_id, _o.asset_id)
_AS_SEEN = (
    *_THIS,
    _o.state == sql.bindparam("state_seen"),
    _o.next_try_at == sql.bindparam("next_try_at_seen"),
)
_GET = Query(sql.select(OUTSIDE_ACCESS).where(*_THIS))
_RECEIVED = Query(  # index outside_access_of_receiver
    sql.select(OUTSIDE_ACCESS).where(
        *same(_o.receiver_id, _o.region, _o.entitled_asset_id, _o.asset_type),
        ~_is(AccessState.WITHDRAWING),
        _IS_ENTITLED,
    )
)
_OF_RECEIVER = same(_o.receiver_id, _o.region, _o.asset_type)  # index outside_access_of_receiver
_SAME_FOR_RECEIVER = Query(
    sql.select(_o.grant_id)
    .where(*_OF_RECEIVER, *same(_o.details_json), ~_is(AccessState.WITHDRAWING), _IS_ENTITLED)
    .where(sql.or_(_o.grant_id != sql.bindparam("grant_id"), _o.asset_id != sql.bindparam("asset_id")))
    .limit(sql.literal_column("1"))
)
_OF_OWNER = Query(
    sql.select(OUTSIDE_ACCESS)
    .where(*same(_o.account_id, _o.region, _o.asset_type))
    .order_by(_o.grant_id, _o.asset_id)
)
_NAMES = tuple(column.name for column in OUTSIDE_ACCESS.columns)
_CLAIM_NEW = Query(
    sql.text(
        f"INSERT INTO outside_access ({', '.join(_NAMES)}) "  # noqa: S608 - our own names
        f"VALUES ({', '.join(f':{name}' for name in _NAMES)}) ON CONFLICT (grant_id, asset_id) DO NOTHING"
    )
)
_CHANGE = Query(
    sql.update(OUTSIDE_ACCESS)
    .where(*_AS_SEEN)
    .values({column: sql.bindparam(column.name) for column in (_o.state, _o.attempts, _o.next_try_at)})
    .values({_o.updated_at: sql.bindparam("now"), _o.error: sql.bindparam("error")})
)
_RECORD_GIVEN = Query(
    sql.update(OUTSIDE_ACCESS)
    .where(*_AS_SEEN)
    .values(
        state=sql.literal_column(f"'{AccessState.GIVEN.value}'"),
        given_json=sql.bindparam("given_json"),
        attempts=sql.literal_column("0"),
        next_try_at=sql.bindparam("next_try_at"),
        error=sql.null(),
        updated_at=sql.bindparam("now"),
    )
)
_REMOVE = Query(sql.delete(OUTSIDE_ACCESS).where(*_AS_SEEN))
_GIVE_AGAIN = Query(
    sql.update(OUTSIDE_ACCESS)
    .where(*_OF_RECEIVER, _is(AccessState.GIVING, AccessState.GIVEN))
    .values(
        state=sql.literal_column(f"'{AccessState.WANTED.value}'"),
        next_try_at=sql.bindparam("now"),
        updated_at=sql.bindparam("now"),
    )
)


@dataclass(frozen=True, slots=True)
class Page:
    """How many rows to read at once."""

    limit: int
    of_one_owner: int
    """At most so many that belong to one owner."""


def _access(row: Row) -> ExternalAccess:
    (
        grant_id,
        asset_id,
        account_id,
        region,
        partition,
        receiver_id,
        entitled_data_set_id,
        entitled_asset_id,
        asset_type,
        details_json,
        state,
        given_json,
        attempts,
        next_try_at,
        error,
        _updated_at,
    ) = row
    return ExternalAccess(
        owner=Scope(account_id, region, partition),
        grant_id=grant_id,
        asset_id=asset_id,
        receiver_id=receiver_id,
        entitled_data_set_id=entitled_data_set_id,
        entitled_asset_id=entitled_asset_id,
        asset_type=AssetType(asset_type),
        details_json=details_json.encode(),
        state=AccessState(state),
        given_json=None if given_json is None else given_json.encode(),
        attempts=attempts,
        next_try_at=next_try_at,
        error=error,
    )


def _seen(access: ExternalAccess) -> dict[str, Value]:
    return {
        "grant_id": access.grant_id,
        "asset_id": access.asset_id,
        "state_seen": access.state.value,
        "next_try_at_seen": access.next_try_at,
    }


def _of_receiver(access: ExternalAccess) -> dict[str, Value]:
    return {
        "receiver_id": access.receiver_id,
        "region": access.owner.region,
        "asset_type": access.asset_type.value,
    }


def _asked(asset_types: Sequence[AssetType], now: Timestamp, page: Page) -> dict[str, Value]:
    return {
        "asset_types": texts([kind.value for kind in asset_types]),
        "now": now.milliseconds,
        "limit": page.limit,
        "of_one_owner": page.of_one_owner,
    }


async def missing(
    c: Connection, asset_types: Sequence[AssetType], now: Timestamp, page: Page
) -> list[ExternalAccess]:
    """Access that should be there and is not recorded at all, as WANTED.

    `entitled_asset_id` is empty: it follows from the grant, whom the caller asks.
    """
    rows = await c.fetch_all(_MISSING, **_asked(asset_types, now, page))
    found = []
    for row in rows:
        account_id, region, partition, grant_id, receiver_id, data_set_id, asset_id, kind, details = row
        found.append(
            ExternalAccess(
                owner=Scope(account_id, region, partition),
                grant_id=grant_id,
                asset_id=asset_id,
                receiver_id=receiver_id,
                entitled_data_set_id=data_set_id,
                entitled_asset_id="",
                asset_type=AssetType(kind),
                details_json=details.encode(),
                state=AccessState.WANTED,
                given_json=None,
                attempts=0,
                next_try_at=now.milliseconds,
            )
        )
    return found


async def due(
    c: Connection, asset_types: Sequence[AssetType], now: Timestamp, page: Page
) -> list[tuple[ExternalAccess, bool]]:
    """What is recorded and whose turn it is now, and whether the receiver is entitled to it at this moment.

    Who has lost the right is due at once, unless somebody has it in hand. First what has not failed yet.
    """
    rows = await c.fetch_all(_DUE, **_asked(asset_types, now, page))
    return [(_access(row[:-1]), bool(row[-1])) for row in rows]


async def get(c: Connection, grant_id: str, asset_id: str) -> ExternalAccess | None:
    """What is recorded of one asset for one receiver."""
    row = await c.fetch_one(_GET, grant_id=grant_id, asset_id=asset_id)
    return None if row is None else _access(row)


async def received(
    c: Connection, receiver: Scope, asset_type: AssetType, entitled_asset_id: str, now: Timestamp
) -> ExternalAccess | None:
    """An asset under the receiver's id of it, if the receiver is entitled to it at this moment."""
    row = await c.fetch_one(
        _RECEIVED,
        receiver_id=receiver.account_id,
        region=receiver.region,
        entitled_asset_id=entitled_asset_id,
        asset_type=asset_type.value,
        now=now.milliseconds,
    )
    return None if row is None else _access(row)


async def of_owner(c: Connection, owner: Scope, asset_type: AssetType) -> list[ExternalAccess]:
    """All access to an owner's assets of the type, whoever has it; for whoever runs the exchange."""
    rows = await c.fetch_all(_OF_OWNER, **scoped(owner), asset_type=asset_type.value)
    return [_access(row) for row in rows]


async def claim_new(c: Connection, access: ExternalAccess, now: Timestamp) -> bool:
    """Records access that is in hand from the beginning; False where somebody recorded it before.

    Crash: it is recorded whole, and taken up after its `next_try_at`, or not at all.
    """
    inserted = await c.execute(
        _CLAIM_NEW,
        grant_id=access.grant_id,
        asset_id=access.asset_id,
        account_id=access.owner.account_id,
        region=access.owner.region,
        aws_partition=access.owner.partition,
        receiver_id=access.receiver_id,
        entitled_data_set_id=access.entitled_data_set_id,
        entitled_asset_id=access.entitled_asset_id,
        asset_type=access.asset_type.value,
        details_json=access.details_json.decode(),
        state=access.state.value,
        given_json=None if access.given_json is None else access.given_json.decode(),
        attempts=access.attempts,
        next_try_at=access.next_try_at,
        error=access.error,
        updated_at=now.milliseconds,
    )
    return inserted == 1


async def change(c: Connection, seen: ExternalAccess, changed: ExternalAccess, now: Timestamp) -> bool:
    """Writes state, attempts, next try and error; False where it is no longer as it was seen.

    Crash: all of these changed, or none.
    """
    return (
        await c.execute(
            _CHANGE,
            state=changed.state.value,
            attempts=changed.attempts,
            next_try_at=changed.next_try_at,
            error=changed.error,
            now=now.milliseconds,
            **_seen(seen),
        )
        == 1
    )


async def record_given(
    c: Connection, seen: ExternalAccess, given_json: bytes | None, renewed_at: int, now: Timestamp
) -> bool:
    """GIVING → GIVEN; False where it is no longer as it was seen. Crash: recorded or not."""
    return (
        await c.execute(
            _RECORD_GIVEN,
            given_json=None if given_json is None else given_json.decode(),
            next_try_at=renewed_at,
            now=now.milliseconds,
            **_seen(seen),
        )
        == 1
    )


async def remove(c: Connection, seen: ExternalAccess) -> bool:
    """Forgets what was taken back; False where it is no longer as it was seen. Crash: forgotten or not."""
    return await c.execute(_REMOVE, **_seen(seen)) == 1


async def give_again(c: Connection, access: ExternalAccess, now: Timestamp) -> int:
    """Wants once more whatever of this type the receiver has or is being given; how many these are.

    Crash: all of them or none.
    """
    async with c.transaction() as t:
        # Two that change several rows at once must not wait for each other.
        await t.hold(f"outside access of {access.receiver_id} in {access.owner.region}")
        return await t.execute(_GIVE_AGAIN, now=now.milliseconds, **_of_receiver(access))


async def has_by_another_way(c: Connection, access: ExternalAccess, now: Timestamp) -> bool:
    """Whether the receiver is entitled to an asset with the same details by another grant or asset."""
    row = await c.fetch_one(
        _SAME_FOR_RECEIVER,
        grant_id=access.grant_id,
        asset_id=access.asset_id,
        details_json=access.details_json.decode(),
        now=now.milliseconds,
        **_of_receiver(access),
    )
    return row is not None
