"""From a provider to a receiver and back again, through boto3, unmodified, on both databases."""

from __future__ import annotations

import json
import re
import urllib.error
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from secrets import token_hex
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.functional import flow
from tests.functional.accounts import Account, allow_bucket, new_account
from tests.functional.clients import s3_client
from tests.functional.flow import until
from tests.servers.both_databases import BOTH_DATABASES
from tests.servers.exchanges import Exchange
from tests.servers.slow_bucket import slow_bucket

from entrepot.testing import S3Server

PATIENCE_SECONDS = 60.0


@dataclass(frozen=True)
class Trade:
    """Two accounts of one exchange; the provider may read one bucket, the receiver may write another one."""

    server: Exchange
    provider: Account
    receiver: Account
    s3: Any
    source: str
    target: str
    heard: list[Any] = field(default_factory=list)
    """Every answer that the receiver was given."""

    @property
    def owner(self) -> Any:
        return self.provider.client

    @property
    def buyer(self) -> Any:
        return self.receiver.client

    def data_set(self) -> str:
        """A new one of the provider's, with nothing in it."""
        made = self.owner.create_data_set(
            AssetType="S3_SNAPSHOT", Name="Prices", Description="daily", Tags={"secret": "a tag of the owner"}
        )
        identifier: str = made["Id"]
        return identifier

    def publish(self, data_set_id: str, *names: str) -> dict[str, str]:
        """A finalized revision, whose assets come from the provider's bucket and, one, by a signed URL."""
        revision = self.owner.create_revision(DataSetId=data_set_id, Comment=f"with {names[0]}")
        place = {"DataSetId": data_set_id, "RevisionId": revision["Id"]}
        for name in names[1:]:
            self.s3.put_object(Bucket=self.source, Key=name, Body=name.encode())
        if names[1:]:
            job = flow.import_objects(self.owner, place, self.source, list(names[1:]))
            assert job["State"] == "COMPLETED", job
        assert (
            flow.import_by_signed_url(self.owner, place, names[0], names[0].encode())["State"] == "COMPLETED"
        )
        self.owner.update_revision(**place, Finalized=True)
        return place

    def grant(self, data_set_id: str, **more: Any) -> dict[str, Any]:
        granted: dict[str, Any] = self.owner.create_data_grant(
            Name="for you",
            GrantDistributionScope="NONE",
            ReceiverPrincipal=self.receiver.id,
            SourceDataSetId=data_set_id,
            **more,
        )
        return granted

    def entitle(self, data_set_id: str, **more: Any) -> dict[str, Any]:
        granted = self.grant(data_set_id, **more)
        self.buyer.accept_data_grant(DataGrantArn=granted["Arn"])
        return granted

    def only_place(self, data_set_id: str) -> dict[str, str]:
        """The one revision of an entitled data set."""
        (revision,) = self.buyer.list_data_set_revisions(DataSetId=data_set_id)["Revisions"]
        return {"DataSetId": data_set_id, "RevisionId": revision["Id"]}

    def objects(self, prefix: str) -> dict[str, bytes]:
        listed = self.s3.list_objects_v2(Bucket=self.target, Prefix=prefix).get("Contents", [])
        return {
            entry["Key"]: self.s3.get_object(Bucket=self.target, Key=entry["Key"])["Body"].read()
            for entry in listed
        }

    def export_revision(self, place: dict[str, str], pattern: str, bucket: str = "") -> dict[str, Any]:
        """What CreateJob takes."""
        destination = {
            "RevisionId": place["RevisionId"],
            "Bucket": bucket or self.target,
            "KeyPattern": pattern,
        }
        export = {"DataSetId": place["DataSetId"], "RevisionDestinations": [destination]}
        return {"Type": "EXPORT_REVISIONS_TO_S3", "Details": {"ExportRevisionsToS3": export}}


