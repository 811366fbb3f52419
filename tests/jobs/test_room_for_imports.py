"""An import leaves the database its reserve of the disk, and begins nothing that has no room."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.jobs.harness import Harness, import_details, opened
from tests.jobs.test_imports import md5, upload_job
from tests.transfer.faulty_store import FaultyStore

from entrepot.domain.identifiers import upload_store_key
from entrepot.domain.job import Job, JobErrorCode, JobState, JobType
from entrepot.jobs.sweeps import sweep_garbage
from entrepot.stores.local import LocalStore

MORE_THAN_ANY_DISK_BYTES = 2**60


class RoomTaken(FaultyStore):
    """Has room when it is asked, and none when it is written to: others were faster."""

    def require_room(self, size_bytes: int) -> None:
        """Says that there is room."""


async def imported(harness: Harness) -> Job:
    revision = await harness.revision()
    harness.put("source", {"a.csv": b"a" * 1000, "b.csv": b"b" * 234})
    job = await harness.create(
        JobType.IMPORT_ASSETS_FROM_S3, import_details(revision, "source", ["a.csv", "b.csv"])
    )
    ended = await harness.finish(job)
    assert await harness.assets(revision) == []
    assert await harness.nothing_is_left_of(job)
    return ended


async def test_an_import_that_needs_the_reserve_ends_before_it_writes(
    tmp_path: Path, template: Path, caplog: pytest.LogCaptureFixture
) -> None:
    own = FaultyStore(LocalStore(tmp_path / "own", reserve_bytes=MORE_THAN_ANY_DISK_BYTES))
    caplog.set_level("WARNING")
    async with opened(tmp_path, template=template, own=own) as harness:
        job = await imported(harness)
    (error,) = job.errors
    assert (job.state, error.code) == (JobState.ERROR, JobErrorCode.INTERNAL_SERVER_EXCEPTION)
    assert error.message.startswith("The disk of the exchange's store has no space left for the 1,234 bytes")
    assert str(tmp_path) not in error.message
    assert f"The disk of {tmp_path / 'own'} has no room" in caplog.text
    assert own.calls["put"] == 0


async def test_an_import_that_loses_its_room_under_way_ends_and_leaves_nothing(
    tmp_path: Path, template: Path, caplog: pytest.LogCaptureFixture
) -> None:
    full = LocalStore(tmp_path / "own", reserve_bytes=MORE_THAN_ANY_DISK_BYTES)
    own = RoomTaken(full, server_side=False)
    async with opened(tmp_path, template=template, own=own) as harness:
        job = await imported(harness)
        await sweep_garbage(harness.database, harness.transfer)
        assert harness.stored_keys() == set()
    (error,) = job.errors
    assert (job.state, error.code) == (JobState.ERROR, JobErrorCode.INTERNAL_SERVER_EXCEPTION)
    assert "The exchange's store has no space left for" in error.message
    assert str(tmp_path) not in error.message
    assert f"The disk of {tmp_path / 'own'} has no room" in caplog.text


async def test_a_file_that_was_uploaded_needs_no_more_room_to_become_an_asset(
    tmp_path: Path, template: Path
) -> None:
    own = LocalStore(tmp_path / "own", reserve_bytes=MORE_THAN_ANY_DISK_BYTES)
    async with opened(tmp_path, template=template, own=own) as harness:
        revision = await harness.revision()
        job = await upload_job(harness, revision, None, md5_hash=md5(b"a,b"))
        LocalStore(tmp_path / "own").put(upload_store_key(job.id), memoryview(b"a,b"), 3)
        assert (await harness.finish(job)).state is JobState.COMPLETED
        (asset,) = await harness.assets(revision)
        assert harness.content(asset) == b"a,b"
