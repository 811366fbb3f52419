"""`entrepot serve` as a process: how it starts, what it refuses, how it ends, and what survives its end."""

from __future__ import annotations

import configparser
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest
from tests.functional.clients import client as make_client
from tests.functional.flow import finished, import_by_signed_url, open_revision, run_job, until
from tests.servers.exchanges import Exchange
from tests.servers.postgresql import new_database
from tests.servers.slow_bucket import CONTENT, SlowBucket, slow_bucket

from entrepot.testing import RunningServer, running_entrepot

PATIENCE_SECONDS = 60.0


@contextmanager
def client(server: RunningServer) -> Iterator[Any]:
    made = make_client("dataexchange", server.url, server.access_key_id, server.secret_access_key)
    try:
        yield made
    finally:
        made.close()


def entrepot(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("ENTREPOT_")}
    return subprocess.run(
        [sys.executable, "-m", "entrepot", *arguments],
        capture_output=True,
        text=True,
        env=inherited | environ,
        timeout=PATIENCE_SECONDS,
        check=False,
    )


def fetch(server: RunningServer, path: str) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(server.url + path) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_running(pid: int) -> bool:
    try:
        return "(zombie)" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


@pytest.fixture
def slow() -> Iterator[SlowBucket]:
    with slow_bucket() as bucket:
        yield bucket


@contextmanager
def reading_from(folder: Path, slow: SlowBucket, *arguments: str) -> Iterator[RunningServer]:
    keys = {"AWS_ACCESS_KEY_ID": "anybody", "AWS_SECRET_ACCESS_KEY": "secret"}
    with running_entrepot(
        folder, arguments=["--s3-endpoint-url", slow.endpoint_url, *arguments], environ=keys
    ) as server:
        yield server


def start_slow_import(exchange: Any) -> tuple[str, dict[str, str]]:
    place = open_revision(exchange)
    sources = [{"Bucket": "slow", "Key": "object"}]
    job_id: str = exchange.create_job(
        Type="IMPORT_ASSETS_FROM_S3", Details={"ImportAssetsFromS3": {"AssetSources": sources, **place}}
    )["Id"]
    exchange.start_job(JobId=job_id)
    return job_id, place


def require_imported_once(exchange: Any, job_id: str, place: dict[str, str]) -> None:
    job = finished(exchange, job_id)
    assert job["State"] == "COMPLETED", job
    assets = exchange.list_revision_assets(**place)["Assets"]
    assert [asset["AssetDetails"]["S3SnapshotAsset"]["Size"] for asset in assets] == [len(CONTENT)]


def test_the_first_start_makes_an_account_that_works(tmp_path: Path) -> None:
    with running_entrepot(tmp_path) as server:
        credentials = server.data_dir / "aws" / "credentials"
        assert stat.S_IMODE(credentials.stat().st_mode) == 0o600
        profiles = configparser.ConfigParser()
        profiles.read(server.data_dir / "aws" / "config")
        assert dict(profiles["profile entrepot"]) == {"region": "us-east-1", "endpoint_url": server.url}
        key = server.access_key_id
        with client(server) as exchange:
            assert exchange.list_jobs()["Jobs"] == []
    with running_entrepot(tmp_path) as again:
        assert again.access_key_id == key
        assert again.url in (again.data_dir / "aws" / "config").read_text()
        with client(again) as exchange:
            assert exchange.list_jobs()["Jobs"] == []


def test_a_job_runs_and_the_server_says_so(tmp_path: Path) -> None:
    with running_entrepot(tmp_path) as server, client(server) as exchange:
        place = open_revision(exchange)
        assert import_by_signed_url(exchange, place, "a.csv", b"hello")["State"] == "COMPLETED"
        asset_id = exchange.list_revision_assets(**place)["Assets"][0]["Id"]
        details = {"AssetId": asset_id, **place}
        job = run_job(exchange, "EXPORT_ASSET_TO_SIGNED_URL", ExportAssetToSignedUrl=details)
        url = job["Details"]["ExportAssetToSignedUrl"]["SignedUrl"]
        with urllib.request.urlopen(urllib.request.Request(url, headers={"Range": "bytes=1-3"})) as part:
            assert (part.status, part.read()) == (206, b"ell")
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(url.replace("signature=", "signature=0"))
        with refused.value as answer:
            assert answer.code == 403
        assert fetch(server, "/healthz")[0] == 200
        assert json.loads(fetch(server, "/readyz")[1])["status"] == "ok"
        metrics = fetch(server, "/metrics")[1].decode()
        assert 'entrepot_requests_total{operation="StartJob",status="202"} 2\n' in metrics
        assert 'entrepot_object_bytes_total{direction="received"} 5\n' in metrics
        assert server.log.read_text() == ""


