"""No answer tells a receiver what is only the owner's: its identifiers, its account, its tags, its keys."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import pytest
from tests.isolation.account_resources import Refused, grant_request
from tests.unit.operations.application import Application
from tests.unit.operations.application_client import ApplicationClient

from entrepot.database import assets, events
from entrepot.domain.data_set import AssetType
from entrepot.domain.event import envelope
from entrepot.domain.timestamp import Timestamp
from entrepot.model import shapes

OWNER, RECEIVER, ANOTHER = "111111111111", "222222222222", "333333333333"
KMS_KEY = f"arn:aws:kms:us-east-1:{OWNER}:key/1"
DATASHARE = f"arn:aws:redshift:us-east-1:{OWNER}:datashare:6d2b1d5e-1111-2222-3333-444444444444/s"
DETAILS: Mapping[str, Mapping[str, Any] | None] = {
    "S3_SNAPSHOT": None,
    "API_GATEWAY_API": {
        "ApiGatewayApiAsset": {"ApiId": "a1", "ApiKey": "the key of the api", "ApiName": "n", "Stage": "prod"}
    },
    "S3_DATA_ACCESS": {
        "S3DataAccessAsset": {
            "Bucket": "the-owners-bucket",
            "Keys": ["a"],
            "KmsKeysToGrant": [{"KmsKeyArn": KMS_KEY}],
        }
    },
    "REDSHIFT_DATA_SHARE": {"RedshiftDataShareAsset": {"Arn": DATASHARE}},
    "LAKE_FORMATION_DATA_PERMISSION": {
        "LakeFormationDataPermissionAsset": {
            "LakeFormationDataPermissionDetails": {
                "LFTagPolicy": {
                    "CatalogId": OWNER,
                    "ResourceType": "TABLE",
                    "ResourceDetails": {"Table": {"Expression": [{"TagKey": "a", "TagValues": ["b"]}]}},
                }
            },
            "LakeFormationDataPermissionType": "LFTagPolicy",
            "Permissions": ["SELECT"],
            "RoleArn": f"arn:aws:iam::{OWNER}:role/lf",
        }
    },
}
TELLING = re.compile(r"\A(SenderPrincipal|CatalogId|KmsKeyArn)\Z")
"""Members that name the owner's account by their very meaning."""
TELLING_ARNS = re.compile(rf"arn:aws:(dataexchange:[a-z0-9-]+:{OWNER}:data-grants/|redshift:)")


@dataclass(frozen=True)
class Goods:
    """A data set of one type, and the identifiers by which its owner knows it."""

    data_set_id: str
    names: frozenset[str]


async def goods(owner: ApplicationClient, asset_type: str, details: Mapping[str, Any] | None) -> Goods:
    tags = {"team": "a tag of the owner"}
    data_set = await owner.call(
        "CreateDataSet", {"AssetType": asset_type, "Name": "n", "Description": "d", "Tags": tags}
    )
    names = {data_set["Id"]}
    for _ in range(3):
        revision = await owner.call("CreateRevision", {"DataSetId": data_set["Id"], "Tags": tags})
        place = {"DataSetId": data_set["Id"], "RevisionId": revision["Id"]}
        made = owner.application._asset(owner.context.scope, data_set["Id"], revision["Id"], "a.csv")
        more = replace(made, id=owner.application.services.new_identifier())
        await assets.insert_many(
            owner.application.database,
            [
                replace(
                    each,
                    asset_type=AssetType(asset_type),
                    details_json=None if details is None else msgspec.json.encode(details),
                )
                for each in (made, more)
            ],
        )
        arn = f"{revision['Arn']}/assets/{made.id}"
        await owner.call("TagResource", {"ResourceArn": arn, "Tags": tags})
        await owner.call("UpdateRevision", {**place, "Finalized": True})
        names |= {revision["Id"], made.id, more.id}
    return Goods(data_set["Id"], frozenset(names))


async def granted(owner: ApplicationClient, receiver: ApplicationClient, data_set_id: str) -> dict[str, Any]:
    grant = await owner.call(
        "CreateDataGrant",
        grant_request(data_set_id, receiver.account_id, Tags={"team": "a tag of the owner"}),
    )
    await receiver.call("AcceptDataGrant", {"DataGrantArn": grant["Arn"]})
    return grant


