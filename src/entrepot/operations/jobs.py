"""Operations on jobs (behaviour reference, sections 2.1 to 2.3). What a job does is in `entrepot.jobs`."""

from __future__ import annotations

from entrepot.database import garbage, job_runs, jobs
from entrepot.database.connection import Connection
from entrepot.database.job_runs import QueuedRun
from entrepot.domain.arn import job_arn
from entrepot.domain.errors import AccessDenied, Conflict, ResourceType, StoreAccessDenied, ValidationFailed
from entrepot.domain.job import (
    Job,
    JobError,
    JobState,
    JobType,
    require_cancellable,
    require_startable,
)
from entrepot.domain.limits import CONCURRENT_JOBS, Limit
from entrepot.domain.tags import from_pairs
from entrepot.jobs.definition import Creation, answer
from entrepot.model import shapes
from entrepot.operations.context import Context
from entrepot.operations.lookups import missing
from entrepot.operations.pages import Listing


def _entry(job: Job) -> shapes.JobEntry:
    """What every answer about a job says. What is kept as JSON is shown as it is, without decoding it."""
    configuration = job.asset_configuration_json
    return shapes.JobEntry(
        arn=job_arn(job.scope, job.id),
        asset_configuration=None if configuration is None else shapes.encoded(configuration),
        created_at=job.created_at,
        details=shapes.encoded(job.details_json),
        errors=[_error(error) for error in job.errors] if job.errors else None,
        id=job.id,
        state=job.state,
        type=job.type,
        updated_at=job.updated_at,
    )


def _error(error: JobError) -> shapes.JobError:
    return shapes.JobError(
        code=error.code,
        message=error.message,
        details=_error_details(error),
        limit_name=error.limit_name,
        limit_value=error.limit_value,
        resource_id=error.resource_id,
        resource_type=error.resource_type,
    )


def _error_details(error: JobError) -> shapes.Details | None:
    """`Details` of an error: the objects of users' buckets, or the asset that was to be uploaded."""
    objects = [
        shapes.AssetSourceEntry(bucket=place.bucket, key=place.key)
        for place in error.objects
        if place.bucket is not None
    ]
    if not objects and error.asset_name is None:
        return None
    return shapes.Details(
        import_assets_from_s3_job_error_details=objects or None,
        import_asset_from_signed_url_job_error_details=(
            None
            if error.asset_name is None
            else shapes.ImportAssetFromSignedUrlJobErrorDetails(asset_name=error.asset_name)
        ),
    )


async def create_job(context: Context, request: shapes.CreateJobRequest) -> shapes.CreateJobResponse:
    """Makes a job that waits for StartJob; its type decides whether the request is good.

    Raises `AccessDenied` where it names the bucket in which the exchange keeps its own bytes, and `Conflict`
    when as many jobs of the account wait as may: the operation declares no ServiceLimitExceeded.
    Crash: the job is there or not; nothing runs yet, and nothing was written for it elsewhere.
    """
    services, scope = context.services, context.scope
    job_type = JobType(request.type)
    definition = services.job_types[job_type]
    _require_details_of(job_type, request.details)
    _require_valid_configuration(job_type, request.asset_configuration)
    configuration = request.asset_configuration
    try:
        await services.buckets.refuse_own_bucket(scope.account_id, definition.buckets(request.details))
    except StoreAccessDenied as error:
        raise AccessDenied(error.message) from error
    now, job_id = services.clock(), services.new_identifier()
    async with services.database.transaction() as connection:
        checked = await definition.check(
            Creation(
                scope=scope,
                job_id=job_id,
                now=now,
                details=request.details,
                database=connection,
                limits=services.limits,
                signed_urls=services.signed_urls,
            )
        )
        job = Job(
            scope=scope,
            id=job_id,
            type=job_type,
            state=JobState.WAITING,
            created_at=now,
            updated_at=now,
            details_json=shapes.encode(checked.details),
            data_set_id=checked.data_set_id,
            revision_ids=checked.revision_ids,
            asset_configuration_json=None if configuration is None else shapes.encode(configuration),
        )
        await _require_room_to_wait(connection, context)
        await jobs.insert(connection, job)
    return answer(shapes.CreateJobResponse, _entry(job))


async def get_job(context: Context, request: shapes.GetJobRequest) -> shapes.GetJobResponse:
    """One job: a single indexed read, and no decoding, since this is what clients ask over and over."""
    return answer(
        shapes.GetJobResponse, _entry(await _existing(context.services.database, context, request.job_id))
    )


async def job_progress(context: Context, job_id: str) -> tuple[Job, QueuedRun | None]:
    """One job, and how far its run is: None unless it is IN_PROGRESS.

    AWS has no such operation. Raises `ResourceNotFound` for a job that the account does not have.
    """
    database = context.services.database
    job = await _existing(database, context, job_id)
    return job, await job_runs.get(database, job_id)


