"""An exchange that a former version left, in the middle of a job, is served by this one."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import boto3
import psycopg
import pytest
from tests.databases import earlier
from tests.functional.flow import finished
from tests.servers.postgresql import new_database
from tests.servers.slow_bucket import CONTENT, slow_bucket

from entrepot.testing import running_entrepot

KEYS = {"AWS_ACCESS_KEY_ID": "anybody", "AWS_SECRET_ACCESS_KEY": "secret"}


def require_that_it_goes_on(folder: Path, *arguments: str) -> None:
    with ExitStack() as stack:
        bucket = stack.enter_context(slow_bucket())
        bucket.release()
        options = ["--auth", "trust", "--s3-endpoint-url", bucket.endpoint_url, *arguments]
        server = stack.enter_context(running_entrepot(folder, arguments=options, environ=KEYS))
        session = boto3.session.Session("123456789012", "any", region_name="us-east-1")
        exchange: Any = session.client("dataexchange", endpoint_url=server.url)
        stack.callback(exchange.close)
        (data_set,) = exchange.list_data_sets()["DataSets"]
        assert exchange.get_data_set(DataSetId=data_set["Id"])["Tags"] == {"made": "before"}
        waiting, running, completed = exchange.list_jobs()["Jobs"]
        assert (waiting["State"], completed["State"]) == ("WAITING", "COMPLETED")
        assert finished(exchange, running["Id"])["State"] == "COMPLETED"
        place = {"DataSetId": data_set["Id"]}
        open_one, final = exchange.list_data_set_revisions(**place)["Revisions"]
        assert (open_one["Finalized"], final["Finalized"]) == (False, True)
        (asset,) = exchange.list_revision_assets(RevisionId=open_one["Id"], **place)["Assets"]
        assert asset["AssetDetails"]["S3SnapshotAsset"]["Size"] == len(CONTENT)
        assert server.stop() == 0


@pytest.mark.parametrize("version", earlier.VERSIONS)
def test_a_data_directory_of_a_former_version_goes_on_and_leftovers_are_removed(
    tmp_path: Path, version: str
) -> None:
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    worker_id = earlier.load(version, f"sqlite:///{data_dir / 'entrepot.sqlite'}")
    (data_dir / "instance-id").write_text(worker_id.partition("-")[0] + "\n", encoding="ascii")
    for name in ("engine.sqlite", "engine.sqlite-wal", "engine.sqlite-shm"):
        (data_dir / name).write_bytes(b"state of a former engine")
    require_that_it_goes_on(tmp_path)
    assert list(data_dir.glob("engine*")) == []
    assert (tmp_path / "server.log").read_text() == ""  # the worker is the one that had the run


@pytest.mark.postgresql
@pytest.mark.parametrize("version", earlier.VERSIONS)
def test_a_postgresql_database_of_a_former_version_goes_on_and_other_schemas_are_left_alone(
    tmp_path: Path, postgresql_server_url: str, version: str
) -> None:
    with new_database(postgresql_server_url) as url:
        earlier.load(version, url)
        with psycopg.connect(url) as connection:
            connection.execute("CREATE TABLE others (its_own TEXT)")
            connection.execute("CREATE SCHEMA dbos CREATE TABLE workflow_status (its_own TEXT)")
        require_that_it_goes_on(tmp_path, "--database", url)
        assert "1 runs of workers that died are free again" in (tmp_path / "server.log").read_text()
        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT * FROM dbos.workflow_status, others").fetchall() == []