@pytest.fixture(scope="module", params=BOTH_DATABASES)
def trade(request: pytest.FixtureRequest, s3_server: S3Server) -> Iterator[Trade]:
    name = {"sqlite": "sigv4_exchange", "postgresql": "postgresql_exchange"}[request.param]
    exchange: Exchange = request.getfixturevalue(name)
    s3 = s3_client(s3_server)
    source, target = f"provider-{token_hex(4)}", f"receiver-{token_hex(4)}"
    for bucket in (source, target):
        s3.create_bucket(Bucket=bucket)
    provider, receiver = new_account(exchange, "provider"), new_account(exchange, "receiver")
    allow_bucket(exchange, provider, source, "--read")
    allow_bucket(exchange, receiver, target, "--write")
    made = Trade(exchange, provider, receiver, s3, source, target)
    receiver.client.meta.events.register(
        "after-call.dataexchange.*", lambda parsed, **_: made.heard.append(parsed)
    )
    yield made
    for client in (provider.client, receiver.client, s3):
        client.close()


def refusal(call: Callable[..., Any], **request: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**request)
    code: str = caught.value.response["Error"]["Code"]
    return code


def status(url: str) -> int:
    """Of a GET that is refused."""
    with pytest.raises(urllib.error.HTTPError) as caught:
        flow.get(url)
    with caught.value:
        return caught.value.code


def found(call: Callable[..., Any], **request: Any) -> bool:
    try:
        call(**request)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        return False
    return True


def test_what_is_granted_arrives_and_says_nothing_of_where_it_comes_from(trade: Trade) -> None:
    owner, buyer = trade.owner, trade.buyer
    trade.heard.clear()
    names = {"url.csv", "a/b.csv", "c.csv"}
    source = trade.data_set()
    owned = trade.publish(source, "url.csv", "a/b.csv", "c.csv")
    granted = trade.grant(source, Tags={"secret": "a tag of the owner"}, Description="enjoy")
    entitled = granted["DataSetId"]

    (offered,) = [
        each
        for each in buyer.list_received_data_grants(AcceptanceState=["PENDING_RECEIVER_ACCEPTANCE"])[
            "DataGrantSummaries"
        ]
        if each["Id"] == granted["Id"]
    ]
    assert (offered["SenderPrincipal"], offered["ReceiverPrincipal"]) == (
        trade.provider.id,
        trade.receiver.id,
    )
    assert not found(buyer.get_data_set, DataSetId=entitled)
    accepted = buyer.accept_data_grant(DataGrantArn=offered["Arn"])
    assert (accepted["AcceptanceState"], accepted["Description"]) == ("ACCEPTED", "enjoy")
    assert refusal(buyer.accept_data_grant, DataGrantArn=offered["Arn"]) == "ConflictException"
    assert owner.get_data_grant(DataGrantId=granted["Id"])["AcceptedAt"] == accepted["AcceptedAt"]

    listed = buyer.get_paginator("list_data_sets").paginate(Origin="ENTITLED")
    (data_set,) = [each for page in listed for each in page["DataSets"] if each["Id"] == entitled]
    assert data_set["Arn"] == f"arn:aws:dataexchange:us-east-1::data-sets/{entitled}"
    assert data_set["OriginDetails"] == {"DataGrantId": granted["Id"]}
    place = trade.only_place(entitled)
    revision = buyer.get_revision(**place)
    assert revision["Comment"] == "with url.csv"
    assets = {asset["Name"]: asset for asset in flow.assets(buyer, place)}
    assert assets.keys() == names
    sources = flow.assets(owner, owned)
    behind = {asset["SourceId"]: asset["Id"] for asset in flow.assets(owner, place)}
    assert behind == {asset["Id"]: assets[asset["Name"]]["Id"] for asset in sources}
    assert owner.get_revision(**place)["SourceId"] == owned["RevisionId"]
    assert owner.get_data_set(DataSetId=entitled)["SourceId"] == source

    link = flow.run_job(
        buyer,
        "EXPORT_ASSET_TO_SIGNED_URL",
        ExportAssetToSignedUrl={"AssetId": assets["url.csv"]["Id"], **place},
    )
    assert flow.get(link["Details"]["ExportAssetToSignedUrl"]["SignedUrl"]) == b"url.csv"
    prefix = token_hex(4)
    destinations = [
        {"AssetId": assets[name]["Id"], "Bucket": trade.target, "Key": f"{prefix}/{name}"} for name in names
    ]
    chosen = flow.run_job(
        buyer, "EXPORT_ASSETS_TO_S3", ExportAssetsToS3={"AssetDestinations": destinations, **place}
    )
    assert chosen["State"] == "COMPLETED", chosen
    assert trade.objects(prefix) == {f"{prefix}/{name}": name.encode() for name in names}
    pattern = f"{prefix}2/" + "${DataSet.Id}/${Revision.Id}/${Revision.CreatedAt}/${Asset.Id}/${Asset.Name}"
    whole = flow.run_job(buyer, **_split(trade.export_revision(place, pattern)))
    assert whole["State"] == "COMPLETED", whole
    created_at = revision["CreatedAt"].strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
    folder = f"{prefix}2/{entitled}/{place['RevisionId']}/{created_at}"
    assert trade.objects(f"{prefix}2/") == {
        f"{folder}/{asset['Id']}/{name}": name.encode() for name, asset in assets.items()
    }
    for job in buyer.list_jobs(DataSetId=entitled)["Jobs"]:
        assert buyer.get_job(JobId=job["Id"])["State"] == "COMPLETED"
    assert owner.list_jobs(DataSetId=entitled)["Jobs"] == []

    changes: list[tuple[Callable[..., Any], dict[str, Any]]] = [
        (buyer.update_data_set, {"DataSetId": entitled, "Name": "mine"}),
        (buyer.delete_data_set, {"DataSetId": entitled}),
        (buyer.create_revision, {"DataSetId": entitled}),
        (buyer.revoke_revision, {**place, "RevocationComment": "not any more"}),
        (buyer.delete_asset, {**place, "AssetId": assets["c.csv"]["Id"]}),
    ]
    for change, request in changes:
        assert refusal(change, **request) == "AccessDeniedException"
    assert refusal(owner.delete_data_set, DataSetId=source) == "ConflictException"
    assert refusal(owner.update_revision, **owned, Finalized=False) == "ConflictException"

    said = json.dumps(trade.heard, default=str)
    for name in (source, owned["RevisionId"], "a tag of the owner", *(asset["Id"] for asset in sources)):
        assert name not in said
    assert trade.provider.id not in re.sub(r'"SenderPrincipal": "\d+"|[^"]*:data-grants/[^"]*', "", said)


