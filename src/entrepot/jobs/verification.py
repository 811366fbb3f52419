"""Proof that the stored bytes of an asset are still those that were recorded, and what follows where not.

A damaged asset is marked in its row. From then on nobody is served it: exports and signed URLs are refused by
an error that names it. It stays listed, and it is sound again once its bytes are, and are read again.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from entrepot.database import stored_assets
from entrepot.domain.asset import Asset
from entrepot.domain.errors import DamagedAsset
from entrepot.domain.job import Location

if TYPE_CHECKING:
    from entrepot.database.connection import Connection
    from entrepot.jobs.definition import Clock
    from entrepot.transfer.transfer import Transfer
    from entrepot.transfer.verification import Pace, Verdict

_log = logging.getLogger(__name__)


def not_served(name: str) -> str:
    """The message for whoever wants a damaged asset; a receiver knows it by another id than its owner."""
    return (
        f"The stored bytes of asset {name!r} are not those that were imported, so they are not served. "
        "Whoever runs the exchange puts back a good copy and runs entrepot verify; or its owner imports it "
        "again."
    )


async def verify_asset(
    connection: Connection,
    transfer: Transfer,
    clock: Clock,
    asset: Asset,
    pace: Pace | None = None,
) -> Verdict | None:
    """Reads the stored bytes of an asset and records what it finds; None where the asset is gone by now.

    It reads no faster than the pace allows.
    Raises `StoreError`s where nothing can be said, and `DatabaseError`.
    Crash: what was found is recorded, or found once more.
    """
    from entrepot.transfer.verification import Condition, Recorded

    recorded = Recorded(asset.size_bytes, asset.store_etag, asset.checksum)
    verdict = await transfer.verify(Location(None, asset.store_key), recorded, pace or transfer.pace(None))
    if verdict.condition is Condition.SOUND:
        await stored_assets.mark_sound(
            connection, asset.store_key, clock(), etag=verdict.etag, checksum=verdict.checksum
        )
        return verdict
    if await stored_assets.of_store_key(connection, asset.store_key) is None:
        return None
    await stored_assets.mark_damaged(connection, asset.store_key, clock())
    _log.error("asset %s (%r) is %s in the store", asset.id, asset.name, verdict.condition.lower())
    return verdict


async def require_sound(connection: Connection, transfer: Transfer, clock: Clock, store_key: str) -> None:
    """After reading stored bytes went wrong: raises `DamagedAsset` where the reason is how they lie there."""
    from entrepot.transfer.verification import Condition

    asset = await stored_assets.of_store_key(connection, store_key)
    if asset is None:
        return
    verdict = await verify_asset(connection, transfer, clock, asset)
    if verdict is not None and verdict.condition is Condition.DAMAGED:
        raise DamagedAsset(not_served(asset.name))
