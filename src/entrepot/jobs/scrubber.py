"""Reads every stored asset once in so many days, in the background: one worker, one asset at a time."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from entrepot.database import stored_assets, workers
from entrepot.domain.errors import StoreError
from entrepot.jobs.definition import Clock
from entrepot.jobs.verification import verify_asset

if TYPE_CHECKING:
    from entrepot.database.connection import Database
    from entrepot.transfer.transfer import Transfer

LOOK_EVERY_SECONDS = 3600.0
"""What could not be read, and what is due by then, comes with the next round."""
_PAGE = 200
_LEAST_RATE = 1024 * 1024
"""Bytes a second."""
_LONGEST_PAUSE_SECONDS = 1.0
_HASTE = 2.0
"""How much faster than the days would need: assets come, and workers stop."""
_DAY_SECONDS = 86_400

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Scrubber:
    """Belongs to one worker. Two that work at once do no harm."""

    database: Database
    transfer: Transfer
    clock: Clock
    worker_id: str
    every_days: int
    silent_seconds: float
    """A worker without a heartbeat for so long leaves this to the next one."""

    async def work(self) -> int:
        """Reads what is due, as long as it is this worker's turn; how many assets.

        What the store cannot say is logged and left to the next round. Raises `DatabaseError`.
        Crash: what was read is recorded in the assets' rows, the next round goes on with the others.
        """
        every_seconds = self.every_days * _DAY_SECONDS
        count, total_bytes = await stored_assets.extent(self.database)
        pace = self.transfer.pace(max(_LEAST_RATE, _HASTE * total_bytes / every_seconds))
        pause_seconds = min(_LONGEST_PAUSE_SECONDS, every_seconds / (_HASTE * max(1, count)))
        before = self.clock().plus_seconds(-every_seconds)
        read, after = 0, ""
        while await self._is_its_turn():
            page = await stored_assets.long_unread(self.database, after=after, before=before, limit=_PAGE)
            if not page:
                break
            after = page[-1].id
            for asset in page:
                try:
                    await verify_asset(self.database, self.transfer, self.clock, asset, pace)
                except StoreError as error:
                    _log.warning("asset %s could not be read, and is tried again later: %s", asset.id, error)
                read += 1
                await asyncio.sleep(pause_seconds)
        return read

    async def _is_its_turn(self) -> bool:
        alive_since = self.clock().plus_seconds(-self.silent_seconds).milliseconds
        return await workers.first(self.database, alive_since) == self.worker_id
