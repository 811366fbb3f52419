from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from tests.servers.both_databases import BOTH_DATABASES
from tests.unit.operations.application import NOWHERE, START, Application, import_request

from entrepot.database import garbage
from entrepot.domain.data_set import AssetType
from entrepot.domain.errors import Conflict, ResourceNotFound, ResourceType, ValidationFailed
from entrepot.domain.identifiers import upload_store_key
from entrepot.domain.job import JobError, JobErrorCode, JobType, Location
from entrepot.domain.limits import Limit
from entrepot.model import shapes
from entrepot.operations.context import Context
from entrepot.operations.data_sets import delete_data_set
from entrepot.operations.jobs import cancel_job, create_job, get_job, list_jobs, start_job


class Shelf:
    """One data set with one revision and asset, and the operations on jobs with few words."""

    def __init__(
        self, application: Application, context: Context, data_set_id: str, revision_id: str, asset_id: str
    ) -> None:
        self.application, self.context = application, context
        self.data_set_id, self.revision_id, self.asset_id = data_set_id, revision_id, asset_id

    async def create(self, configuration: shapes.AssetConfiguration | None = None) -> str:
        request = import_request(self.data_set_id, self.revision_id, configuration=configuration)
        return (await create_job(self.context, request)).id or ""

    async def get(self, job_id: str) -> shapes.GetJobResponse:
        return await get_job(self.context, shapes.GetJobRequest(job_id=job_id))

    async def start(self, job_id: str) -> None:
        await start_job(self.context, shapes.StartJobRequest(job_id=job_id))

    async def cancel(self, job_id: str) -> None:
        await cancel_job(self.context, shapes.CancelJobRequest(job_id=job_id))

    async def list(self, data_set_id: str | None = None, revision_id: str | None = None) -> list[str]:
        request = shapes.ListJobsRequest(data_set_id=data_set_id, revision_id=revision_id)
        return [entry.id for entry in (await list_jobs(self.context, request)).jobs or ()]

    def every_request(self) -> dict[JobType, shapes.RequestDetails]:
        """Good details for every job type that runs."""
        here = {"data_set_id": self.data_set_id, "revision_id": self.revision_id}
        destination = shapes.AssetDestinationEntry(asset_id=self.asset_id, bucket="target", key="a.csv")
        return {
            JobType.IMPORT_ASSETS_FROM_S3: import_request(self.data_set_id, self.revision_id).details,
            JobType.IMPORT_ASSET_FROM_SIGNED_URL: shapes.RequestDetails(
                import_asset_from_signed_url=shapes.ImportAssetFromSignedUrlRequestDetails(
                    asset_name="b.csv", md5_hash="1B2M2Y8AsgTpgAmY7PhCfg==", **here
                )
            ),
            JobType.EXPORT_ASSETS_TO_S3: shapes.RequestDetails(
                export_assets_to_s3=shapes.ExportAssetsToS3RequestDetails(
                    asset_destinations=[destination],
                    data_set_id=self.data_set_id,
                    revision_id=self.revision_id,
                )
            ),
            JobType.EXPORT_ASSET_TO_SIGNED_URL: shapes.RequestDetails(
                export_asset_to_signed_url=shapes.ExportAssetToSignedUrlRequestDetails(
                    asset_id=self.asset_id, **here
                )
            ),
            JobType.EXPORT_REVISIONS_TO_S3: shapes.RequestDetails(
                export_revisions_to_s3=shapes.ExportRevisionsToS3RequestDetails(
                    data_set_id=self.data_set_id,
                    revision_destinations=[
                        shapes.RevisionDestinationEntry(bucket="target", revision_id=self.revision_id)
                    ],
                )
            ),
        }


@pytest.fixture(params=BOTH_DATABASES)
def database_kind(request: pytest.FixtureRequest) -> str:
    kind: str = request.param
    return kind


@pytest.fixture
async def shelf(application: Application, context: Context) -> Shelf:
    return await make_shelf(application, context)


async def make_shelf(application: Application, context: Context) -> Shelf:
    data_set_id = await application.data_set(context)
    revision_id = await application.revision(context, data_set_id)
    (asset_id,) = await application.assets(context, data_set_id, revision_id)
    return Shelf(application, context, data_set_id, revision_id, asset_id)


