from __future__ import annotations

import asyncio

import pytest
from tests.servers.both_databases import on_both_databases
from tests.unit.operations.application import NOWHERE, Application

from entrepot.domain.errors import ResourceNotFound, ResourceType, ValidationFailed
from entrepot.model import shapes
from entrepot.operations.assets import delete_asset
from entrepot.operations.context import Context
from entrepot.operations.revisions import delete_revision
from entrepot.operations.tags import list_tags_for_resource, tag_resource, untag_resource

PREFIX = "arn:aws:dataexchange:us-east-1:111111111111:"


class Shelf:
    """A data set, a revision and an asset, by their ARNs."""

    def __init__(self, data_set_id: str, revision_id: str, asset_id: str) -> None:
        self.data_set_id, self.revision_id, self.asset_id = data_set_id, revision_id, asset_id
        self.data_set = f"{PREFIX}data-sets/{data_set_id}"
        self.revision = f"{self.data_set}/revisions/{revision_id}"
        self.asset = f"{self.revision}/assets/{asset_id}"
        self.arns = (self.data_set, self.revision, self.asset)


@pytest.fixture
async def shelf(application: Application, context: Context) -> Shelf:
    data_set_id = await application.data_set(context)
    revision_id = await application.revision(context, data_set_id)
    (asset_id,) = await application.assets(context, data_set_id, revision_id)
    return Shelf(data_set_id, revision_id, asset_id)


async def tag(context: Context, arn: str, **tags: str) -> None:
    await tag_resource(context, shapes.TagResourceRequest(resource_arn=arn, tags=tags))


async def untag(context: Context, arn: str, *keys: str) -> None:
    await untag_resource(context, shapes.UntagResourceRequest(resource_arn=arn, tag_keys=list(keys)))


async def tags(context: Context, arn: str) -> dict[str, str] | None:
    request = shapes.ListTagsForResourceRequest(resource_arn=arn)
    return (await list_tags_for_resource(context, request)).tags


async def test_data_sets_revisions_and_assets_have_tags_of_their_own(context: Context, shelf: Shelf) -> None:
    for number, arn in enumerate(shelf.arns):
        assert await tags(context, arn) == {}
        await tag(context, arn, number=str(number))
    for number, arn in enumerate(shelf.arns):
        assert await tags(context, arn) == {"number": str(number)}


async def test_tags_are_written_in_small_letters_on_the_wire(context: Context, shelf: Shelf) -> None:
    await tag(context, shelf.data_set, a="1")
    request = shapes.ListTagsForResourceRequest(resource_arn=shelf.data_set)
    assert shapes.encode(await list_tags_for_resource(context, request)) == b'{"tags":{"a":"1"}}'


async def test_a_resource_without_tags_has_an_empty_map(context: Context, shelf: Shelf) -> None:
    request = shapes.ListTagsForResourceRequest(resource_arn=shelf.data_set)
    assert shapes.encode(await list_tags_for_resource(context, request)) == b'{"tags":{}}'


async def test_tagging_adds_and_replaces_by_key(context: Context, shelf: Shelf) -> None:
    await tag(context, shelf.data_set, a="1", b="2")
    await tag(context, shelf.data_set, b="3", c="")
    assert await tags(context, shelf.data_set) == {"a": "1", "b": "3", "c": ""}


async def test_untagging_passes_over_keys_that_are_not_there(context: Context, shelf: Shelf) -> None:
    await tag(context, shelf.data_set, a="1", b="2")
    await untag(context, shelf.data_set, "a", "nothing", "aws:nothing")
    await untag(context, shelf.data_set, "a")
    assert await tags(context, shelf.data_set) == {"b": "2"}


async def test_a_resource_has_at_most_50_tags_however_they_came(context: Context, shelf: Shelf) -> None:
    await tag(context, shelf.asset, **{f"k{number}": "" for number in range(50)})
    await tag(context, shelf.asset, k0="replaced")
    with pytest.raises(ValidationFailed, match="at most 50"):
        await tag(context, shelf.asset, one_more="")
    assert len(await tags(context, shelf.asset) or ()) == 50


