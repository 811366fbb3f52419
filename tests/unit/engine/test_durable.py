"""The engine on DBOS, on a database of its own; what a killed process leaves is made by killing one."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from entrepot.domain.errors import DatabaseUnavailable
from entrepot.domain.job import RunId
from entrepot.engine.durable import DurableEngine
from entrepot.engine.engine import RunFunction

ME = "0a0a0a0a-0"
DIES = """
import asyncio, os, sys
from entrepot.domain.job import RunId
from entrepot.engine.durable import DurableEngine

async def run(run_id):
    os._exit(9)

async def main():
    engine = DurableEngine(sys.argv[1], sys.argv[2], concurrency=4)
    await engine.start(run)
    await engine.submit(RunId("job", 3))
    await asyncio.sleep(60)

asyncio.run(main())
"""


@asynccontextmanager
async def engine(path: Path, run: RunFunction) -> AsyncIterator[DurableEngine]:
    made = DurableEngine(f"sqlite:///{path}", ME, concurrency=4)
    await made.start(run)
    try:
        yield made
    finally:
        await made.stop()
        await made.close()


class Begun:
    """Collects the runs that began."""

    def __init__(self) -> None:
        self.runs: asyncio.Queue[RunId] = asyncio.Queue()

    async def __call__(self, run_id: RunId) -> None:
        self.runs.put_nowait(run_id)

    async def next(self) -> RunId:
        async with asyncio.timeout(30):
            return await self.runs.get()


async def test_a_run_is_done_on_the_loop_that_started_the_engine(tmp_path: Path) -> None:
    loops: asyncio.Queue[asyncio.AbstractEventLoop] = asyncio.Queue()

    async def run(run_id: RunId) -> None:
        loops.put_nowait(asyncio.get_running_loop())

    async with engine(tmp_path / "engine.sqlite", run) as started:
        await started.submit(RunId("job", 1))
        assert await loops.get() is asyncio.get_running_loop()


async def test_the_same_run_is_done_once_and_the_next_attempt_is_another(tmp_path: Path) -> None:
    begun = Begun()
    async with engine(tmp_path / "engine.sqlite", begun) as started:
        for run_id in (RunId("job", 1), RunId("job", 1), RunId("job", 2)):
            await started.submit(run_id)
        assert {await begun.next(), await begun.next()} == {RunId("job", 1), RunId("job", 2)}
        assert begun.runs.empty()
        await started.submit(RunId("job", 1), again=True)
        assert await begun.next() == RunId("job", 1)


async def test_a_run_that_raises_breaks_nothing_else(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    begun = Begun()

    async def run(run_id: RunId) -> None:
        if run_id.job_id == "bad":
            raise ConnectionError("no database")
        await begun(run_id)

    async with engine(tmp_path / "engine.sqlite", run) as started:
        await started.submit(RunId("bad", 1))
        await started.submit(RunId("good", 1))
        assert await begun.next() == RunId("good", 1)
    assert "run bad.1 broke off" in caplog.text


async def test_stopping_cancels_what_runs(tmp_path: Path) -> None:
    begun, cancelled = Begun(), asyncio.Event()

    async def run(run_id: RunId) -> None:
        await begun(run_id)
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    async with engine(tmp_path / "engine.sqlite", run) as started:
        await started.submit(RunId("job", 1))
        await begun.next()
    assert cancelled.is_set()


async def test_what_a_killed_process_had_begun_begins_again_by_itself(tmp_path: Path) -> None:
    path = tmp_path / "engine.sqlite"
    killed = subprocess.run([sys.executable, "-c", DIES, f"sqlite:///{path}", ME], check=False, timeout=60)
    assert killed.returncode == 9
    begun = Begun()
    async with engine(path, begun) as started:
        await started.submit(RunId("job", 3))
        assert await begun.next() == RunId("job", 3)


async def test_what_another_worker_had_begun_is_left_to_it(tmp_path: Path) -> None:
    path = tmp_path / "engine.sqlite"
    subprocess.run([sys.executable, "-c", DIES, f"sqlite:///{path}", "0b0b0b0b-0"], check=False, timeout=60)
    begun = Begun()
    async with engine(path, begun) as started:
        await started.submit(RunId("mine", 1))
        assert await begun.next() == RunId("mine", 1)
        assert begun.runs.empty()


async def test_ended_runs_do_not_pile_up(tmp_path: Path) -> None:
    path, begun = tmp_path / "engine.sqlite", Begun()
    async with engine(path, begun) as started:
        await started.submit(RunId("job", 1))
        await begun.next()
    async with engine(path, begun):
        pass
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM workflow_status").fetchone() == (0,)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


async def test_a_database_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    (tmp_path / "engine.sqlite").write_bytes(
        b"this is no database, but it is long enough to be read as one" * 99
    )
    unusable = DurableEngine(f"sqlite:///{tmp_path}/engine.sqlite", ME, concurrency=4)
    with pytest.raises(DatabaseUnavailable, match="job engine"):
        await unusable.start(Begun())
    await unusable.close()
