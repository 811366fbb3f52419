"""Who may use which bucket, in a running exchange of two accounts, through boto3 and the command line."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.functional.accounts import run_entrepot
from tests.functional.clients import client, s3_client
from tests.functional.flow import assets, import_objects, open_revision, run_job
from tests.servers.exchanges import known

from entrepot.testing import RunningServer, S3Server, running_entrepot

pytestmark = pytest.mark.seaweedfs


@dataclass(frozen=True)
class TwoAccounts:
    """An exchange whose accounts are the first one, which the start made, and a second one."""

    server: RunningServer
    storage: S3Server
    partner: S3Server
    """Another S3 service, of which the exchange's settings know nothing."""
    bucket: str
    """There is one of this name at both services."""
    own: str
    """The bucket where the exchange keeps its own bytes, under `exchange/`."""
    first: Any
    second: Any
    first_id: str
    second_id: str
    place: dict[str, str]
    """A revision of the first account with one asset."""

    def command(self, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "entrepot", *arguments, "--data-dir", str(self.server.data_dir)],
            capture_output=True,
            text=True,
            check=False,
            input=given,
        )

    def bucket_command(self, *arguments: str, given: str = "") -> dict[str, Any]:
        answer: dict[str, Any] = run_entrepot(known(self.server), "bucket", *arguments, stdin=given)
        return answer

    def import_as(self, client: Any, *keys: str) -> tuple[dict[str, Any], list[str]]:
        """The ended job, and the names of the assets that it made."""
        place = open_revision(client)
        job = import_objects(client, place, self.bucket, list(keys))
        return job, [asset["Name"] for asset in assets(client, place)]


def s3_of(server: S3Server) -> Any:
    return s3_client(server)


def exchange_client(server: RunningServer, access_key_id: str, secret_access_key: str) -> Any:
    return client("dataexchange", server.url, access_key_id, secret_access_key)


@pytest.fixture(scope="module")
def exchange(
    tmp_path_factory: pytest.TempPathFactory, s3_server: S3Server, another_s3_server: S3Server
) -> Iterator[TwoAccounts]:
    bucket, own = f"shared-{token_hex(4)}", f"own-{token_hex(4)}"
    for service, words in ((s3_server, b"at the server's"), (another_s3_server, b"at the partner's")):
        s3 = s3_of(service)
        s3.create_bucket(Bucket=bucket)
        s3.create_bucket(Bucket=own)
        for key in ("in/a", "in/b", "inner", "secret"):
            s3.put_object(Bucket=bucket, Key=key, Body=words)
        s3.close()
    with running_entrepot(
        tmp_path_factory.mktemp("exchange"),
        arguments=["--s3-endpoint-url", s3_server.endpoint_url, "--store", f"s3://{own}/exchange"],
        environ={
            "AWS_ACCESS_KEY_ID": s3_server.access_key_id,
            "AWS_SECRET_ACCESS_KEY": s3_server.secret_access_key,
        },
    ) as server:
        first = exchange_client(server, server.access_key_id, server.secret_access_key)
        first_id = first.create_data_set(AssetType="S3_SNAPSHOT", Name="n", Description="d")["Arn"].split(
            ":"
        )[4]
        place = open_revision(first)
        job = import_objects(first, place, bucket, ["secret"])
        assert job["State"] == "COMPLETED"  # whoever is alone needs no permission
        with pytest.raises(ClientError, match="keeps its own bytes"):
            import_objects(first, place, own, ["mine/a"])  # but has no more right to this one
        made = run_entrepot(known(server), "account", "create")
        second = exchange_client(server, made["AccessKeyId"], made["SecretAccessKey"])
        yield TwoAccounts(
            server,
            s3_server,
            another_s3_server,
            bucket,
            own,
            first,
            second,
            first_id,
            made["AccountId"],
            place,
        )
        first.close()
        second.close()


@pytest.fixture(autouse=True)
def _no_permissions(exchange: TwoAccounts) -> Iterator[None]:
    yield
    for each in exchange.bucket_command("list")["BucketPermissions"]:
        exchange.bucket_command(
            "deny", each["Bucket"], "--account", each["AccountId"], "--prefix", each["Prefix"]
        )


def require_refused(job: dict[str, Any], account: str, bucket: str, keys: list[str]) -> None:
    (error,) = job["Errors"]
    assert (job["State"], error["Code"]) == ("ERROR", "ACCESS_DENIED_EXCEPTION")
    assert f"Account {account} has not been allowed" in error["Message"]
    assert f"entrepot bucket allow {bucket} --account {account}" in error["Message"]
    sources = error["Details"]["ImportAssetsFromS3JobErrorDetails"]
    assert sources == [{"Bucket": bucket, "Key": key} for key in keys]


