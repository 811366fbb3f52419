"""What the settings say reaches the objects that do the work."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.servers.certificates import make_certificates
from tests.servers.scripted_http import Scripted, answer, scripted_server

from entrepot.container import S3, WorkerContainer, open_api, open_worker, prepare_database
from entrepot.database import jobs
from entrepot.domain.job import Job, JobItem, JobState, JobType
from entrepot.domain.job_error import Location
from entrepot.domain.scope import Scope
from entrepot.server.data_directory import DataDirectory
from entrepot.server.first_start import open_secrets
from entrepot.settings import Settings
from entrepot.stores.local import LocalStore
from entrepot.wire.pipeline import LogAuditSink

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


@asynccontextmanager
async def worker_of(settings: Settings) -> AsyncIterator[WorkerContainer]:
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
            now = api.clock()
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
            api.close()
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
        await worker.runner.transfer.move(item, encryption=None, on_bytes=callback, on_checkpoint=callback)
    linked = own.path_of("from").stat().st_ino == own.path_of("to").stat().st_ino
    assert linked is allowed
