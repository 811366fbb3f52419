"""What belongs to another account or Region does not exist, and what was granted is read-only: in every
operation, and by every name that a request can hold. The requests are made from the service model.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import pytest_asyncio
import sqlalchemy as sql
from tests.isolation.account_resources import BUCKET, Refused
from tests.isolation.accounts import ANOTHER, ENDED, EVERYBODY, HERE, OWNER, RECEIVER, Place, Scene
from tests.isolation.checks import may_use_what_was_granted, sees_nothing
from tests.isolation.forms import (
    MODEL,
    NAMES,
    NAMES_OF_OTHER_THINGS,
    Form,
    forms,
    names_in_the_model,
)
from tests.isolation.rows import ROWS, Receiver, Stranger, row
from tests.servers.both_databases import POSTGRESQL
from tests.servers.open_buckets import OpenBuckets
from tests.servers.sqlite import open_hastily
from tests.unit.operations.application import START, Application
from tests.unit.operations.application_client import ApplicationClient, put_asset

from entrepot.database.connection import Database, Query
from entrepot.database.tables import METADATA
from entrepot.stores.local import LocalStore

ALL_ROWS = [Query(sql.select(table)) for table in METADATA.sorted_tables]
ALL_FORMS = [form for operation in MODEL.operations.values() for form in forms(operation)]
SIDES_OF_POSTGRESQL = {"after the end", "a receiver, by another one's names"}
EACH_FORM = pytest.mark.parametrize("form", ALL_FORMS, ids=str)


@dataclass(frozen=True)
class FilledExchange:
    """An exchange, and what its accounts have there."""

    application: Application
    scene: Scene

    def client(self, account_id: str, region: str = HERE) -> ApplicationClient:
        return ApplicationClient.of(self.application, account_id, region)


def house_on(database: Database, folder: Path) -> Application:
    """One with a bucket for everybody."""
    application = Application.of(database)
    store = LocalStore(folder)
    services = replace(application.services, random_bytes=os.urandom, buckets=OpenBuckets(lambda name: store))
    return replace(application, services=services)


async def scene_in(application: Application, everybody: Collection[Place] = EVERYBODY) -> Scene:
    async def end() -> None:
        application.clock.advance(120_000)

    return await Scene.set(
        lambda account, region: ApplicationClient.of(application, account, region),
        put_asset,
        ends_at=START.plus_seconds(60).isoformat(),
        end=end,
        everybody=everybody,
    )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def made_scene(empty_database: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Scene]:
    """Made once; each test plays it in a copy."""
    folder = tmp_path_factory.mktemp("scene")
    path = Path(shutil.copy(empty_database, folder / "scene.sqlite"))
    database = await open_hastily(f"sqlite:///{path}")
    scene = await scene_in(house_on(database, folder / "bucket"))
    await database.close()
    return path, scene


@pytest.fixture
async def filled(made_scene: tuple[Path, Scene], tmp_path: Path) -> AsyncIterator[FilledExchange]:
    template, scene = made_scene
    path = shutil.copy(template, tmp_path / "entrepot.sqlite")
    database = await open_hastily(f"sqlite:///{path}")
    application = house_on(database, tmp_path / "bucket")
    application.clock.advance(120_000)
    yield FilledExchange(application, scene)
    await database.close()


async def everything(database: Database) -> list[list[tuple[object, ...]]]:
    return [await database.fetch_all(query) for query in ALL_ROWS]


def test_every_operation_has_its_row() -> None:
    assert ROWS.keys() == MODEL.operations.keys()


def test_every_member_that_could_name_something_is_known() -> None:
    assert names_in_the_model() == NAMES.keys() | NAMES_OF_OTHER_THINGS


@EACH_FORM
async def test_what_is_not_the_callers_is_as_if_it_were_not(filled: FilledExchange, form: Form) -> None:
    before = await everything(filled.application.database)
    for angle in filled.scene.strangers(filled.client):
        await sees_nothing(angle, form)
    assert await everything(filled.application.database) == before


@EACH_FORM
async def test_what_was_granted_is_read_and_exported_and_never_changed(
    filled: FilledExchange, form: Form
) -> None:
    before = await everything(filled.application.database)
    for angle in filled.scene.entitled(filled.client):
        await may_use_what_was_granted(angle, form)
    if row(form.operation.name, form.label).receiver is not Receiver.ALLOWED:
        assert await everything(filled.application.database) == before


@EACH_FORM
async def test_whoever_it_belongs_to_finds_it(filled: FilledExchange, form: Form) -> None:
    """Else the tests above would prove nothing."""
    mine = filled.scene.resources[RECEIVER, HERE]
    try:
        await filled.client(RECEIVER).call(form.operation.name, form.filled(mine))
    except Refused as refused:
        may_be = {"ConflictException", "ValidationException"} - {ROWS[form.operation.name].stranger.value}
        assert refused.code in may_be, f"{form}: {refused}"  # noqa: PT017 - or it is not refused at all


@pytest.mark.parametrize("database_kind", [POSTGRESQL], indirect=True)
async def test_from_some_sides_on_postgresql(database_url: str, tmp_path: Path) -> None:
    database = await open_hastily(database_url)
    try:
        application = house_on(database, tmp_path / "bucket")
        everybody = [(account, HERE) for account in (OWNER, RECEIVER, ANOTHER, ENDED)]
        filled = FilledExchange(application, await scene_in(application, everybody))
        angles = [each for each in filled.scene.strangers(filled.client) if each.words in SIDES_OF_POSTGRESQL]
        assert len(angles) == len(SIDES_OF_POSTGRESQL)
        before = await everything(database)
        for form in ALL_FORMS:
            for angle in angles:
                await sees_nothing(angle, form)
        assert await everything(database) == before
        for form in ALL_FORMS:
            for angle in filled.scene.entitled(filled.client):
                await may_use_what_was_granted(angle, form)
    finally:
        await database.close()


async def test_lists_of_others_show_nothing_of_it(filled: FilledExchange) -> None:
    owned = filled.scene.resources[OWNER, HERE]
    lists = [
        name
        for name, row in ROWS.items()
        if name.startswith("List") and row.stranger is Stranger.NAMES_NOTHING
    ]
    assert len(lists) == 3
    asked = [(name, {}) for name in [*lists, "ListJobs", "ListEventActions"]]
    asked += [("ListDataSets", {"Origin": origin}) for origin in ("OWNED", "ENTITLED")]
    for place in filled.scene.resources:
        if place == (OWNER, HERE):
            continue
        client = filled.client(*place)
        for name, request in asked:
            shown = repr(await client.call(name, request))
            assert [each for each in owned.identifiers if each in shown] == [], f"{name} to {place}"


async def test_one_foreign_asset_among_granted_ones_is_not_exported_and_neither_are_they(
    filled: FilledExchange,
) -> None:
    granted, owned = filled.scene.granted[RECEIVER], filled.scene.resources[OWNER, HERE]
    another = filled.scene.granted[ANOTHER]
    before = await everything(filled.application.database)
    for asset in (owned.asset, another.asset):
        destinations = [{"AssetId": each, "Bucket": BUCKET, "Key": each} for each in (granted.asset, asset)]
        export = {
            "AssetDestinations": destinations,
            "DataSetId": granted.data_set,
            "RevisionId": granted.revision,
        }
        with pytest.raises(Refused) as caught:
            await filled.client(RECEIVER).call(
                "CreateJob", {"Type": "EXPORT_ASSETS_TO_S3", "Details": {"ExportAssetsToS3": export}}
            )
        assert caught.value.code == "ResourceNotFoundException"
        assert caught.value.members["ResourceId"] == asset
    assert await everything(filled.application.database) == before
