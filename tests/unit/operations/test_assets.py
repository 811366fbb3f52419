from __future__ import annotations

from collections.abc import Sequence

import pytest
from tests.unit.operations.application import NOWHERE, START, Application

from entrepot.domain.errors import Conflict, ResourceNotFound, ResourceType, ValidationFailed
from entrepot.model import shapes
from entrepot.operations.assets import delete_asset, get_asset, list_revision_assets, update_asset
from entrepot.operations.context import Context
from entrepot.operations.revisions import revoke_revision, update_revision
from entrepot.operations.tags import tag_resource


class Shelf:
    """One revision with one asset, and the operations on it with few words."""

    def __init__(
        self, application: Application, context: Context, data_set_id: str, revision_id: str, asset_id: str
    ) -> None:
        self.application, self.context = application, context
        self.data_set_id, self.revision_id, self.asset_id = data_set_id, revision_id, asset_id

    @property
    def arn(self) -> str:
        return (
            f"arn:aws:dataexchange:us-east-1:111111111111:data-sets/{self.data_set_id}"
            f"/revisions/{self.revision_id}/assets/{self.asset_id}"
        )

    async def get(self) -> shapes.GetAssetResponse:
        request = shapes.GetAssetRequest(
            data_set_id=self.data_set_id, revision_id=self.revision_id, asset_id=self.asset_id
        )
        return await get_asset(self.context, request)

    async def rename(self, name: str) -> shapes.UpdateAssetResponse:
        request = shapes.UpdateAssetRequest(
            data_set_id=self.data_set_id, revision_id=self.revision_id, asset_id=self.asset_id, name=name
        )
        return await update_asset(self.context, request)

    async def delete(self) -> None:
        request = shapes.DeleteAssetRequest(
            data_set_id=self.data_set_id, revision_id=self.revision_id, asset_id=self.asset_id
        )
        await delete_asset(self.context, request)

    async def list(self) -> Sequence[shapes.AssetEntry]:
        request = shapes.ListRevisionAssetsRequest(data_set_id=self.data_set_id, revision_id=self.revision_id)
        return (await list_revision_assets(self.context, request)).assets or ()

    async def finalize(self) -> None:
        request = shapes.UpdateRevisionRequest(
            data_set_id=self.data_set_id, revision_id=self.revision_id, finalized=True
        )
        await update_revision(self.context, request)

    async def revoke(self) -> None:
        request = shapes.RevokeRevisionRequest(
            data_set_id=self.data_set_id, revision_id=self.revision_id, revocation_comment="wrong numbers"
        )
        await revoke_revision(self.context, request)


@pytest.fixture
async def shelf(application: Application, context: Context) -> Shelf:
    data_set_id = await application.data_set(context)
    revision_id = await application.revision(context, data_set_id)
    (asset_id,) = await application.assets(context, data_set_id, revision_id)
    return Shelf(application, context, data_set_id, revision_id, asset_id)


async def test_an_asset_says_where_it_is_what_it_is_and_how_large(shelf: Shelf) -> None:
    got = await shelf.get()
    assert got == shapes.GetAssetResponse(
        arn=shelf.arn,
        asset_details=shapes.AssetDetails(s3_snapshot_asset=shapes.S3SnapshotAsset(size=1234)),
        asset_type="S3_SNAPSHOT",
        created_at=START,
        data_set_id=shelf.data_set_id,
        id=shelf.asset_id,
        name="a.csv",
        revision_id=shelf.revision_id,
        updated_at=START,
    )
    assert b'"AssetDetails":{"S3SnapshotAsset":{"Size":1234}}' in shapes.encode(got)


async def test_tags_come_with_get_and_with_nothing_else(shelf: Shelf) -> None:
    await tag_resource(shelf.context, shapes.TagResourceRequest(resource_arn=shelf.arn, tags={"a": "1"}))
    assert (await shelf.get()).tags == {"a": "1"}
    (entry,) = await shelf.list()
    assert b"Tags" not in shapes.encode(entry) + shapes.encode(await shelf.rename("b.csv"))


async def test_an_entry_says_what_get_says(shelf: Shelf) -> None:
    (entry,) = await shelf.list()
    assert shapes.encode(entry) == shapes.encode(await shelf.get())


