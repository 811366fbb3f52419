"""Revisions as an account sees them: all of its own, and of entitled data sets those that are finalized.

An entitled revision is created when it is published: when it was finalized, or when the data set was granted,
whichever came last [C for the first].
"""

from __future__ import annotations

from dataclasses import replace

from entrepot.database import revisions
from entrepot.database.connection import Connection
from entrepot.domain.data_grant import MaskedKind
from entrepot.domain.revision import Revision
from entrepot.domain.scope import Scope
from entrepot.domain.timestamp import Timestamp
from entrepot.entitlements.visibility.data_sets import Entitled, entitled


async def get(
    connection: Connection, scope: Scope, data_set_id: str, revision_id: str, now: Timestamp
) -> Revision | None:
    """The account's own revision, or the entitled one; a revoked one is still seen."""
    own = await revisions.get(connection, scope, data_set_id, revision_id)
    if own is not None:
        return own
    seen = await entitled(connection, scope, data_set_id, now)
    return None if seen is None else await get_entitled(connection, seen, revision_id)


async def get_entitled(connection: Connection, seen: Entitled, revision_id: str) -> Revision | None:
    """The revision that the grant shows under that id."""
    found = await get_source(connection, seen, revision_id)
    return None if found is None else entitled_revision(seen, *found)


async def get_source(
    connection: Connection, seen: Entitled, revision_id: str
) -> tuple[Revision, Timestamp] | None:
    """The owner's revision that the grant shows under that id, and when it was finalized."""
    grant = seen.grant
    source_id = grant.unmasked(MaskedKind.REVISION, revision_id)
    if source_id is None:
        return None
    return await revisions.get_published(connection, grant.scope, grant.source_data_set_id, source_id)


async def page_entitled(
    connection: Connection, seen: Entitled, *, after: tuple[int, str] | None, limit: int
) -> list[tuple[Revision, int]]:
    """Published revisions, the last published first, each with when it was finalized (milliseconds).

    `after` is (finalized at in milliseconds, entitled id) of the last one of the former page.
    """
    grant = seen.grant
    behind: tuple[int, str] | None = None
    if after is not None:
        moment, entitled_id = after
        behind = moment, grant.unmasked(MaskedKind.REVISION, entitled_id) or ""
    rows = await revisions.page_published(
        connection, grant.scope, grant.source_data_set_id, after=behind, limit=limit
    )
    return [(entitled_revision(seen, revision, at), at.milliseconds) for revision, at in rows]


def entitled_revision(seen: Entitled, revision: Revision, finalized_at: Timestamp) -> Revision:
    """The owner's revision as the grant shows it."""
    grant = seen.grant
    published_at = max(finalized_at, grant.created_at)
    return replace(
        revision,
        scope=seen.scope,
        data_set_id=grant.data_set_id,
        id=grant.masked(MaskedKind.REVISION, revision.id),
        created_at=published_at,
        updated_at=published_at if revision.revoked_at is None else max(published_at, revision.revoked_at),
        source_id=revision.id if seen.by_owner else None,
    )
