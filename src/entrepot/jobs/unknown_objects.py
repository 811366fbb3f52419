"""Objects in the exchange's own store of which no row knows: found by comparing its listing with the rows.

A request that was under way when its job was taken over, or ended, may be carried out after the key was swept
as garbage. Then its object is needed by nobody, and noted nowhere. Its key tells whose it is: it follows from
the job, the item and the attempt. So what is deleted was written by an attempt of this exchange that lost its
job; whatever else lies in the store, another exchange's objects say, is left alone, and logged.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection
from typing import TYPE_CHECKING

from entrepot.database import garbage, job_items, jobs, stored_assets
from entrepot.domain.identifiers import ASSETS_PREFIX, asset_store_key, derived_asset_id
from entrepot.domain.limits import Limit, Limits
from entrepot.domain.timestamp import Timestamp

if TYPE_CHECKING:
    from entrepot.database.connection import Database
    from entrepot.stores.store import ObjectStore

PAGE = 1000
AT_ONCE = 10_000
"""So many unknown keys are held in memory, and looked up together."""
LOOKED_BACK_SECONDS = 7 * 86_400
"""Jobs that ended or were started earlier are not looked at: a request is not under way for so long."""
_NAMED_IN_LOG = 5

_log = logging.getLogger(__name__)


async def sweep_unknown_objects(
    database: Database, store: ObjectStore, limits: Limits, now: Timestamp
) -> int:
    """Notes the objects that lost attempts have left as garbage; returns how many. Raises `StoreError`.

    Crash: what is not noted is found again.
    """
    noted, after = 0, ""
    unknown: set[str] = set()
    strange: list[str] = []
    while True:
        page = await asyncio.to_thread(store.list, ASSETS_PREFIX, after=after, limit=PAGE)
        unknown |= await _unknown(database, [found.key for found in page])
        is_last = len(page) < PAGE
        if unknown and (is_last or len(unknown) >= AT_ONCE):
            left = await _left_by_lost_attempts(database, unknown, limits, now)
            await garbage.record(database, left)
            noted += len(left)
            strange += sorted(unknown - left)[:_NAMED_IN_LOG]
            unknown = set()
        if is_last:
            break
        after = page[-1].key
    if noted:
        _log.info("%d objects that lost attempts of jobs had left in the store are garbage now", noted)
    if strange:
        names = ", ".join(map(repr, strange[:_NAMED_IN_LOG]))
        _log.warning("objects in the store belong to no asset and to no job, and stay there: %s", names)
    return noted


async def _unknown(database: Database, keys: Collection[str]) -> set[str]:
    """Those that are no asset's, no running job's, and no garbage.

    Assets are asked for once more at the end: a job may complete in between.
    """
    unknown = set(keys) - await stored_assets.kept(database, keys)
    if unknown:
        unknown -= await garbage.noted(database, unknown)
        unknown -= await job_items.written_to(database, unknown)
        unknown -= await stored_assets.kept(database, unknown)
    return unknown


async def _left_by_lost_attempts(
    database: Database, keys: set[str], limits: Limits, now: Timestamp
) -> set[str]:
    """Those under which an attempt wrote that lost its job, or whose job did not complete."""
    lost = await jobs.lost_attempts(database, now.plus_seconds(-LOOKED_BACK_SECONDS))
    most_items = limits[Limit.ASSETS_PER_IMPORT_JOB]

    def derive() -> set[str]:
        written = (
            asset_store_key(derived_asset_id(job_id, number), attempt)
            for job_id, attempts in lost
            for number in range(most_items)
            for attempt in range(1, attempts + 1)
        )
        return {key for key in written if key in keys}

    return await asyncio.to_thread(derive)
