"""Keys that one S3 server cannot hold and another can: the exchange carries what the server gives it.

moto is an S3 server of another kind. It keeps `f/../g`, `dir/`, and keys of 1,024 bytes without a slash,
which SeaweedFS refuses or empties; it also has neither checksums nor conditions to lean on.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from tests.functional import flow

from entrepot.testing.server import running_entrepot

KEYS = ["dir/", "f/../g", "../../outside", "a//b", "./x", "x" * 1024, "日" * 341, "q?u=e&r#y%2F+ "]
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}


@pytest.fixture(scope="module")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number = probe.getsockname()[1]
    url = f"http://127.0.0.1:{number}"
    program = Path(sys.executable).parent / "moto_server"
    with (tmp_path_factory.mktemp("moto") / "log").open("wb") as log:
        process = subprocess.Popen(
            [program, "-H", "127.0.0.1", "-p", str(number)],
            stdout=log,
            stderr=log,
            env=os.environ | CREDENTIALS,
        )
        try:
            deadline = time.monotonic() + 60
            while True:
                try:
                    urllib.request.urlopen(f"{url}/moto-api/", timeout=5).close()
                    break
                except OSError:
                    assert time.monotonic() < deadline, "moto_server does not start"
                    assert process.poll() is None, "moto_server ended"
                    time.sleep(0.05)
            yield url
        finally:
            process.terminate()
            process.wait()


def test_every_key_that_the_s3_server_keeps_arrives_unchanged(moto: str, tmp_path: Path) -> None:
    session = boto3.session.Session("testing", "testing", region_name="us-east-1")
    s3: Any = session.client("s3", endpoint_url=moto)
    for bucket in ("provider", "receiver"):
        s3.create_bucket(Bucket=bucket)
    contents = {key: f"content of {number}".encode() for number, key in enumerate(KEYS)}
    for key, content in contents.items():
        s3.put_object(Bucket="provider", Key=key, Body=content)
    with running_entrepot(tmp_path, arguments=["--s3-endpoint-url", moto], environ=CREDENTIALS) as server:
        exchange: Any = boto3.session.Session(server.access_key_id, server.secret_access_key).client(
            "dataexchange", endpoint_url=server.url, region_name="us-east-1"
        )
        place = flow.open_revision(exchange)
        imported = flow.import_objects(exchange, place, "provider", KEYS)
        assert imported["State"] == "COMPLETED", imported.get("Errors")
        assert {asset["Name"] for asset in flow.assets(exchange, place)} == set(KEYS)
        destination = {"RevisionId": place["RevisionId"], "Bucket": "receiver"}
        exported = flow.run_job(
            exchange,
            "EXPORT_REVISIONS_TO_S3",
            ExportRevisionsToS3={"DataSetId": place["DataSetId"], "RevisionDestinations": [destination]},
        )
        assert exported["State"] == "COMPLETED", exported.get("Errors")
        outside = [path for path in server.data_dir.rglob("*") if "outside" in path.name]
        assert outside == []
        exchange.close()
    for key, content in contents.items():
        assert s3.get_object(Bucket="receiver", Key=key)["Body"].read() == content
    s3.close()
