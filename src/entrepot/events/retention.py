"""Events do not stay for ever: readers have had their time."""

from __future__ import annotations

from entrepot.database import events as table
from entrepot.database.connection import Database
from entrepot.domain.timestamp import Timestamp

PAGE = 500


async def sweep_events(database: Database, before: Timestamp) -> int:
    """Deletes the events from before that moment, with their deliveries; returns how many.

    Called from time to time by every worker; two at once do no harm. Crash: some of them are gone already.
    """
    deleted = 0
    while page := await table.forget(database, before, PAGE):
        deleted += page
    return deleted
