"""From a provider to a receiver through the AWS CLI, the SDK for JavaScript, and our own command line."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import Any

import botocore
import pytest
from botocore.exceptions import ClientError
from tests.functional import flow, tools
from tests.functional.accounts import Account, allow_bucket, new_account
from tests.functional.clients import s3_client
from tests.functional.transfers import read_files, write_files
from tests.servers.exchanges import Exchange

from entrepot.testing import S3Server

MODEL = Path(botocore.__file__).parent / "data" / "dataexchange" / "2017-07-25" / "service-2.json.gz"


@dataclass(frozen=True)
class Trade:
    """Two accounts of one exchange; each may use a bucket of its own."""

    server: Exchange
    storage: S3Server
    provider: Account
    receiver: Account
    s3: Any
    buckets: dict[str, str]
    """By account id."""

    def environ(self, account: Account, home: Path) -> dict[str, str]:
        """Of a program that is run by the account: its keys for the exchange are in the profile `me`."""
        (home / ".aws").mkdir(parents=True, exist_ok=True)
        (home / ".aws" / "credentials").write_text(
            f"[me]\naws_access_key_id = {account.access_key_id}\n"
            f"aws_secret_access_key = {account.secret_access_key}\n"
        )
        (home / ".aws" / "config").write_text(
            f"[profile me]\nregion = us-east-1\nendpoint_url = {self.server.url}\n"
        )
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "LANG": "C.UTF-8",
            "AWS_PAGER": "",
            "AWS_ACCESS_KEY_ID": self.storage.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.storage.secret_access_key,
            "AWS_ENDPOINT_URL_S3": self.storage.endpoint_url,
            "XDG_STATE_HOME": str(home / "state"),
        }

    def entrepot(self, account: Account, home: Path, *arguments: str | Path, code: int = 0) -> Any:
        """Our own command line as a user of that account runs it; its JSON, or what it says on the error."""
        where = ["--profile", "me", "--endpoint-url", self.server.url]
        command = [sys.executable, "-m", "entrepot", *map(str, arguments), *where]
        return _ran(command, self.environ(account, home), code)

    def data_set(self, name: str) -> dict[str, str]:
        """One with a finalized revision of one asset."""
        place = flow.open_revision(self.provider.client, name)
        flow.import_by_signed_url(self.provider.client, place, "a.csv", b"a,b\n1,2\n")
        self.provider.client.update_revision(**place, Finalized=True)
        return place


def _ran(command: list[str], environ: dict[str, str], code: int) -> Any:
    ran = subprocess.run(command, capture_output=True, text=True, check=False, env=environ, timeout=120)
    assert ran.returncode == code, ran.stderr + ran.stdout
    assert "Traceback" not in ran.stderr, ran.stderr
    if code:
        return ran.stderr
    return json.loads(ran.stdout) if ran.stdout.strip() else None


@pytest.fixture(scope="module")
def trade(sigv4_exchange: Exchange, s3_server: S3Server) -> Iterator[Trade]:
    s3 = s3_client(s3_server)
    provider, receiver = new_account(sigv4_exchange, "provider"), new_account(sigv4_exchange, "receiver")
    buckets = {}
    for account in (provider, receiver):
        buckets[account.id] = f"account-{token_hex(4)}"
        s3.create_bucket(Bucket=buckets[account.id])
        allow_bucket(sigv4_exchange, account, buckets[account.id], "--read", "--write")
    yield Trade(sigv4_exchange, s3_server, provider, receiver, s3, buckets)
    for client in (provider.client, receiver.client, s3):
        client.close()


def test_the_aws_cli_gives_a_data_grant_and_takes_it_back(trade: Trade, tmp_path: Path) -> None:
    program = tools.aws_cli()
    place = trade.data_set("By the AWS CLI")

    def aws(account: Account, operation: str, *arguments: str, code: int = 0) -> Any:
        home = tmp_path / account.id
        environ = trade.environ(account, home)
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            del environ[name]
        # Editions of before October 2024 know no data grants; this is what `aws configure add-model` does.
        models = home / ".aws" / "models" / "dataexchange" / "2017-07-25"
        models.mkdir(parents=True, exist_ok=True)
        (models / "service-2.json").write_bytes(gzip.decompress(MODEL.read_bytes()))
        command = [program, "dataexchange", operation, *arguments, "--profile", "me"]
        return _ran([*command, "--endpoint-url", trade.server.url], environ, code)

    owner, buyer = trade.provider, trade.receiver
    granted = aws(
        owner,
        "create-data-grant",
        *("--name", "for you", "--grant-distribution-scope", "NONE", "--receiver-principal", buyer.id),
        *("--source-data-set-id", place["DataSetId"], "--ends-at", "2099-01-01T00:00:00Z", "--tags", "a=b"),
    )
    assert granted["AcceptanceState"] == "PENDING_RECEIVER_ACCEPTANCE"
    arn, entitled = granted["Arn"], granted["DataSetId"]
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        buyer.client.get_data_set(DataSetId=entitled)
    listed = aws(buyer, "list-received-data-grants", "--acceptance-state", "PENDING_RECEIVER_ACCEPTANCE")
    assert granted["Id"] in [each["Id"] for each in listed["DataGrantSummaries"]]
    assert aws(buyer, "accept-data-grant", "--data-grant-arn", arn)["AcceptanceState"] == "ACCEPTED"
    received = aws(buyer, "get-received-data-grant", "--data-grant-arn", arn)
    assert (received["SenderPrincipal"], received["EndsAt"]) == (owner.id, "2099-01-01T00:00:00+00:00")
    assert "SourceDataSetId" not in received
    assert owner.client.get_data_grant(DataGrantId=arn)["Tags"] == {"a": "b"}
    denied = aws(buyer, "delete-data-set", "--data-set-id", entitled, code=254)
    assert "(AccessDeniedException)" in denied
    assert aws(owner, "delete-data-grant", "--data-grant-id", granted["Id"]) is None
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        buyer.client.get_received_data_grant(DataGrantArn=arn)


def test_the_javascript_sdk_takes_a_data_set_from_one_account_to_another(trade: Trade) -> None:
    node = tools.node()
    place = trade.data_set("By JavaScript")
    keys = [
        {"accessKeyId": account.access_key_id, "secretAccessKey": account.secret_access_key}
        for account in (trade.provider, trade.receiver)
    ]
    given = {
        "endpoint": trade.server.url,
        "provider": keys[0],
        "receiver": keys[1],
        "receiverId": trade.receiver.id,
        "dataSetId": place["DataSetId"],
    }
    command = [node, str(tools.JAVASCRIPT / "entitlement_flow.mjs"), json.dumps(given)]
    saw = _ran(command, {"PATH": os.environ["PATH"]}, 0)
    assert saw["before"] == saw["after"] == {"name": "ResourceNotFoundException", "status": 404}
    assert saw["grantId"] in saw["pending"]
    assert saw["acceptance"] == ["ACCEPTED"] * 3
    assert (saw["endsAtIsDate"], saw["sourceToReceiver"]) == (True, False)
    assert saw["source"] == place["DataSetId"] != saw["dataSetId"]
    assert saw["arn"] == f"arn:aws:dataexchange:us-east-1::data-sets/{saw['dataSetId']}"
    assert (saw["revisions"], saw["names"]) == (1, ["a.csv"])
    assert saw["denied"] == {"name": "AccessDeniedException", "status": 403}
    assert (saw["state"], saw["download"]) == ("COMPLETED", "a,b\n1,2\n")


def test_what_one_account_publishes_another_one_fetches(trade: Trade, tmp_path: Path) -> None:
    owner, buyer = trade.provider, trade.receiver
    homes = {account.id: tmp_path / "homes" / account.id for account in (owner, buyer)}
    product = write_files(tmp_path / "product", {"a.csv": b"1", "b/c.csv": b"22"})
    made = trade.entrepot(owner, homes[owner.id], "publish", product, "--name", "Product of folders")
    granted = trade.entrepot(
        owner,
        homes[owner.id],
        "create-data-grant",
        *("--name", "for you", "--grant-distribution-scope", "NONE", "--receiver-principal", buyer.id),
        *("--source-data-set-id", made["DataSetId"]),
    )
    target = tmp_path / "target"
    fetch = ["fetch", "Product of folders"]
    refused = trade.entrepot(buyer, homes[buyer.id], *fetch, target, code=255)
    assert "There is no data set" in refused
    accept = ["accept-data-grant", "--data-grant-arn", granted["Arn"]]
    assert trade.entrepot(buyer, homes[buyer.id], *accept)["AcceptanceState"] == "ACCEPTED"

    first = trade.entrepot(buyer, homes[buyer.id], *fetch, target)
    assert read_files(target) == {"a.csv": b"1", "b/c.csv": b"22"}
    assert first["DataSetId"] == granted["DataSetId"]
    assert first["RevisionId"] != made["RevisionId"]

    write_files(product, {"a.csv": b"333", "new.csv": b"4"})
    again = trade.entrepot(owner, homes[owner.id], "publish", product, "--name", "Product of folders")
    assert again["DataSetId"] == made["DataSetId"]
    bucket = trade.buckets[buyer.id]
    whole = trade.entrepot(buyer, homes[buyer.id], *fetch, f"s3://{bucket}/in")
    assert whole["RevisionId"] != first["RevisionId"]
    objects = {
        entry["Key"]: trade.s3.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read()
        for entry in trade.s3.list_objects_v2(Bucket=bucket, Prefix="in/")["Contents"]
    }
    assert objects == {"in/a.csv": b"333", "in/b/c.csv": b"22", "in/new.csv": b"4"}
    assert trade.entrepot(buyer, homes[buyer.id], *fetch, f"s3://{bucket}/in")["Skipped"] == 3
    through = ["--through", f"s3://{bucket}/way"]
    trade.entrepot(buyer, homes[buyer.id], *fetch, tmp_path / "by the bucket", *through)
    assert read_files(tmp_path / "by the bucket") == {"a.csv": b"333", "b/c.csv": b"22", "new.csv": b"4"}

    place = {"DataSetId": again["DataSetId"], "RevisionId": again["RevisionId"]}
    owner.client.revoke_revision(**place, RevocationComment="wrong numbers")
    trade.entrepot(buyer, homes[buyer.id], *fetch, tmp_path / "older")
    assert read_files(tmp_path / "older") == {"a.csv": b"1", "b/c.csv": b"22"}
    named = ["--revision", whole["RevisionId"]]
    refused = trade.entrepot(buyer, homes[buyer.id], *fetch, tmp_path / "never", *named, code=255)
    assert "is revoked" in refused
    published = ["publish", product, "--data-set", granted["DataSetId"]]
    refused = trade.entrepot(buyer, homes[buyer.id], *published, code=255)
    assert granted["DataSetId"] in refused
    owner.client.delete_data_grant(DataGrantId=granted["Id"])
    refused = trade.entrepot(buyer, homes[buyer.id], *fetch, target, code=255)
    assert "There is no data set" in refused
    assert read_files(target) == {"a.csv": b"1", "b/c.csv": b"22"}