def test_without_workers_of_its_own_a_server_is_ready_and_jobs_wait(tmp_path: Path) -> None:
    with running_entrepot(tmp_path, arguments=["--job-workers", "0"]) as server, client(server) as exchange:
        assert json.loads(fetch(server, "/readyz")[1])["checks"]["workers"] == "ok"
        place = open_revision(exchange)
        sources = [{"Bucket": "b", "Key": "k"}]
        job_id = exchange.create_job(
            Type="IMPORT_ASSETS_FROM_S3", Details={"ImportAssetsFromS3": {"AssetSources": sources, **place}}
        )["Id"]
        exchange.start_job(JobId=job_id)
        assert exchange.get_job(JobId=job_id)["State"] == "IN_PROGRESS"
        assert children(server.pid) == []


def test_a_second_server_on_one_data_directory_is_refused(sigv4_exchange: Exchange) -> None:
    second = entrepot("serve", "--port", "0", "--data-dir", str(sigv4_exchange.data_dir))
    assert second.returncode == 253
    assert f"(pid {sigv4_exchange.pid}) already serves {sigv4_exchange.data_dir}" in second.stderr
    assert "Traceback" not in second.stderr


def test_a_data_directory_that_is_taken_away_ends_the_server(tmp_path: Path) -> None:
    with running_entrepot(tmp_path) as server:
        server.data_dir.rename(tmp_path / "away")
        assert server.process.wait(PATIENCE_SECONDS) == 253
        said = server.log.read_text().splitlines()[-1]
        assert said.startswith(f"entrepot: The data directory {server.data_dir} was removed or replaced")


