"""A worker that is killed on the line between what it did outside and its record of it, on both databases."""

from __future__ import annotations

import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.databases.rows import an_id
from tests.provisioning.fixtures import KIND, OWNER, Fixtures

from entrepot.database import data_grants, external_access
from entrepot.database.connection import Database
from entrepot.domain.external_access import AccessState
from entrepot.entitlements.provisioning.provisioners import Entry, Given
from entrepot.entitlements.provisioning.reconciler import LEASE_SECONDS, Reconciler

_PROGRAM = """
import asyncio, os, signal, sys
from pathlib import Path
from entrepot.entitlements.provisioning.reconciler import Reconciler
from entrepot.database.connection import open_database
from tests.provisioning.test_crashes import FileProvisioner
from tests.databases.rows import at

class Dying(FileProvisioner):
    async def give(self, entry):
        await super().give(entry)
        os.kill(os.getpid(), signal.SIGKILL)

    async def withdraw(self, entry, given):
        await super().withdraw(entry, given)
        os.kill(os.getpid(), signal.SIGKILL)

async def work():
    keeper = Dying(Path(sys.argv[2]))
    await Reconciler(await open_database(sys.argv[1]), [keeper], lambda: at(0)).settle()

asyncio.run(work())
"""


@dataclass
class FileProvisioner:
    """Gives by a file, which outlives processes."""

    folder: Path
    asset_type = KIND
    renewed_after_seconds = None

    def is_shared(self, entry: Entry) -> bool:
        return False

    async def give(self, entry: Entry) -> Given | None:
        self._file(entry).touch()
        return {"File": entry.asset_id}

    async def withdraw(self, entry: Entry, given: Given | None) -> None:
        self._file(entry).unlink(missing_ok=True)

    def _file(self, entry: Entry) -> Path:
        return self.folder / f"{entry.grant_id} {entry.asset_id}"


async def test_a_worker_that_is_killed_leaves_nothing_forgotten(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    def die() -> None:
        line = [sys.executable, "-c", _PROGRAM, database_url, str(folder)]
        assert subprocess.run(line, check=False).returncode == -signal.SIGKILL

    async def state() -> AccessState | None:
        found = await external_access.get(database, an_id("a grant"), an_id("ds sales"))
        return None if found is None else found.state

    folder = tmp_path / "outside"
    folder.mkdir()
    fixtures = Fixtures(database)
    await fixtures.share()
    await fixtures.grant()
    reconciler = Reconciler(database, [FileProvisioner(folder)], fixtures.clock)

    die()
    assert (await state(), len(list(folder.iterdir()))) == (AccessState.GIVING, 1)
    fixtures.passes(LEASE_SECONDS)
    await reconciler.settle()
    assert await state() is AccessState.GIVEN

    await data_grants.delete(database, OWNER, an_id("a grant"))
    die()
    assert (await state(), list(folder.iterdir())) == (AccessState.WITHDRAWING, [])
    fixtures.passes(LEASE_SECONDS)
    await reconciler.settle()
    assert await state() is None

    await fixtures.grant()
    die()
    await data_grants.delete(database, OWNER, an_id("a grant"))
    assert len(list(folder.iterdir())) == 1
    fixtures.passes(LEASE_SECONDS)
    await reconciler.settle()
    assert (await state(), list(folder.iterdir())) == (None, [])
