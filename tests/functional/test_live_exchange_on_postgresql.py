"""What the other modules show on SQLite, once more in short on PostgreSQL: all that is live or happens by
itself, between two accounts, through boto3.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from secrets import token_hex
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.functional import flow
from tests.functional.accounts import Account, allow_bucket, new_account, run_entrepot
from tests.functional.called_apis import caller, granted, import_api, send
from tests.functional.clients import client, s3_client
from tests.functional.flow import until
from tests.servers.exchanges import Exchange
from tests.servers.lake_formation import Catalog, catalog_of
from tests.servers.redshift import add_share, consumers_of
from tests.servers.webhook_receiver import Receiver, webhook_receiver

from entrepot.testing import S3Server

pytestmark = [pytest.mark.postgresql, pytest.mark.seaweedfs]

PATIENCE_SECONDS = 60.0


@dataclass(frozen=True)
class Fair:
    server: Exchange
    s3: Any
    bucket: str
    provider: Account
    receiver: Account
    catalog: Catalog
    told: Receiver

    def open_revision(self, asset_type: str) -> dict[str, str]:
        client = self.provider.client
        made = client.create_data_set(AssetType=asset_type, Name="Live", Description="d")
        return {"DataSetId": made["Id"], "RevisionId": client.create_revision(DataSetId=made["Id"])["Id"]}

    def published(self, asset_type: str, job_type: str, **details: Any) -> dict[str, str]:
        """A finalized revision with what the job makes; `details` are those of its one member."""
        place = self.open_revision(asset_type)
        ((member, request),) = details.items()
        job = flow.run_job(self.provider.client, job_type, **{member: {**request, **place}})
        assert job["State"] == "COMPLETED", job.get("Errors")
        self.provider.client.update_revision(**place, Finalized=True)
        return place

    def grant(self, place: dict[str, str]) -> dict[str, Any]:
        """One that the receiver has accepted."""
        made: dict[str, Any] = self.provider.client.create_data_grant(
            Name="for you",
            GrantDistributionScope="NONE",
            ReceiverPrincipal=self.receiver.id,
            SourceDataSetId=place["DataSetId"],
        )
        self.receiver.client.accept_data_grant(DataGrantArn=made["Arn"])
        return made


@pytest.fixture(scope="module")
def fair(postgresql_exchange: Exchange, s3_server: S3Server, moto_url: str) -> Iterator[Fair]:
    bucket = f"fair-{token_hex(4)}"
    with ExitStack() as stack:
        s3 = s3_client(s3_server)
        stack.callback(s3.close)
        s3.create_bucket(Bucket=bucket)
        told = stack.enter_context(webhook_receiver())
        provider, receiver = (new_account(postgresql_exchange, name) for name in ("provider", "receiver"))
        catalog = stack.enter_context(catalog_of(provider.id, moto_url))
        keys = {"AccessKeyId": s3_server.access_key_id, "SecretAccessKey": s3_server.secret_access_key}
        for account, access in ((provider, "--read"), (receiver, "--write")):
            stack.callback(account.client.close)
            place = ("--endpoint-url", s3_server.endpoint_url, "--credentials", "-")
            allow_bucket(postgresql_exchange, account, bucket, access, *place, stdin=json.dumps(keys))
        yield Fair(postgresql_exchange, s3, bucket, provider, receiver, catalog, told)


def test_what_is_published_arrives_by_itself_and_is_told_everywhere(fair: Fair) -> None:
    hook = run_entrepot(fair.server, "webhook", "add", fair.told.url, "--account", fair.receiver.id)
    provider, receiver = fair.provider.client, fair.receiver.client
    place = fair.open_revision("S3_SNAPSHOT")
    flow.import_by_signed_url(provider, place, "old.csv", b"old")
    provider.update_revision(**place, Finalized=True)
    entitled = fair.grant(place)["DataSetId"]
    destination = {"Bucket": fair.bucket, "KeyPattern": "auto/${Asset.Name}"}
    action = receiver.create_event_action(
        Event={"RevisionPublished": {"DataSetId": entitled}},
        Action={"ExportRevisionToS3": {"RevisionDestination": destination}},
    )
    revision_id = provider.create_revision(DataSetId=place["DataSetId"])["Id"]
    newer = {"DataSetId": place["DataSetId"], "RevisionId": revision_id}
    flow.import_by_signed_url(provider, newer, "new.csv", b"new")
    provider.update_revision(**newer, Finalized=True)
    fair.receiver.awaited_event(entitled, "Auto-export Job Completed")
    assert fair.s3.get_object(Bucket=fair.bucket, Key="auto/new.csv")["Body"].read() == b"new"
    (job,) = receiver.list_jobs(DataSetId=entitled)["Jobs"]
    assert job["Details"]["ExportRevisionsToS3"]["EventActionArn"] == action["Arn"]

    for _ in range(2):
        provider.send_data_set_notification(
            DataSetId=place["DataSetId"], Type="DATA_DELAY", Comment="soon", ClientToken="once"
        )
    arn = f"arn:aws:dataexchange:us-east-1::data-sets/{entitled}"
    told = fair.receiver.awaited_event(arn, "Data Set Update Delayed")
    assert told["detail"]["Notification"]["Comment"] == "soon"
    expected = {"Revision Published To Data Set", "Auto-export Job Completed", "Data Set Update Delayed"}
    until(lambda: expected <= {delivery.event["type"] for delivery in fair.told.deliveries})
    assert all(delivery.is_signed_with(hook["Secret"]) for delivery in fair.told.deliveries)
    assert fair.provider.awaited_event(arn, "Data Grant Accepted")


def test_a_part_of_a_bucket_is_read_where_it_is(fair: Fair) -> None:
    fair.s3.put_object(Bucket=fair.bucket, Key="shared/a.txt", Body=b"0123456789")
    fair.s3.put_object(Bucket=fair.bucket, Key="secret/b.txt", Body=b"no")
    source = {"AssetSource": {"Bucket": fair.bucket, "KeyPrefixes": ["shared/"]}}
    place = fair.published(
        "S3_DATA_ACCESS",
        "CREATE_S3_DATA_ACCESS_FROM_S3_BUCKET",
        CreateS3DataAccessFromS3Bucket=source,
    )
    grant = fair.grant(place)
    of_grant = {"DataSetId": grant["DataSetId"]}
    (revision,) = fair.receiver.client.list_data_set_revisions(**of_grant)["Revisions"]
    (asset,) = flow.assets(fair.receiver.client, of_grant | {"RevisionId": revision["Id"]})
    alias = asset["AssetDetails"]["S3DataAccessAsset"]["S3AccessPointAlias"]
    keys = (fair.receiver.access_key_id, fair.receiver.secret_access_key)
    s3 = client("s3", fair.server.url, *keys)
    listed = s3.list_objects_v2(Bucket=alias)["Contents"]
    assert [entry["Key"] for entry in listed] == ["shared/a.txt"]
    assert s3.get_object(Bucket=alias, Key="shared/a.txt", Range="bytes=2-4")["Body"].read() == b"234"
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.get_object(Bucket=alias, Key="secret/b.txt")
    fair.provider.client.delete_data_grant(DataGrantId=grant["Id"])
    with pytest.raises(ClientError, match="NoSuchBucket"):
        s3.get_object(Bucket=alias, Key="shared/a.txt")
    s3.close()


def test_an_api_is_called(fair: Fair) -> None:
    owned = import_api(fair.provider)
    fair.provider.client.update_revision(
        DataSetId=owned["DataSetId"], RevisionId=owned["RevisionId"], Finalized=True
    )
    entitled = granted(fair.provider, fair.receiver, owned["DataSetId"])
    calls = caller(fair.receiver)
    answer = send(calls, entitled, Method="POST", Path="mirror", Body="how is it?")
    assert answer["Body"] == "how is it?"
    calls.close()


def test_a_datashare_is_authorized_for_the_receiver_and_taken_back(fair: Fair) -> None:
    namespace = "86b5169f-01dc-4a6f-9fbb-e2e24359e9a8"
    arn = f"arn:aws:redshift:us-east-1:{fair.provider.id}:datashare:{namespace}/sales"
    redshift = fair.server.redshift_url
    add_share(redshift, arn)
    place = fair.published(
        "REDSHIFT_DATA_SHARE",
        "IMPORT_ASSETS_FROM_REDSHIFT_DATA_SHARES",
        ImportAssetsFromRedshiftDataShares={"AssetSources": [{"DataShareArn": arn}]},
    )
    grant = fair.grant(place)
    until(lambda: consumers_of(redshift, arn).get(fair.receiver.id) == "AUTHORIZED")
    fair.provider.client.delete_data_grant(DataGrantId=grant["Id"])
    until(lambda: consumers_of(redshift, arn).get(fair.receiver.id) == "DEAUTHORIZED")


def test_tables_of_a_catalogue_are_granted_and_taken_back(fair: Fair) -> None:
    key = fair.catalog.tag("gold")
    policy = {"Expression": [{"TagKey": key, "TagValues": ["gold"]}], "Permissions": ["DESCRIBE"]}
    place = fair.published(
        "LAKE_FORMATION_DATA_PERMISSION",
        "IMPORT_ASSETS_FROM_LAKE_FORMATION_TAG_POLICY",
        ImportAssetsFromLakeFormationTagPolicy={
            "CatalogId": fair.provider.id,
            "RoleArn": fair.catalog.role_arn,
            "Table": policy,
        },
    )
    grant = fair.grant(place)
    one = ("DESCRIBE",)
    until(lambda: fair.catalog.grants(key) == [(fair.receiver.id, "TABLE", one, one)])
    fair.provider.client.delete_data_grant(DataGrantId=grant["Id"])
    until(lambda: fair.catalog.grants(key) == [])
