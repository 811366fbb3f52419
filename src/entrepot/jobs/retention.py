"""Forgets jobs that are older than the exchange keeps them: 90 days on AWS [C].

One that runs is never forgotten, however old; one that still waits is, and what was uploaded for it becomes
garbage. The sweep is called from time to time by every worker; two at once do no harm.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING

from entrepot.database import garbage, jobs
from entrepot.domain.job import JobType
from entrepot.domain.timestamp import Timestamp
from entrepot.jobs.definition import JobDefinition

if TYPE_CHECKING:
    from entrepot.database.connection import Database

BATCH = 200
"""How many jobs one transaction forgets; requests that write wait for it."""
MOST_IN_A_SWEEP = 10_000
"""After so many the sweep ends; the next one goes on."""


async def sweep_old_jobs(
    database: Database,
    definitions: Mapping[JobType, JobDefinition],
    created_before: Timestamp,
    *,
    batch: int = BATCH,
    most: int = MOST_IN_A_SWEEP,
) -> int:
    """Forgets the jobs that were created before the moment, the oldest of an account first; how many.

    Crash: each batch is forgotten whole, its leftovers noted as garbage, or stays for the next sweep.
    """
    forgotten = 0
    async for place in _places(database):
        count = batch if await jobs.oldest(database, *place, created_before, 1) else 0
        while count == batch:
            count = await _forget_some(database, definitions, place, created_before, batch)
            forgotten += count
            if forgotten >= most:
                return forgotten
    return forgotten


async def _places(database: Database) -> AsyncIterator[tuple[str, str]]:
    """Every account and Region that has jobs, by one indexed read for each."""
    place = await jobs.next_place(database, "", "")
    while place is not None:
        yield place
        place = await jobs.next_place(database, *place)


async def _forget_some(
    database: Database,
    definitions: Mapping[JobType, JobDefinition],
    place: tuple[str, str],
    created_before: Timestamp,
    batch: int,
) -> int:
    async with database.transaction() as connection:
        old = await jobs.oldest(connection, *place, created_before, batch)
        known = [(definitions[job.type], job) for job in old if job.type in definitions]
        await garbage.record(connection, [key for one, job in known for key in one.leftovers(job)])
        await jobs.remove(connection, old)
    return len(old)
