"""Sweeps that every worker does from time to time; two at once do no harm.

Garbage: transactions note the keys of bytes that nothing refers to any more beside what they do
(`store_garbage`), so bytes outlive rows and never the reverse.

Uploads whose jobs were never started: the jobs are cancelled after a while (a setting).

Uploads in parts: those that were begun in the store and that no job knows of are aborted.

Old jobs: those older than the exchange keeps them, 90 days on AWS [C], are forgotten. One that runs never is,
however old; one that still waits is, and what was uploaded for it becomes garbage.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from typing import TYPE_CHECKING

from entrepot.database import garbage, job_items, jobs
from entrepot.domain.errors import StoreError
from entrepot.domain.identifiers import UPLOADS_PREFIX, job_of_upload
from entrepot.domain.job import JobState, JobType, Location
from entrepot.domain.timestamp import Timestamp
from entrepot.jobs.crash_points import CrashPoint, nothing
from entrepot.jobs.definition import JobDefinition

if TYPE_CHECKING:
    from entrepot.database.connection import Database
    from entrepot.stores.store import ObjectStore
    from entrepot.transfer.transfer import Transfer


PAGE = 500
ENOUGH_REFUSALS = 5
"""After so many refusals in a row it is the store that fails, not an object."""

_log = logging.getLogger(__name__)


async def sweep_garbage(
    database: Database, transfer: Transfer, at: Callable[[CrashPoint], None] = nothing
) -> int:
    """Deletes what is noted, and the notes; returns how many keys. What an export still reads stays for now.

    What the store refuses to delete is logged, and put behind everything else: a later sweep tries it again.
    A store that refuses `ENOUGH_REFUSALS` one after the other is left alone until the next sweep.
    Crash: bytes are deleted before their note is; a note without bytes is deleted by the next sweep.
    """
    deleted = 0
    refused: set[str] = set()
    in_a_row = 0
    while keys := [key for key in await garbage.page(database, PAGE) if key not in refused]:
        gone: list[str] = []
        put_off: list[str] = []
        for key in keys:
            try:
                await transfer.delete(Location(None, key))
            except StoreError as error:
                _log.warning("garbage stays in the store until a later sweep: %r: %s", key, error)
                put_off.append(key)
                in_a_row += 1
                if in_a_row == ENOUGH_REFUSALS:
                    break
            else:
                gone.append(key)
                in_a_row = 0
        at(CrashPoint.GARBAGE_DELETED)
        await garbage.remove(database, gone)
        await garbage.put_off(database, put_off)
        deleted += len(gone)
        refused.update(put_off)
        if in_a_row == ENOUGH_REFUSALS:
            break
    return deleted


async def sweep_uploads(
    database: Database,
    store: ObjectStore,
    definitions: Mapping[JobType, JobDefinition],
    *,
    created_before: Timestamp,
    now: Timestamp,
) -> int:
    """Cancels the jobs that were created before the moment, have an upload, and were never started; how many.

    Found by what lies in the store, which is little: a job's start, or its cancelling, takes it away.
    Raises `StoreError`.
    Crash: each is cancelled and its upload noted as garbage, or waits for the next sweep.
    """
    cancelled, after = 0, ""
    while True:
        page = await asyncio.to_thread(store.list, UPLOADS_PREFIX, after=after, limit=PAGE)
        for found in page:
            job_id = job_of_upload(found.key)
            job = None if job_id is None else await jobs.get_unscoped(database, job_id)
            if job is None or job.created_at >= created_before or job.state is not JobState.WAITING:
                continue
            async with database.transaction() as connection:
                if await jobs.cancel(connection, job.id, now=now):
                    await garbage.record(connection, definitions[job.type].leftovers(job))
                    cancelled += 1
        if len(page) < PAGE:
            return cancelled
        after = page[-1].key


async def sweep_unknown_uploads(database: Database, transfer: Transfer) -> int:
    """Aborts the uploads in the exchange's own store that no job goes on with; returns how many.

    A worker may die, and the store's answer be lost, before anybody knows the id of an upload. Its key tells:
    it is in the plan of a job before the upload begins, and no other attempt writes to it.
    Crash: what is not aborted yet is found again.
    """
    begun = await transfer.unfinished_uploads()
    if not begun:
        return 0
    needed = await job_items.written_to(database, {key for key, _ in begun})
    left = [(key, upload_id) for key, upload_id in begun if key not in needed]
    for key, upload_id in left:
        await transfer.throw_away(key, upload_id)
    return len(left)


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