async def test_what_is_missing_is_blamed_from_the_outside_in(application: Application, shelf: Shelf) -> None:
    context = shelf.context
    other_data_set = await application.data_set(context)
    other_revision = await application.revision(context, shelf.data_set_id)
    cases = [
        (NOWHERE, shelf.revision_id, shelf.asset_id, NOWHERE, ResourceType.DATA_SET),
        (other_data_set, shelf.revision_id, shelf.asset_id, shelf.revision_id, ResourceType.REVISION),
        (shelf.data_set_id, other_revision, shelf.asset_id, shelf.asset_id, ResourceType.ASSET),
        (shelf.data_set_id, shelf.revision_id, NOWHERE, NOWHERE, ResourceType.ASSET),
    ]
    for data_set_id, revision_id, asset_id, blamed_id, blamed_type in cases:
        wrong = Shelf(application, context, data_set_id, revision_id, asset_id)
        for attempt in (wrong.get(), wrong.rename("b.csv"), wrong.delete()):
            with pytest.raises(ResourceNotFound) as caught:
                await attempt
            assert (caught.value.resource_id, caught.value.resource_type) == (blamed_id, blamed_type)


async def test_listing_the_assets_of_an_unknown_revision_blames_it(
    application: Application, shelf: Shelf
) -> None:
    for data_set_id, blamed in ((shelf.data_set_id, ResourceType.REVISION), (NOWHERE, ResourceType.DATA_SET)):
        with pytest.raises(ResourceNotFound) as caught:
            await Shelf(application, shelf.context, data_set_id, NOWHERE, NOWHERE).list()
        assert (caught.value.resource_id, caught.value.resource_type) == (NOWHERE, blamed)


async def test_an_asset_of_an_open_revision_is_renamed(application: Application, shelf: Shelf) -> None:
    later = application.clock.advance()
    renamed = await shelf.rename("b.csv")
    assert (renamed.name, renamed.created_at, renamed.updated_at) == ("b.csv", START, later)
    assert shapes.encode(renamed) == shapes.encode(await shelf.get())


async def test_the_same_name_changes_nothing(application: Application, shelf: Shelf) -> None:
    application.clock.advance()
    assert (await shelf.rename("a.csv")).updated_at == START


@pytest.mark.parametrize("name", ["n", "n" * 1024, "é" * 512, "a/../b//c", " "])
async def test_a_name_of_1_to_1024_bytes_is_good(shelf: Shelf, name: str) -> None:
    assert (await shelf.rename(name)).name == name


@pytest.mark.parametrize("name", ["", "n" * 1025, "é" * 513])
async def test_another_name_is_refused(shelf: Shelf, name: str) -> None:
    with pytest.raises(ValidationFailed, match=r"^Name has [\d,]+ bytes of UTF-8; .* 1 to 1,024"):
        await shelf.rename(name)
    assert (await shelf.get()).name == "a.csv"


@pytest.mark.parametrize("revoked", [False, True])
async def test_an_asset_of_a_closed_revision_keeps_its_name(shelf: Shelf, revoked: bool) -> None:
    await shelf.finalize()
    if revoked:
        await shelf.revoke()
    with pytest.raises(Conflict) as caught:
        await shelf.rename("b.csv")
    assert (caught.value.resource_id, caught.value.resource_type) == (
        shelf.revision_id,
        ResourceType.REVISION,
    )


async def test_an_asset_of_an_open_revision_can_be_deleted(shelf: Shelf) -> None:
    await shelf.delete()
    assert not await shelf.list()
    with pytest.raises(ResourceNotFound):
        await shelf.delete()


async def test_an_asset_of_a_finalized_revision_cannot_be_deleted_until_it_is_revoked(shelf: Shelf) -> None:
    await shelf.finalize()
    with pytest.raises(Conflict) as caught:
        await shelf.delete()
    assert (caught.value.resource_id, caught.value.resource_type) == (
        shelf.revision_id,
        ResourceType.REVISION,
    )
    await shelf.revoke()
    await shelf.delete()
    assert not await shelf.list()


async def test_assets_are_listed_by_name_descending_in_code_points(
    application: Application, context: Context
) -> None:
    data_set_id = await application.data_set(context)
    revision_id = await application.revision(context, data_set_id)
    names = ["a", "B", "ä", "a/b", "😀", "￿", "a b", "Z"]
    await application.assets(context, data_set_id, revision_id, names)
    listed = await Shelf(application, context, data_set_id, revision_id, NOWHERE).list()
    assert [entry.name for entry in listed] == sorted(names, reverse=True)


async def test_names_need_not_be_unique(application: Application, context: Context) -> None:
    data_set_id = await application.data_set(context)
    revision_id = await application.revision(context, data_set_id)
    made = await application.assets(context, data_set_id, revision_id, ["a", "a", "a"])
    listed = await Shelf(application, context, data_set_id, revision_id, NOWHERE).list()
    assert [entry.id for entry in listed] == sorted(made, reverse=True)
