"""Which attempts may have left objects behind, on both databases."""

from __future__ import annotations

from dataclasses import replace

from tests.databases.rows import at, job

from entrepot.database import garbage, jobs
from entrepot.database.connection import Database
from entrepot.domain.job import Job, JobState


async def test_attempts_that_lost_their_job_and_jobs_that_did_not_complete_are_told(
    database: Database,
) -> None:
    rows: list[tuple[str, JobState, int, int]] = [
        ("waits", JobState.WAITING, 0, 9),
        ("runs", JobState.IN_PROGRESS, 1, 9),
        ("runs again", JobState.IN_PROGRESS, 3, 9),
        ("completed", JobState.COMPLETED, 1, 9),
        ("completed later", JobState.COMPLETED, 2, 9),
        ("failed", JobState.ERROR, 1, 9),
        ("timed out", JobState.TIMED_OUT, 2, 9),
        ("cancelled", JobState.CANCELLED, 1, 5),
        ("failed long ago", JobState.ERROR, 1, 4),
    ]
    made = {row[0]: of(*row) for row in rows}
    async with database.transaction() as connection:
        for each in made.values():
            await jobs.insert(connection, each)
    names = {each.id: name for name, each in made.items()}
    lost = await jobs.lost_attempts(database, at(5))
    assert {names[job_id]: attempt for job_id, attempt in lost} == {
        "runs again": 2,
        "completed later": 2,
        "failed": 1,
        "timed out": 2,
        "cancelled": 1,
    }


def of(name: str, state: JobState, attempt: int, second: int) -> Job:
    return replace(job(name, created_at=at(0)), state=state, attempt=attempt, updated_at=at(second))


async def test_what_is_garbage_is_told(database: Database) -> None:
    await garbage.record(database, ["a", "b"])
    assert await garbage.noted(database, {"a", "c"}) == {"a"}
