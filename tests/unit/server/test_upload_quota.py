"""What an account has waiting is looked up when it matters, and never more often."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from entrepot.domain.identifiers import upload_store_key
from entrepot.s3_gateway.s3_errors import ObjectRefused
from entrepot.server.upload_quota import UploadQuota
from entrepot.stores.local import LocalStore

ACCOUNT, OTHER = "1" * 12, "2" * 12
JOBS = [f"{number:032x}" for number in range(3)]


class Waiting:
    """The jobs of accounts, and how often they were asked for."""

    def __init__(self, **jobs: list[str]) -> None:
        self.jobs = jobs
        self.looks = 0

    async def __call__(self, account_id: str) -> list[str]:
        self.looks += 1
        return self.jobs.get(f"of_{account_id}", [])


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    """With an upload of 100 bytes for each of two jobs."""
    made = LocalStore(tmp_path)
    for job_id in JOBS[:2]:
        made.put(upload_store_key(job_id), memoryview(bytes(100)), 100)
    return made


@pytest.fixture
def executor() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as made:
        yield made


async def test_what_is_stored_for_waiting_jobs_counts(
    store: LocalStore, executor: ThreadPoolExecutor
) -> None:
    waiting = Waiting(**{f"of_{ACCOUNT}": JOBS})
    quota = UploadQuota(store, executor, waiting, 250)
    await quota.require_room(ACCOUNT, 50, 0)
    with pytest.raises(ObjectRefused) as refused:
        await quota.require_room(ACCOUNT, 51, 0)
    assert (refused.value.problem.status, refused.value.problem.code) == (507, "InsufficientStorage")
    assert "Start those jobs, or cancel them" in refused.value.problem.message
    await quota.require_room(OTHER, 250, 0)


async def test_what_is_under_way_counts(store: LocalStore, executor: ThreadPoolExecutor) -> None:
    quota = UploadQuota(store, executor, Waiting(), 250)
    await quota.require_room(ACCOUNT, 50, 200)
    with pytest.raises(ObjectRefused):
        await quota.require_room(OTHER, 51, 200)


async def test_it_is_looked_up_once_and_again_where_it_may_be_too_much(
    store: LocalStore, executor: ThreadPoolExecutor
) -> None:
    waiting = Waiting(**{f"of_{ACCOUNT}": JOBS})
    quota = UploadQuota(store, executor, waiting, 1000)
    for _ in range(8):
        await quota.require_room(ACCOUNT, 100, 0)
    assert waiting.looks == 1
    waiting.jobs.clear()  # all started
    await quota.require_room(ACCOUNT, 100, 0)
    assert waiting.looks == 2
