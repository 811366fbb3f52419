"""Queries of revisions."""

from __future__ import annotations

import sqlalchemy as sql

from entrepot.database import assets, tags
from entrepot.database.connection import Connection, Query, Row
from entrepot.database.expressions import Pages, fetch_count, in_scope, same, scoped, values_of
from entrepot.database.tables import ASSETS, REVISIONS
from entrepot.domain.arn import revision_arn
from entrepot.domain.revision import Revision
from entrepot.domain.scope import Scope
from entrepot.domain.timestamp import Timestamp

_r = REVISIONS.c
_THIS = [*same(_r.id, _r.data_set_id), *in_scope(REVISIONS)]
_OF_DATA_SET = [*same(_r.data_set_id), *in_scope(REVISIONS)]

_INSERT = Query(sql.insert(REVISIONS).values(values_of(REVISIONS)))
_GET = Query(sql.select(REVISIONS).where(*_THIS))
_GET_LOCKED = Query(sql.select(REVISIONS).where(*_THIS).with_for_update())
_SAVE = Query(
    sql.update(REVISIONS)
    .where(*_THIS)
    .values(
        {
            column: sql.bindparam(column.name)
            for column in (_r.comment, _r.finalized, _r.revocation_comment, _r.revoked_at, _r.updated_at)
        }
        # the moment at which it was finalized, which revoking it does not move
        | {
            _r.finalized_at: sql.case(
                (
                    sql.bindparam("finalized", type_=_r.finalized.type),
                    sql.func.coalesce(_r.finalized_at, sql.bindparam("updated_at", type_=_r.updated_at.type)),
                ),
                else_=sql.null(),
            )
        }
    )
)
_COUNT = Query(sql.select(sql.func.count()).select_from(REVISIONS).where(*_OF_DATA_SET))
PAGES = Pages(sql.select(REVISIONS).where(*_OF_DATA_SET), (_r.created_at, _r.id))
"""Served by the index revisions_newest."""

_PUBLISHED = [*_OF_DATA_SET, _r.finalized_at.is_not(None)]
_GET_PUBLISHED = Query(sql.select(REVISIONS).where(*_THIS, _r.finalized_at.is_not(None)))
_ANY_PUBLISHED = Query(sql.select(_r.id).where(*_PUBLISHED).limit(sql.literal_column("1")))
_NEWEST_VALID = Query(
    sql.select(_r.id)
    .where(*_PUBLISHED, _r.revoked_at.is_(None))
    .order_by(_r.finalized_at.desc(), _r.id.desc())
    .limit(sql.literal_column("1"))
)
PUBLISHED_PAGES = Pages(sql.select(REVISIONS).where(*_PUBLISHED), (_r.finalized_at, _r.id))
"""Served by the index revisions_published."""

_RECORD_GARBAGE, _DELETE_ASSETS = assets.deletion(*same(ASSETS.c.revision_id), *in_scope(ASSETS))
_DELETE = Query(sql.delete(REVISIONS).where(*_THIS))


def _revision(scope: Scope, row: Row) -> Revision:
    (
        revision_id,
        _account_id,
        _region,
        data_set_id,
        comment,
        finalized,
        revocation_comment,
        revoked_at,
        created_at,
        updated_at,
        _finalized_at,
    ) = row
    return Revision(
        scope=scope,
        data_set_id=data_set_id,
        id=revision_id,
        created_at=Timestamp(created_at),
        updated_at=Timestamp(updated_at),
        comment=comment,
        finalized=bool(finalized),
        revocation_comment=revocation_comment,
        revoked_at=None if revoked_at is None else Timestamp(revoked_at),
    )


def _changeable(revision: Revision) -> dict[str, str | int | bool | None]:
    return {
        "id": revision.id,
        "data_set_id": revision.data_set_id,
        **scoped(revision.scope),
        "comment": revision.comment,
        "finalized": revision.finalized,
        "revocation_comment": revision.revocation_comment,
        "revoked_at": None if revision.revoked_at is None else revision.revoked_at.milliseconds,
        "updated_at": revision.updated_at.milliseconds,
    }


