"""What a provider publishes arrives in a receiver's bucket by itself: two accounts, each with its own SDK."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from secrets import token_hex
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.functional.accounts import Account, allow_bucket, new_account, run_entrepot
from tests.functional.clients import s3_client
from tests.functional.flow import finished, import_by_signed_url, open_revision
from tests.servers.exchanges import Exchange

from entrepot.testing import S3Server

PUBLISHED = "Revision Published To Data Set"
PATTERN = "${Revision.CreatedAt}/${Asset.Name}"


@dataclass(frozen=True)
class Trade:
    server: Exchange
    provider: Account
    receiver: Account
    s3: Any
    bucket: str
    """The receiver may write to it."""

    def publish(self, data_set_id: str, *names: str) -> str:
        """A finalized revision; its id."""
        provider = self.provider.client
        place = {
            "DataSetId": data_set_id,
            "RevisionId": provider.create_revision(DataSetId=data_set_id)["Id"],
        }
        for name in names:
            job = import_by_signed_url(provider, place, name, name.encode())
            assert job["State"] == "COMPLETED", job
        provider.update_revision(**place, Finalized=True)
        return place["RevisionId"]

    def grant(self, data_set_id: str) -> dict[str, Any]:
        """One that the receiver has accepted."""
        granted: dict[str, Any] = self.provider.client.create_data_grant(
            Name="for you",
            GrantDistributionScope="NONE",
            ReceiverPrincipal=self.receiver.id,
            SourceDataSetId=data_set_id,
        )
        self.receiver.client.accept_data_grant(DataGrantArn=granted["Arn"])
        return granted

    def keys(self, prefix: str = "") -> list[str]:
        listed = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=prefix)
        return [entry["Key"] for entry in listed.get("Contents", [])]


@pytest.fixture(scope="module")
def trade(sigv4_exchange: Exchange, s3_server: S3Server) -> Iterator[Trade]:
    s3 = s3_client(s3_server)
    bucket = f"receiver-{token_hex(4)}"
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    provider, receiver = new_account(sigv4_exchange, "provider"), new_account(sigv4_exchange, "receiver")
    allow_bucket(sigv4_exchange, receiver, bucket, "--write")
    yield Trade(sigv4_exchange, provider, receiver, s3, bucket)
    for client in (provider.client, receiver.client, s3):
        client.close()


@pytest.fixture
def data_set_id(trade: Trade) -> str:
    """The provider's, with one revision."""
    made: str = open_revision(trade.provider.client, "Prices")["DataSetId"]
    trade.publish(made, "old.csv")
    return made


def event_of(data_set_id: str) -> dict[str, Any]:
    return {"RevisionPublished": {"DataSetId": data_set_id}}


def action_to(bucket: str, **destination: str) -> dict[str, Any]:
    return {"ExportRevisionToS3": {"RevisionDestination": {"Bucket": bucket, **destination}}}


def refusal(call: Any, **request: Any) -> dict[str, Any]:
    with pytest.raises(ClientError) as caught:
        call(**request)
    answer: dict[str, Any] = caught.value.response
    return answer


def test_a_published_revision_arrives_and_the_receiver_is_told(trade: Trade, data_set_id: str) -> None:
    receiver = trade.receiver.client
    entitled = trade.grant(data_set_id)["DataSetId"]
    before = trade.keys()
    created = receiver.create_event_action(
        Event=event_of(entitled), Action=action_to(trade.bucket), Tags={"team": "research"}
    )
    # What was written to look is gone again, and was there.
    assert trade.keys() == before
    probe = f"_ADX-TEST-ACCOUNTID#{trade.receiver.id}"
    versions = trade.s3.list_object_versions(Bucket=trade.bucket, Prefix=probe)
    assert {version["Key"] for version in versions["Versions"]} == {probe}

    trade.publish(data_set_id, "a.csv", "b/c.csv")
    completed = trade.receiver.awaited_event(entitled, "Auto-export Job Completed")
    published = trade.receiver.awaited_event(entitled, PUBLISHED)
    (revision_id,) = published["detail"]["RevisionIds"]
    assert completed["detail"]["RevisionIds"] == [revision_id]
    assert completed["account"] == trade.receiver.id

    revision = receiver.get_revision(DataSetId=entitled, RevisionId=revision_id)
    folder = revision["CreatedAt"].strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
    assert trade.keys(folder) == [f"{folder}/a.csv", f"{folder}/b/c.csv"]
    body = trade.s3.get_object(Bucket=trade.bucket, Key=f"{folder}/b/c.csv")["Body"].read()
    assert body == b"b/c.csv"

    (job,) = receiver.list_jobs(DataSetId=entitled)["Jobs"]
    job = finished(receiver, job["Id"])
    assert (job["Type"], job["State"]) == ("EXPORT_REVISIONS_TO_S3", "COMPLETED")
    assert job["Details"]["ExportRevisionsToS3"] == {
        "DataSetId": entitled,
        "RevisionDestinations": [{"Bucket": trade.bucket, "KeyPattern": PATTERN, "RevisionId": revision_id}],
        "EventActionArn": created["Arn"],
    }
    assert refusal(trade.provider.client.get_job, JobId=job["Id"])["Error"]["Code"] == (
        "ResourceNotFoundException"
    )


