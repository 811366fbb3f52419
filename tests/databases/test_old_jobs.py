"""Old jobs disappear with all that is theirs, on both databases."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import psycopg
import pytest
from tests.databases.rows import ELSEWHERE, SCOPE, an_id, at, job

from entrepot.database import garbage, job_items, job_runs, jobs
from entrepot.database.connection import Database, Statements
from entrepot.database.postgresql import dialect as postgresql_dialect
from entrepot.domain.identifiers import upload_store_key
from entrepot.domain.job import Job, JobItem, JobState, JobType, Location
from entrepot.jobs.registry import DEFINITIONS
from entrepot.jobs.sweeps import sweep_old_jobs

REVISIONS = (an_id("r1"), an_id("r2"))


async def add(database: Database, *every: Job) -> None:
    async with database.transaction() as connection:
        for each in every:
            await jobs.insert(connection, each)


async def remaining(database: Database, *every: Job) -> list[str]:
    return [each.id for each in every if await jobs.get_unscoped(database, each.id) is not None]


async def test_jobs_older_than_the_moment_go_and_younger_ones_stay(database: Database) -> None:
    places = (SCOPE, *ELSEWHERE, replace(SCOPE, account_id="000000000000"))
    old = [
        job(f"old {n} {s}", scope=s, created_at=at(n), revision_ids=REVISIONS)
        for s in places
        for n in range(5)
    ]
    new = [
        job(f"new {n} {s}", scope=s, created_at=at(100 + n), revision_ids=REVISIONS)
        for s in places[1:]
        for n in range(2)
    ]
    await add(database, *old, *new)
    assert await sweep_old_jobs(database, DEFINITIONS, at(100), batch=2) == len(old)
    assert await remaining(database, *old, *new) == [each.id for each in new]
    for place in places:
        left = await jobs.page(database, place, revision_id=REVISIONS[0], after=None, limit=99)
        assert {each.id for each in left} == {each.id for each in new if each.scope == place}
    assert await sweep_old_jobs(database, DEFINITIONS, at(100)) == 0


async def test_a_job_that_runs_stays_however_old_it_is(database: Database) -> None:
    running, ended = job("running", created_at=at(0)), job("ended", created_at=at(1))
    await add(database, running, ended)
    for each in (running, ended):
        assert await jobs.start(database, each.id, now=at(2))
    item = JobItem(0, "a", Location("bucket", "a"), Location(None, "a"), 1, None)
    await job_items.record_plan(database, running.id, 1, [item])
    assert await jobs.finish(
        database, ended.id, attempt=1, state=JobState.COMPLETED, details_json=None, errors=(), now=at(3)
    )
    assert await sweep_old_jobs(database, DEFINITIONS, at(100)) == 1
    assert await remaining(database, running, ended) == [running.id]
    assert await job_items.load(database, running.id) == [item]
    assert await job_runs.get(database, running.id) is not None


async def test_what_was_uploaded_for_a_job_that_waited_is_garbage(database: Database) -> None:
    waiting = job("waiting", type=JobType.IMPORT_ASSET_FROM_SIGNED_URL, created_at=at(0))
    await add(database, waiting)
    assert await sweep_old_jobs(database, DEFINITIONS, at(1)) == 1
    assert await garbage.page(database, 10) == [upload_store_key(waiting.id)]


async def test_one_sweep_ends_after_so_many_and_the_next_goes_on(database: Database) -> None:
    every = [job(f"{n}", created_at=at(n)) for n in range(10)]
    await add(database, *every)
    assert await sweep_old_jobs(database, DEFINITIONS, at(100), batch=2, most=4) == 4
    assert await remaining(database, *every) == [each.id for each in every[4:]]
    assert await sweep_old_jobs(database, DEFINITIONS, at(100), batch=2, most=99) == 6


async def test_two_sweeps_at_once_forget_each_job_once(database: Database, other: Database) -> None:
    every = [job(f"{n}", created_at=at(n), revision_ids=REVISIONS) for n in range(60)]
    await add(database, *every)
    counts = await asyncio.gather(
        *(sweep_old_jobs(one, DEFINITIONS, at(100), batch=5) for one in (database, other, database))
    )
    counts.append(await sweep_old_jobs(database, DEFINITIONS, at(100)))  # what all had left to another
    assert sum(counts) == 60
    assert await remaining(database, *every) == []


async def test_a_job_is_started_or_forgotten_never_both(database: Database, other: Database) -> None:
    every = [job(f"{n}", created_at=at(n)) for n in range(30)]
    await add(database, *every)

    async def start_all() -> list[str]:
        return [each.id for each in every if await jobs.start(other, each.id, now=at(50))]

    started, forgotten = await asyncio.gather(
        start_all(), sweep_old_jobs(database, DEFINITIONS, at(100), batch=3)
    )
    assert len(started) + forgotten + await sweep_old_jobs(database, DEFINITIONS, at(100)) == 30
    assert sorted(await remaining(database, *every)) == sorted(started)


@pytest.mark.postgresql
def test_postgresql_walks_one_index_and_sorts_nothing(migrated_postgresql_url: str) -> None:
    """With thousands of rows, and as many accounts as a planner may take for few."""
    fill = """INSERT INTO jobs
        SELECT md5(n::text), (111111111111 + n % 5)::text, 'us-east-1', 'aws', 't', 'COMPLETED', 1, n, n,
            md5('d'), md5('r'), '{}', NULL, NULL, NULL FROM generate_series(1, 20000) n"""
    statements = Statements(postgresql_dialect())
    place = {"account_id": "111111111113", "region": "us-east-1"}
    queries = {
        jobs._NEXT_PLACE: {f"after_{name}": value for name, value in place.items()},
        jobs._OLDEST: {**place, "before": 15_000, "limit": 200},
    }
    with psycopg.connect(migrated_postgresql_url) as connection:
        connection.execute(fill)
        connection.execute("ANALYZE")
        for query, values in queries.items():
            compiled = statements[query]
            rows = connection.execute(
                f"EXPLAIN {compiled.text}".encode(), dict(compiled.with_constants(values))
            ).fetchall()
            plan = "\n".join(row[0] for row in rows)
            assert "using jobs_newest" in plan, plan
            assert "Sort" not in plan
            assert "Seq Scan" not in plan
        connection.rollback()