def _split(request: dict[str, Any]) -> dict[str, Any]:
    """A request of CreateJob as `run_job` takes it."""
    return {"job_type": request["Type"], **request["Details"]}


def test_what_is_published_later_appears_and_what_is_revoked_stays_to_be_read_about(trade: Trade) -> None:
    owner, buyer = trade.owner, trade.buyer
    source = trade.data_set()
    first = trade.publish(source, "first.csv")
    entitled = trade.entitle(source)["DataSetId"]
    old = trade.only_place(entitled)
    trade.publish(source, "second.csv")
    newest, oldest = buyer.list_data_set_revisions(DataSetId=entitled)["Revisions"]
    assert oldest["Id"] == old["RevisionId"]
    place = {"DataSetId": entitled, "RevisionId": newest["Id"]}
    assert [asset["Name"] for asset in flow.assets(buyer, place)] == ["second.csv"]

    waiting = buyer.create_job(**trade.export_revision(old, "late/${Asset.Name}"))["Id"]
    owner.revoke_revision(**first, RevocationComment="wrong numbers")
    seen = buyer.get_revision(**old)
    assert (seen["Revoked"], seen["RevocationComment"]) == (True, "wrong numbers")
    assert [asset["Name"] for asset in flow.assets(buyer, old)] == ["first.csv"]
    request = trade.export_revision(old, "never/${Asset.Name}")
    assert refusal(buyer.create_job, **request) == "AccessDeniedException"
    buyer.start_job(JobId=waiting)
    ended = flow.finished(buyer, waiting)
    assert (ended["State"], ended["Errors"][0]["Code"]) == ("ERROR", "ACCESS_DENIED_EXCEPTION")
    assert "wrong numbers" in ended["Errors"][0]["Message"]
    exported = flow.run_job(buyer, **_split(trade.export_revision(place, "later/${Asset.Name}")))
    assert exported["State"] == "COMPLETED"
    assert trade.objects("late/") == {}


