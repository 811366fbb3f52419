"""The provider's flow through the AWS CLI v2, unmodified, with the profile that a first start writes."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.functional import flow, tools
from tests.functional.conftest import MakeClient, Port

AwsCli = Callable[..., Any]


@pytest.fixture
def aws(port: Port, tmp_path: Path) -> AwsCli:
    """`aws("get-job", "--job-id", …)` runs the real command line and returns its parsed output."""
    program = tools.aws_cli()
    profile = port.account.write_profile(tmp_path) / "aws"
    environ = {
        name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "ENTREPOT_"))
    }
    environ |= {
        "AWS_SHARED_CREDENTIALS_FILE": str(profile / "credentials"),
        "AWS_CONFIG_FILE": str(profile / "config"),
        "AWS_PROFILE": "entrepot",
        "AWS_PAGER": "",
    }

    def run(operation: str, *arguments: str, code: int = 0) -> Any:
        command = [program, "dataexchange", operation, *arguments, "--endpoint-url", port.exchange.url]
        ran = subprocess.run(command, capture_output=True, text=True, check=False, env=environ, timeout=60)
        assert ran.returncode == code, ran.stderr
        if code:
            return ran.stderr
        return json.loads(ran.stdout) if ran.stdout.strip() else None

    return run


def _finished(port: Port, aws: AwsCli, job_id: str) -> Any:
    """The job as `aws` shows it once it has ended, for which an SDK waits more cheaply."""
    flow.finished(port.account.client, job_id)
    return aws("get-job", "--job-id", job_id)


def test_the_aws_cli_runs_the_flow(port: Port, client: MakeClient, aws: AwsCli) -> None:
    s3 = client("s3")
    s3.put_object(Bucket=port.source, Key="cli/data.csv", Body=b"1,2,3\n")
    data_set = aws(
        "create-data-set",
        "--asset-type",
        "S3_SNAPSHOT",
        "--name",
        "CLI",
        "--description",
        "x",
        "--tags",
        "a=b",
    )
    assert data_set["Tags"] == {"a": "b"}
    revision = aws("create-revision", "--data-set-id", data_set["Id"])
    place = {"DataSetId": data_set["Id"], "RevisionId": revision["Id"]}

    sources = {
        "ImportAssetsFromS3": {"AssetSources": [{"Bucket": port.source, "Key": "cli/data.csv"}], **place}
    }
    created = aws("create-job", "--type", "IMPORT_ASSETS_FROM_S3", "--details", json.dumps(sources))
    assert created["State"] == "WAITING"
    assert aws("start-job", "--job-id", created["Id"]) is None
    done = _finished(port, aws, created["Id"])
    assert done["State"] == "COMPLETED"
    assert done["Details"] == sources

    md5 = base64.b64encode(hashlib.md5(b"by url").digest()).decode()
    details = {"ImportAssetFromSignedUrl": {"AssetName": "url.txt", "Md5Hash": md5, **place}}
    signed = aws("create-job", "--type", "IMPORT_ASSET_FROM_SIGNED_URL", "--details", json.dumps(details))
    assert flow.put(signed["Details"]["ImportAssetFromSignedUrl"]["SignedUrl"], b"by url", md5) == 200
    aws("start-job", "--job-id", signed["Id"])
    assert _finished(port, aws, signed["Id"])["State"] == "COMPLETED"

    ids = ("--data-set-id", data_set["Id"], "--revision-id", revision["Id"])
    assert aws("update-revision", *ids, "--finalized")["Finalized"] is True
    assets = aws("list-revision-assets", *ids)["Assets"]
    assert [asset["Name"] for asset in assets] == ["url.txt", "cli/data.csv"]

    destinations = [
        {"RevisionId": revision["Id"], "Bucket": port.destination, "KeyPattern": "cli/${Asset.Id}"}
    ]
    export = {"ExportRevisionsToS3": {"DataSetId": data_set["Id"], "RevisionDestinations": destinations}}
    exported = aws("create-job", "--type", "EXPORT_REVISIONS_TO_S3", "--details", json.dumps(export))
    aws("start-job", "--job-id", exported["Id"])
    assert _finished(port, aws, exported["Id"])["State"] == "COMPLETED"
    body = s3.get_object(Bucket=port.destination, Key=f"cli/{assets[1]['Id']}")["Body"].read()
    assert body == b"1,2,3\n"

    listed = aws("list-jobs", "--data-set-id", data_set["Id"])["Jobs"]
    assert [job["Type"] for job in listed] == [
        "EXPORT_REVISIONS_TO_S3",
        "IMPORT_ASSET_FROM_SIGNED_URL",
        "IMPORT_ASSETS_FROM_S3",
    ]


def test_errors_reach_the_user_of_the_aws_cli_as_aws_words_them(aws: AwsCli) -> None:
    unknown = aws("get-job", "--job-id", "0" * 32, code=254)
    assert "An error occurred (ResourceNotFoundException) when calling the GetJob operation" in unknown
    malformed = aws("get-job", "--job-id", "x", code=254)
    assert "An error occurred (ValidationException) when calling the GetJob operation" in malformed
    assert "jobId" in malformed


def test_a_waiting_job_can_be_cancelled_once(port: Port, aws: AwsCli) -> None:
    exchange = port.account.client
    details = {"AssetSources": [{"Bucket": "b", "Key": "k"}], **flow.open_revision(exchange)}
    job = exchange.create_job(Type="IMPORT_ASSETS_FROM_S3", Details={"ImportAssetsFromS3": details})
    assert aws("cancel-job", "--job-id", job["Id"]) is None
    assert exchange.get_job(JobId=job["Id"])["State"] == "CANCELLED"
    assert "ConflictException" in aws("cancel-job", "--job-id", job["Id"], code=254)