@on_both_databases
async def test_the_50_hold_when_requests_come_at_once(context: Context, shelf: Shelf) -> None:
    batches = [{f"{letter}{number}": "" for number in range(30)} for letter in "abc"]
    answers = await asyncio.gather(
        *(tag(context, shelf.revision, **batch) for batch in batches), return_exceptions=True
    )
    assert sum(isinstance(answer, ValidationFailed) for answer in answers) == 2
    assert len(await tags(context, shelf.revision) or ()) == 30


@pytest.mark.parametrize("bad", [{"aws:a": "1"}, {"": "1"}, {"k" * 129: ""}, {"k": "v" * 257}])
async def test_one_bad_tag_refuses_all(context: Context, shelf: Shelf, bad: dict[str, str]) -> None:
    with pytest.raises(ValidationFailed):
        await tag(context, shelf.data_set, good="1", **bad)
    assert await tags(context, shelf.data_set) == {}


async def test_what_does_not_exist_has_no_tags(context: Context, shelf: Shelf) -> None:
    cases = [
        (f"{PREFIX}data-sets/{NOWHERE}", ResourceType.DATA_SET),
        (f"{shelf.data_set}/revisions/{NOWHERE}", ResourceType.REVISION),
        (f"{shelf.revision}/assets/{NOWHERE}", ResourceType.ASSET),
        (f"{PREFIX}event-actions/{NOWHERE}", ResourceType.EVENT_ACTION),
        (f"{PREFIX}data-grants/{NOWHERE}", ResourceType.DATA_GRANT),
    ]
    for arn, resource_type in cases:
        for attempt in (tag(context, arn, a="1"), untag(context, arn, "a"), tags(context, arn)):
            with pytest.raises(ResourceNotFound) as caught:
                await attempt
            assert (caught.value.resource_id, caught.value.resource_type) == (NOWHERE, resource_type)


async def test_an_arn_of_somewhere_else_is_not_found(context: Context, shelf: Shelf) -> None:
    for replaced, by in (
        ("111111111111", "222222222222"), ("us-east-1", "eu-west-1"), ("arn:aws:", "arn:aws-cn:"),
        (":111111111111:", "::"),
    ):  # fmt: skip
        arn = shelf.revision.replace(replaced, by)
        for attempt in (tag(context, arn, a="1"), untag(context, arn, "a"), tags(context, arn)):
            with pytest.raises(ResourceNotFound) as caught:
                await attempt
            assert caught.value.resource_id == shelf.revision_id


@pytest.mark.parametrize("arn", ["", "x", NOWHERE, f"{PREFIX}data-sets/x", f"{PREFIX}products/{NOWHERE}"])
async def test_a_malformed_arn_is_refused(context: Context, arn: str) -> None:
    for attempt in (tag(context, arn, a="1"), untag(context, arn, "a"), tags(context, arn)):
        with pytest.raises(ValidationFailed, match="is not the ARN"):
            await attempt


async def test_jobs_have_no_tags(application: Application, context: Context, shelf: Shelf) -> None:
    arn = f"{PREFIX}jobs/{await application.job(context, shelf.data_set_id, shelf.revision_id)}"
    for attempt in (tag(context, arn, a="1"), untag(context, arn, "a"), tags(context, arn)):
        with pytest.raises(ValidationFailed, match="a job has no tags"):
            await attempt


async def test_tags_go_with_what_they_are_on(
    application: Application, context: Context, shelf: Shelf
) -> None:
    for arn in shelf.arns:
        await tag(context, arn, a="1")
    here = {"data_set_id": shelf.data_set_id, "revision_id": shelf.revision_id}
    await delete_asset(context, shapes.DeleteAssetRequest(asset_id=shelf.asset_id, **here))
    await delete_revision(context, shapes.DeleteRevisionRequest(**here))
    assert await tags(context, shelf.data_set) == {"a": "1"}
    for arn in (shelf.revision, shelf.asset):
        with pytest.raises(ResourceNotFound):
            await tags(context, arn)
