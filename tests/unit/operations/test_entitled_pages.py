"""Walks through entitled lists meet everything once, whatever the size of pages, whatever shares a moment."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from tests.isolation.account_resources import grant_request
from tests.servers.both_databases import on_both_databases
from tests.servers.sqlite import open_hastily
from tests.unit.operations.application import Application
from tests.unit.operations.application_client import ApplicationClient

OWNER, RECEIVER = "111111111111", "222222222222"


@dataclass(frozen=True)
class Shelf:
    """How much is granted, and how much time passes in between."""

    pauses: list[int]
    """In milliseconds, before each revision is finalized and before each grant is made."""
    names: list[str]
    """Of the assets in the last revision."""
    sizes: list[int]
    """Of pages, over and over."""


SHELVES = st.builds(
    Shelf,
    st.lists(st.sampled_from([0, 0, 0, 1]), min_size=1, max_size=9),
    st.lists(st.sampled_from(["a", "a", "b", "ä", "a/b", "z" * 200]), min_size=1, max_size=9),
    st.lists(st.integers(1, 4), min_size=1, max_size=4),
)


@given(shelf=SHELVES)
def test_a_walk_meets_everything_once(empty_database: Path, shelf: Shelf) -> None:
    async def walk() -> None:
        with tempfile.TemporaryDirectory(prefix="entrepot-test-") as folder:
            path = shutil.copy(empty_database, Path(folder) / "entrepot.sqlite")
            database = await open_hastily(f"sqlite:///{path}")
            try:
                await walks_are_complete(Application.of(database), shelf)
            finally:
                await database.close()

    asyncio.run(walk())


@on_both_databases
async def test_a_walk_meets_everything_once_on_both_databases(application: Application) -> None:
    names = ["b", "a", "ä", "a", "Z", "a/b", "", "a"]
    for sizes in ([1], [3], [2, 1, 4]):
        await walks_are_complete(application, Shelf([0, 0, 0, 1, 0, 0, 0], names, sizes))


async def walks_are_complete(application: Application, shelf: Shelf) -> None:
    owner, receiver = ApplicationClient.of(application, OWNER), ApplicationClient.of(application, RECEIVER)
    before = len(await walked(receiver, "ListDataSets", {"Origin": "ENTITLED"}, [200]))
    data_set = await owner.call(
        "CreateDataSet", {"AssetType": "S3_SNAPSHOT", "Name": "Prices", "Description": "daily"}
    )
    of_source = {"DataSetId": data_set["Id"]}
    sources = []
    for pause in shelf.pauses:
        application.clock.advance(pause)
        revision = await owner.call("CreateRevision", of_source)
        sources.append(revision["Id"])
        await application.assets(owner.context, data_set["Id"], revision["Id"], shelf.names)
        await owner.call("UpdateRevision", {**of_source, "RevisionId": revision["Id"], "Finalized": True})
    grants = []
    for pause in shelf.pauses:
        application.clock.advance(pause)
        grant = await owner.call("CreateDataGrant", grant_request(data_set["Id"], RECEIVER))
        await receiver.call("AcceptDataGrant", {"DataGrantArn": grant["Arn"]})
        grants.append(grant)

    data_sets = await walked(receiver, "ListDataSets", {"Origin": "ENTITLED"}, shelf.sizes)
    assert len(data_sets) == len({entry["Id"] for entry in data_sets}) == before + len(grants)
    assert {grant["DataSetId"] for grant in grants} <= {entry["Id"] for entry in data_sets}
    in_order(data_sets, "CreatedAt")
    received = await walked(receiver, "ListReceivedDataGrants", {}, shelf.sizes)
    assert len(received) == len({entry["Id"] for entry in received}) == before + len(grants)
    in_order(received, "CreatedAt")

    for viewer in (receiver, owner):
        of_data_set = {"DataSetId": grants[0]["DataSetId"]}
        revisions = await walked(viewer, "ListDataSetRevisions", of_data_set, shelf.sizes)
        assert len(revisions) == len({entry["Id"] for entry in revisions}) == len(sources)
        in_order(revisions, "CreatedAt")
        place = {**of_data_set, "RevisionId": revisions[0]["Id"]}
        assets = await walked(viewer, "ListRevisionAssets", place, shelf.sizes)
        assert len({entry["Id"] for entry in assets}) == len(shelf.names)
        assert [entry["Name"] for entry in assets] == sorted(shelf.names, reverse=True)


def in_order(entries: list[dict[str, Any]], member: str) -> None:
    """The newest first."""
    moments = [entry[member] for entry in entries]
    assert moments == sorted(moments, reverse=True)


async def walked(
    client: ApplicationClient, operation: str, request: dict[str, Any], sizes: list[int]
) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = []
    token: dict[str, str] = {}
    for size in cycle(sizes):
        page = await client.call(operation, {**request, **token, "MaxResults": size})
        (shown,) = [value for value in page.values() if isinstance(value, list)]
        assert len(shown) <= size
        entries += shown
        assert len(entries) < 1000, "the walk goes round in a circle"
        if "NextToken" not in page:
            break
        assert len(shown) == size
        token = {"NextToken": page["NextToken"]}
    return entries
