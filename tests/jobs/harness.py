"""A small exchange on disk for tests of jobs: real SQLite, real local stores, also as the users' buckets."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from secrets import token_hex
from time import time

import msgspec
from tests.servers.open_buckets import OpenBuckets

from entrepot.database import assets, data_sets, job_items, job_runs, jobs, revisions
from entrepot.database.connection import Database, open_database
from entrepot.database.migrate import migrate
from entrepot.domain.asset import Asset, UnprovenSources
from entrepot.domain.data_set import AssetType, DataSet
from entrepot.domain.errors import BucketNotFound
from entrepot.domain.job import Job, JobState, JobType, RunId
from entrepot.domain.limits import Limits, Timeouts
from entrepot.domain.revision import Revision
from entrepot.domain.scope import Scope
from entrepot.domain.timestamp import Timestamp
from entrepot.integrations.protocols import Integrations
from entrepot.jobs.crash_points import CrashPoint, nothing
from entrepot.jobs.definition import Checked, Creation, JobDefinition
from entrepot.jobs.registry import DEFINITIONS
from entrepot.jobs.runner import Runner
from entrepot.model import shapes
from entrepot.stores.local import LocalStore
from entrepot.stores.store import ObjectStore
from entrepot.transfer.multipart import PART_BYTES
from entrepot.transfer.signed_urls import LocalSignedUrls
from entrepot.transfer.transfer import Transfer
from entrepot.transfer.user_buckets import Buckets

SCOPE = Scope("123456789012", "us-east-1")
OTHER_SCOPE = Scope("210987654321", "us-east-1")


def now() -> Timestamp:
    return Timestamp(round(time() * 1000))


class Interrupted(BaseException):
    """Ends an attempt on the spot, as the end of its process would."""


def interrupt_at(here: CrashPoint) -> Callable[[CrashPoint], None]:
    def at(point: CrashPoint) -> None:
        if point is here:
            raise Interrupted

    return at


@dataclass(frozen=True)
class Harness:
    folder: Path
    database_url: str
    database: Database
    own: ObjectStore
    transfer: Transfer
    buckets: Buckets
    limits: Limits
    signed_urls: LocalSignedUrls = field(
        default_factory=lambda: LocalSignedUrls("http://127.0.0.1:8250", b"a secret of tests")
    )
    integrations: Integrations = field(default_factory=Integrations)
    """No service outside is configured, unless a test replaces it."""

    def bucket(self, name: str) -> LocalStore:
        """A bucket of a user; it exists from now on."""
        return bucket_in(self.folder, name)

    def delete_bucket(self, name: str) -> None:
        """The bucket is gone, at once and with all that is in it."""
        shutil.rmtree((self.folder / "buckets" / name).rename(self.folder / f"deleted-{name}"))

    def put(self, bucket: str, contents: Mapping[str, bytes]) -> None:
        store = self.bucket(bucket)
        for key, content in contents.items():
            store.put(key, memoryview(content), len(content))

    async def data_set(self, asset_type: AssetType = AssetType.S3_SNAPSHOT, scope: Scope = SCOPE) -> DataSet:
        moment = now()
        data_set = DataSet(scope, token_hex(16), asset_type, "Prices", "", moment, moment)
        await data_sets.insert(self.database, data_set)
        return data_set

    async def revision(self, data_set: DataSet | None = None) -> Revision:
        parent = await self.data_set() if data_set is None else data_set
        moment = now()
        revision = Revision(parent.scope, parent.id, token_hex(16), moment, moment)
        await revisions.insert(self.database, revision)
        return revision

    async def finalized(self, revision: Revision) -> Revision:
        final = replace(revision, finalized=True)
        await revisions.save(self.database, final)
        return final

    async def check(
        self, job_type: JobType, details: Mapping[str, object], scope: Scope = SCOPE
    ) -> tuple[str, Checked]:
        job_id = token_hex(16)
        creation = Creation(
            scope=scope,
            job_id=job_id,
            now=now(),
            details=shapes.convert(details, shapes.RequestDetails),
            database=self.database,
            limits=self.limits,
            signed_urls=self.signed_urls,
        )
        return job_id, await DEFINITIONS[job_type].check(creation)

    async def create(
        self,
        job_type: JobType,
        details: Mapping[str, object],
        tags: Mapping[str, str] | None = None,
        scope: Scope = SCOPE,
    ) -> Job:
        job_id, checked = await self.check(job_type, details, scope)
        moment = now()
        configuration = {"Tags": [{"Key": key, "Value": value} for key, value in (tags or {}).items()]}
        job = Job(
            scope=scope,
            id=job_id,
            type=job_type,
            state=JobState.WAITING,
            created_at=moment,
            updated_at=moment,
            details_json=shapes.encode(checked.details),
            data_set_id=checked.data_set_id,
            revision_ids=checked.revision_ids,
            asset_configuration_json=msgspec.json.encode(configuration) if tags else None,
        )
        await jobs.insert(self.database, job)
        return job

    async def start(self, job: Job) -> RunId:
        assert await jobs.start(self.database, job.id, now=now())
        return RunId(job.id, 1)

    def runner(
        self,
        *,
        at: Callable[[CrashPoint], None] = nothing,
        timeout_seconds: float = 60,
        timeouts: Timeouts | None = None,
        outage_seconds: float = 0,
        definition: JobDefinition | None = None,
    ) -> Runner:
        """A runner; with `definition` in place of the one of its type."""
        definitions = dict(DEFINITIONS) if definition is None else {definition.type: definition}
        return Runner(
            database=self.database,
            transfer=self.transfer,
            buckets=self.buckets,
            limits=self.limits,
            signed_urls=self.signed_urls,
            clock=now,
            definitions=definitions,
            integrations=self.integrations,
            timeouts=timeouts or Timeouts(timeout_seconds),
            outage_seconds=outage_seconds,
            at=at,
        )

    async def finish(self, job: Job, *, at: Callable[[CrashPoint], None] = nothing) -> Job:
        """Starts and runs the job; the job as it ended."""
        run_id = await self.start(job)
        await self.runner(at=at).run(run_id)
        return await self.job(job.id)

    async def job(self, job_id: str) -> Job:
        job = await jobs.get_unscoped(self.database, job_id)
        assert job is not None
        return job

    async def taken_over(self, run_id: RunId) -> RunId:
        """The run after it changed hands."""
        assert await job_runs.hand_back(self.database, [run_id], now()) == 1
        return RunId(run_id.job_id, run_id.attempt + 1)

    async def assets(self, revision: Revision) -> list[Asset]:
        return await assets.all_of_revision(self.database, SCOPE, revision.data_set_id, revision.id)

    async def nothing_is_left_of(self, job: Job) -> bool:
        items = await job_items.load(self.database, job.id)
        return items == [] and await job_runs.get(self.database, job.id) is None

    def stored_keys(self) -> set[str]:
        """Every key of the exchange's own store."""
        return {listed.key for listed in self.own.list("", limit=100_000)}

    def content(self, asset: Asset) -> bytes:
        return content(self.own, asset.store_key)


