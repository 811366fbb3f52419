"""What two people do at the same moment has the outcome of one order or of the other, on both databases."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.isolation.account_resources import Refused, grant_request
from tests.servers.both_databases import BOTH_DATABASES
from tests.unit.operations.application import Application
from tests.unit.operations.application_client import ApplicationClient

OWNER, RECEIVER = "111111111111", "222222222222"
ROUNDS = 5


@pytest.fixture(params=BOTH_DATABASES)
def database_kind(request: pytest.FixtureRequest) -> str:
    kind: str = request.param
    return kind


class Two:
    """An owner and a receiver."""

    def __init__(self, application: Application) -> None:
        self.application = application
        self.owner, self.receiver = (
            ApplicationClient.of(application, OWNER),
            ApplicationClient.of(application, RECEIVER),
        )

    async def published(self) -> dict[str, str]:
        """A new data set with one finalized revision."""
        data_set = await self.owner.call(
            "CreateDataSet", {"AssetType": "S3_SNAPSHOT", "Name": "n", "Description": "d"}
        )
        revision = await self.owner.call("CreateRevision", {"DataSetId": data_set["Id"]})
        place = {"DataSetId": data_set["Id"], "RevisionId": revision["Id"]}
        await self.application.assets(self.owner.context, data_set["Id"], revision["Id"])
        await self.owner.call("UpdateRevision", {**place, "Finalized": True})
        return place

    async def granted(self, place: dict[str, str]) -> dict[str, Any]:
        return await self.owner.call("CreateDataGrant", grant_request(place["DataSetId"], RECEIVER))


async def at_once(*calls: tuple[ApplicationClient, str, dict[str, Any]]) -> list[str]:
    """What each met; OK where nothing."""

    async def met(client: ApplicationClient, operation: str, request: dict[str, Any]) -> str:
        try:
            await client.call(operation, request)
        except Refused as refused:
            return refused.code
        return "OK"

    return list(await asyncio.gather(*(met(*each) for each in calls)))


@pytest.mark.parametrize(
    ("operation", "more", "blamed"),
    [
        ("UpdateRevision", {"Finalized": False}, "ValidationException"),
        ("DeleteRevision", {}, "ValidationException"),
        ("DeleteDataSet", None, "ResourceNotFoundException"),
    ],
)
async def test_what_is_granted_cannot_be_taken_away_at_the_same_moment(
    application: Application, operation: str, more: dict[str, Any] | None, blamed: str
) -> None:
    two = Two(application)
    for number in range(ROUNDS):
        place = await two.published()
        request = {"DataSetId": place["DataSetId"]} if more is None else {**place, **more}
        calls = [
            (two.owner, "CreateDataGrant", grant_request(place["DataSetId"], RECEIVER)),
            (two.owner, operation, request),
        ]
        granted, taken = await at_once(*calls[:: 1 if number % 2 else -1])
        if number % 2 == 0:
            granted, taken = taken, granted
        assert (granted, taken) in {("OK", "ConflictException"), (blamed, "OK")}


async def test_a_grant_is_accepted_or_gone(application: Application) -> None:
    two = Two(application)
    place = await two.published()
    for _ in range(ROUNDS):
        grant = await two.granted(place)
        accepted, deleted = await at_once(
            (two.receiver, "AcceptDataGrant", {"DataGrantArn": grant["Arn"]}),
            (two.owner, "DeleteDataGrant", {"DataGrantId": grant["Id"]}),
        )
        assert deleted == "OK"
        assert accepted in {"OK", "ResourceNotFoundException"}
        with pytest.raises(Refused):
            await two.receiver.call("GetDataSet", {"DataSetId": grant["DataSetId"]})
        assert (await two.receiver.call("ListReceivedDataGrants", {}))["DataGrantSummaries"] == []


async def test_a_revision_that_is_finalized_while_a_grant_is_accepted_is_seen(
    application: Application,
) -> None:
    two = Two(application)
    for _ in range(ROUNDS):
        place = await two.published()
        grant = await two.granted(place)
        revision = await two.owner.call("CreateRevision", {"DataSetId": place["DataSetId"]})
        newer = {"DataSetId": place["DataSetId"], "RevisionId": revision["Id"]}
        await application.assets(two.owner.context, place["DataSetId"], revision["Id"])
        met = await at_once(
            (two.receiver, "AcceptDataGrant", {"DataGrantArn": grant["Arn"]}),
            (two.owner, "UpdateRevision", {**newer, "Finalized": True}),
            (two.owner, "RevokeRevision", {**place, "RevocationComment": "wrong numbers"}),
        )
        assert met == ["OK", "OK", "OK"]
        listed = await two.receiver.call("ListDataSetRevisions", {"DataSetId": grant["DataSetId"]})
        assert sorted(entry.get("Revoked", False) for entry in listed["Revisions"]) == [False, True]


async def test_a_grant_is_deleted_once(application: Application) -> None:
    two = Two(application)
    grant = await two.granted(await two.published())
    met = await at_once(*[(two.owner, "DeleteDataGrant", {"DataGrantId": grant["Id"]})] * 3)
    assert sorted(met) == ["OK", "ResourceNotFoundException", "ResourceNotFoundException"]