async def insert(c: Connection, revision: Revision) -> None:
    """Adds a revision. Crash: it is there whole or not at all."""
    await c.execute(
        _INSERT,
        created_at=revision.created_at.milliseconds,
        finalized_at=revision.updated_at.milliseconds if revision.finalized else None,
        **_changeable(revision),
    )


async def get(
    c: Connection, scope: Scope, data_set_id: str, revision_id: str, *, lock: bool = False
) -> Revision | None:
    """One revision; `lock` keeps others from changing it or adding to it until the transaction ends."""
    row = await c.fetch_one(
        _GET_LOCKED if lock else _GET, id=revision_id, data_set_id=data_set_id, **scoped(scope)
    )
    return None if row is None else _revision(scope, row)


async def get_published(
    c: Connection, owner: Scope, data_set_id: str, revision_id: str
) -> tuple[Revision, Timestamp] | None:
    """One revision if it is finalized, perhaps revoked, and when it was finalized."""
    row = await c.fetch_one(_GET_PUBLISHED, id=revision_id, data_set_id=data_set_id, **scoped(owner))
    return None if row is None else (_revision(owner, row), Timestamp(row[-1]))


async def any_published(c: Connection, owner: Scope, data_set_id: str) -> bool:
    row = await c.fetch_one(_ANY_PUBLISHED, data_set_id=data_set_id, **scoped(owner))
    return row is not None


async def newest_valid(c: Connection, owner: Scope, data_set_id: str) -> str | None:
    """The id of the revision that was finalized last among those that are not revoked."""
    row = await c.fetch_one(_NEWEST_VALID, data_set_id=data_set_id, **scoped(owner))
    return None if row is None else row[0]


async def page_published(
    c: Connection, owner: Scope, data_set_id: str, *, after: tuple[int, str] | None, limit: int
) -> list[tuple[Revision, Timestamp]]:
    """Finalized revisions and when they were finalized, the last one first.

    `after` is (finalized at in milliseconds, id) of the last one of the former page.
    """
    rows = await PUBLISHED_PAGES.fetch(c, after, limit, data_set_id=data_set_id, **scoped(owner))
    return [(_revision(owner, row), Timestamp(row[-1])) for row in rows]


async def save(c: Connection, revision: Revision) -> bool:
    """Writes what can change (comment, finalized, revocation, updated_at); False when the revision is gone.

    Crash: all of these changed, or none.
    """
    return await c.execute(_SAVE, **_changeable(revision)) == 1


async def delete(c: Connection, scope: Scope, data_set_id: str, revision_id: str) -> bool:
    """Deletes a revision, its assets and all their tags; False when there is no such revision.

    Crash: all of it is gone, and the bytes of the assets are garbage (`store_garbage`), or nothing is.
    """
    async with c.transaction() as t:
        if await get(t, scope, data_set_id, revision_id, lock=True) is None:
            return False
        within = scoped(scope)
        await t.execute(_RECORD_GARBAGE, revision_id=revision_id, **within)
        await t.execute(_DELETE_ASSETS, revision_id=revision_id, **within)
        await t.execute(_DELETE, id=revision_id, data_set_id=data_set_id, **within)
        await tags.remove_prefix(t, scope, revision_arn(scope, data_set_id, revision_id))
    return True


async def count(c: Connection, scope: Scope, data_set_id: str) -> int:
    return await fetch_count(c, _COUNT, data_set_id=data_set_id, **scoped(scope))


async def page(
    c: Connection, scope: Scope, data_set_id: str, *, after: tuple[int, str] | None, limit: int
) -> list[Revision]:
    """Newest first; `after` is (created_at in milliseconds, id) of the last one of the former page."""
    rows = await PAGES.fetch(c, after, limit, data_set_id=data_set_id, **scoped(scope))
    return [_revision(scope, row) for row in rows]