def test_a_permission_counts_from_the_next_job_on_and_for_its_account_alone(exchange: TwoAccounts) -> None:
    job, _ = exchange.import_as(exchange.first, "in/a")
    require_refused(job, exchange.first_id, exchange.bucket, ["in/a"])
    exchange.bucket_command("allow", exchange.bucket, "--account", exchange.first_id, "--read")
    job, names = exchange.import_as(exchange.first, "in/a")
    assert (job["State"], names) == ("COMPLETED", ["in/a"])
    job, names = exchange.import_as(exchange.second, "in/a", "in/b")
    require_refused(job, exchange.second_id, exchange.bucket, ["in/a", "in/b"])
    assert names == []
    exchange.bucket_command("deny", exchange.bucket, "--account", exchange.first_id)
    job, _ = exchange.import_as(exchange.first, "in/a")
    require_refused(job, exchange.first_id, exchange.bucket, ["in/a"])


def test_a_prefix_is_no_way_to_anything_beside_it(exchange: TwoAccounts) -> None:
    other = f"other-{token_hex(4)}"
    s3 = s3_of(exchange.storage)
    s3.create_bucket(Bucket=other)
    exchange.bucket_command(
        "allow", exchange.bucket, "--account", exchange.second_id, "--read", "--prefix", "in/"
    )
    exchange.bucket_command("allow", other, "--account", exchange.second_id, "--read", "--write")
    assert exchange.import_as(exchange.second, "in/a")[0]["State"] == "COMPLETED"
    for bucket, key in (
        (exchange.bucket, "inner"),
        (exchange.bucket, "secret"),
        (exchange.bucket, "in/../secret"),
        (exchange.bucket, "in/%2e%2e/../../secret"),
        (other, f"../{exchange.bucket}/secret"),
        (other, f"x/../../{exchange.bucket}/secret"),
    ):
        place = open_revision(exchange.second)
        job = import_objects(exchange.second, place, bucket, [key])
        (error,) = job["Errors"]
        assert error["Code"] == "ACCESS_DENIED_EXCEPTION", key
        assert assets(exchange.second, place) == []
    s3.close()


def test_the_bytes_of_other_accounts_cannot_be_taken_out_of_the_store_of_the_exchange(
    exchange: TwoAccounts,
) -> None:
    s3 = s3_of(exchange.storage)
    kept = s3.list_objects_v2(Bucket=exchange.own)["Contents"][0]["Key"]
    s3.close()
    assert kept.startswith("exchange/")
    place = open_revision(exchange.second)
    asset = assets(exchange.first, exchange.place)[0]["Id"]
    for key in (kept, f"/{kept}", f"//{kept}", f"\\{kept}", "mine/a", "../x"):
        for details in (
            {"ImportAssetsFromS3": {**place, "AssetSources": [{"Bucket": exchange.own, "Key": key}]}},
            {
                "ExportAssetsToS3": {
                    **exchange.place,
                    "AssetDestinations": [{"AssetId": asset, "Bucket": exchange.own, "Key": key}],
                }
            },
        ):
            require_refused_at_once(exchange.first, exchange.own, details)


def test_neither_revisions_nor_shared_places_go_into_the_bucket_of_the_exchange(
    exchange: TwoAccounts,
) -> None:
    destination = {"RevisionId": exchange.place["RevisionId"], "Bucket": exchange.own}
    revisions = {"DataSetId": exchange.place["DataSetId"], "RevisionDestinations": [destination]}
    require_refused_at_once(exchange.first, exchange.own, {"ExportRevisionsToS3": revisions})
    live = open_revision(exchange.first, "S3_DATA_ACCESS")
    shared = {**live, "AssetSource": {"Bucket": exchange.own, "KeyPrefixes": ["mine/"]}}
    require_refused_at_once(exchange.first, exchange.own, {"CreateS3DataAccessFromS3Bucket": shared})


def require_refused_at_once(client: Any, bucket: str, details: dict[str, Any]) -> None:
    types = {
        "ImportAssetsFromS3": "IMPORT_ASSETS_FROM_S3",
        "ExportAssetsToS3": "EXPORT_ASSETS_TO_S3",
        "ExportRevisionsToS3": "EXPORT_REVISIONS_TO_S3",
        "CreateS3DataAccessFromS3Bucket": "CREATE_S3_DATA_ACCESS_FROM_S3_BUCKET",
    }
    (member,) = details
    with pytest.raises(ClientError) as refused:
        client.create_job(Type=types[member], Details=details)
    assert refused.value.response["Error"]["Code"] == "AccessDeniedException"
    assert f"keeps its own bytes in bucket {bucket}" in refused.value.response["Error"]["Message"]


