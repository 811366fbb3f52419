"""The life of a job after StartJob, from top to bottom:

    load      the job is IN_PROGRESS and this attempt owns it; else there is nothing to do
    plan      what goes where, recorded before the first byte moves; a resumed run finds it recorded
    move      every item that has no result yet, some at a time; results recorded in batches; an export ends
              as soon as its account has lost what it exports
              where a store or service cannot be used, the job is let go of and tried again later
    finish    ONE transaction: assets, their tags and the job's new state become visible together
    clean     what the job no longer needs is noted as garbage in that same transaction, for the sweep

Whatever ends a job early is written the same way: its state, its errors, and its garbage in one transaction.
Running a job twice, even at the same time, does no more than running it once: only the attempt that owns the
job can commit, and what it commits lies under keys to which no other attempt writes.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from entrepot.database import assets, garbage, job_items, job_runs, jobs, tags
from entrepot.database.connection import Connection, Database
from entrepot.domain.arn import asset_arn
from entrepot.domain.errors import (
    DatabaseError,
    IntegrationError,
    IntegrationUnavailable,
    JobFailed,
    JobHeldUp,
    JobLost,
    StoreError,
)
from entrepot.domain.job import Job, JobError, JobErrorCode, JobItem, JobState, JobType, RunId, Waiting
from entrepot.domain.limits import Limits, Timeouts
from entrepot.domain.timestamp import Timestamp
from entrepot.integrations.protocols import Integrations
from entrepot.jobs import abandoned_uploads
from entrepot.jobs.auto_export import tell_of_end
from entrepot.jobs.crash_points import CrashPoint, nothing
from entrepot.jobs.definition import Clock, JobDefinition, Outcome, Run
from entrepot.jobs.imports import asset_location
from entrepot.jobs.object_errors import (
    ENOUGH_FAILURES,
    Failure,
    failed,
    integration_error,
    tells_of_the_others,
    unexpected,
)
from entrepot.jobs.parents import may_begin, require_room, still_entitled
from entrepot.jobs.progress_writer import ProgressWriter
from entrepot.model import shapes
from entrepot.transfer.signed_urls import SignedUrls
from entrepot.transfer.transfer import Transfer
from entrepot.transfer.user_buckets import Buckets

ITEMS_AT_ONCE = 32
"""Enough to keep the threads of `transfer` busy; it bounds memory by itself."""
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 60.0
GUARD_SECONDS = 0.5
"""How often a run that moves bytes asks whether its account may still have them."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Runner:
    """Runs jobs, each by its definition. Any number of runs may go on at once in one event loop."""

    database: Database
    transfer: Transfer
    """Its threads and memory serve all runs; each run has one that acts for the job's account."""
    buckets: Buckets
    limits: Limits
    signed_urls: SignedUrls
    clock: Clock
    definitions: Mapping[JobType, JobDefinition]
    integrations: Integrations
    timeouts: Timeouts
    """How long after StartJob a job that still plans or moves is TIMED_OUT."""
    outage_seconds: float
    """How long a job waits for a store or a service that cannot be used before it ends in ERROR."""
    at: Callable[[CrashPoint], None] = nothing

    async def run(self, run_id: RunId) -> None:
        """Runs the job to its end, or lets go of it in silence where another attempt owns it.

        Raises `DatabaseError` when nothing can be written down; then the job is as the last commit left it,
        and can be run again. When cancelled it leaves the job like that, too.
        """
        job = await jobs.get_unscoped(self.database, run_id.job_id)
        if job is None or job.state is not JobState.IN_PROGRESS or job.attempt != run_id.attempt:
            return
        try:
            await self._run_to_its_end(job, self.definitions[job.type])
        except JobLost:
            _log.info("job %s: attempt %d lost it to another worker", job.id, job.attempt)

    async def _run_of(self, job: Job) -> Run:
        """The run, with the permissions that its account has now.

        Raises `DatabaseError`, and what decoding raises where this version cannot read the job's details.
        """
        buckets = await self.buckets.of_account(job.scope.account_id)
        return Run(
            job=job,
            details=shapes.decode(job.details_json, shapes.ResponseDetails),
            database=self.database,
            transfer=self.transfer.acting_for(buckets),
            buckets=buckets,
            integrations=self.integrations,
            limits=self.limits,
            signed_urls=self.signed_urls,
            clock=self.clock,
        )

    async def _run_to_its_end(self, job: Job, definition: JobDefinition) -> None:
        try:
            async with asyncio.timeout(self._seconds_left(job)) as deadline:
                run = await self._run_of(job)
                items = await self._plan(run, definition)
                items = await self._move(run, definition, items)
            await self._finish(run, definition, items)
        except (JobLost, DatabaseError):
            raise
        except JobHeldUp as held_up:
            await self._wait_or_fail(job, definition, held_up)
        except JobFailed as failed:
            _log.info("job %s failed: %s", job.id, failed.__cause__ or failed)
            await self._fail(job, definition, JobState.ERROR, failed.errors)
        except IntegrationUnavailable as error:
            await self._wait_or_fail(job, definition, JobHeldUp((integration_error(error),)))
        except IntegrationError as error:
            _log.info("job %s failed: %s: %r", job.id, error, error.__cause__)
            await self._fail(job, definition, JobState.ERROR, (integration_error(error),))
        except Exception as error:  # noqa: BLE001 - a job always ends with a state that its owner can see
            if isinstance(error, TimeoutError) and deadline.expired():
                await self._fail(job, definition, JobState.TIMED_OUT, (self._timed_out(job.type),))
                return
            _log.exception("job %s failed unexpectedly", job.id)
            await self._fail(job, definition, JobState.ERROR, (unexpected(job.id),))

    def _seconds_left(self, job: Job) -> float:
        """Of the time that the job may take, counted from StartJob over all its attempts."""
        started_at = job.updated_at  # it changes with the state alone
        return self.timeouts[job.type] - (self.clock().milliseconds - started_at.milliseconds) / 1000

    async def _wait_or_fail(self, job: Job, definition: JobDefinition, held_up: JobHeldUp) -> None:
        """Lets go of the job until later, or ends it when what holds it up has lasted too long.

        Later and later, each time a random part of a pause that doubles: what comes back is not overrun.
        Crash: the job is tried again at once, or when it is due.
        """
        now = self.clock()
        run = await job_runs.get(self.database, job.id)
        before = None if run is None else run.waiting
        since = now if before is None else before.since
        if now >= since.plus_seconds(self.outage_seconds):
            _log.info("job %s failed after waiting since %s: %s", job.id, since.isoformat(), held_up)
            await self._fail(job, definition, JobState.ERROR, held_up.errors)
            return
        times = 0 if before is None else before.times + 1
        pause = random.uniform(0, min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** min(times, 16)))
        waiting = Waiting(since, held_up.errors[0].message, times, now.plus_seconds(pause))
        await job_runs.wait(self.database, RunId(job.id, job.attempt), waiting)
        _log.info("job %s waits until %s: %s", job.id, waiting.until.isoformat(), held_up)

    async def _plan(self, run: Run, definition: JobDefinition) -> Sequence[JobItem]:
        """The items of the job, with the results and checkpoints that are recorded.

        Crash: before the commit the job is planned again, nothing has moved; after it the recorded plan
        stands, and with it the exact objects that were found now.
        """
        job = run.job
        recorded = await job_runs.get(self.database, job.id)
        if recorded is not None and recorded.is_planned:
            return await self._with_keys_of_its_own(job, await job_items.load(self.database, job.id))
        await may_begin(self.database, job, self.limits, self.clock())
        items = await definition.plan(run)
        if job.type.imports and len(items) > 1:
            await require_room(self.database, job, self.limits, len(items))
        await job_items.record_plan(self.database, job.id, job.attempt, items)
        self.at(CrashPoint.PLAN_RECORDED)
        return items

    async def _with_keys_of_its_own(self, job: Job, items: Sequence[JobItem]) -> Sequence[JobItem]:
        """What a former attempt has not brought to the exchange's store goes under keys of this attempt.

        What it has finished is taken as it is; an upload that it has begun is gone on with, under its key.
        Crash: all such keys are this attempt's and the former ones are garbage, or nothing has changed.
        """
        unbegun = [
            item
            for item in items
            if item.destination.bucket is None and item.result is None and item.checkpoint is None
        ]
        own = {item.number: asset_location(job, item.number) for item in unbegun}
        former = [item for item in unbegun if item.destination != own[item.number]]
        if former:
            async with self.database.transaction() as connection:
                keys = {item.number: own[item.number].key for item in former}
                await job_items.record_keys(connection, job.id, job.attempt, keys)
                await garbage.record(connection, [item.destination.key for item in former])
        return [replace(item, destination=own.get(item.number, item.destination)) for item in items]

    async def _move(self, run: Run, definition: JobDefinition, items: Sequence[JobItem]) -> Sequence[JobItem]:
        """The items, each with its result. Raises `JobFailed` that names every item that cannot be moved."""
        missing = [item for item in items if item.result is None]
        if not missing:
            return items
        progress_writer = ProgressWriter(run, items, self.at)
        failures: list[Failure] = []
        waiting = iter(missing)
        try:
            async with asyncio.TaskGroup() as group:
                recording = group.create_task(progress_writer.keep_recording())
                guarding = group.create_task(self._guard(run.job))
                movers = [
                    group.create_task(self._move_some(run, definition, waiting, progress_writer, failures))
                    for _ in range(min(ITEMS_AT_ONCE, len(missing)))
                ]
                await asyncio.wait(movers)
                guarding.cancel()
                progress_writer.close(is_last=not failures)
                await recording
        except BaseExceptionGroup as group_of_one:
            # Movers keep what fails to themselves unless the job is lost, so it is that, the recorder's or
            # the guard's; what was cancelled for it has ended by now.
            raise group_of_one.exceptions[0] from None
        if failures:
            raise failed(failures)
        return [replace(item, result=progress_writer.results[item.number]) for item in items]

    async def _guard(self, job: Job) -> None:
        """Raises `JobFailed` once the account has lost what it exports: a grant may end while bytes move."""
        while True:
            await asyncio.sleep(GUARD_SECONDS)
            await still_entitled(self.database, job, self.clock())

    async def _move_some(
        self,
        run: Run,
        definition: JobDefinition,
        waiting: Iterator[JobItem],
        progress_writer: ProgressWriter,
        failures: list[Failure],
    ) -> None:
        """Takes one item after the other from those that wait, as the other movers do.

        An item that fails stops none that is under way; whether further ones begin depends on the failure.
        """
        for item in waiting:
            try:
                result = await definition.run_item(run, item, progress_writer.callbacks(item.number))
            except JobLost:
                raise
            except Exception as error:  # noqa: BLE001 - becomes an entry of the job's Errors
                progress_writer.forget(item.number)
                failures.append(Failure(item, error))
                expected = isinstance(error, StoreError | JobFailed)
                traceback = None if expected else error
                _log.warning("job %s: item %d failed: %s", run.job.id, item.number, error, exc_info=traceback)
            else:
                self.at(CrashPoint.ITEM_MOVED)
                progress_writer.item_done(item.number, result)
            if len(failures) >= ENOUGH_FAILURES or any(map(tells_of_the_others, failures)):
                return

    async def _finish(self, run: Run, definition: JobDefinition, items: Sequence[JobItem]) -> None:
        """Writes what the job has achieved. Raises `JobFailed` where its revision no longer takes the assets.

        Crash: before the commit none of the assets exists and the job goes on; after it all of them do, and
        the job is COMPLETED. There is nothing between.
        """
        job = run.job
        outcome = await definition.finish(run, items)
        self.at(CrashPoint.BEFORE_FINISH)
        async with self.database.transaction() as connection:
            now = self.clock()
            details = None if outcome.details is None else shapes.encode(outcome.details)
            await _end(connection, job, JobState.COMPLETED, now, details_json=details)
            if outcome.assets:
                await self._add_assets(connection, run, outcome)
            else:
                await still_entitled(connection, job, now)
            await garbage.record(connection, definition.leftovers(job))
            await abandoned_uploads.note(connection, job, items, now)
            await job_items.remove(connection, job.id)
            await tell_of_end(connection, job, completed=True, now=now)
            self.at(CrashPoint.INSIDE_FINISH)
        self.at(CrashPoint.AFTER_FINISH)

    async def _add_assets(self, connection: Connection, run: Run, outcome: Outcome) -> None:
        job = run.job
        await require_room(connection, job, run.limits, len(outcome.assets), lock=True)
        await assets.insert_many(connection, list(outcome.assets))
        if outcome.asset_tags:
            arns = [
                asset_arn(job.scope, asset.data_set_id, asset.revision_id, asset.id)
                for asset in outcome.assets
            ]
            await tags.put_many(connection, job.scope, {arn: dict(outcome.asset_tags) for arn in arns})

    async def _fail(
        self, job: Job, definition: JobDefinition, state: JobState, errors: tuple[JobError, ...]
    ) -> None:
        """Writes why the job has ended, and then throws away the uploads that it had begun.

        Crash: before the commit the job goes on and fails again; after it what it wrote is noted as garbage,
        and its uploads are noted as abandoned.
        """
        self.at(CrashPoint.BEFORE_FAILURE)
        async with self.database.transaction() as connection:
            now = self.clock()
            await _end(connection, job, state, now, errors=errors)
            items = await job_items.load(connection, job.id)
            await garbage.record(connection, (*definition.leftovers(job), *_own_keys(items)))
            await abandoned_uploads.note(connection, job, items, now)
            await job_items.remove(connection, job.id)
            await tell_of_end(connection, job, completed=False, now=now)
        self.at(CrashPoint.AFTER_FAILURE)
        begun = [item for item in items if item.checkpoint is not None]
        if begun:
            transfer = self.transfer.acting_for(await self.buckets.of_account(job.scope.account_id))
            await asyncio.gather(*(transfer.abandon(item) for item in begun))

    def _timed_out(self, job_type: JobType) -> JobError:
        return JobError(
            JobErrorCode.INTERNAL_SERVER_EXCEPTION,
            f"The job did not end within {self.timeouts[job_type]:.10g} seconds. Create it again with fewer "
            f"or smaller assets, or raise ENTREPOT_JOB_TIMEOUT of the server; {job_type} may have its own.",
        )


async def _end(
    connection: Connection,
    job: Job,
    state: JobState,
    now: Timestamp,
    *,
    details_json: bytes | None = None,
    errors: tuple[JobError, ...] = (),
) -> None:
    """Ends the job, first of all in the transaction: this locks it, so nobody else can end or take it.

    Raises `JobLost`.
    """
    attempt = job.attempt
    if not await jobs.finish(
        connection, job.id, attempt=attempt, state=state, details_json=details_json, errors=errors, now=now
    ):
        raise JobLost(f"job {job.id} is no longer attempt {attempt}")


def _own_keys(items: Iterable[JobItem]) -> tuple[str, ...]:
    """Where the job wrote, or would have written, in the exchange's own store."""
    return tuple(item.destination.key for item in items if item.destination.bucket is None)
