"""Deletes the bytes that nothing refers to any more.

Transactions note the keys of such bytes beside what they do (`store_garbage`), so bytes outlive rows and
never the reverse. The sweep is called from time to time by every worker; two at once do no harm.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from entrepot.database import garbage
from entrepot.domain.errors import StoreError
from entrepot.domain.job_error import Location
from entrepot.jobs.crash_points import CrashPoint, nothing

if TYPE_CHECKING:
    from entrepot.database.connection import Database
    from entrepot.transfer.transfer import Transfer

PAGE = 500

_log = logging.getLogger(__name__)


async def sweep_garbage(
    database: Database, transfer: Transfer, at: Callable[[CrashPoint], None] = nothing
) -> int:
    """Deletes what is noted, and the notes; returns how many keys. What an export still reads stays for now.

    A store that refuses is left alone until the next sweep; that is logged and raises nothing.
    Crash: bytes are deleted before their note is; a note without bytes is deleted by the next sweep.
    """
    deleted = 0
    while keys := await garbage.page(database, PAGE):
        gone = []
        for key in keys:
            try:
                await transfer.delete(Location(None, key))
            except StoreError as error:
                _log.warning("garbage stays in the store until the next sweep: %s", error)
                break
            gone.append(key)
        at(CrashPoint.GARBAGE_DELETED)
        await garbage.remove(database, gone)
        deleted += len(gone)
        if len(gone) < len(keys):
            break
    return deleted
