"""Data grants in the Regions of China and of GovCloud, whose ARNs begin otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from tests.functional.clients import client
from tests.functional.flow import import_by_signed_url, open_revision
from tests.servers.exchanges import Exchange

REGIONS = {"us-east-1": "aws", "cn-north-1": "aws-cn", "us-gov-west-1": "aws-us-gov"}
OWNER, RECEIVER = "511111111111", "522222222222"


@dataclass(frozen=True)
class Partition:
    name: str
    owner: Any
    receiver: Any


@pytest.fixture(params=REGIONS)
def partition(request: pytest.FixtureRequest, trusting_exchange: Exchange) -> Iterator[Partition]:
    region, url = request.param, trusting_exchange.url
    owner, receiver = (
        client("dataexchange", url, account, "secret", region_name=region) for account in (OWNER, RECEIVER)
    )
    yield Partition(REGIONS[region], owner, receiver)
    owner.close()
    receiver.close()


def test_a_data_grant_is_made_looked_at_accepted_and_taken_back(partition: Partition) -> None:
    owner, receiver = partition.owner, partition.receiver
    place = open_revision(owner)
    assert import_by_signed_url(owner, place, "a", b"1")["State"] == "COMPLETED"
    owner.update_revision(**place, Finalized=True)
    made = owner.create_data_grant(
        Name="n",
        GrantDistributionScope="NONE",
        ReceiverPrincipal=RECEIVER,
        SourceDataSetId=place["DataSetId"],
    )
    arn = made["Arn"]
    assert arn.startswith(f"arn:{partition.name}:dataexchange:")
    assert owner.get_data_grant(DataGrantId=arn)["Id"] == made["Id"]
    assert receiver.get_received_data_grant(DataGrantArn=arn)["Id"] == made["Id"]
    assert receiver.accept_data_grant(DataGrantArn=arn)["AcceptanceState"] == "ACCEPTED"
    owner.tag_resource(ResourceArn=arn, Tags={"a": "b"})
    assert owner.list_tags_for_resource(ResourceArn=arn)["Tags"] == {"a": "b"}
    seen = receiver.list_data_set_revisions(DataSetId=made["DataSetId"])["Revisions"]
    arns = [each["Arn"] for each in seen]
    arns += [receiver.get_data_set(DataSetId=made["DataSetId"])["Arn"]]
    for revision in seen:
        there = {"DataSetId": made["DataSetId"], "RevisionId": revision["Id"]}
        arns += [each["Arn"] for each in receiver.list_revision_assets(**there)["Assets"]]
    assert len(arns) == 3
    assert {arn.split(":")[1] for arn in arns} == {partition.name}
    owner.delete_data_grant(DataGrantId=arn)
    assert receiver.list_received_data_grants()["DataGrantSummaries"] == []


def test_a_role_may_be_of_any_partition(partition: Partition) -> None:
    data_set = partition.owner.create_data_set(
        AssetType="LAKE_FORMATION_DATA_PERMISSION", Name="n", Description="d"
    )
    revision = partition.owner.create_revision(DataSetId=data_set["Id"])
    details = {
        "CatalogId": OWNER,
        "Table": {"Expression": [{"TagKey": "a", "TagValues": ["b"]}], "Permissions": ["SELECT"]},
        "RoleArn": f"arn:{partition.name}:iam::{OWNER}:role/lender",
        "DataSetId": data_set["Id"],
        "RevisionId": revision["Id"],
    }
    made = partition.owner.create_job(
        Type="IMPORT_ASSETS_FROM_LAKE_FORMATION_TAG_POLICY",
        Details={"ImportAssetsFromLakeFormationTagPolicy": details},
    )
    assert made["State"] == "WAITING"