def tagged(*pairs: tuple[str, str]) -> shapes.AssetConfiguration:
    return shapes.AssetConfiguration(tags=[shapes.Tag(key=key, value=value) for key, value in pairs])


async def test_a_job_is_created_waiting_and_shows_what_it_will_do(shelf: Shelf) -> None:
    created = await create_job(shelf.context, import_request(shelf.data_set_id, shelf.revision_id))
    assert shapes.decode(shapes.encode(created), shapes.CreateJobResponse) == shapes.CreateJobResponse(
        arn=f"arn:aws:dataexchange:us-east-1:111111111111:jobs/{created.id}",
        created_at=START,
        details=shapes.ResponseDetails(
            import_assets_from_s3=shapes.ImportAssetsFromS3ResponseDetails(
                asset_sources=[shapes.AssetSourceEntry(bucket="source", key="a.csv")],
                data_set_id=shelf.data_set_id,
                revision_id=shelf.revision_id,
            )
        ),
        id=created.id,
        state="WAITING",
        type="IMPORT_ASSETS_FROM_S3",
        updated_at=START,
    )
    assert b"Errors" not in shapes.encode(created)
    assert b"AssetConfiguration" not in shapes.encode(created)


async def test_what_was_created_is_what_get_and_list_answer(application: Application, shelf: Shelf) -> None:
    request = import_request(shelf.data_set_id, shelf.revision_id, configuration=tagged(("team", "prices")))
    created = await create_job(shelf.context, request)
    application.clock.advance()
    assert shapes.encode(await shelf.get(created.id or "")) == shapes.encode(created)
    [entry] = (await list_jobs(shelf.context, shapes.ListJobsRequest())).jobs or []
    assert shapes.encode(entry) == shapes.encode(created)
    assert b'"AssetConfiguration":{"Tags":[{"Key":"team","Value":"prices"}]}' in shapes.encode(created)


async def test_every_type_that_runs_can_be_created_and_has_the_one_member_of_details(shelf: Shelf) -> None:
    for job_type, details in shelf.every_request().items():
        request = shapes.CreateJobRequest(type=job_type, details=details)
        created = await create_job(shelf.context, request)
        shown = shapes.decode(shapes.encode(created), shapes.CreateJobResponse).details
        assert shown is not None
        given = [name for name in shown.__struct_fields__ if getattr(shown, name) is not None]
        assert (created.type, given) == (job_type, [job_type.lower()])


def test_every_job_type_is_a_member_of_details() -> None:
    assert {job_type.lower() for job_type in JobType} == set(shapes.RequestDetails.__struct_fields__)
    assert {job_type.lower() for job_type in JobType} == set(shapes.ResponseDetails.__struct_fields__)


async def test_details_of_another_type_or_of_two_types_or_none_are_refused(shelf: Shelf) -> None:
    good = shelf.every_request()
    one, other = JobType.EXPORT_ASSETS_TO_S3, JobType.EXPORT_ASSET_TO_SIGNED_URL
    both = shapes.RequestDetails(
        export_assets_to_s3=good[one].export_assets_to_s3,
        export_asset_to_signed_url=good[other].export_asset_to_signed_url,
    )
    for details in (good[other], both, shapes.RequestDetails()):
        with pytest.raises(ValidationFailed, match=r"needs Details\.ExportAssetsToS3"):
            await create_job(shelf.context, shapes.CreateJobRequest(type=one, details=details))
    assert await shelf.list() == []


async def test_the_job_s_own_type_decides_about_the_request(application: Application, shelf: Shelf) -> None:
    unknown = import_request(NOWHERE, shelf.revision_id)
    with pytest.raises(ResourceNotFound) as not_found:
        await create_job(shelf.context, unknown)
    assert (not_found.value.resource_id, not_found.value.resource_type) == (NOWHERE, ResourceType.DATA_SET)
    tables = await application.data_set(shelf.context, asset_type=AssetType.REDSHIFT_DATA_SHARE)
    with pytest.raises(ValidationFailed, match="REDSHIFT_DATA_SHARE"):
        await application.job(shelf.context, tables, await application.revision(shelf.context, tables))
    assert await shelf.list() == []


