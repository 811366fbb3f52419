"""Queries of jobs. The row of a job alone decides what GetJob shows and who may still write."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import sqlalchemy as sql

from entrepot.database import job_runs
from entrepot.database.connection import Connection, Query, Row
from entrepot.database.expressions import Pages, among, fetch_count, in_scope, same, scoped, texts, values_of
from entrepot.database.object_headers import headers_json, headers_of
from entrepot.database.tables import JOB_ITEMS, JOB_REVISIONS, JOBS
from entrepot.domain.job import Job, JobError, JobState, JobType, RunId
from entrepot.domain.object_headers import ObjectHeaders
from entrepot.domain.scope import Scope
from entrepot.domain.timestamp import Timestamp

_j = JOBS.c
# Written out, not as parameters: only so do the planners see that jobs_in_progress and jobs_waiting serve.
_IN_PROGRESS = _j.state == sql.literal_column("'IN_PROGRESS'")
_WAITING = _j.state == sql.literal_column("'WAITING'")

_INSERT = Query(sql.insert(JOBS).values(values_of(JOBS)))
_INSERT_REVISION = Query(sql.insert(JOB_REVISIONS).values(values_of(JOB_REVISIONS)))
_GET = Query(sql.select(JOBS).where(*same(_j.id), *in_scope(JOBS)))
_GET_UNSCOPED = Query(sql.select(JOBS).where(*same(_j.id)))
_WAITING_OF_ACCOUNT = Query(
    sql.select(_j.id)
    .where(*same(_j.account_id, _j.type), _WAITING)
    .limit(sql.bindparam("limit", type_=sql.Integer))
)
_COUNT_WAITING = Query(sql.select(sql.func.count()).select_from(JOBS).where(*same(_j.account_id), _WAITING))
_COUNT_IN_PROGRESS = Query(
    sql.select(sql.func.count())
    .select_from(JOBS)
    .where(*in_scope(JOBS), *same(_j.type), _IN_PROGRESS, _j.event_action_id.is_(None))
)

_OWN = sql.select(JOBS).where(*in_scope(JOBS))
_OF_REVISION = (
    sql.select(JOBS)
    .select_from(JOB_REVISIONS.join(JOBS, JOBS.c.id == JOB_REVISIONS.c.job_id))
    .where(*in_scope(JOB_REVISIONS), *same(JOB_REVISIONS.c.revision_id))
)
_NEWEST_OF_REVISION = (JOB_REVISIONS.c.created_at, JOB_REVISIONS.c.job_id)
PAGES = Pages(_OWN, (_j.created_at, _j.id))
"""Served by the index jobs_newest."""
PAGES_OF_DATA_SET = Pages(_OWN.where(*same(_j.data_set_id)), (_j.created_at, _j.id))
"""Served by the index jobs_of_data_set."""
PAGES_OF_REVISION = Pages(_OF_REVISION, _NEWEST_OF_REVISION)
"""Served by the primary key of job_revisions, then that of jobs."""
PAGES_OF_BOTH = Pages(_OF_REVISION.where(*same(_j.data_set_id)), _NEWEST_OF_REVISION)
"""The same: the jobs of a revision are those of its data set, or none."""

_START = Query(
    sql.update(JOBS)
    .where(*same(_j.id), _WAITING)
    .values(state=JobState.IN_PROGRESS.value, attempt=1, updated_at=sql.bindparam("now"))
)
_CANCEL = Query(
    sql.update(JOBS)
    .where(*same(_j.id), _WAITING)
    .values(state=JobState.CANCELLED.value, updated_at=sql.bindparam("now"))
)
_KEEP_UPLOAD_HEADERS = Query(
    sql.update(JOBS)
    .where(*same(_j.id), _WAITING)
    .values(upload_headers_json=sql.bindparam("upload_headers_json"))
)
_FINISH = Query(
    sql.update(JOBS)
    .where(*same(_j.id, _j.attempt), _IN_PROGRESS)
    .values(
        state=sql.bindparam("final_state"),
        errors_json=sql.bindparam("errors_json"),
        details_json=sql.func.coalesce(
            sql.bindparam("details_json", type_=_j.details_json.type), _j.details_json
        ),
        updated_at=sql.bindparam("now"),
    )
)

_NEXT_PLACE = Query(  # one step along the index jobs_newest, over all jobs of an account and Region at once
    sql.select(_j.account_id, _j.region)
    .where(
        sql.tuple_(_j.account_id, _j.region)
        > sql.tuple_(
            *(
                sql.bindparam(f"after_{column.name}", type_=column.type)
                for column in (_j.account_id, _j.region)
            )
        )
    )
    .order_by(_j.account_id, _j.region)
    .limit(1)
)
_OLDEST = Query(  # index jobs_newest, from its other end
    sql.select(JOBS)
    .where(*in_scope(JOBS), _j.created_at < sql.bindparam("before"), _j.state != JobState.IN_PROGRESS.value)
    .order_by(_j.created_at, _j.id)
    .limit(sql.bindparam("limit", type_=sql.Integer))
    .with_for_update(skip_locked=True)
)
_LOST_ATTEMPTS = Query(  # reads all jobs: asked for where something is amiss
    sql.select(_j.id, _j.attempt, _j.state).where(
        _j.state != JobState.WAITING.value,
        sql.or_(
            _j.attempt > 1,
            sql.and_(_j.state != JobState.COMPLETED.value, _j.state != JobState.IN_PROGRESS.value),
        ),
        _j.updated_at >= sql.bindparam("since"),
    )
)
_REMOVE_REVISION = Query(sql.delete(JOB_REVISIONS).where(*same(*JOB_REVISIONS.primary_key.columns)))
_REMOVE_ITEMS = Query(sql.delete(JOB_ITEMS).where(among(JOB_ITEMS.c.job_id, "ids")))
_REMOVE = Query(sql.delete(JOBS).where(among(_j.id, "ids")))

# Stored under the names of the fields of `JobError`: renaming one of those is a migration.
_ERRORS = msgspec.json.Decoder(tuple[JobError, ...])


def _job(scope: Scope, row: Row) -> Job:
    (
        job_id,
        _account_id,
        _region,
        _partition,
        job_type,
        state,
        attempt,
        created_at,
        updated_at,
        data_set_id,
        revision_ids,
        details_json,
        asset_configuration_json,
        errors_json,
        event_action_id,
        upload_headers,
    ) = row
    return Job(
        scope,
        job_id,
        JobType[job_type],
        JobState[state],
        Timestamp(created_at),
        Timestamp(updated_at),
        details_json.encode(),
        data_set_id,
        tuple(revision_ids.split()),
        None if asset_configuration_json is None else asset_configuration_json.encode(),
        () if errors_json is None else _ERRORS.decode(errors_json),
        attempt,
        event_action_id,
        None if upload_headers is None else headers_of(upload_headers),
    )


def _errors_json(errors: Sequence[JobError]) -> str | None:
    return msgspec.json.encode(errors).decode() if errors else None


async def insert(c: Connection, job: Job) -> None:
    """Adds a job that does not run yet. Crash: it is there and ListJobs finds it, or neither."""
    scope, created_at = job.scope, job.created_at.milliseconds
    async with c.transaction() as t:
        await t.execute(
            _INSERT,
            id=job.id,
            **scoped(scope),
            aws_partition=scope.partition,
            type=job.type.value,
            state=job.state.value,
            attempt=job.attempt,
            created_at=created_at,
            updated_at=job.updated_at.milliseconds,
            data_set_id=job.data_set_id,
            revision_ids=" ".join(job.revision_ids),
            details_json=job.details_json.decode(),
            asset_configuration_json=(
                None if job.asset_configuration_json is None else job.asset_configuration_json.decode()
            ),
            errors_json=_errors_json(job.errors),
            event_action_id=job.event_action_id,
            upload_headers_json=None if job.upload_headers is None else headers_json(job.upload_headers),
        )
        for revision_id in dict.fromkeys(job.revision_ids):
            await t.execute(
                _INSERT_REVISION,
                **scoped(scope),
                revision_id=revision_id,
                created_at=created_at,
                job_id=job.id,
            )


async def get(c: Connection, scope: Scope, job_id: str) -> Job | None:
    """One job, by one indexed read: this is GetJob."""
    row = await c.fetch_one(_GET, id=job_id, **scoped(scope))
    return None if row is None else _job(scope, row)


async def get_unscoped(c: Connection, job_id: str) -> Job | None:
    """One job of whatever account and Region. For workers only: no operation may use it."""
    row = await c.fetch_one(_GET_UNSCOPED, id=job_id)
    return None if row is None else _job(Scope(*row[1:4]), row)


async def waiting_of_account(c: Connection, account_id: str, job_type: JobType, limit: int) -> list[str]:
    """The ids of an account's jobs of that type that wait, in all Regions."""
    rows = await c.fetch_all(_WAITING_OF_ACCOUNT, account_id=account_id, type=job_type.value, limit=limit)
    return [str(row[0]) for row in rows]


