"""Events in the words and shapes of the service (behaviour reference, section 8)."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import replace

import pytest
from tests.grants import a_grant

from entrepot.domain import event
from entrepot.domain.data_set import AssetType
from entrepot.domain.event import DetailType, NewEvent, NotificationType, RedshiftAccessLoss, StoredEvent
from entrepot.domain.revision import Revision
from entrepot.domain.scope import Scope
from entrepot.domain.timestamp import Timestamp
from entrepot.events.senders import cloud_event, delivery_id, signature

NOW = Timestamp(1_704_067_200_123)
SENDER = Scope("111111111111", "eu-west-1")
GRANT = a_grant(
    NOW,
    scope=SENDER,
    id="1" * 32,
    receiver_id="222222222222",
    source_data_set_id="2" * 32,
    data_set_id="3" * 32,
    id_mask="a" * 32,
    data_set_name="prices",
)
REVISION = Revision(SENDER.without_account(), "3" * 32, "4" * 32, NOW, NOW, comment="first", finalized=True)
OF_GRANT = {
    "DataSets": [{"Id": "3" * 32, "Name": "prices"}],
    "DataGrant": {
        "Arn": f"arn:aws:dataexchange:eu-west-1:111111111111:data-grants/{'1' * 32}",
        "Name": "for you",
    },
}
ENTITLED_ARN = f"arn:aws:dataexchange:eu-west-1::data-sets/{'3' * 32}"


def addressed(new: NewEvent) -> tuple[str, str, tuple[str, ...]]:
    return new.account_id, new.region, new.resources


@pytest.mark.parametrize(
    ("asset_type", "words"),
    [
        (AssetType.S3_SNAPSHOT, "Revision Published To Data Set"),
        (AssetType.API_GATEWAY_API, "Revision Published To API Gateway API Data Set"),
        (AssetType.REDSHIFT_DATA_SHARE, "Revision Published To Redshift Data Shares Data Set"),
        (
            AssetType.LAKE_FORMATION_DATA_PERMISSION,
            "Revision Published To Lake Formation Data Permission Data Set",
        ),
        (AssetType.S3_DATA_ACCESS, "Revision Published to S3 Data Access Data Set(s)"),
    ],
)
def test_a_publication_is_called_by_what_the_data_set_holds(asset_type: AssetType, words: str) -> None:
    new = event.revision_published(replace(GRANT, asset_type=asset_type), [REVISION])
    assert new.detail_type.value == words
    assert addressed(new) == ("222222222222", "eu-west-1", ("3" * 32,))
    assert new.detail == {
        "RevisionIds": ["4" * 32],
        "Revisions": [{"Id": "4" * 32, "Comment": "first"}],
        **OF_GRANT,
    }


@pytest.mark.parametrize("asset_type", AssetType)
def test_a_revocation_says_why(asset_type: AssetType) -> None:
    revoked = replace(REVISION, revocation_comment="wrong numbers", revoked_at=NOW)
    new = event.revision_revoked(replace(GRANT, asset_type=asset_type), revoked)
    of_s3 = asset_type is AssetType.S3_DATA_ACCESS
    assert new.detail_type.value == (
        "Revision Revoked from S3 Data Access Data Set(s)" if of_s3 else "Revision Revoked"
    )
    assert addressed(new) == ("222222222222", "eu-west-1", ("3" * 32,))
    assert new.detail["RevocationComment"] == "wrong numbers"
    assert new.detail["RevisionIds"] == ["4" * 32]


@pytest.mark.parametrize("completed", [True, False])
def test_the_end_of_an_auto_export_names_data_sets_and_revisions(completed: bool) -> None:
    new = event.auto_export(GRANT, [replace(REVISION, comment=None)], completed=completed)
    assert new.detail_type.value == f"Auto-export Job {'Completed' if completed else 'Failed'}"
    assert addressed(new) == ("222222222222", "eu-west-1", ("3" * 32,))
    assert new.detail == {
        "RevisionIds": ["4" * 32],
        "Revisions": [{"Id": "4" * 32, "Comment": ""}],
        "DataSetIds": ["3" * 32],
        **OF_GRANT,
    }


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (NotificationType.DATA_UPDATE, "Data Updated in Data Set"),
        (NotificationType.DATA_DELAY, "Data Set Update Delayed"),
        (NotificationType.DEPRECATION, "Deprecation Planned for Data Set"),
        (NotificationType.SCHEMA_CHANGE, "Schema Change Planned for Data Set"),
    ],
)
def test_a_notification_has_what_the_owner_said_and_nothing_else(kind: NotificationType, words: str) -> None:
    new = event.notification(GRANT, kind, comment="soon", details=None, scope={"S3DataAccesses": []})
    assert new.detail_type.value == words
    assert addressed(new) == ("222222222222", "eu-west-1", (ENTITLED_ARN,))
    assert new.detail == {
        "DataSet": {"Id": "3" * 32, "Name": "prices", "AssetType": "S3_SNAPSHOT"},
        "DataGrant": OF_GRANT["DataGrant"],
        "Notification": {"Comment": "soon", "Type": kind.value, "Scope": {"S3DataAccesses": []}},
    }


def test_the_sender_hears_of_acceptance_and_the_receiver_of_the_end() -> None:
    accepted, revoked = event.data_grant_accepted(GRANT), event.data_grant_revoked(GRANT)
    assert accepted.detail_type.value == "Data Grant Accepted"
    assert addressed(accepted) == ("111111111111", "eu-west-1", (ENTITLED_ARN,))
    assert revoked.detail_type.value == "Data Grant Revoked"
    assert addressed(revoked) == ("222222222222", "eu-west-1", (ENTITLED_ARN,))
    assert accepted.detail == revoked.detail == OF_GRANT


@pytest.mark.parametrize("loss", RedshiftAccessLoss)
def test_a_lost_datashare_is_told_in_words(loss: RedshiftAccessLoss) -> None:
    share = "arn:aws:redshift:eu-west-1:111111111111:datashare:abc/share"
    new = event.redshift_access_lost(GRANT, share, loss)
    assert new.detail_type.value == "Redshift Data Share Access Lost"
    assert addressed(new) == ("222222222222", "eu-west-1", (share,))
    assert new.detail["Message"].startswith("The datashare is unavailable, because ")
    assert new.detail["AssociatedProducts"] == [{"DataSetIds": ["3" * 32], **OF_GRANT}]


@pytest.mark.parametrize("secret", ["id_mask", "source_data_set_id", "2" * 32, "a" * 32])
def test_no_event_tells_a_receiver_what_it_must_not_know(secret: str) -> None:
    told = [
        event.revision_published(GRANT, [REVISION]),
        event.revision_revoked(GRANT, REVISION),
        event.auto_export(GRANT, [REVISION], completed=True),
        event.notification(GRANT, NotificationType.DATA_DELAY, comment=None, details=None, scope=None),
        event.data_grant_revoked(GRANT),
    ]
    assert secret not in json.dumps([each.detail for each in told])


STORED = StoredEvent(
    sequence=7,
    id="dc529cb6-2e23-4c5f-d020-000000000000",
    account_id="222222222222",
    region="eu-west-1",
    at=NOW,
    detail_type=DetailType.REVISION_PUBLISHED,
    resources=("3" * 32,),
    detail_json='{"RevisionIds": ["x"]}',
)


def test_an_envelope_is_that_of_eventbridge() -> None:
    assert json.loads(json.dumps(event.envelope(STORED))) == {
        "version": "0",
        "id": "dc529cb6-2e23-4c5f-d020-000000000000",
        "detail-type": "Revision Published To Data Set",
        "source": "aws.dataexchange",
        "account": "222222222222",
        "time": "2024-01-01T00:00:00Z",
        "region": "eu-west-1",
        "resources": ["3" * 32],
        "detail": {"RevisionIds": ["x"]},
    }


def test_a_cloud_event_has_every_attribute_that_must_be_there_in_a_valid_form() -> None:
    sent = json.loads(cloud_event(STORED))
    assert {"specversion", "id", "source", "type"} <= set(sent)
    assert all(name.isalnum() and name.islower() and len(name) <= 20 for name in sent)
    assert all(value and isinstance(value, str) for name, value in sent.items() if name != "data")
    assert sent["time"] == "2024-01-01T00:00:00.123Z"
    assert cloud_event(STORED) == cloud_event(STORED)


def test_an_event_without_resources_has_a_subject_all_the_same() -> None:
    assert json.loads(cloud_event(replace(STORED, resources=())))["subject"] == "222222222222"


def test_a_signature_covers_time_and_body() -> None:
    expected = hmac.new(b"secret", b"1704067200.{}", hashlib.sha256).hexdigest()
    assert signature("secret", 1_704_067_200, b"{}") == f"t=1704067200,v1={expected}"
    others = [
        signature("secreT", 1_704_067_200, b"{}"),
        signature("secret", 1_704_067_201, b"{}"),
        signature("secret", 1_704_067_200, b"[]"),
    ]
    assert all(expected not in other for other in others)


def test_a_delivery_id_is_of_one_event_to_one_webhook() -> None:
    ids = {delivery_id(webhook, event_id) for webhook in "ab" for event_id in "cd"}
    assert len(ids) == 4