async def look_at_all(receiver: ApplicationClient, grant: Mapping[str, Any]) -> None:
    """Every operation by which a receiver can look at what it was granted, page by page."""
    of_data_set = {"DataSetId": grant["DataSetId"]}
    await receiver.call("GetReceivedDataGrant", {"DataGrantArn": grant["Arn"]})
    await walked(receiver, "ListReceivedDataGrants", {})
    await walked(receiver, "ListDataSets", {"Origin": "ENTITLED"})
    await receiver.call("GetDataSet", of_data_set)
    for revision in await walked(receiver, "ListDataSetRevisions", of_data_set):
        place = {**of_data_set, "RevisionId": revision["Id"]}
        await receiver.call("GetRevision", place)
        for asset in await walked(receiver, "ListRevisionAssets", place):
            await receiver.call("GetAsset", {**place, "AssetId": asset["Id"]})
            await attempted(receiver, "DeleteAsset", {**place, "AssetId": asset["Id"]})
            export = {"ExportAssetToSignedUrl": {**place, "AssetId": asset["Id"]}}
            job = {"Type": "EXPORT_ASSET_TO_SIGNED_URL", "Details": export}
            await attempted(receiver, "CreateJob", job)
        await attempted(receiver, "RevokeRevision", {**place, "RevocationComment": "not any more"})
    await attempted(receiver, "DeleteDataSet", of_data_set)
    await walked(receiver, "ListJobs", of_data_set)


async def walked(
    client: ApplicationClient, operation: str, request: Mapping[str, Any]
) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = []
    token: dict[str, str] = {}
    while True:
        page = await client.call(operation, {**request, "MaxResults": 1, **token})
        (shown,) = [value for value in page.values() if isinstance(value, list)]
        entries += shown
        if "NextToken" not in page:
            return entries
        token = {"NextToken": page["NextToken"]}


async def attempted(client: ApplicationClient, operation: str, request: Mapping[str, Any]) -> None:
    with suppress(Refused):  # what it says is looked at as every other answer
        await client.call(operation, request)


def texts(value: Any, member: str = "") -> Iterator[tuple[str, str]]:
    """Every text in an answer, with the member that it is in; what is sealed in a token, opened."""
    if isinstance(value, Mapping):
        for name, content in value.items():
            yield member, name
            yield from texts(content, name)
    elif isinstance(value, list):
        for content in value:
            yield from texts(content, member)
    elif isinstance(value, str):
        yield member, value
        if member == "NextToken":
            opened = base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))
            yield member, opened.decode("latin-1")
            yield member, opened.hex()


def must_not_tell(heard: list[tuple[str, Mapping[str, Any]]], names: frozenset[str]) -> None:
    """Nothing of the owner's is in the answers but what they are there to say."""
    for operation, answer in heard:
        for member, text in texts(answer):
            where = f"{operation} says {member} = {text!r}"
            told = [name for name in names if name in text]
            assert told == [], where
            if not TELLING.match(member) and not TELLING_ARNS.match(text):
                assert OWNER not in text, where
            assert "a tag of the owner" not in text and "the key of the api" not in text, where
            assert "SourceId" not in text and "SourceDataSetId" not in text, where


@pytest.mark.parametrize("asset_type", DETAILS)
async def test_a_receiver_hears_nothing_of_the_owner(application: Application, asset_type: str) -> None:
    owner, receiver = ApplicationClient.of(application, OWNER), ApplicationClient.of(application, RECEIVER)
    shelf = await goods(owner, asset_type, DETAILS[asset_type])
    grant = await granted(owner, receiver, shelf.data_set_id)
    revision = (await walked(owner, "ListDataSetRevisions", {"DataSetId": shelf.data_set_id}))[0]
    place = {"DataSetId": shelf.data_set_id, "RevisionId": revision["Id"]}
    await look_at_all(receiver, grant)
    await owner.call("RevokeRevision", {**place, "RevocationComment": "wrong numbers"})
    await attempted(owner, "SendDataSetNotification", {"DataSetId": shelf.data_set_id, "Type": "DATA_DELAY"})
    await look_at_all(receiver, grant)
    await owner.call("DeleteDataGrant", {"DataGrantId": grant["Id"]})
    await attempted(receiver, "GetDataSet", {"DataSetId": grant["DataSetId"]})
    await attempted(receiver, "GetReceivedDataGrant", {"DataGrantArn": grant["Arn"]})
    stored = await events.after(application.database, receiver.context.scope, 0, 1000)
    receiver.heard.extend(("event", envelope(event)) for event in stored)
    assert len(stored) >= 3
    assert len(receiver.heard) > 30
    must_not_tell(receiver.heard, shelf.names)


async def test_the_test_above_would_notice(application: Application) -> None:
    owner = ApplicationClient.of(application, OWNER)
    shelf = await goods(owner, "S3_SNAPSHOT", None)
    for operation, request in (
        ("GetDataSet", {"DataSetId": shelf.data_set_id}),
        ("ListDataSetRevisions", {"DataSetId": shelf.data_set_id, "MaxResults": 1}),
    ):
        owner.heard.clear()
        answer = await owner.call(operation, request)
        with pytest.raises(AssertionError):
            must_not_tell(owner.heard, shelf.names)
        token = {"NextToken": answer.get("NextToken")}
        if token["NextToken"] is not None:
            with pytest.raises(AssertionError):
                must_not_tell([(operation, token)], shelf.names)


