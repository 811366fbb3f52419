"""What one S3 server cannot do and another can: the exchange carries what the server takes.

moto is an S3 server of another kind. It keeps `f/../g`, `dir/`, and keys of 1,024 bytes without a slash,
which SeaweedFS refuses or empties, and KMS keys; it has neither checksums nor conditions to lean on.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
from tests.functional import flow
from tests.functional.moto_server import CREDENTIALS

from entrepot.testing import RunningServer, running_entrepot

KEYS = ["dir/", "f/../g", "../../outside", "a//b", "./x", "x" * 1024, "日" * 341, "q?u=e&r#y%2F+ "]
KMS_KEY = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"


@contextmanager
def exchange_beside(moto: str, folder: Path) -> Iterator[tuple[RunningServer, Any, Any]]:
    """The server, its client, and a client of moto with the buckets `provider` and `receiver`."""
    s3: Any = boto3.session.Session("testing", "testing", region_name="us-east-1").client(
        "s3", endpoint_url=moto
    )
    for bucket in ("provider", "receiver"):
        s3.create_bucket(Bucket=bucket)
    with running_entrepot(folder, arguments=["--s3-endpoint-url", moto], environ=CREDENTIALS) as server:
        keys = (server.access_key_id, server.secret_access_key)
        exchange: Any = boto3.session.Session(*keys).client(
            "dataexchange", endpoint_url=server.url, region_name="us-east-1"
        )
        yield server, exchange, s3
        exchange.close()
    s3.close()


def test_every_key_that_the_s3_server_keeps_arrives_unchanged(moto: str, tmp_path: Path) -> None:
    contents = {key: f"content of {number}".encode() for number, key in enumerate(KEYS)}
    with exchange_beside(moto, tmp_path) as (server, exchange, s3):
        for key, content in contents.items():
            s3.put_object(Bucket="provider", Key=key, Body=content)
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
        assert [path for path in server.data_dir.rglob("*") if "outside" in path.name] == []
        for key, content in contents.items():
            assert s3.get_object(Bucket="receiver", Key=key)["Body"].read() == content


def test_an_export_is_encrypted_with_the_kms_key_that_was_named(moto: str, tmp_path: Path) -> None:
    with exchange_beside(moto, tmp_path) as (_, exchange, s3):
        place = flow.open_revision(exchange)
        flow.import_by_signed_url(exchange, place, "secret.txt", b"keep me safe")
        (asset,) = flow.assets(exchange, place)
        destination = {"AssetId": asset["Id"], "Bucket": "receiver", "Key": "encrypted.txt"}
        encryption = {"Type": "aws:kms", "KmsKeyArn": KMS_KEY}
        job = flow.run_job(
            exchange,
            "EXPORT_ASSETS_TO_S3",
            ExportAssetsToS3={"AssetDestinations": [destination], "Encryption": encryption, **place},
        )
        assert job["State"] == "COMPLETED", job.get("Errors")
        kept = s3.head_object(Bucket="receiver", Key="encrypted.txt")
        assert (kept["ServerSideEncryption"], kept["SSEKMSKeyId"]) == ("aws:kms", KMS_KEY)
