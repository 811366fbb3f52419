"""A database with jobs in its queue, for workers to live on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.databases import rows
from tests.servers.sqlite import open_hastily

from entrepot.database import data_sets, job_runs, jobs, revisions, workers
from entrepot.database.connection import Database
from entrepot.database.migrate import migrate
from entrepot.domain.job import RunId
from entrepot.domain.timestamp import Timestamp


@dataclass
class Queue:
    """The queue, and the clock its workers go by."""

    database: Database
    now: Timestamp = field(default_factory=lambda: rows.at(0))

    def clock(self) -> Timestamp:
        return self.now

    async def add(self, name: str) -> RunId:
        """A job that was started a moment ago."""
        job = rows.job(name)
        await jobs.insert(self.database, job)
        assert await jobs.start(self.database, job.id, now=self.now)
        return RunId(job.id, 1)

    async def claim(self, worker_id: str) -> list[RunId]:
        """What a worker that has given a sign of life this moment gets."""
        await workers.beat(self.database, worker_id, self.now)
        return await job_runs.claim(self.database, worker_id, 100)


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("queue") / "migrated.sqlite"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture
async def queue(tmp_path: Path, migrated_file: Path) -> AsyncIterator[Queue]:
    path = tmp_path / "entrepot.sqlite"
    path.write_bytes(migrated_file.read_bytes())
    database = await open_hastily(f"sqlite:///{path}")
    await data_sets.insert(database, rows.data_set())
    await revisions.insert(database, rows.revision())
    yield Queue(database)
    await database.close()