def test_the_bucket_of_the_exchange_cannot_be_allowed(exchange: TwoAccounts) -> None:
    address = exchange.storage.endpoint_url.removeprefix("http://")
    port = address.rpartition(":")[2]
    credentials = json.dumps({"AccessKeyId": "AKIAOTHER", "SecretAccessKey": "secret"})
    for options, given in (
        ([], ""),
        (["--prefix", "mine/"], ""),
        (["--endpoint-url", f"{exchange.storage.endpoint_url}/"], ""),
        (["--endpoint-url", f"http://localhost:{port}", "--credentials", "-"], credentials),
        (["--endpoint-url", f"http://{exchange.own}.localhost:{port}", "--credentials", "-"], credentials),
    ):
        command = ["bucket", "allow", exchange.own, "--account", exchange.second_id, "--read", *options]
        ended = exchange.command(*command, given=given)
        assert ended.returncode != 0
        assert f"keeps its own bytes in bucket {exchange.own}" in ended.stderr
    elsewhere = ["--endpoint-url", exchange.partner.endpoint_url, "--credentials", "-"]
    exchange.bucket_command(
        "allow", exchange.own, "--account", exchange.second_id, "--read", *elsewhere, given=credentials
    )
    assert len(exchange.bucket_command("list")["BucketPermissions"]) == 1


def test_exports_go_where_they_are_allowed_and_nowhere_else(exchange: TwoAccounts) -> None:
    target = f"target-{token_hex(4)}"
    s3 = s3_of(exchange.storage)
    s3.create_bucket(Bucket=target)
    exchange.bucket_command("allow", exchange.bucket, "--account", exchange.second_id, "--read")
    exchange.bucket_command("allow", target, "--account", exchange.first_id, "--read", "--write")
    exchange.bucket_command("allow", target, "--account", exchange.second_id, "--write", "--prefix", "out/")
    place = open_revision(exchange.second)
    assert import_objects(exchange.second, place, exchange.bucket, ["in/a"])["State"] == "COMPLETED"

    def export(pattern: str) -> dict[str, Any]:
        destination = {"RevisionId": place["RevisionId"], "Bucket": target, "KeyPattern": pattern}
        details = {"DataSetId": place["DataSetId"], "RevisionDestinations": [destination]}
        return run_job(exchange.second, "EXPORT_REVISIONS_TO_S3", ExportRevisionsToS3=details)

    refused = export("${Asset.Name}")
    assert refused["Errors"][0]["Code"] == "ACCESS_DENIED_EXCEPTION"
    assert "--write" in refused["Errors"][0]["Message"]
    assert export("out/${Asset.Name}")["State"] == "COMPLETED"
    keys = [each["Key"] for each in s3.list_objects_v2(Bucket=target)["Contents"]]
    assert keys == ["out/in/a"]
    s3.close()


def test_a_bucket_of_another_service_is_used_with_its_own_credentials_which_nobody_sees(
    exchange: TwoAccounts,
) -> None:
    keys = {
        "AccessKeyId": exchange.partner.access_key_id,
        "SecretAccessKey": exchange.partner.secret_access_key,
    }
    at_partner = (
        "allow", exchange.bucket, "--account", exchange.second_id, "--read", "--write",
        "--endpoint-url", exchange.partner.endpoint_url, "--credentials", "-",
    )  # fmt: skip
    exchange.bucket_command(*at_partner, given=json.dumps(keys | {"SecretAccessKey": "hush-wrong-secret"}))
    job, _ = exchange.import_as(exchange.second, "in/a")
    assert job["Errors"][0]["Code"] == "ACCESS_DENIED_EXCEPTION"
    exchange.bucket_command(*at_partner, given=json.dumps(keys | {"SecretAccessKey": "hush-wrong-again"}))
    exchange.bucket_command(*at_partner, given=json.dumps(keys))
    place = open_revision(exchange.second)
    job = import_objects(exchange.second, place, exchange.bucket, ["in/a"])
    assert job["State"] == "COMPLETED"
    (asset,) = assets(exchange.second, place)
    destination = {"AssetId": asset["Id"], "Bucket": exchange.bucket, "Key": "from-the-exchange"}
    details = {"AssetDestinations": [destination], **place}
    assert run_job(exchange.second, "EXPORT_ASSETS_TO_S3", ExportAssetsToS3=details)["State"] == "COMPLETED"
    s3 = s3_of(exchange.partner)
    body = s3.get_object(Bucket=exchange.bucket, Key="from-the-exchange")["Body"].read()
    s3.close()
    assert body == b"at the partner's"
    listed = exchange.command("bucket", "list").stdout
    assert '"HasCredentials": true' in listed
    doctor = exchange.command("doctor").stdout
    assert "each of 2 accounts uses what it was allowed; 1 permission of accounts" in doctor
    written = [path for path in Path(exchange.server.data_dir).rglob("*") if path.is_file()]
    for hidden in (exchange.partner.secret_access_key, "hush-wrong"):
        assert hidden not in listed + doctor + exchange.server.log.read_text() + json.dumps(job, default=str)
        assert [path for path in written if hidden.encode() in path.read_bytes()] == []