def test_one_that_cannot_arrive_is_told_of_too(trade: Trade, data_set_id: str) -> None:
    receiver = trade.receiver.client
    entitled = trade.grant(data_set_id)["DataSetId"]
    doomed = f"doomed-{token_hex(4)}"
    trade.s3.create_bucket(Bucket=doomed)
    allow_bucket(trade.server, trade.receiver, doomed, "--write")
    receiver.create_event_action(Event=event_of(entitled), Action=action_to(doomed))
    trade.s3.delete_bucket(Bucket=doomed)
    trade.publish(data_set_id, "a.csv")
    trade.receiver.awaited_event(entitled, "Auto-export Job Failed")
    (job,) = receiver.list_jobs(DataSetId=entitled)["Jobs"]
    assert job["State"] == "ERROR"


def test_a_bucket_that_the_account_may_not_use_is_refused_with_the_cause(
    trade: Trade, data_set_id: str
) -> None:
    receiver = trade.receiver.client
    event = event_of(trade.grant(data_set_id)["DataSetId"])
    forbidden, missing, locked = (f"{name}-{token_hex(4)}" for name in ("forbidden", "missing", "locked"))
    for bucket in (forbidden, locked):
        trade.s3.create_bucket(Bucket=bucket)
    allow_bucket(trade.server, trade.receiver, missing, "--write")
    wrong_keys = json.dumps({"AccessKeyId": "AKIAWRONG0000000000X", "SecretAccessKey": "wrong"})
    allow_bucket(trade.server, trade.receiver, locked, "--write", "--credentials", "-", stdin=wrong_keys)
    for bucket, cause in (
        (forbidden, "S3AccessDenied"),
        (missing, "S3AccessDenied"),
        (locked, "InsufficientS3BucketPolicy"),
    ):
        answer = refusal(receiver.create_event_action, Event=event, Action=action_to(bucket))
        assert answer["Error"]["Code"] == "ValidationException"
        assert answer["ExceptionCause"] == cause, bucket
        assert bucket in answer["Error"]["Message"]
    assert (
        refusal(receiver.create_event_action, Event=event_of(data_set_id), Action=action_to(trade.bucket))[
            "Error"
        ]["Code"]
        == "ValidationException"
    )
    made = receiver.create_event_action(Event=event, Action=action_to(trade.bucket))
    answer = refusal(receiver.update_event_action, EventActionId=made["Id"], Action=action_to(forbidden))
    assert answer["ExceptionCause"] == "S3AccessDenied"
    receiver.delete_event_action(EventActionId=made["Id"])


def test_an_account_that_may_use_a_folder_may_export_to_it_alone(trade: Trade, data_set_id: str) -> None:
    receiver = trade.receiver.client
    entitled = trade.grant(data_set_id)["DataSetId"]
    event = event_of(entitled)
    shared = f"shared-{token_hex(4)}"
    trade.s3.create_bucket(Bucket=shared)
    allow_bucket(trade.server, trade.receiver, shared, "--write", "--prefix", "in/")
    answer = refusal(receiver.create_event_action, Event=event, Action=action_to(shared))
    assert answer["ExceptionCause"] == "S3AccessDenied"
    receiver.create_event_action(Event=event, Action=action_to(shared, KeyPattern="in/${Asset.Name}"))
    trade.publish(data_set_id, "folder.csv")
    trade.receiver.awaited_event(entitled, "Auto-export Job Completed")
    listed = trade.s3.list_objects_v2(Bucket=shared)["Contents"]
    assert [entry["Key"] for entry in listed] == ["in/folder.csv"]


def test_a_permission_that_is_withdrawn_ends_what_an_event_action_may_do(
    trade: Trade, data_set_id: str
) -> None:
    receiver, entitled = trade.receiver.client, trade.grant(data_set_id)["DataSetId"]
    lent = f"lent-{token_hex(4)}"
    trade.s3.create_bucket(Bucket=lent)
    allow_bucket(trade.server, trade.receiver, lent, "--write")
    receiver.create_event_action(Event=event_of(entitled), Action=action_to(lent))
    run_entrepot(trade.server, "bucket", "deny", lent, "--account", trade.receiver.id)
    trade.publish(data_set_id, "a.csv")
    trade.receiver.awaited_event(entitled, "Auto-export Job Failed")
    (job,) = receiver.list_jobs(DataSetId=entitled)["Jobs"]
    assert [error["Code"] for error in job["Errors"]] == ["ACCESS_DENIED_EXCEPTION"]
    assert "Contents" not in trade.s3.list_objects_v2(Bucket=lent)