@pytest.mark.parametrize(
    "pairs",
    [
        [("a", "1"), ("a", "2")], [("a", "1"), ("a", "1")], [("aws:a", "1")], [("", "1")], [("k" * 129, "")],
        [("k", "v" * 257)], [(str(number), "") for number in range(51)],
    ],
)  # fmt: skip
async def test_bad_tags_for_the_assets_are_refused(shelf: Shelf, pairs: Sequence[tuple[str, str]]) -> None:
    with pytest.raises(ValidationFailed, match="tag"):
        await shelf.create(tagged(*pairs))
    assert await shelf.list() == []


async def test_a_job_that_makes_no_assets_takes_no_tags_for_them(shelf: Shelf) -> None:
    for job_type, details in shelf.every_request().items():
        request = shapes.CreateJobRequest(
            type=job_type, details=details, asset_configuration=tagged(("team", "prices"))
        )
        if job_type.startswith("EXPORT"):
            with pytest.raises(ValidationFailed, match="AssetConfiguration"):
                await create_job(shelf.context, request)
        else:
            await create_job(shelf.context, request)


async def test_equal_requests_make_two_jobs(shelf: Shelf) -> None:
    assert await shelf.create() != await shelf.create()


async def test_an_unknown_job_is_not_found(shelf: Shelf) -> None:
    for attempt in (shelf.get(NOWHERE), shelf.start(NOWHERE), shelf.cancel(NOWHERE)):
        with pytest.raises(ResourceNotFound) as caught:
            await attempt
        assert (caught.value.resource_id, caught.value.resource_type) == (NOWHERE, ResourceType.JOB)


async def test_starting_a_job_makes_it_in_progress(application: Application, shelf: Shelf) -> None:
    job_id = await shelf.create()
    later = application.clock.advance()
    await shelf.start(job_id)
    started = await shelf.get(job_id)
    assert (started.state, started.created_at, started.updated_at) == ("IN_PROGRESS", START, later)


async def test_cancelling_a_waiting_job(application: Application, shelf: Shelf) -> None:
    job_id = await shelf.create()
    later = application.clock.advance()
    await shelf.cancel(job_id)
    cancelled = await shelf.get(job_id)
    assert (cancelled.state, cancelled.updated_at) == ("CANCELLED", later)


async def test_what_was_uploaded_for_a_job_that_is_cancelled_becomes_garbage(
    application: Application, shelf: Shelf
) -> None:
    upload = JobType.IMPORT_ASSET_FROM_SIGNED_URL
    request = shapes.CreateJobRequest(type=upload, details=shelf.every_request()[upload])
    job_id = (await create_job(shelf.context, request)).id or ""
    assert await garbage.page(application.database, 10) == []
    await shelf.cancel(job_id)
    assert await garbage.page(application.database, 10) == [upload_store_key(job_id)]


async def test_a_job_that_cannot_be_cancelled_keeps_what_was_uploaded(
    application: Application, shelf: Shelf
) -> None:
    upload = JobType.IMPORT_ASSET_FROM_SIGNED_URL
    request = shapes.CreateJobRequest(type=upload, details=shelf.every_request()[upload])
    job_id = (await create_job(shelf.context, request)).id or ""
    await shelf.start(job_id)
    with pytest.raises(Conflict):
        await shelf.cancel(job_id)
    assert await garbage.page(application.database, 10) == []


async def test_a_job_is_started_and_cancelled_only_while_it_waits(
    application: Application, shelf: Shelf
) -> None:
    running, completed, cancelled = await shelf.create(), await shelf.create(), await shelf.create()
    await shelf.start(running)
    await shelf.start(completed)
    await application.end_job(completed)
    await shelf.cancel(cancelled)
    for job_id, state in ((running, "IN_PROGRESS"), (completed, "COMPLETED"), (cancelled, "CANCELLED")):
        for attempt, word in ((shelf.start(job_id), "started"), (shelf.cancel(job_id), "cancelled")):
            message = f"is {state}; only a job that is WAITING can be {word}"
            with pytest.raises(Conflict, match=message) as caught:
                await attempt
            assert (caught.value.resource_id, caught.value.resource_type) == (job_id, ResourceType.JOB)
        assert (await shelf.get(job_id)).state == state


