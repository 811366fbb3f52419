"""The queue of runs: one row per job IN_PROGRESS, with who has it and how far it is.

A run is free while `worker_id` is null. Each time it changes hands its attempt rises, here and in `jobs`, and
what the former owner still writes is refused. Whoever changes both tables changes `jobs` first, and several
jobs in the order of their ids, so that no two transactions wait for each other.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sql

from entrepot.database.connection import Connection, Query, Value
from entrepot.database.expressions import now_in_milliseconds, same, values_of
from entrepot.database.tables import JOB_RUNS, JOBS, WORKERS
from entrepot.domain.errors import JobLost
from entrepot.domain.job import JobState, Progress, RunId, Waiting
from entrepot.domain.timestamp import Timestamp

_q = JOB_RUNS.c
_THIS = same(_q.job_id, _q.attempt)
_OLDEST_FIRST = (_q.enqueued_at, _q.job_id)
_PROGRESS = (_q["items"], _q.items_done, _q.bytes, _q.bytes_done)
_WAITING = (_q.waiting_since, _q.waiting_for, _q.waits, _q.due_at)

_INSERT = Query(sql.insert(JOB_RUNS).values(values_of(JOB_RUNS)))
_REMOVE = Query(sql.delete(JOB_RUNS).where(*same(_q.job_id)))
_IS_FREE = (
    _q.worker_id.is_(None),
    sql.or_(_q.due_at.is_(None), _q.due_at <= now_in_milliseconds()),
)
# The index job_runs_of_worker serves the next three.
_ANY_FREE = Query(sql.select(_q.job_id).where(*_IS_FREE).limit(sql.literal_column("1")))
_FREE = Query(
    sql.select(_q.job_id, _q.attempt)
    .where(*_IS_FREE)
    .order_by(*_OLDEST_FIRST)
    .limit(sql.bindparam("limit", type_=sql.Integer))
    .with_for_update(skip_locked=True)
)
_CLAIMED_BY = Query(sql.select(_q.job_id, _q.attempt).where(*same(_q.worker_id)).order_by(*_OLDEST_FIRST))
_CLAIM = Query(sql.update(JOB_RUNS).where(*_THIS).values(worker_id=sql.bindparam("claimed_by")))
_NEXT_ATTEMPT_OF_JOB = Query(
    sql.update(JOBS)
    .where(JOBS.c.id == sql.bindparam("job_id"), *same(JOBS.c.attempt))
    .where(JOBS.c.state == JobState.IN_PROGRESS.value)
    .values(attempt=JOBS.c.attempt + sql.literal_column("1"))
)
_NEXT_ATTEMPT = Query(
    sql.update(JOB_RUNS)
    .where(*_THIS)
    .values(
        attempt=_q.attempt + sql.literal_column("1"), worker_id=sql.null(), enqueued_at=sql.bindparam("now")
    )
)
_WAIT = Query(
    sql.update(JOB_RUNS)
    .where(*_THIS)
    .values(
        {
            _q.attempt: _q.attempt + sql.literal_column("1"),
            _q.worker_id: sql.null(),
            _q.enqueued_at: sql.bindparam("due_at"),
            **{column: sql.bindparam(column.name) for column in _WAITING},
        }
    )
)
_GETS_ON = Query(sql.update(JOB_RUNS).where(*_THIS).values({column: sql.null() for column in _WAITING}))
_OF_DEAD_WORKERS = Query(
    sql.select(_q.job_id, _q.attempt).where(
        _q.worker_id.is_not(None),
        ~sql.exists().where(
            WORKERS.c.worker_id == _q.worker_id, WORKERS.c.beat_at >= sql.bindparam("alive_since")
        ),
    )
)
_SET_PROGRESS: dict[sql.Column[Any], sql.BindParameter[Any]] = {
    column: sql.bindparam(column.name) for column in _PROGRESS
}
_REPORT = Query(sql.update(JOB_RUNS).where(*_THIS).values(_SET_PROGRESS))
_MARK_PLANNED = Query(sql.update(JOB_RUNS).where(*_THIS).values({**_SET_PROGRESS, _q.planned: sql.true()}))
_GET = Query(sql.select(_q.planned, *_PROGRESS, *_WAITING).where(*same(_q.job_id)))


async def enqueue(c: Connection, run_id: RunId, now: Timestamp) -> None:
    """Puts a run at the end of the queue; for use within `jobs.start`."""
    await c.execute(
        _INSERT,
        job_id=run_id.job_id,
        attempt=run_id.attempt,
        worker_id=None,
        enqueued_at=now.milliseconds,
        planned=False,
        items=0,
        items_done=0,
        bytes=0,
        bytes_done=0,
        due_at=None,
        waiting_since=None,
        waiting_for=None,
        waits=None,
    )


async def remove(c: Connection, job_id: str) -> None:
    """Takes the run out of the queue; for use within `jobs.finish`."""
    await c.execute(_REMOVE, job_id=job_id)


async def claim(c: Connection, worker_id: str, limit: int) -> list[RunId]:
    """Gives the worker up to `limit` free runs that are due, the oldest first; no run goes to two workers.

    Crash: the runs belong to the worker, which finds them when it is back (`claimed_by`); if it does not come
    back, `release_dead` frees them.
    """
    if await c.fetch_one(_ANY_FREE) is None:  # an idle worker takes no lock
        return []
    async with c.transaction() as t:
        free = [RunId(*row) for row in await t.fetch_all(_FREE, limit=limit)]
        for run_id in free:
            await t.execute(_CLAIM, job_id=run_id.job_id, attempt=run_id.attempt, claimed_by=worker_id)
    return free


async def claimed_by(c: Connection, worker_id: str) -> list[RunId]:
    """The runs that belong to the worker, the oldest first."""
    return [RunId(*row) for row in await c.fetch_all(_CLAIMED_BY, worker_id=worker_id)]


async def hand_back(c: Connection, run_ids: Collection[RunId], now: Timestamp) -> int:
    """Frees these runs, with a new attempt, at the end of the queue; how many of them were still to be freed.

    A run that has ended, or has changed hands already, is left alone.
    Crash: each run belongs to its old worker still, or is free and the old worker can no longer write.
    """
    handed_back = 0
    async with c.transaction() as t:
        for run_id in sorted(run_ids, key=str):
            this: dict[str, Value] = {"job_id": run_id.job_id, "attempt": run_id.attempt}
            if await t.execute(_NEXT_ATTEMPT_OF_JOB, **this) == 1:
                handed_back += await t.execute(_NEXT_ATTEMPT, now=now.milliseconds, **this)
    return handed_back


async def release_dead(c: Connection, alive_since_ms: int, now: Timestamp) -> int:
    """Hands back the runs of workers whose last heartbeat is older than `alive_since_ms`, or that have none.

    Several may do so at once: a run is handed back once. Crash: as `hand_back`.
    """
    dead = [RunId(*row) for row in await c.fetch_all(_OF_DEAD_WORKERS, alive_since=alive_since_ms)]
    return await hand_back(c, dead, now) if dead else 0


async def wait(c: Connection, run_id: RunId, waiting: Waiting) -> None:
    """Frees the run, with a new attempt; nobody takes it before `waiting.until`.

    Raises `JobLost` where the attempt no longer owns the job. Crash: as `hand_back`.
    """
    this: dict[str, Value] = {"job_id": run_id.job_id, "attempt": run_id.attempt}
    async with c.transaction() as t:
        if await t.execute(_NEXT_ATTEMPT_OF_JOB, **this) == 0:
            raise JobLost(f"Attempt {run_id.attempt} no longer owns job {run_id.job_id}.")
        await t.execute(
            _WAIT,
            waiting_since=waiting.since.milliseconds,
            waiting_for=waiting.reason,
            waits=waiting.times,
            due_at=waiting.until.milliseconds,
            **this,
        )


async def gets_on(c: Connection, job_id: str, attempt: int) -> None:
    """Notes that the run waits for nothing any more."""
    await c.execute(_GETS_ON, job_id=job_id, attempt=attempt)


async def report(c: Connection, job_id: str, attempt: int, progress: Progress) -> bool:
    """Notes how far the run is; False when the attempt no longer owns it. Crash: noted or not."""
    return await c.execute(_REPORT, **_progress(job_id, attempt, progress)) == 1


async def mark_planned(c: Connection, job_id: str, attempt: int, progress: Progress) -> bool:
    """Notes that the plan is recorded, and its size; for use within `job_items.record_plan`."""
    return await c.execute(_MARK_PLANNED, **_progress(job_id, attempt, progress)) == 1


def _progress(job_id: str, attempt: int, progress: Progress) -> dict[str, Value]:
    return {
        "job_id": job_id,
        "attempt": attempt,
        "items": progress.items,
        "items_done": progress.items_done,
        "bytes": progress.bytes,
        "bytes_done": progress.bytes_done,
    }


@dataclass(frozen=True, slots=True)
class QueuedRun:
    """What the queue says of the run of one job."""

    is_planned: bool
    progress: Progress
    waiting: Waiting | None = None


async def get(c: Connection, job_id: str) -> QueuedRun | None:
    """The run of the job; None unless it is IN_PROGRESS."""
    row = await c.fetch_one(_GET, job_id=job_id)
    if row is None:
        return None
    is_planned, *counts, since, reason, times, until = row
    waiting = None if since is None else Waiting(Timestamp(since), reason, times, Timestamp(until))
    return QueuedRun(bool(is_planned), Progress(*counts), waiting)