async def start_job(context: Context, request: shapes.StartJobRequest) -> None:
    """Turns a waiting job IN_PROGRESS; a worker takes it from there.

    How many jobs of a type may be in progress is a quota; that reaching it is a Conflict is our choice [G].
    Crash: the job is IN_PROGRESS and enqueued, or it still waits.
    """
    services, scope = context.services, context.scope
    async with services.database.transaction() as connection:
        job = await _existing(connection, context, request.job_id)
        # held so that nobody else counts before this one is in progress, or is not
        await connection.hold(f"jobs {scope.account_id} {scope.region} {job.type}")
        if not await jobs.start(connection, job.id, now=services.clock()):
            require_startable(await _existing(connection, context, job.id))
        await _require_within_limit(connection, context, job)


async def cancel_job(context: Context, request: shapes.CancelJobRequest) -> None:
    """Cancels a job that waits; one that runs is never aborted. What was uploaded for it becomes garbage.

    Crash: cancelled, and the upload noted as garbage, or still waiting.
    """
    services = context.services
    async with services.database.transaction() as connection:
        job = await _existing(connection, context, request.job_id)
        if not await jobs.cancel(connection, job.id, now=services.clock()):
            require_cancellable(await _existing(connection, context, job.id))
        await garbage.record(connection, services.job_types[job.type].leftovers(job))


async def list_jobs(context: Context, request: shapes.ListJobsRequest) -> shapes.ListJobsResponse:
    """The jobs of the account, newest first; of one data set or one revision if so asked.

    A filter that names nothing that exists finds nothing [G]: jobs outlive what they were about.
    """
    listing = Listing.of(context, "ListJobs", request, request.data_set_id, request.revision_id)
    rows = await jobs.page(
        context.services.database,
        context.scope,
        data_set_id=request.data_set_id,
        revision_id=request.revision_id,
        after=listing.after_moment,
        limit=listing.fetch,
    )
    page = listing.page(rows, lambda job: (job.created_at.milliseconds, job.id))
    return shapes.ListJobsResponse(jobs=[_entry(job) for job in page.entries], next_token=page.next_token)


async def _existing(connection: Connection, context: Context, job_id: str) -> Job:
    job = await jobs.get(connection, context.scope, job_id)
    if job is None:
        raise missing(ResourceType.JOB, job_id)
    return job


async def _require_room_to_wait(connection: Connection, context: Context) -> None:
    """Raises `Conflict` unless one more job of the account may wait, in whatever Region.

    Until the transaction ends nobody else counts.
    """
    account_id, allowed = context.scope.account_id, context.services.limits[Limit.WAITING_JOBS]
    await connection.hold(f"waiting jobs {account_id}")
    if await jobs.count_waiting(connection, account_id) >= allowed:
        raise Conflict(
            f"{allowed} jobs of this account wait for StartJob, the most that may ({Limit.WAITING_JOBS}); "
            "start some of them, or cancel them.",
            resource_id=None,
            resource_type=ResourceType.JOB,
        )


async def _require_within_limit(connection: Connection, context: Context, job: Job) -> None:
    """Raises `Conflict` when, with this job, more of its type are in progress than may be."""
    limit = CONCURRENT_JOBS.get(job.type)
    if limit is None:
        return
    allowed = context.services.limits[limit]
    if await jobs.count_in_progress(connection, context.scope, job.type) > allowed:
        raise Conflict(
            f"{allowed} jobs of type {job.type} are in progress, the most at a time ({limit}); "
            f"start job {job.id} when one of them has ended.",
            resource_id=job.id,
            resource_type=ResourceType.JOB,
        )


def _require_details_of(job_type: JobType, details: shapes.RequestDetails) -> None:
    """Raises `ValidationFailed` unless `Details` has the one member that fits the type [G]."""
    python_names, wire_names = details.__struct_fields__, details.__struct_encode_fields__
    given = [
        wire_name
        for python_name, wire_name in zip(python_names, wire_names, strict=True)
        if getattr(details, python_name) is not None
    ]
    wanted = wire_names[python_names.index(job_type.lower())]
    if given != [wanted]:
        raise ValidationFailed(
            f"A job of type {job_type} needs Details.{wanted} and no other member of Details; "
            f"the request has {', '.join(given) or 'none'}."
        )


def _require_valid_configuration(job_type: JobType, configuration: shapes.AssetConfiguration | None) -> None:
    """Raises `ValidationFailed` for bad tags, and for tags of a job that makes no assets [G]."""
    if configuration is None:
        return
    if not job_type.imports:
        raise ValidationFailed(
            f"AssetConfiguration is for the assets that a job makes; one of type {job_type} makes none."
        )
    from_pairs((tag.key, tag.value) for tag in configuration.tags or ())