def test_after_the_grant_is_deleted_nothing_is_exported(trade: Trade, data_set_id: str) -> None:
    receiver, provider = trade.receiver.client, trade.provider.client
    granted = trade.grant(data_set_id)
    entitled = granted["DataSetId"]
    made = receiver.create_event_action(Event=event_of(entitled), Action=action_to(trade.bucket))
    provider.delete_data_grant(DataGrantId=granted["Id"])
    trade.publish(data_set_id, "late.csv")
    assert receiver.list_jobs(DataSetId=entitled)["Jobs"] == []
    assert trade.receiver.events_about(entitled, PUBLISHED) == []
    assert receiver.list_event_actions(EventSourceId=entitled)["EventActions"][0]["Id"] == made["Id"]
    answer = refusal(receiver.update_event_action, EventActionId=made["Id"], Action=action_to(trade.bucket))
    assert answer["Error"]["Code"] == "ValidationException"
    receiver.delete_event_action(EventActionId=made["Id"])


def test_a_notification_reaches_the_receiver_once(trade: Trade, data_set_id: str) -> None:
    provider = trade.provider.client
    nobody = refusal(provider.send_data_set_notification, DataSetId=data_set_id, Type="DATA_DELAY")
    assert nobody["Error"]["Code"] == "ValidationException"
    assert "not configured for AWS Marketplace" in nobody["Error"]["Message"]
    entitled = trade.grant(data_set_id)["DataSetId"]
    said = {"DataSetId": data_set_id, "Type": "DATA_DELAY", "ClientToken": token_hex(8), "Comment": "Late."}
    for _ in range(2):
        answer = provider.send_data_set_notification(**said)
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 202
    conflict = refusal(provider.send_data_set_notification, **{**said, "Comment": "Later."})
    assert (conflict["Error"]["Code"], conflict["ResourceType"]) == ("ConflictException", "DATA_SET")
    arn = f"arn:aws:dataexchange:us-east-1::data-sets/{entitled}"
    event = trade.receiver.awaited_event(arn, "Data Set Update Delayed")
    assert event["detail"]["DataSet"] == {"Id": entitled, "Name": "Prices", "AssetType": "S3_SNAPSHOT"}
    assert event["detail"]["Notification"] == {"Type": "DATA_DELAY", "Comment": "Late."}
    denied = refusal(trade.receiver.client.send_data_set_notification, DataSetId=entitled, Type="DATA_DELAY")
    assert denied["Error"]["Code"] == "AccessDeniedException"


def command(account: Account, *arguments: str) -> Any:
    """`entrepot …` as this account; its JSON, None where it prints none."""
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "ENTREPOT_"))
    }
    ran = subprocess.run(
        [sys.executable, "-m", "entrepot", *arguments],
        check=True,
        capture_output=True,
        text=True,
        env=inherited | account.environ(),
    )
    return json.loads(ran.stdout) if ran.stdout else None


def test_the_commands_do_the_same(trade: Trade, data_set_id: str) -> None:
    receiver, entitled = trade.receiver, trade.grant(data_set_id)["DataSetId"]
    created = command(
        receiver,
        "create-event-action",
        "--event",
        json.dumps(event_of(entitled)),
        "--action",
        f"ExportRevisionToS3={{RevisionDestination={{Bucket={trade.bucket},KeyPattern='cli/${{Asset.Name}}'}}}}",
    )
    assert command(receiver, "get-event-action", "--event-action-id", created["Id"]) == created
    changed = json.dumps(action_to(trade.bucket, KeyPattern="cli/${Revision.Id}/${Asset.Name}"))
    updated = command(
        receiver, "update-event-action", "--event-action-id", created["Id"], "--action", changed
    )
    (listed,) = command(receiver, "list-event-actions", "--event-source-id", entitled)["EventActions"]
    assert listed == updated
    assert listed["Action"] == json.loads(changed)
    sent = command(
        trade.provider,
        "send-data-set-notification",
        "--data-set-id",
        data_set_id,
        "--type",
        "DEPRECATION",
        "--details",
        "Deprecation={DeprecationAt=2099-01-01T00:00:00Z}",
    )
    assert sent is None
    arn = f"arn:aws:dataexchange:us-east-1::data-sets/{entitled}"
    event = receiver.awaited_event(arn, "Deprecation Planned for Data Set")
    assert event["detail"]["Notification"]["Details"] == {
        "Deprecation": {"DeprecationAt": "2099-01-01T00:00:00.000Z"}
    }
    assert command(receiver, "delete-event-action", "--event-action-id", created["Id"]) is None
    assert command(receiver, "list-event-actions", "--event-source-id", entitled)["EventActions"] == []
