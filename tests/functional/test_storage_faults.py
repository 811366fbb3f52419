"""Storage that is down, locked, absent or full: a job says what is wrong, and nothing half-done shows."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.functional import flow, tools
from tests.functional.clients import client as make_client
from tests.functional.clients import signed_get
from tests.functional.conftest import Port
from tests.functional.gate import gate_before
from tests.functional.watching import free_port

from entrepot.testing import RunningServer, S3Server, running_entrepot


@contextmanager
def exchange_beside(folder: Path, endpoint_url: str, access_key: str, secret: str) -> Iterator[Any]:
    environ = {
        "AWS_ACCESS_KEY_ID": access_key,
        "AWS_SECRET_ACCESS_KEY": secret,
        "ENTREPOT_OUTAGE_MINUTES": "0",
        "ENTREPOT_DISK_RESERVE_MB": "4",  # of 24: the database lies on the disk that assets fill
    }
    arguments = ["--s3-endpoint-url", endpoint_url]
    with running_entrepot(folder, arguments=arguments, environ=environ) as server:
        client = _client(server)
        yield client
        client.close()


def _client(server: RunningServer) -> Any:
    return make_client("dataexchange", server.url, server.access_key_id, server.secret_access_key)


def _the_error(job: dict[str, Any]) -> dict[str, Any]:
    assert job["State"] == "ERROR"
    (error,) = job["Errors"]
    return dict(error)


def test_an_endpoint_that_is_down_is_named(tmp_path: Path) -> None:
    with exchange_beside(tmp_path, "http://127.0.0.1:9", "key", "secret") as exchange:
        place = flow.open_revision(exchange)
        error = _the_error(flow.import_objects(exchange, place, "bucket", ["key"]))
        assert error["Code"] == "INTERNAL_SERVER_EXCEPTION"
        assert "http://127.0.0.1:9" in error["Message"]
        assert flow.assets(exchange, place) == []


def test_a_job_waits_for_an_s3_server_that_is_down_and_says_so(
    tmp_path: Path, storage: S3Server, port: Port, client: Callable[..., Any]
) -> None:
    client("s3").put_object(Bucket=port.source, Key="awaited", Body=b"at last")
    number = free_port()
    keys = {"AWS_ACCESS_KEY_ID": storage.access_key_id, "AWS_SECRET_ACCESS_KEY": storage.secret_access_key}
    arguments = ["--s3-endpoint-url", f"http://127.0.0.1:{number}"]
    with running_entrepot(tmp_path, arguments=arguments, environ=keys) as server:
        exchange = _client(server)
        place = flow.open_revision(exchange)
        sources = [{"Bucket": port.source, "Key": "awaited"}]
        details = {"ImportAssetsFromS3": {"AssetSources": sources, **place}}
        job_id = exchange.create_job(Type="IMPORT_ASSETS_FROM_S3", Details=details)["Id"]
        exchange.start_job(JobId=job_id)
        said = flow.until(lambda: progress(server, job_id).get("Waiting"), "waiting")
        assert f"http://127.0.0.1:{number}" in said["Reason"]
        assert exchange.get_job(JobId=job_id)["State"] == "IN_PROGRESS"
        with gate_before(storage.endpoint_url, number):
            assert flow.finished(exchange, job_id)["State"] == "COMPLETED"
        assert [asset["Name"] for asset in flow.assets(exchange, place)] == ["awaited"]
        exchange.close()


def progress(server: RunningServer, job_id: str) -> dict[str, Any]:
    url = f"{server.url}/entrepot/jobs/{job_id}/progress"
    body: dict[str, Any] = signed_get(url, server.access_key_id, server.secret_access_key)
    return body


def test_wrong_credentials_are_told_as_access_denied(tmp_path: Path, storage: S3Server, port: Port) -> None:
    with exchange_beside(tmp_path, storage.endpoint_url, storage.access_key_id, "wrong") as exchange:
        place = flow.open_revision(exchange)
        error = _the_error(flow.import_objects(exchange, place, port.source, ["key"]))
        assert error["Code"] == "ACCESS_DENIED_EXCEPTION"
        assert "credentials" in error["Message"].lower()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 24 MiB of its own; needs the right to mount, as CI has."""
    folder = tmp_path / "small"
    folder.mkdir()
    as_root = [] if os.geteuid() == 0 else [shutil.which("sudo") or "sudo is not installed", "-n"]
    options = f"size=24m,mode=700,uid={os.geteuid()},gid={os.getegid()}"
    try:
        mount = [*as_root, "mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
        subprocess.run(mount, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        tools.missing("a small file system cannot be mounted (it takes root, or sudo without a password)")
    yield folder
    subprocess.run([*as_root, "umount", "--lazy", str(folder)], check=True)


def test_a_full_disk_ends_the_job_and_leaves_the_exchange_alive(
    small_disk: Path, storage: S3Server, port: Port, client: Any
) -> None:
    s3 = client("s3")
    s3.put_object(Bucket=port.source, Key="larger-than-the-disk", Body=os.urandom(40 << 20))
    s3.put_object(Bucket=port.source, Key="small", Body=b"small")
    with exchange_beside(
        small_disk, storage.endpoint_url, storage.access_key_id, storage.secret_access_key
    ) as exchange:
        place = flow.open_revision(exchange)
        error = _the_error(flow.import_objects(exchange, place, port.source, ["larger-than-the-disk"]))
        assert error["Code"] == "INTERNAL_SERVER_EXCEPTION"
        assert "space" in error["Message"]
        assert flow.assets(exchange, place) == []
        assert flow.import_objects(exchange, place, port.source, ["small"])["State"] == "COMPLETED"
        assert [asset["Name"] for asset in flow.assets(exchange, place)] == ["small"]


def test_objects_of_very_different_kinds_of_trouble_are_all_reported(port: Port, client: Any) -> None:
    s3, exchange = client("s3"), client("dataexchange")
    s3.put_object(Bucket=port.source, Key="fine", Body=b"fine")
    place = flow.open_revision(exchange)
    sources = [
        {"Bucket": port.source, "Key": "fine"},
        {"Bucket": port.source, "Key": "absent"},
        {"Bucket": "no-such-bucket-at-all", "Key": "any"},
    ]
    job = flow.run_job(
        exchange, "IMPORT_ASSETS_FROM_S3", ImportAssetsFromS3={"AssetSources": sources, **place}
    )
    assert job["State"] == "ERROR"
    told = json.dumps(job["Errors"])
    assert "absent" in told
    assert "no-such-bucket-at-all" in told
    assert '"fine"' not in told
