"""Assets as an account sees them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from entrepot.database import assets
from entrepot.database.connection import Connection
from entrepot.domain.asset import Asset
from entrepot.domain.data_grant import MaskedKind
from entrepot.domain.scope import Scope
from entrepot.domain.timestamp import Timestamp
from entrepot.entitlements.visibility.data_sets import Entitled, entitled
from entrepot.entitlements.visibility.revisions import get_source


async def get(
    connection: Connection, scope: Scope, data_set_id: str, revision_id: str, asset_id: str, now: Timestamp
) -> Asset | None:
    """The account's own asset, or the entitled one."""
    own = await assets.get(connection, scope, data_set_id, revision_id, asset_id)
    if own is not None:
        return own
    seen = await entitled(connection, scope, data_set_id, now)
    found = [] if seen is None else await _many_entitled(connection, seen, revision_id, [asset_id])
    return found[0] if found else None


async def many(
    connection: Connection,
    scope: Scope,
    data_set_id: str,
    revision_id: str,
    asset_ids: Sequence[str],
    now: Timestamp,
) -> list[Asset]:
    """Those of the assets that are there, in no order."""
    seen = await entitled(connection, scope, data_set_id, now)
    if seen is None:
        return await assets.many(connection, scope, data_set_id, revision_id, asset_ids)
    return await _many_entitled(connection, seen, revision_id, asset_ids)


async def _many_entitled(
    connection: Connection, seen: Entitled, revision_id: str, asset_ids: Sequence[str]
) -> list[Asset]:
    source = await _source_revision(connection, seen, revision_id)
    if source is None:
        return []
    unmasked = [seen.grant.unmasked(MaskedKind.ASSET, asset_id) for asset_id in asset_ids]
    found = await assets.many(
        connection,
        seen.grant.scope,
        seen.grant.source_data_set_id,
        source,
        [source_id for source_id in unmasked if source_id is not None],
    )
    return [entitled_asset(seen, asset) for asset in found]


async def any_in(
    connection: Connection, scope: Scope, data_set_id: str, revision_id: str, now: Timestamp
) -> bool:
    seen = await entitled(connection, scope, data_set_id, now)
    if seen is None:
        return await assets.count(connection, scope, revision_id) > 0
    source = await _source_revision(connection, seen, revision_id)
    return source is not None and await assets.count(connection, seen.grant.scope, source) > 0


async def all_of_revision(
    connection: Connection, scope: Scope, data_set_id: str, revision_id: str, now: Timestamp
) -> list[Asset]:
    """Every asset of the revision, by name, descending."""
    seen = await entitled(connection, scope, data_set_id, now)
    if seen is None:
        return await assets.all_of_revision(connection, scope, data_set_id, revision_id)
    source = await _source_revision(connection, seen, revision_id)
    if source is None:
        return []
    found = await assets.all_of_revision(connection, seen.grant.scope, seen.grant.source_data_set_id, source)
    return [entitled_asset(seen, asset) for asset in found]


async def page_entitled(
    connection: Connection, seen: Entitled, revision_id: str, *, after: tuple[str, str] | None, limit: int
) -> list[Asset]:
    """By name and the owner's id, descending; `after` is (name, entitled id) of the last one before."""
    source = await _source_revision(connection, seen, revision_id)
    if source is None:
        return []
    behind: tuple[str, str] | None = None
    if after is not None:
        name, entitled_id = after
        behind = name, seen.grant.unmasked(MaskedKind.ASSET, entitled_id) or ""
    found = await assets.page(
        connection, seen.grant.scope, seen.grant.source_data_set_id, source, after=behind, limit=limit
    )
    return [entitled_asset(seen, asset) for asset in found]


def entitled_asset(seen: Entitled, asset: Asset) -> Asset:
    """The owner's asset as the grant shows it; its bytes and its live details stay where they are."""
    grant = seen.grant
    return replace(
        asset,
        scope=seen.scope,
        data_set_id=grant.data_set_id,
        revision_id=grant.masked(MaskedKind.REVISION, asset.revision_id),
        id=grant.masked(MaskedKind.ASSET, asset.id),
        source_id=asset.id if seen.by_owner else None,
    )


async def _source_revision(connection: Connection, seen: Entitled, revision_id: str) -> str | None:
    """The owner's id of a revision that the grant shows."""
    found = await get_source(connection, seen, revision_id)
    return None if found is None else found[0].id