async def test_of_many_requests_at_once_one_starts_or_cancels_the_job(shelf: Shelf) -> None:
    for _ in range(5):
        job_id = await shelf.create()
        answers = await asyncio.gather(
            *(do(job_id) for do in (shelf.start, shelf.cancel, shelf.start, shelf.cancel)),
            return_exceptions=True,
        )
        assert sum(answer is None for answer in answers) == 1
        assert sum(isinstance(answer, Conflict) for answer in answers) == 3


async def test_no_more_jobs_of_a_type_are_in_progress_than_the_limit_allows(application: Application) -> None:
    limited = application.with_limits({Limit.CONCURRENT_IMPORTS_FROM_S3: 2})
    shelf = await make_shelf(limited, limited.context())
    first, second, third = [await shelf.create() for _ in range(3)]
    await shelf.start(first)
    await shelf.start(second)
    with pytest.raises(
        Conflict, match="Concurrent in progress jobs to import assets from Amazon S3"
    ) as caught:
        await shelf.start(third)
    assert (caught.value.resource_id, caught.value.resource_type) == (third, ResourceType.JOB)
    assert (await shelf.get(third)).state == "WAITING"
    with pytest.raises(Conflict, match="is IN_PROGRESS"):
        await shelf.start(first)
    await limited.end_job(first)
    await shelf.start(third)


async def test_the_limit_of_a_type_leaves_other_types_and_accounts_alone(application: Application) -> None:
    limited = application.with_limits({Limit.CONCURRENT_IMPORTS_FROM_S3: 1})
    shelf = await make_shelf(limited, limited.context())
    await shelf.start(await shelf.create())
    export = shapes.CreateJobRequest(
        type=JobType.EXPORT_ASSETS_TO_S3, details=shelf.every_request()[JobType.EXPORT_ASSETS_TO_S3]
    )
    await shelf.start((await create_job(shelf.context, export)).id or "")
    for context in (limited.context("222222222222"), limited.context(region="eu-west-1")):
        other = await make_shelf(limited, context)
        await other.start(await other.create())


async def test_the_limit_holds_when_requests_come_at_once(application: Application) -> None:
    limited = application.with_limits({Limit.CONCURRENT_IMPORTS_FROM_S3: 2})
    shelf = await make_shelf(limited, limited.context())
    job_ids = [await shelf.create() for _ in range(5)]
    answers = await asyncio.gather(*(shelf.start(job_id) for job_id in job_ids), return_exceptions=True)
    assert sum(answer is None for answer in answers) == 2


async def test_no_more_jobs_wait_than_an_account_may_have_in_all_regions(application: Application) -> None:
    limited = application.with_limits({Limit.WAITING_JOBS: 3})
    here = await make_shelf(limited, limited.context())
    there = await make_shelf(limited, limited.context(region="made-up-1"))
    first, second, third = await here.create(), await here.create(), await there.create()
    for shelf in (here, there):
        with pytest.raises(Conflict, match="3 jobs of this account wait") as caught:
            await shelf.create()
        assert (caught.value.resource_id, caught.value.resource_type) == (None, ResourceType.JOB)
    other = await make_shelf(limited, limited.context("222222222222"))
    await other.create()
    await here.start(first)
    await there.create()
    await here.cancel(second)
    await here.create()
    with pytest.raises(Conflict):
        await here.create()
    assert third in await there.list()


async def test_the_quota_of_waiting_jobs_counts_every_type(application: Application) -> None:
    limited = application.with_limits({Limit.WAITING_JOBS: 1})
    shelf = await make_shelf(limited, limited.context())
    for job_type, details in shelf.every_request().items():
        request = shapes.CreateJobRequest(type=job_type, details=details)
        job_id = (await create_job(shelf.context, request)).id or ""
        with pytest.raises(Conflict, match="Jobs waiting per account"):
            await create_job(shelf.context, request)
        await shelf.cancel(job_id)


async def test_the_quota_of_waiting_jobs_holds_when_requests_come_at_once(application: Application) -> None:
    limited = application.with_limits({Limit.WAITING_JOBS: 2})
    shelf = await make_shelf(limited, limited.context())
    answers = await asyncio.gather(*(shelf.create() for _ in range(5)), return_exceptions=True)
    assert sum(isinstance(answer, Conflict) for answer in answers) == 3
    assert len(await shelf.list()) == 2


