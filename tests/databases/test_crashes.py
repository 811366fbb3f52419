"""A process that dies in the midst of a transaction, or right after it, on both databases."""

from __future__ import annotations

import subprocess
import sys

from tests.databases.rows import SCOPE, add_parents, add_running_job, an_id, item, job, revision

from entrepot.database import assets, job_items, job_runs, jobs
from entrepot.database.connection import Database
from entrepot.database.job_runs import QueuedRun
from entrepot.domain.job import JobState, Progress, RunId

STARTED, FINISHED, HANDED_BACK, PLANNED = "started", "finished", "handed back", "planned"

_PROGRAM = """
import asyncio, os, signal, sys
from entrepot.database import assets, job_items, job_runs, jobs, postgresql, sqlite
from entrepot.database.connection import open_database
from entrepot.domain.job import JobState, RunId
from tests.databases.rows import an_id, asset, at, item

async def start(c):
    await jobs.start(c, an_id("started"), now=at(5))

async def finish(c):
    await assets.insert_many(c, [asset("one"), asset("two")])
    end = {"state": JobState.COMPLETED, "details_json": None, "errors": (), "now": at(5)}
    assert await jobs.finish(c, an_id("finished"), attempt=1, **end)

async def hand_back(c):
    await job_runs.hand_back(c, [RunId(an_id("handed back"), 1)], at(5))

async def plan(c):
    await job_items.record_plan(c, an_id("planned"), 1, [item(0), item(1)])

async def die(url, what, when):
    database = await open_database(url)
    async with database.transaction() as c:
        await what(c)
        if when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)

for what in (start, finish, hand_back, plan):  # each in a process of its own
    child = os.fork()
    if child == 0:
        asyncio.run(die(sys.argv[1], what, sys.argv[2]))
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
"""


async def _make_jobs(database: Database) -> None:
    await add_parents(database)
    await jobs.insert(database, job(STARTED))
    for name in (FINISHED, HANDED_BACK, PLANNED):
        await add_running_job(database, name)


async def _die(url: str, when: str) -> None:
    """Does all four things, each in a process that kills itself before or after the commit."""
    subprocess.run([sys.executable, "-c", _PROGRAM, url, when], check=True)


async def _state_of(database: Database, name: str) -> tuple[JobState, int]:
    found = await jobs.get(database, SCOPE, an_id(name))
    assert found is not None
    return found.state, found.attempt


async def test_a_process_that_dies_before_its_commit_has_done_nothing(
    database: Database, database_url: str
) -> None:
    await _make_jobs(database)
    await _die(database_url, "before")
    assert await _state_of(database, STARTED) == (JobState.WAITING, 0)
    assert await _state_of(database, FINISHED) == (JobState.IN_PROGRESS, 1)
    assert await assets.count(database, SCOPE, revision().id) == 0
    assert await _state_of(database, HANDED_BACK) == (JobState.IN_PROGRESS, 1)
    assert await job_items.load(database, an_id(PLANNED)) == []
    assert await job_runs.get(database, an_id(PLANNED)) == QueuedRun(False, Progress(0, 0, 0, 0))
    claimed = await job_runs.claim(database, "a worker", 9)
    assert set(claimed) == {RunId(an_id(name), 1) for name in (FINISHED, HANDED_BACK, PLANNED)}


async def test_a_process_that_dies_after_its_commit_has_done_everything(
    database: Database, database_url: str
) -> None:
    await _make_jobs(database)
    await _die(database_url, "after")
    assert await _state_of(database, STARTED) == (JobState.IN_PROGRESS, 1)
    assert await _state_of(database, FINISHED) == (JobState.COMPLETED, 1)
    assert await assets.count(database, SCOPE, revision().id) == 2
    assert await _state_of(database, HANDED_BACK) == (JobState.IN_PROGRESS, 2)
    assert await job_items.load(database, an_id(PLANNED)) == [item(0), item(1)]
    assert await job_runs.get(database, an_id(PLANNED)) == QueuedRun(True, Progress(2, 0, 201, 0))
    claimed = await job_runs.claim(database, "a worker", 9)
    expected = {RunId(an_id(STARTED), 1), RunId(an_id(HANDED_BACK), 2), RunId(an_id(PLANNED), 1)}
    assert set(claimed) == expected
