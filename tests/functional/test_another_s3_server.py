"""What one S3 server cannot do and another can: the exchange carries what the server takes.

moto is an S3 server of another kind. It keeps `f/../g`, `dir/`, and keys of 1,024 bytes without a slash,
which SeaweedFS refuses or empties, and KMS keys; it has neither checksums nor conditions to lean on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest
from tests.functional import flow
from tests.functional.accounts import first_account
from tests.functional.clients import s3_client
from tests.functional.conftest import Port
from tests.functional.moto_server import CREDENTIALS
from tests.functional.transfers import User, sizes
from tests.servers.exchanges import known
from tests.servers.warm_program import WarmProgram

from entrepot.testing import S3Server, running_entrepot

KEYS = ["dir/", "f/../g", "../../outside", "a//b", "./x", "x" * 1024, "日" * 341, "q?u=e&r#y%2F+ "]
KMS_KEY = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"


@pytest.fixture(scope="module")
def beside(tmp_path_factory: pytest.TempPathFactory, moto_url: str) -> Iterator[tuple[Port, Any]]:
    """The one account of an exchange beside moto, which may use any bucket there, and a client of moto."""
    storage = S3Server(moto_url, CREDENTIALS["AWS_ACCESS_KEY_ID"], CREDENTIALS["AWS_SECRET_ACCESS_KEY"])
    s3, folder = s3_client(storage), tmp_path_factory.mktemp("exchange")
    with running_entrepot(folder, arguments=["--s3-endpoint-url", moto_url], environ=CREDENTIALS) as server:
        account = first_account(known(server))
        yield Port(known(server), account, storage, "", ""), s3
        account.client.close()
    s3.close()


@pytest.fixture
def port(beside: tuple[Port, Any]) -> Port:
    """The same with two buckets of the test's own."""
    made, s3 = beside
    source, destination = f"provider-{token_hex(4)}", f"receiver-{token_hex(4)}"
    for bucket in (source, destination):
        s3.create_bucket(Bucket=bucket)
    return replace(made, source=source, destination=destination)


@pytest.fixture
def s3(beside: tuple[Port, Any]) -> Any:
    return beside[1]


def test_every_key_that_the_s3_server_keeps_arrives_unchanged(port: Port, s3: Any) -> None:
    exchange = port.account.client
    contents = {key: f"content of {number}".encode() for number, key in enumerate(KEYS)}
    for key, content in contents.items():
        s3.put_object(Bucket=port.source, Key=key, Body=content)
    place = flow.open_revision(exchange)
    imported = flow.import_objects(exchange, place, port.source, KEYS)
    assert imported["State"] == "COMPLETED", imported.get("Errors")
    assert {asset["Name"] for asset in flow.assets(exchange, place)} == set(KEYS)
    destination = {"RevisionId": place["RevisionId"], "Bucket": port.destination}
    exported = flow.run_job(
        exchange,
        "EXPORT_REVISIONS_TO_S3",
        ExportRevisionsToS3={"DataSetId": place["DataSetId"], "RevisionDestinations": [destination]},
    )
    assert exported["State"] == "COMPLETED", exported.get("Errors")
    assert [path for path in port.exchange.data_dir.rglob("*") if "outside" in path.name] == []
    for key, content in contents.items():
        assert s3.get_object(Bucket=port.destination, Key=key)["Body"].read() == content


def test_every_key_of_a_bucket_is_published_and_fetched_as_it_is(
    port: Port, s3: Any, tmp_path: Path, program: WarmProgram
) -> None:
    contents = {key: f"content of {number}".encode() for number, key in enumerate(KEYS)}
    contents |= {"with space and ünï→code.txt": b"1", "percent%2Fslash+plus&amp;": b"2", "${x}": b"3"}
    for key, content in contents.items():
        s3.put_object(Bucket=port.source, Key=key, Body=content)
    user = User(port, tmp_path, port.account.client, s3, program)
    summary = user.run("publish", f"s3://{port.source}").summary
    assert user.assets(summary) == sizes(contents)
    user.run("fetch", summary["DataSetId"], f"s3://{port.destination}")
    assert user.objects(port.destination) == contents


def test_an_export_is_encrypted_with_the_kms_key_that_was_named(port: Port, s3: Any) -> None:
    exchange = port.account.client
    place = flow.open_revision(exchange)
    flow.import_by_signed_url(exchange, place, "secret.txt", b"keep me safe")
    (asset,) = flow.assets(exchange, place)
    destination = {"AssetId": asset["Id"], "Bucket": port.destination, "Key": "encrypted.txt"}
    encryption = {"Type": "aws:kms", "KmsKeyArn": KMS_KEY}
    job = flow.run_job(
        exchange,
        "EXPORT_ASSETS_TO_S3",
        ExportAssetsToS3={"AssetDestinations": [destination], "Encryption": encryption, **place},
    )
    assert job["State"] == "COMPLETED", job.get("Errors")
    kept = s3.head_object(Bucket=port.destination, Key="encrypted.txt")
    assert (kept["ServerSideEncryption"], kept["SSEKMSKeyId"]) == ("aws:kms", KMS_KEY)