async def test_two_receivers_of_one_data_set_have_no_name_in_common(application: Application) -> None:
    owner = ApplicationClient.of(application, OWNER)
    shelf = await goods(owner, "API_GATEWAY_API", DETAILS["API_GATEWAY_API"])
    known = []
    for account in (RECEIVER, ANOTHER):
        receiver = ApplicationClient.of(application, account)
        await look_at_all(receiver, await granted(owner, receiver, shelf.data_set_id))
        without_urls = re.sub(r'"http[^"]*"', "", json.dumps(receiver.heard))
        known.append(set(re.findall(r"[0-9a-f]{32}", without_urls)))
    assert min(map(len, known)) > 8
    assert known[0] & known[1] == set()


async def test_a_token_is_of_use_to_nobody_else_and_for_nothing_else(application: Application) -> None:
    owner = ApplicationClient.of(application, OWNER)
    receivers = [ApplicationClient.of(application, account) for account in (RECEIVER, ANOTHER)]
    shelf = await goods(owner, "S3_SNAPSHOT", None)
    grants = [await granted(owner, receiver, shelf.data_set_id) for receiver in (*receivers, receivers[0])]
    asked: list[tuple[ApplicationClient, str, dict[str, Any]]] = []
    for client, grant in zip((*receivers, receivers[0]), grants, strict=True):
        of_data_set = {"DataSetId": grant["DataSetId"]}
        asked.append((client, "ListDataSetRevisions", of_data_set))
        revision = (await client.call("ListDataSetRevisions", of_data_set))["Revisions"][0]
        asked.append((client, "ListRevisionAssets", {**of_data_set, "RevisionId": revision["Id"]}))
    asked.append((owner, "ListDataSetRevisions", {"DataSetId": grants[0]["DataSetId"]}))
    asked.append((owner, "ListDataSetRevisions", {"DataSetId": shelf.data_set_id}))
    asked.append((owner, "ListDataGrants", {}))
    asked += [(receivers[0], "ListDataSets", origin) for origin in ({"Origin": "ENTITLED"}, {})]
    states: list[dict[str, Any]] = [{}, {"AcceptanceState": ["ACCEPTED"]}]
    asked += [(receivers[0], "ListReceivedDataGrants", state) for state in states]
    tokens = [
        (await client.call(operation, {**request, "MaxResults": 1})).get("NextToken")
        for client, operation, request in asked
    ]
    assert sum(token is not None for token in tokens) == len(asked) - 1  # the receiver owns nothing
    for number, (client, operation, request) in enumerate(asked):
        for of, token in enumerate(tokens):
            if token is None or of == number:
                continue
            with pytest.raises(Refused) as caught:
                await client.call(operation, {**request, "NextToken": token})
            assert caught.value.code == "ValidationException", (operation, request)
            assert "NextToken" in caught.value.members["Message"]


@pytest.mark.parametrize("how", ["deleted", "ended"])
async def test_a_token_does_not_outlive_the_grant(application: Application, how: str) -> None:
    owner, receiver = ApplicationClient.of(application, OWNER), ApplicationClient.of(application, RECEIVER)
    shelf = await goods(owner, "S3_SNAPSHOT", None)
    ends_at = Timestamp(application.clock().milliseconds + 60_000).isoformat()
    grant = await owner.call("CreateDataGrant", grant_request(shelf.data_set_id, RECEIVER, EndsAt=ends_at))
    await receiver.call("AcceptDataGrant", {"DataGrantArn": grant["Arn"]})
    of_data_set = {"DataSetId": grant["DataSetId"]}
    first = await receiver.call("ListDataSetRevisions", {**of_data_set, "MaxResults": 1})
    if how == "deleted":
        await owner.call("DeleteDataGrant", {"DataGrantId": grant["Id"]})
    else:
        application.clock.advance(60_000)
    with pytest.raises(Refused) as caught:
        await receiver.call("ListDataSetRevisions", {**of_data_set, "NextToken": first["NextToken"]})
    assert caught.value.code == "ResourceNotFoundException"
    assert (await receiver.call("ListDataSets", {"Origin": "ENTITLED"}))["DataSets"] == []


def test_details_are_those_of_the_model() -> None:
    assert set(DETAILS) == {each.value for each in AssetType}
    for details in DETAILS.values():
        if details is not None:
            shapes.convert(details, shapes.AssetDetails)