def test_a_bucket_of_its_own_that_cannot_be_used_is_told_at_the_start(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    arguments = ["--s3-endpoint-url", url, "--store", "s3://own/prefix", "--job-workers", "0"]
    keys = {"AWS_ACCESS_KEY_ID": "anybody", "AWS_SECRET_ACCESS_KEY": "secret"}
    with running_entrepot(tmp_path, arguments=arguments, environ=keys) as server:
        until(lambda: "the store cannot be used now: " in server.log.read_text())
        assert "s3://own/prefix/" in server.log.read_text()


def test_a_port_in_use_is_named_with_what_to_do(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused = entrepot("serve", "--port", str(port), "--data-dir", str(tmp_path / "data"))
    assert refused.returncode == 253
    assert refused.stderr.startswith(f"entrepot: Port {port} of 127.0.0.1 is in use")
    assert refused.stderr.count("\n") == 1


def test_a_data_directory_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    refused = entrepot("serve", "--port", "0", "--data-dir", str(tmp_path / "file"))
    assert refused.returncode == 253
    assert "is not a folder" in refused.stderr


@pytest.mark.parametrize("command", [["serve", "--port", "0"], ["worker"], ["account", "list"]])
def test_a_database_that_cannot_be_reached_is_one_line(tmp_path: Path, command: list[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    url = f"postgresql://me:secret@127.0.0.1:{port}/exchange"
    refused = entrepot(*command, "--data-dir", str(tmp_path), "--database", url)
    assert refused.returncode == 1
    assert refused.stderr.count("\n") == 1
    assert str(port) in refused.stderr
    assert "secret" not in refused.stderr


def test_sigterm_ends_server_and_workers_within_ten_seconds(tmp_path: Path, slow: SlowBucket) -> None:
    with reading_from(tmp_path, slow) as server:
        with client(server) as exchange:
            job_id, place = start_slow_import(exchange)
        slow.wait_for_reader()
        (worker,) = children(server.pid)
        began = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - began < 10
        assert not is_running(worker)
        assert server.log.read_text() == ""
    slow.release()
    with reading_from(tmp_path, slow) as server, client(server) as exchange:
        require_imported_once(exchange, job_id, place)


def test_after_kill_9_in_the_middle_of_a_job_the_next_start_completes_it(
    tmp_path: Path, slow: SlowBucket
) -> None:
    with reading_from(tmp_path, slow) as server:
        with client(server) as exchange:
            job_id, place = start_slow_import(exchange)
        slow.wait_for_reader()
        (worker,) = children(server.pid)
        os.kill(worker, signal.SIGKILL)
        server.kill()
    with reading_from(tmp_path, slow) as server, client(server) as exchange:
        slow.wait_for_reader()
        slow.release()
        require_imported_once(exchange, job_id, place)


def test_workers_notice_that_their_server_was_killed(tmp_path: Path, slow: SlowBucket) -> None:
    with reading_from(tmp_path, slow) as server:
        with client(server) as exchange:
            job_id, place = start_slow_import(exchange)
        slow.wait_for_reader()
        (worker,) = children(server.pid)
        server.kill()
        until(lambda: not is_running(worker))
    slow.release()
    with reading_from(tmp_path, slow) as server, client(server) as exchange:
        require_imported_once(exchange, job_id, place)


def test_a_worker_that_dies_is_replaced_and_its_job_goes_on(tmp_path: Path, slow: SlowBucket) -> None:
    with reading_from(tmp_path, slow) as server, client(server) as exchange:
        job_id, place = start_slow_import(exchange)
        slow.wait_for_reader()
        (worker,) = children(server.pid)
        os.kill(worker, signal.SIGKILL)
        slow.wait_for_reader()
        assert children(server.pid) != [worker]
        slow.release()
        require_imported_once(exchange, job_id, place)


def test_two_workers_share_one_exchange(tmp_path: Path) -> None:
    with running_entrepot(tmp_path, arguments=["--job-workers", "2"]) as server, client(server) as exchange:
        until(lambda: b"entrepot_job_workers_alive 2\n" in fetch(server, "/metrics")[1])
        place = open_revision(exchange)
        for number in range(4):
            job = import_by_signed_url(exchange, place, f"{number}.csv", b"%d" % number)
            assert job["State"] == "COMPLETED"
        assert server.stop() == 0
        assert server.log.read_text() == ""


@pytest.mark.postgresql
def test_an_exchange_on_postgresql(tmp_path: Path, postgresql_server_url: str) -> None:
    with (
        new_database(postgresql_server_url) as url,
        running_entrepot(tmp_path, arguments=["--database", url, "--job-workers", "2"]) as server,
        client(server) as exchange,
    ):
        place = open_revision(exchange)
        assert import_by_signed_url(exchange, place, "a.csv", b"hello")["State"] == "COMPLETED"
        until(lambda: b"entrepot_job_workers_alive 2\n" in fetch(server, "/metrics")[1])
        assert server.stop() == 0
        assert server.log.read_text() == ""


def test_progress_is_told_to_who_owns_the_job(tmp_path: Path, slow: SlowBucket) -> None:
    with reading_from(tmp_path, slow, "--auth", "trust") as server:
        exchange = make_client("dataexchange", server.url, "111122223333", "any")
        job_id, _ = start_slow_import(exchange)
        slow.wait_for_reader()

        def progress(account_id: str) -> tuple[int, dict[str, Any]]:
            request = urllib.request.Request(f"{server.url}/entrepot/jobs/{job_id}/progress")
            scope = f"{account_id}/20260101/us-east-1/dataexchange/aws4_request"
            request.add_header(
                "Authorization", f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"
            )
            try:
                with urllib.request.urlopen(request) as answer:
                    return answer.status, json.load(answer)
            except urllib.error.HTTPError as error:
                with error:
                    return error.code, json.load(error)

        expected = {"JobId": job_id, "State": "IN_PROGRESS", "Items": 1, "ItemsDone": 0}
        status, body = progress("111122223333")
        assert status == 200
        assert body.items() >= (expected | {"Bytes": len(CONTENT)}).items()
        assert progress("999999999999")[0] == 404
        slow.release()
        assert finished(exchange, job_id)["State"] == "COMPLETED"
        assert progress("111122223333")[1] == {"JobId": job_id, "State": "COMPLETED"}
        exchange.close()


def test_accounts_and_keys_are_made_while_the_server_runs(sigv4_exchange: Exchange) -> None:
    place, name = ("--data-dir", str(sigv4_exchange.data_dir)), f"Account {token_hex(4)}"
    made = json.loads(entrepot("account", "create", "--name", name, *place).stdout)
    assert set(made) == {"AccountId", "AccessKeyId", "SecretAccessKey"}
    names = [one["Name"] for one in json.loads(entrepot("account", "list", *place).stdout)["Accounts"]]
    assert (names.count(name), names.count("default")) == (1, 1)
    keys = (made["AccessKeyId"], made["SecretAccessKey"])
    exchange = make_client("dataexchange", sigv4_exchange.url, *keys)
    assert exchange.list_data_sets()["DataSets"] == []
    disabled = entrepot("key", "disable", made["AccessKeyId"], *place)
    assert json.loads(disabled.stdout)["Status"] == "Disabled"

    def refused() -> bool:
        try:
            exchange.list_data_sets()
        except exchange.exceptions.AccessDeniedException:
            return True
        return False

    until(refused)
    exchange.close()


def test_a_request_too_long_is_refused_before_it_is_sent(sigv4_exchange: Exchange) -> None:
    host, port = sigv4_exchange.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=PATIENCE_SECONDS) as connection:
        connection.sendall(b"POST /v1/data-sets HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n")
        answer = b"".join(iter(lambda: connection.recv(65_536), b""))
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"x-amzn-errortype: ValidationException" in answer


def test_the_api_process_is_free_of_heavy_modules(sigv4_exchange: Exchange) -> None:
    code = """
import asyncio, sys
import entrepot.server.serve as serve
from entrepot.wiring.api import open_api
from entrepot.wiring.shared import prepare_database
from entrepot.server.audit import ServerAudit
from entrepot.server.audit import Metrics
from entrepot.settings.settings import Settings

async def main(settings):
    directory = serve.DataDirectory(settings.data_dir)
    database = await prepare_database(settings.database)
    secrets = await serve.open_secrets(directory, database)
    open_api(settings, database, secrets, ServerAudit(Metrics("0"), lambda: None))
    await database.close()

asyncio.run(main(Settings.load({"data_dir": sys.argv[1]}, {})))
print(*sys.modules)
"""
    loaded = subprocess.run(
        [sys.executable, "-c", code, sigv4_exchange.data_dir], capture_output=True, text=True, check=True
    ).stdout.split()
    postgresql = {"psycopg", "sqlalchemy.dialects.postgresql"}
    heavy = {"boto3", "botocore", "alembic", "sqlalchemy.orm", *postgresql}
    assert heavy & set(loaded) == set()


def test_doctor_says_what_is_well_and_what_is_not(tmp_path: Path) -> None:
    with running_entrepot(tmp_path, arguments=["--job-workers", "0"]) as server:
        place = ("--data-dir", str(server.data_dir))
        well = entrepot("doctor", *place)
        assert well.returncode == 0, well.stdout
        assert "open to the one account of the exchange; 0 permissions of accounts" in well.stdout
        with socket.create_server(("127.0.0.1", 0)) as closed:
            url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        ill = entrepot("doctor", *place, ENTREPOT_S3_ENDPOINT_URL=url)
        assert ill.returncode == 1
        assert f"S3 endpoint                  FAILED: {url} cannot be reached" in ill.stdout
        assert f"{url}  (ENTREPOT_S3_ENDPOINT_URL)" in ill.stdout
        unset = "not configured; ENTREPOT_KMS_ENDPOINT_URL is not set"
        assert f"AWS KMS                      ok: {unset}" in ill.stdout
        integrations = entrepot(
            "doctor", *place, ENTREPOT_KMS_ENDPOINT_URL=url, ENTREPOT_GLUE_ENDPOINT_URL="aws"
        )
        assert integrations.returncode == 1
        assert f"AWS KMS                      FAILED: {url} cannot be reached" in integrations.stdout
        assert "AWS Glue                     ok: AWS's own endpoint of each Region" in integrations.stdout