def test_access_ends_when_the_grant_does(trade: Trade) -> None:
    buyer = trade.buyer
    source = trade.data_set()
    trade.publish(source, "a.csv")

    def exported(ends_at: datetime) -> tuple[datetime, dict[str, str], dict[str, Any], dict[str, Any]]:
        place = trade.only_place(trade.entitle(source, EndsAt=ends_at)["DataSetId"])
        (asset,) = flow.assets(buyer, place)
        details = {"ExportAssetToSignedUrl": {"AssetId": asset["Id"], **place}}
        job = flow.run_job(buyer, "EXPORT_ASSET_TO_SIGNED_URL", **details)
        link = job["Details"]["ExportAssetToSignedUrl"]
        assert link["SignedUrlExpiresAt"] <= ends_at
        return ends_at, place, details, link

    ends_at, place, details, link = flow.before_the_end(exported)
    entitled = place["DataSetId"]
    until(lambda: not found(buyer.get_data_set, DataSetId=entitled), "ended")
    assert datetime.now(UTC) >= ends_at - timedelta(milliseconds=1)
    assert not found(buyer.list_revision_assets, **place)
    assert not found(buyer.create_job, Type="EXPORT_ASSET_TO_SIGNED_URL", Details=details)
    assert status(link["SignedUrl"]) == 403
    assert trade.owner.get_data_set(DataSetId=entitled)["SourceId"] == source


def test_a_grant_that_is_taken_back_takes_everything_with_it_a_running_export_too(trade: Trade) -> None:
    owner, buyer = trade.owner, trade.buyer
    source = trade.data_set()
    trade.publish(source, "a.csv", "b.csv")
    granted = trade.entitle(source)
    place = trade.only_place(granted["DataSetId"])
    asset = flow.assets(buyer, place)[0]
    link = flow.run_job(
        buyer, "EXPORT_ASSET_TO_SIGNED_URL", ExportAssetToSignedUrl={"AssetId": asset["Id"], **place}
    )["Details"]["ExportAssetToSignedUrl"]
    assert flow.get(link["SignedUrl"]) == asset["Name"].encode()
    with slow_bucket() as slow:
        where = ["--write", "--endpoint-url", slow.endpoint_url, "--region", "us-east-1"]
        keys = json.dumps({"AccessKeyId": "any", "SecretAccessKey": "any"})
        allow_bucket(trade.server, trade.receiver, "slow", *where, "--credentials", "-", stdin=keys)
        job_id = buyer.create_job(**trade.export_revision(place, "${Asset.Name}", "slow"))["Id"]
        buyer.start_job(JobId=job_id)
        slow.wait_for_writer()
        assert buyer.get_job(JobId=job_id)["State"] == "IN_PROGRESS"
        owner.delete_data_grant(DataGrantId=granted["Arn"])
        # long before the bucket answers, which it does when the block ends
        until(lambda: buyer.get_job(JobId=job_id)["State"] != "IN_PROGRESS", "ended")
    ended = buyer.get_job(JobId=job_id)
    assert (ended["State"], ended["Errors"][0]["Code"]) == ("ERROR", "ACCESS_DENIED_EXCEPTION")
    assert status(link["SignedUrl"]) == 403
    assert not found(buyer.get_data_set, DataSetId=granted["DataSetId"])
    assert not found(buyer.get_received_data_grant, DataGrantArn=granted["Arn"])
    assert not found(owner.get_data_grant, DataGrantId=granted["Id"])
    assert "Data Grant Revoked" in [event["detail-type"] for event in trade.receiver.events()]
    owner.delete_data_set(DataSetId=source)
