"""What the settings say reaches the objects that do the work."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path

import pytest
from tests.servers.certificates import make_certificates
from tests.servers.scripted_http import Scripted, answer, scripted_server

from entrepot.database import jobs
from entrepot.domain.errors import StoreFull
from entrepot.domain.job import Job, JobItem, JobState, JobType, Location
from entrepot.domain.scope import Scope
from entrepot.engine.loops import repeating
from entrepot.server.data_directory import DataDirectory
from entrepot.server.first_start import open_secrets
from entrepot.settings.settings import Settings
from entrepot.sigv4.signature_parameters import Credentials
from entrepot.stores.local import LocalStore
from entrepot.transfer.account_buckets import Place
from entrepot.wire.pipeline import LogAuditSink
from entrepot.wiring.api import open_api
from entrepot.wiring.shared import S3, clock, own_store, prepare_database
from entrepot.wiring.worker import WiredWorker, open_worker

FOUND = answer(200, b"", [("ETag", '"e"')])
KEYS = {"AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret"}


def head(environ: Mapping[str, str]) -> None:
    s3 = S3(Settings.load({}, KEYS | dict(environ)))
    try:
        s3.bucket("bucket").head("key")
    finally:
        s3.close()


def test_s3_is_reached_through_the_proxy_of_the_environment() -> None:
    with scripted_server(FOUND) as proxy:
        head({"ENTREPOT_S3_ENDPOINT_URL": "http://s3.example:9000", "HTTP_PROXY": proxy.url})
        (request,) = proxy.requests
    assert request.line == "HEAD http://s3.example:9000/bucket/key HTTP/1.1"


@pytest.mark.parametrize(("no_proxy", "direct"), [("", False), ("127.0.0.1", True), ("localhost", False)])
def test_loopback_is_reached_directly_only_where_no_proxy_says_so(no_proxy: str, direct: bool) -> None:
    with scripted_server(FOUND) as proxy, scripted_server(FOUND) as server:
        head({"ENTREPOT_S3_ENDPOINT_URL": server.url, "http_proxy": proxy.url, "NO_PROXY": no_proxy})
        assert (len(server.requests), len(proxy.requests)) == ((1, 0) if direct else (0, 1))


def test_s3_over_https_is_trusted_by_the_ca_bundle_of_the_environment_also_through_a_proxy(
    tmp_path: Path,
) -> None:
    certificates = make_certificates(tmp_path)
    tunnel = Scripted(b"HTTP/1.1 200 Connection established\r\n\r\n", turns_to_tls=True)
    with scripted_server(tunnel, FOUND, tls=certificates.server) as proxy:
        head(
            {
                "ENTREPOT_S3_ENDPOINT_URL": "https://127.0.0.1:9",
                "HTTPS_PROXY": proxy.url,
                "AWS_CA_BUNDLE": str(certificates.ca_bundle),
            }
        )
        assert [request.line for request in proxy.requests] == [
            "CONNECT 127.0.0.1:9 HTTP/1.1",
            "HEAD /bucket/key HTTP/1.1",
        ]


def test_a_bucket_elsewhere_is_asked_there_with_its_own_keys_and_the_others_are_not() -> None:
    with scripted_server(FOUND, FOUND) as server, scripted_server(FOUND, FOUND) as partner:
        s3 = S3(Settings.load({}, KEYS | {"ENTREPOT_S3_ENDPOINT_URL": server.url}))
        theirs = Credentials("AKIAPARTNER", "secret", "token")
        places = [
            Place(),
            Place(region="eu-west-1"),
            Place(partner.url),
            Place(partner.url, "eu-west-1", theirs),
        ]
        for place in places:
            s3.bucket_at("bucket", place).head("key")
        s3.close()
        asked = [
            (request.headers["authorization"].split()[1], request.headers.get("x-amz-security-token"))
            for one in (server, partner)
            for request in one.requests
        ]
    scopes = [(scope.split("/")[0], scope.split("/")[2], token) for scope, token in asked]
    assert scopes == [
        ("Credential=AKIAEXAMPLE", "us-east-1", None),
        ("Credential=AKIAEXAMPLE", "eu-west-1", None),
        ("Credential=AKIAEXAMPLE", "us-east-1", None),
        ("Credential=AKIAPARTNER", "eu-west-1", "token"),
    ]


def test_one_client_serves_a_place_and_few_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("entrepot.wiring.shared._MOST_CLIENTS", 2)
    s3 = S3(Settings.load({}, KEYS | {"ENTREPOT_S3_ENDPOINT_URL": "http://127.0.0.1:9"}))
    places = [Place(credentials=Credentials(f"AKIA{n}", "secret")) for n in range(3)]
    own = s3.bucket("own").client
    first, second = (s3.bucket_at("bucket", place).client for place in places[:2])
    assert s3.bucket_at("another", places[0]).client is first
    assert len({id(own), id(first), id(second)}) == 3
    third = s3.bucket_at("bucket", places[2]).client
    assert s3.bucket_at("bucket", places[2]).client is third
    assert s3.bucket_at("bucket", places[0]).client is first  # used later than the second
    assert s3.bucket_at("bucket", places[1]).client is not second
    assert s3.bucket_at("bucket", Place()).client is own
    s3.close()


@pytest.mark.parametrize(
    "place",
    [
        Place(credentials=Credentials("AKIAPARTNER", "secret")),
        Place("http://127.0.0.1:10"),
        Place("aws"),
        Place("http://127.0.0.1:10", None, Credentials(KEYS["AWS_ACCESS_KEY_ID"], "secret")),
    ],
)
def test_no_store_is_asked_to_copy_from_another_place(place: Place) -> None:
    """It would have to be given the rights of the one at the other."""
    s3 = S3(Settings.load({}, KEYS | {"ENTREPOT_S3_ENDPOINT_URL": "http://127.0.0.1:9"}))
    here, there = s3.bucket("here"), s3.bucket_at("there", place)
    assert here.copy_from(there, "key", "key", size_bytes=1) is None
    assert there.copy_from(here, "key", "key", size_bytes=1) is None
    s3.close()


@asynccontextmanager
async def worker_of(settings: Settings) -> AsyncIterator[WiredWorker]:
    directory = DataDirectory(settings.data_dir)
    with directory.lock_for_serving():
        database = await prepare_database(settings.database)
        worker = open_worker(settings, database, await open_secrets(directory, database), "worker")
        try:
            yield worker
        finally:
            await worker.close()
            await database.close()


async def test_the_api_knows_which_jobs_may_be_uploaded_to(tmp_path: Path) -> None:
    settings = Settings.load({}, {"ENTREPOT_DATA_DIR": str(tmp_path)})
    directory = DataDirectory(tmp_path)
    with directory.lock_for_serving():
        database = await prepare_database(settings.database)
        api = open_api(settings, database, await open_secrets(directory, database), LogAuditSink())
        try:
            now = api.services.clock()
            job = Job(
                scope=Scope("123456789012", "us-east-1"),
                id="0f" * 16,
                type=JobType.IMPORT_ASSET_FROM_SIGNED_URL,
                state=JobState.WAITING,
                created_at=now,
                updated_at=now,
                details_json=b"{}",
                data_set_id="d" * 32,
                revision_ids=("e" * 32,),
            )
            await jobs.insert(database, job)
            assert await api.is_waiting(job.id)
            assert not await api.is_waiting("0" * 32)
            await jobs.cancel(database, job.id, now=now)
            assert not await api.is_waiting(job.id)
        finally:
            await api.close()
            await database.close()


@pytest.mark.parametrize("environ", [{}, {"ENTREPOT_JOB_RETENTION_DAYS": "2"}])
async def test_a_worker_forgets_jobs_that_are_older_than_the_exchange_keeps_them(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    settings = Settings.load({}, {"ENTREPOT_DATA_DIR": str(tmp_path), **environ})
    kept_days = settings.job_retention_days
    database = await prepare_database(settings.database)
    for days in (kept_days + 1, kept_days - 1):
        created_at = clock().plus_seconds(-days * 86_400)
        job = Job(
            scope=Scope("123456789012", "us-east-1"),
            id=f"{days:032d}",
            type=JobType.IMPORT_ASSET_FROM_SIGNED_URL,
            state=JobState.CANCELLED,
            created_at=created_at,
            updated_at=created_at,
            details_json=b"{}",
            data_set_id="d" * 32,
            revision_ids=("e" * 32,),
        )
        await jobs.insert(database, job)
    async with worker_of(settings) as worker, repeating(worker.loops), asyncio.timeout(30):
        while await jobs.get_unscoped(database, f"{kept_days + 1:032d}") is not None:
            await asyncio.sleep(0.02)
    assert await jobs.get_unscoped(database, job.id) == job
    await database.close()


def ignore(_: object) -> None:
    """What nobody listens to."""


@pytest.mark.parametrize("allowed", [True, False])
async def test_a_worker_lets_stores_copy_by_themselves_unless_it_is_told_not_to(
    tmp_path: Path, allowed: bool
) -> None:
    environ = {"ENTREPOT_DATA_DIR": str(tmp_path), "ENTREPOT_SERVER_SIDE_COPY": str(allowed)}
    settings = Settings.load({}, environ)
    own = LocalStore(settings.assets_folder)
    etag = own.put("from", memoryview(b"bytes"), 5).etag
    item = JobItem(0, "name", Location(None, "from"), Location(None, "to"), size_bytes=5, source_etag=etag)
    callback: Callable[[object], None] = ignore
    async with worker_of(settings) as worker:
        await worker.engine.start(worker.runner.run)  # nobody writes before the first heartbeat
        await worker.runner.transfer.move(item, encryption=None, on_bytes=callback, on_checkpoint=callback)
        await worker.engine.stop()
    linked = own.path_of("from").stat().st_ino == own.path_of("to").stat().st_ino
    assert linked is allowed


@pytest.mark.parametrize(("reserve_mb", "has_room"), [("0", True), ("100000000", False)])
def test_the_own_store_leaves_the_reserve_of_its_disk(
    tmp_path: Path, reserve_mb: str, has_room: bool
) -> None:
    environ = {"ENTREPOT_DATA_DIR": str(tmp_path), "ENTREPOT_DISK_RESERVE_MB": reserve_mb}
    settings = Settings.load({}, environ)
    store = own_store(settings, S3(settings))
    with nullcontext() if has_room else pytest.raises(StoreFull):
        store.require_room(1)