def content(store: ObjectStore, key: str) -> bytes:
    with store.open(key) as reader:
        buffer = bytearray(reader.size_bytes)
        view, position = memoryview(buffer), 0
        while count := reader.readinto(view[position:]):
            position += count
    return bytes(buffer)


def contents(store: ObjectStore) -> dict[str, bytes]:
    return {listed.key: content(store, listed.key) for listed in store.list("", limit=100_000)}


def bucket_in(folder: Path, name: str) -> LocalStore:
    path = folder / "buckets" / name
    path.mkdir(parents=True, exist_ok=True)
    return LocalStore(path)


def existing_buckets(folder: Path) -> Callable[[str], ObjectStore]:
    def find(name: str) -> ObjectStore:
        path = folder / "buckets" / name
        if not path.is_dir():
            raise BucketNotFound(f"There is no bucket {name}; create it.", bucket=name)
        return LocalStore(path)

    return find


def migrated(folder: Path) -> Path:
    """A database file with all tables and nothing in them."""
    path = folder / "template.sqlite"
    migrate(f"sqlite:///{path}")
    return path


@asynccontextmanager
async def opened(
    folder: Path,
    *,
    template: Path | None = None,
    database_url: str | None = None,
    limits: Limits | None = None,
    own: ObjectStore | None = None,
    buckets: Callable[[str], ObjectStore] | Buckets | None = None,
    unproven_sources: UnprovenSources | None = None,
    server_side_copy: bool = True,
    part_bytes: int = PART_BYTES,
) -> AsyncIterator[Harness]:
    """The exchange in the folder, made from the template where there is none yet.

    Its database is an SQLite file there, unless `database_url` names another.
    """
    path = folder / "entrepot.sqlite"
    if template is not None and not path.exists():
        shutil.copy(template, path)
    url = database_url or f"sqlite:///{path}"
    database = await open_database(url)
    store = own or LocalStore(folder / "own")
    found = buckets or existing_buckets(folder)
    of_accounts = OpenBuckets(found) if callable(found) else found
    transfer = Transfer(
        store,
        threads=8,
        server_side_copy=server_side_copy,
        unproven_sources=unproven_sources,
        part_bytes=part_bytes,
    )
    try:
        yield Harness(folder, url, database, store, transfer, of_accounts, limits or Limits())
    finally:
        await transfer.close()
        await database.close()


def sources(bucket: str, keys: Iterable[str]) -> list[dict[str, str]]:
    return [{"Bucket": bucket, "Key": key} for key in keys]


def import_details(revision: Revision, bucket: str, keys: Iterable[str]) -> dict[str, object]:
    return {
        "ImportAssetsFromS3": {
            "AssetSources": sources(bucket, keys),
            "DataSetId": revision.data_set_id,
            "RevisionId": revision.id,
        }
    }


async def imported(harness: Harness, revision: Revision, objects: Mapping[str, bytes]) -> list[Asset]:
    """The assets that these objects became, in the order of `objects`."""
    harness.put("source", objects)
    keys = list(objects)
    for start in range(0, len(keys), 100):
        job = await harness.create(
            JobType.IMPORT_ASSETS_FROM_S3, import_details(revision, "source", keys[start : start + 100])
        )
        assert (await harness.finish(job)).state is JobState.COMPLETED
    by_name = {asset.name: asset for asset in await harness.assets(revision)}
    return [by_name[key] for key in keys]


async def exporting(harness: Harness, objects: Mapping[str, bytes]) -> Job:
    """A job, not started yet, that is to write these objects, imported before, to the bucket `target`."""
    revision = await harness.revision()
    assets = await imported(harness, revision, objects)
    harness.bucket("target")
    details = {
        "ExportAssetsToS3": {
            "DataSetId": revision.data_set_id,
            "RevisionId": revision.id,
            "AssetDestinations": [
                {"AssetId": asset.id, "Bucket": "target", "Key": asset.name} for asset in assets
            ],
        }
    }
    return await harness.create(JobType.EXPORT_ASSETS_TO_S3, details)
