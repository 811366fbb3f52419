"""How many statements an operation makes: each is a round trip where the database is another machine."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from tests.unit.operations.application import Application, present
from tests.unit.operations.granting import Exchange

from entrepot.database.connection import Database, Query
from entrepot.model import shapes
from entrepot.operations.assets import get_asset, list_revision_assets
from entrepot.operations.context import Context
from entrepot.operations.revisions import get_revision, list_data_set_revisions


class Counted:
    """A database that counts how often it is asked; transactions are none of these tests' business."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.statements = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)

    async def fetch_one(self, query: Query, /, **parameters: Any) -> Any:
        self.statements += 1
        return await self._database.fetch_one(query, **parameters)

    async def fetch_all(self, query: Query, /, **parameters: Any) -> Any:
        self.statements += 1
        return await self._database.fetch_all(query, **parameters)


@asynccontextmanager
async def statements(context: Context, number: int) -> AsyncIterator[Context]:
    """The same context; what runs in it asks the database exactly so often."""
    counted: Any = Counted(context.services.database)
    yield replace(context, services=replace(context.services, database=counted))
    assert counted.statements == number


@pytest.fixture
async def exchange(application: Application) -> Exchange:
    return await Exchange.opened(application)


@pytest.fixture
async def granted(exchange: Exchange) -> dict[str, str]:
    """The ids of what the receiver sees."""
    data_set_id = present((await exchange.entitle()).data_set_id)
    revisions = await list_data_set_revisions(
        exchange.receiver, shapes.ListDataSetRevisionsRequest(data_set_id=data_set_id)
    )
    revision_id = present(present(revisions.revisions)[0].id)
    listed = await list_revision_assets(
        exchange.receiver,
        shapes.ListRevisionAssetsRequest(data_set_id=data_set_id, revision_id=revision_id),
    )
    asset_id = present(present(listed.assets)[0].id)
    return {"data_set_id": data_set_id, "revision_id": revision_id, "asset_id": asset_id}


async def test_an_owner_gets_an_asset_with_its_tags_by_two(exchange: Exchange) -> None:
    request = shapes.GetAssetRequest(
        data_set_id=exchange.data_set_id, revision_id=exchange.revision_id, asset_id=exchange.asset_ids[0]
    )
    async with statements(exchange.provider, 2) as context:
        await get_asset(context, request)


async def test_a_receiver_gets_an_asset_by_four(exchange: Exchange, granted: dict[str, str]) -> None:
    """Its own asset, the grant, the revision, the owner's asset; tags that it does not see are not asked."""
    async with statements(exchange.receiver, 4) as context:
        await get_asset(context, shapes.GetAssetRequest(**granted))


async def test_a_receiver_gets_a_revision_by_three(exchange: Exchange, granted: dict[str, str]) -> None:
    del granted["asset_id"]
    async with statements(exchange.receiver, 3) as context:
        await get_revision(context, shapes.GetRevisionRequest(**granted))


async def test_a_receiver_lists_assets_by_four(exchange: Exchange, granted: dict[str, str]) -> None:
    del granted["asset_id"]
    async with statements(exchange.receiver, 4) as context:
        await list_revision_assets(context, shapes.ListRevisionAssetsRequest(**granted))