async def page(
    c: Connection,
    scope: Scope,
    *,
    data_set_id: str | None = None,
    revision_id: str | None = None,
    after: tuple[int, str] | None,
    limit: int,
) -> list[Job]:
    """Newest first; `after` is (created_at in milliseconds, id) of the last one of the former page."""
    filters = scoped(scope)
    pages = PAGES
    if data_set_id is not None:
        filters["data_set_id"] = data_set_id
        pages = PAGES_OF_DATA_SET
    if revision_id is not None:
        filters["revision_id"] = revision_id
        pages = PAGES_OF_REVISION if data_set_id is None else PAGES_OF_BOTH
    return [_job(scope, row) for row in await pages.fetch(c, after, limit, **filters)]


async def count_in_progress(c: Connection, scope: Scope, job_type: JobType) -> int:
    """How many jobs of the type, made by users, run in the account and Region.

    To start one more only if there are fewer than so many, `hold` first, in the same transaction.
    """
    return await fetch_count(c, _COUNT_IN_PROGRESS, **scoped(scope), type=job_type.value)


async def count_waiting(c: Connection, account_id: str) -> int:
    """How many jobs of the account wait, in all Regions.

    To create one more only if there are fewer than so many, `hold` first, in the same transaction.
    """
    return await fetch_count(c, _COUNT_WAITING, account_id=account_id)


