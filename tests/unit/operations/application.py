"""A house for operations to live in: a real database, a clock that stands still, and short ways."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count

from tests.servers.open_buckets import OpenBuckets, no_bucket

from entrepot.database import assets, jobs
from entrepot.database.connection import Database
from entrepot.domain.api_call import ApiAnswer, ApiRequest
from entrepot.domain.api_endpoint import ApiTarget
from entrepot.domain.asset import Asset
from entrepot.domain.data_set import AssetType
from entrepot.domain.identifiers import asset_store_key
from entrepot.domain.job import JobError, JobState
from entrepot.domain.limits import Limit, Limits
from entrepot.domain.scope import Scope
from entrepot.domain.timestamp import Timestamp
from entrepot.jobs.parents import require_room
from entrepot.jobs.registry import DEFINITIONS
from entrepot.model import shapes
from entrepot.operations.context import Context, Services
from entrepot.operations.data_sets import create_data_set
from entrepot.operations.jobs import create_job
from entrepot.operations.page_tokens import PageTokens
from entrepot.operations.revisions import create_revision
from entrepot.transfer.signed_urls import LocalSignedUrls

START = Timestamp(1_700_000_000_000)
NOWHERE = "0" * 32
"""A well-formed id of nothing."""


class NoApis:
    """Of no API it is known where it is."""

    def target(self, api_id: str, stage: str, owner: Scope) -> ApiTarget | None:
        return None

    async def send(self, request: ApiRequest) -> ApiAnswer:
        raise AssertionError(request)


class FixedClock:
    """Moves only when it is told to."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> Timestamp:
        return self.now

    def advance(self, milliseconds: int = 1) -> Timestamp:
        self.now = Timestamp(self.now.milliseconds + milliseconds)
        return self.now


class CountedBytes:
    """Bytes that differ from call to call, and are the same in every run."""

    def __init__(self) -> None:
        self._calls = count()

    def __call__(self, size: int) -> bytes:
        return hashlib.sha256(b"%d" % next(self._calls)).digest()[:size]


@dataclass(frozen=True)
class Application:
    services: Services
    clock: FixedClock

    @classmethod
    def of(cls, database: Database) -> Application:
        clock = FixedClock()
        services = Services(
            database=database,
            clock=clock,
            random_bytes=CountedBytes(),
            limits=Limits(),
            page_tokens=PageTokens(b"p" * 32),
            job_types=DEFINITIONS,
            signed_urls=LocalSignedUrls("http://127.0.0.1:8250", b"s" * 32),
            buckets=OpenBuckets(no_bucket),
            api_calls=NoApis(),
        )
        return cls(services, clock)

    @property
    def database(self) -> Database:
        return self.services.database

    def with_limits(self, limits: dict[Limit, int]) -> Application:
        return replace(self, services=replace(self.services, limits=Limits(limits)))

    def context(self, account_id: str = "111111111111", region: str = "us-east-1") -> Context:
        return Context(Scope(account_id, region), "request-1", self.services)

    async def data_set(
        self, context: Context, name: str = "prices", asset_type: AssetType = AssetType.S3_SNAPSHOT
    ) -> str:
        request = shapes.CreateDataSetRequest(asset_type=asset_type, description="daily prices", name=name)
        answer = await create_data_set(context, request)
        return present(answer.id)

    async def revision(self, context: Context, data_set_id: str) -> str:
        answer = await create_revision(context, shapes.CreateRevisionRequest(data_set_id=data_set_id))
        return present(answer.id)

    async def assets(
        self, context: Context, data_set_id: str, revision_id: str, names: Sequence[str] = ("a.csv",)
    ) -> list[str]:
        """Puts assets into a revision as a job would, without one."""
        made = [self._asset(context.scope, data_set_id, revision_id, name) for name in names]
        await assets.insert_many(self.database, made)
        return [asset.id for asset in made]

    def _asset(self, scope: Scope, data_set_id: str, revision_id: str, name: str) -> Asset:
        asset_id = self.services.new_identifier()
        return Asset(
            scope=scope,
            data_set_id=data_set_id,
            revision_id=revision_id,
            id=asset_id,
            asset_type=AssetType.S3_SNAPSHOT,
            name=name,
            created_at=self.clock(),
            updated_at=self.clock(),
            size_bytes=1234,
            store_key=asset_store_key(asset_id),
            store_etag="etag",
            checksum=None,
        )

    async def job(self, context: Context, data_set_id: str, revision_id: str) -> str:
        """A waiting job that imports one object."""
        answer = await create_job(context, import_request(data_set_id, revision_id))
        return present(answer.id)

    async def end_import(self, context: Context, job_id: str, name: str) -> None:
        """Puts one asset into the job's revision as the last transaction of an import does."""
        job = await jobs.get(self.database, context.scope, job_id)
        assert job is not None
        (revision_id,) = job.revision_ids
        async with self.database.transaction() as connection:
            await require_room(connection, job, self.services.limits, 1, lock=True)
            made = self._asset(context.scope, job.data_set_id, revision_id, name)
            await assets.insert_many(connection, [made])

    async def end_job(self, job_id: str, errors: tuple[JobError, ...] = ()) -> None:
        """Ends a running job as the runner does."""
        ended = await jobs.finish(
            self.database,
            job_id,
            attempt=1,
            state=JobState.ERROR if errors else JobState.COMPLETED,
            details_json=None,
            errors=errors,
            now=self.clock(),
        )
        assert ended


def import_request(
    data_set_id: str,
    revision_id: str,
    key: str = "a.csv",
    configuration: shapes.AssetConfiguration | None = None,
) -> shapes.CreateJobRequest:
    return shapes.CreateJobRequest(
        type="IMPORT_ASSETS_FROM_S3",
        details=shapes.RequestDetails(
            import_assets_from_s3=shapes.ImportAssetsFromS3RequestDetails(
                asset_sources=[shapes.AssetSourceEntry(bucket="source", key=key)],
                data_set_id=data_set_id,
                revision_id=revision_id,
            )
        ),
        asset_configuration=configuration,
    )


def present(value: str | None) -> str:
    assert value is not None
    return value
