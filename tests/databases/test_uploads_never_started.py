"""Uploads for jobs that nobody starts go after a while, on both databases."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.databases.rows import SCOPE, at, job

from entrepot.database import garbage, jobs
from entrepot.database.connection import Database
from entrepot.domain.identifiers import upload_store_key
from entrepot.domain.job import Job, JobState, JobType
from entrepot.jobs import sweeps
from entrepot.jobs.registry import DEFINITIONS
from entrepot.jobs.sweeps import sweep_uploads
from entrepot.stores.local import LocalStore

UPLOAD = JobType.IMPORT_ASSET_FROM_SIGNED_URL


async def state_of(database: Database, one: Job) -> JobState:
    found = await jobs.get_unscoped(database, one.id)
    assert found is not None
    return found.state


async def test_a_job_that_waits_for_long_with_an_upload_is_cancelled_and_the_upload_is_garbage(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeps, "PAGE", 2)
    store = LocalStore(tmp_path)
    old = [replace(job(f"old {n}", created_at=at(n)), type=UPLOAD) for n in range(3)]
    young = replace(job("young", created_at=at(200)), type=UPLOAD)
    running = replace(job("running", created_at=at(1)), type=UPLOAD)
    without = replace(job("without", created_at=at(1)), type=UPLOAD)
    async with database.transaction() as connection:
        for each in (*old, young, running, without):
            await jobs.insert(connection, each)
    assert await jobs.start(database, running.id, now=at(2))
    for each in (*old, young, running):
        store.put(upload_store_key(each.id), memoryview(b"x"), 1)
    store.put("uploads/ff/nothing", memoryview(b"x"), 1)

    async def sweep() -> int:
        return await sweep_uploads(database, store, DEFINITIONS, created_before=at(100), now=at(300))

    assert await sweep() == len(old)
    assert [await state_of(database, each) for each in old] == [JobState.CANCELLED] * 3
    assert await state_of(database, young) is JobState.WAITING
    assert await state_of(database, running) is JobState.IN_PROGRESS
    assert await state_of(database, without) is JobState.WAITING
    assert sorted(await garbage.page(database, 10)) == sorted(upload_store_key(each.id) for each in old)
    assert await sweep() == 0


async def test_the_waiting_jobs_of_an_account_are_found_in_all_regions(database: Database) -> None:
    mine = replace(job("mine", created_at=at(0)), type=UPLOAD)
    there = replace(job("there", scope=replace(SCOPE, region="eu-west-3"), created_at=at(0)), type=UPLOAD)
    of_another = job("other", scope=replace(SCOPE, account_id="9" * 12), created_at=at(0))
    async with database.transaction() as connection:
        for each in (mine, there, replace(of_another, type=UPLOAD)):
            await jobs.insert(connection, each)
    assert await jobs.cancel(database, mine.id, now=at(1))
    found = await jobs.waiting_of_account(database, SCOPE.account_id, UPLOAD, 10)
    assert found == [there.id]