async def start(c: Connection, job_id: str, *, now: Timestamp) -> bool:
    """WAITING → IN_PROGRESS, attempt 1, and its run is in the queue; False when the job was not WAITING.

    The caller has found the job in its own account and Region before.
    Crash: the job is WAITING still, or it is IN_PROGRESS and a worker will find its run.
    """
    async with c.transaction() as t:
        if await t.execute(_START, id=job_id, now=now.milliseconds) == 0:
            return False
        await job_runs.enqueue(t, RunId(job_id, 1), now)
    return True


async def cancel(c: Connection, job_id: str, now: Timestamp) -> bool:
    """WAITING → CANCELLED; False when the job was not WAITING.

    The caller has found the job in its own account and Region before. Crash: cancelled or not.
    """
    return await c.execute(_CANCEL, id=job_id, now=now.milliseconds) == 1


async def keep_upload_headers(c: Connection, job_id: str, headers: ObjectHeaders) -> bool:
    """Notes what goes with the file that was PUT for the job; False when the job was not WAITING.

    Crash: noted or not; the bytes are there before.
    """
    kept = await c.execute(_KEEP_UPLOAD_HEADERS, id=job_id, upload_headers_json=headers_json(headers))
    return kept == 1


async def finish(
    c: Connection,
    job_id: str,
    *,
    attempt: int,
    state: JobState,
    details_json: bytes | None,
    errors: Sequence[JobError],
    now: Timestamp,
) -> bool:
    """IN_PROGRESS → `state`, and its run leaves the queue; False when the attempt no longer owns the job.

    `details_json` None keeps the Details. On False the caller must roll its transaction back.
    Crash: the job is IN_PROGRESS still and its run is taken over, or it has ended for good, together with
    whatever else the transaction wrote.
    """
    async with c.transaction() as t:
        finished = await t.execute(
            _FINISH,
            id=job_id,
            attempt=attempt,
            final_state=state.value,
            details_json=None if details_json is None else details_json.decode(),
            errors_json=_errors_json(errors),
            now=now.milliseconds,
        )
        if finished == 0:
            return False
        await job_runs.remove(t, job_id)
    return True


async def next_place(c: Connection, account_id: str, region: str) -> tuple[str, str] | None:
    """The account and Region after these, in order, where there are jobs; begin with two empty texts.

    For workers only, as the two that follow.
    """
    row = await c.fetch_one(_NEXT_PLACE, after_account_id=account_id, after_region=region)
    return None if row is None else (row[0], row[1])


async def oldest(c: Connection, account_id: str, region: str, before: Timestamp, limit: int) -> list[Job]:
    """The oldest jobs that do not run and were created before the moment; until the end of the transaction
    nobody starts them. Those that somebody else has hold of are left out.
    """
    rows = await c.fetch_all(
        _OLDEST, account_id=account_id, region=region, before=before.milliseconds, limit=limit
    )
    return [_job(Scope(*row[1:4]), row) for row in rows]


async def lost_attempts(c: Connection, since: Timestamp) -> list[tuple[str, int]]:
    """Ids of jobs that were started or ended since, and the last attempt of each that may have lost it.

    One that completed at its first attempt is not among them; that by which another completed is.
    """
    rows = await c.fetch_all(_LOST_ATTEMPTS, since=since.milliseconds)
    return [(row[0], row[1] - (row[2] == JobState.IN_PROGRESS)) for row in rows]


async def remove(c: Connection, old: Sequence[Job]) -> None:
    """Forgets jobs that `oldest` gave, in its transaction. Crash: none of them is forgotten, or all are."""
    async with c.transaction() as t:
        await t.execute_many(
            _REMOVE_REVISION,
            [
                {
                    **scoped(job.scope),
                    "revision_id": revision_id,
                    "created_at": job.created_at.milliseconds,
                    "job_id": job.id,
                }
                for job in old
                for revision_id in dict.fromkeys(job.revision_ids)
            ],
        )
        ids = texts([job.id for job in old])
        await t.execute(_REMOVE_ITEMS, ids=ids)
        await t.execute(_REMOVE, ids=ids)
