"""What `entrepot demo` does where a job does not move; `make demo` is run as a whole by `.ci/run`."""

from __future__ import annotations

import socket
from pathlib import Path

import boto3
import pytest
from tests.functional.flow import open_revision

from entrepot.cli.admin import demo
from entrepot.cli.admin.demo_servers import DemoServers
from entrepot.testing import running_entrepot


def test_a_job_that_does_not_move_ends_the_demo_with_what_the_server_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        s3_url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    arguments = ["--s3-endpoint-url", s3_url, "--store", "s3://own/prefix", "--job-workers", "0"]
    keys = {"AWS_ACCESS_KEY_ID": "anybody", "AWS_SECRET_ACCESS_KEY": "secret"}
    with running_entrepot(tmp_path, arguments=arguments, environ=keys) as server:
        session = boto3.session.Session(
            server.access_key_id, server.secret_access_key, region_name="us-east-1"
        )
        exchange = session.client("dataexchange", endpoint_url=server.url)
        place = open_revision(exchange)
        sources = [{"Bucket": "b", "Key": "k"}]
        job_id = exchange.create_job(
            Type="IMPORT_ASSETS_FROM_S3", Details={"ImportAssetsFromS3": {"AssetSources": sources, **place}}
        )["Id"]
        exchange.start_job(JobId=job_id)
        scenery = DemoServers(exchange, server, None, s3_url, "b", "c", session.get_credentials())
        with pytest.raises(demo.DemoFailed) as failed:
            demo.follow(scenery, job_id, stuck_seconds=0.2)
        exchange.close()
    assert f"Job {job_id} is IN_PROGRESS and has not moved for 0.2 s." in failed.value.message
    assert "s3://own/prefix/" in failed.value.message
    assert capsys.readouterr().out == f"job {job_id}: IN_PROGRESS\n"