async def test_a_failed_job_shows_its_errors_in_the_form_of_the_model(
    application: Application, shelf: Shelf
) -> None:
    job_id = await shelf.create()
    await shelf.start(job_id)
    await application.end_job(
        job_id,
        (
            JobError(
                JobErrorCode.RESOURCE_NOT_FOUND_EXCEPTION,
                "Two objects are missing.",
                objects=(Location("source", "a.csv"), Location("source", "b.csv")),
            ),
            JobError(JobErrorCode.VALIDATION_EXCEPTION, "Not its MD5.", asset_name="c.csv"),
            JobError(
                JobErrorCode.SERVICE_QUOTA_EXCEEDED_EXCEPTION,
                "Too many.",
                limit_name="Assets per revision",
                limit_value=10_000.0,
                resource_id=shelf.revision_id,
                resource_type="REVISION",
            ),
        ),
    )
    failed = await shelf.get(job_id)
    assert failed.state == "ERROR"
    objects = [shapes.AssetSourceEntry(bucket="source", key=key) for key in ("a.csv", "b.csv")]
    uploaded = shapes.ImportAssetFromSignedUrlJobErrorDetails(asset_name="c.csv")
    assert failed.errors == [
        shapes.JobError(
            code="RESOURCE_NOT_FOUND_EXCEPTION",
            message="Two objects are missing.",
            details=shapes.Details(import_assets_from_s3_job_error_details=objects),
        ),
        shapes.JobError(
            code="VALIDATION_EXCEPTION",
            message="Not its MD5.",
            details=shapes.Details(import_asset_from_signed_url_job_error_details=uploaded),
        ),
        shapes.JobError(
            code="SERVICE_QUOTA_EXCEEDED_EXCEPTION",
            message="Too many.",
            limit_name="Assets per revision",
            limit_value=10_000.0,
            resource_id=shelf.revision_id,
            resource_type="REVISION",
        ),
    ]
    assert shapes.decode(shapes.encode(failed), shapes.GetJobResponse).errors == failed.errors


async def test_jobs_are_listed_newest_first(application: Application, shelf: Shelf) -> None:
    made = []
    for _ in range(3):
        made.append(await shelf.create())
        application.clock.advance()
    assert await shelf.list() == made[::-1]


async def test_jobs_are_listed_by_data_set_and_by_revision(application: Application, shelf: Shelf) -> None:
    other = await make_shelf(application, shelf.context)
    sibling = replace_revision(shelf, await application.revision(shelf.context, shelf.data_set_id))
    mine, siblings, others = await shelf.create(), await sibling.create(), await other.create()
    assert await shelf.list(data_set_id=other.data_set_id) == [others]
    assert set(await shelf.list(data_set_id=shelf.data_set_id)) == {mine, siblings}
    assert await shelf.list(revision_id=sibling.revision_id) == [siblings]
    assert await shelf.list(shelf.data_set_id, shelf.revision_id) == [mine]
    assert await shelf.list(other.data_set_id, shelf.revision_id) == []
    assert await shelf.list(data_set_id="what is this?") == []


async def test_an_export_of_a_revision_is_listed_under_it(shelf: Shelf) -> None:
    request = shapes.CreateJobRequest(
        type=JobType.EXPORT_REVISIONS_TO_S3, details=shelf.every_request()[JobType.EXPORT_REVISIONS_TO_S3]
    )
    created = await create_job(shelf.context, request)
    assert await shelf.list(revision_id=shelf.revision_id) == [created.id]


async def test_jobs_outlive_their_data_set(shelf: Shelf) -> None:
    job_id = await shelf.create()
    await delete_data_set(shelf.context, shapes.DeleteDataSetRequest(data_set_id=shelf.data_set_id))
    assert (await shelf.get(job_id)).state == "WAITING"
    assert await shelf.list(data_set_id=shelf.data_set_id) == [job_id]


def replace_revision(shelf: Shelf, revision_id: str) -> Shelf:
    return Shelf(shelf.application, shelf.context, shelf.data_set_id, revision_id, shelf.asset_id)
