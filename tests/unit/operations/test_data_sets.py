from __future__ import annotations

import asyncio

import pytest
from tests.servers.both_databases import on_both_databases
from tests.unit.operations.application import NOWHERE, START, Application

from entrepot.domain.data_set import AssetType
from entrepot.domain.errors import ResourceNotFound, ResourceType, ServiceLimitExceeded, ValidationFailed
from entrepot.domain.limits import Limit
from entrepot.model import shapes
from entrepot.operations.assets import get_asset
from entrepot.operations.context import Context
from entrepot.operations.data_sets import (
    create_data_set,
    delete_data_set,
    get_data_set,
    list_data_sets,
    update_data_set,
)
from entrepot.operations.jobs import get_job, start_job
from entrepot.operations.revisions import get_revision
from entrepot.operations.tags import list_tags_for_resource


def request(**changes: str | dict[str, str]) -> shapes.CreateDataSetRequest:
    members = {"asset_type": "S3_SNAPSHOT", "description": "daily prices", "name": "prices", **changes}
    return shapes.CreateDataSetRequest(**members)  # type: ignore[arg-type]


async def update(context: Context, data_set_id: str, **changes: str) -> shapes.UpdateDataSetResponse:
    return await update_data_set(context, shapes.UpdateDataSetRequest(data_set_id=data_set_id, **changes))


async def get(context: Context, data_set_id: str) -> shapes.GetDataSetResponse:
    return await get_data_set(context, shapes.GetDataSetRequest(data_set_id=data_set_id))


async def ids(context: Context, origin: str | None = None) -> list[str]:
    answer = await list_data_sets(context, shapes.ListDataSetsRequest(origin=origin))
    return [entry.id for entry in answer.data_sets or ()]


async def test_a_data_set_is_created_as_asked_for(application: Application, context: Context) -> None:
    created = await create_data_set(context, request(tags={"team": "prices"}))
    assert created == shapes.CreateDataSetResponse(
        arn=f"arn:aws:dataexchange:us-east-1:111111111111:data-sets/{created.id}",
        asset_type="S3_SNAPSHOT",
        created_at=START,
        description="daily prices",
        id=created.id,
        name="prices",
        origin="OWNED",
        tags={"team": "prices"},
        updated_at=START,
    )


async def test_what_was_created_is_what_get_answers_later(application: Application, context: Context) -> None:
    created = await create_data_set(context, request(tags={"team": "prices"}))
    application.clock.advance()
    assert shapes.encode(await get(context, created.id or "")) == shapes.encode(created)


async def test_without_tags_there_is_no_member_tags(application: Application, context: Context) -> None:
    created = await create_data_set(context, request())
    assert b'"Tags"' not in shapes.encode(created)
    assert b'"Tags"' not in shapes.encode(await get(context, created.id or ""))


@pytest.mark.parametrize("asset_type", AssetType)
async def test_a_data_set_of_any_type_can_be_made(context: Context, asset_type: AssetType) -> None:
    assert (await create_data_set(context, request(asset_type=asset_type))).asset_type == asset_type


async def test_names_need_not_be_unique(context: Context) -> None:
    await create_data_set(context, request())
    await create_data_set(context, request())
    assert len(await ids(context)) == 2


async def test_the_longest_name_and_description_are_good(context: Context) -> None:
    created = await create_data_set(context, request(name="n" * 256, description="d" * 16_384))
    assert (created.name, created.description) == ("n" * 256, "d" * 16_384)
    assert (await create_data_set(context, request(description=""))).description == ""


@pytest.mark.parametrize("changes", [{"name": "n" * 257}, {"name": ""}, {"description": "d" * 16_385}])
async def test_a_text_of_the_wrong_length_is_refused(context: Context, changes: dict[str, str]) -> None:
    data_set_id = (await create_data_set(context, request())).id or ""
    with pytest.raises(ValidationFailed, match="characters"):
        await create_data_set(context, request(**changes))
    with pytest.raises(ValidationFailed, match="characters"):
        await update(context, data_set_id, **changes)


@pytest.mark.parametrize("tags", [{"aws:a": "1"}, {"": "1"}, {str(number): "" for number in range(51)}])
async def test_bad_tags_are_refused_and_no_data_set_is_made(context: Context, tags: dict[str, str]) -> None:
    with pytest.raises(ValidationFailed):
        await create_data_set(context, request(tags=tags))
    assert await ids(context) == []


async def test_the_limit_of_data_sets_is_a_service_limit(application: Application) -> None:
    context = application.with_limits({Limit.DATA_SETS_PER_ACCOUNT: 2}).context()
    await create_data_set(context, request())
    await create_data_set(context, request())
    with pytest.raises(ServiceLimitExceeded) as caught:
        await create_data_set(context, request())
    assert (caught.value.code, caught.value.status) == ("ServiceLimitExceededException", 402)
    assert (caught.value.limit_name, caught.value.limit_value) == ("Data sets per account", 2.0)


async def test_the_limit_counts_each_account_and_region_apart(application: Application) -> None:
    limited = application.with_limits({Limit.DATA_SETS_PER_ACCOUNT: 1})
    for context in (limited.context(), limited.context("222222222222"), limited.context(region="eu-west-1")):
        await create_data_set(context, request())


@on_both_databases
async def test_the_limit_holds_when_requests_come_at_once(application: Application) -> None:
    context = application.with_limits({Limit.DATA_SETS_PER_ACCOUNT: 2}).context()
    answers = await asyncio.gather(
        *(create_data_set(context, request()) for _ in range(5)), return_exceptions=True
    )
    assert sum(isinstance(answer, ServiceLimitExceeded) for answer in answers) == 3
    assert len(await ids(context)) == 2


async def test_an_update_changes_what_it_names_and_nothing_else(
    application: Application, context: Context
) -> None:
    data_set_id = await application.data_set(context)
    later = application.clock.advance()
    updated = await update(context, data_set_id, name="new name")
    assert (updated.name, updated.description) == ("new name", "daily prices")
    assert (updated.created_at, updated.updated_at) == (START, later)
    updated = await update(context, data_set_id, description="")
    assert (updated.name, updated.description) == ("new name", "")
    assert shapes.encode(await get(context, data_set_id)) == shapes.encode(updated)


async def test_an_update_without_a_change_leaves_the_data_set_as_it_was(
    application: Application, context: Context
) -> None:
    data_set_id = await application.data_set(context)
    application.clock.advance()
    assert (await update(context, data_set_id)).updated_at == START
    assert (await update(context, data_set_id, name="prices")).updated_at == START


async def test_tags_come_with_neither_updates_nor_lists(application: Application, context: Context) -> None:
    created = await create_data_set(context, request(tags={"team": "prices"}))
    updated = await update(context, created.id or "", name="new name")
    listed = await list_data_sets(context, shapes.ListDataSetsRequest())
    assert b"Tags" not in shapes.encode(updated) + shapes.encode(listed)
    assert (await get(context, created.id or "")).tags == {"team": "prices"}


async def test_an_unknown_data_set_is_not_found(context: Context) -> None:
    attempts = (
        get(context, NOWHERE),
        update(context, NOWHERE, name="n"),
        delete_data_set(context, shapes.DeleteDataSetRequest(data_set_id=NOWHERE)),
    )
    for attempt in attempts:
        with pytest.raises(ResourceNotFound) as caught:
            await attempt
        assert (caught.value.resource_id, caught.value.resource_type) == (NOWHERE, ResourceType.DATA_SET)


async def test_deleting_a_data_set_takes_its_revisions_assets_and_tags(
    application: Application, context: Context
) -> None:
    created = await create_data_set(context, request(tags={"team": "prices"}))
    data_set_id = created.id or ""
    revision_id = await application.revision(context, data_set_id)
    (asset_id,) = await application.assets(context, data_set_id, revision_id)
    await delete_data_set(context, shapes.DeleteDataSetRequest(data_set_id=data_set_id))
    attempts = (
        get(context, data_set_id),
        get_revision(context, shapes.GetRevisionRequest(data_set_id=data_set_id, revision_id=revision_id)),
        get_asset(
            context,
            shapes.GetAssetRequest(data_set_id=data_set_id, revision_id=revision_id, asset_id=asset_id),
        ),
        list_tags_for_resource(context, shapes.ListTagsForResourceRequest(resource_arn=created.arn or "")),
        delete_data_set(context, shapes.DeleteDataSetRequest(data_set_id=data_set_id)),
    )
    for attempt in attempts:
        with pytest.raises(ResourceNotFound) as caught:
            await attempt
        assert caught.value.resource_type is ResourceType.DATA_SET
    assert await ids(context) == []


async def test_a_job_in_progress_does_not_keep_its_data_set(
    application: Application, context: Context
) -> None:
    data_set_id = await application.data_set(context)
    job_id = await application.job(context, data_set_id, await application.revision(context, data_set_id))
    await start_job(context, shapes.StartJobRequest(job_id=job_id))
    await delete_data_set(context, shapes.DeleteDataSetRequest(data_set_id=data_set_id))
    assert (await get_job(context, shapes.GetJobRequest(job_id=job_id))).state == "IN_PROGRESS"


async def test_data_sets_are_listed_newest_first(application: Application, context: Context) -> None:
    made = []
    for _ in range(3):
        made.append(await application.data_set(context))
        application.clock.advance()
    assert await ids(context) == made[::-1]


async def test_an_entry_says_what_get_says(application: Application, context: Context) -> None:
    data_set_id = await application.data_set(context)
    [entry] = (await list_data_sets(context, shapes.ListDataSetsRequest())).data_sets or []
    assert shapes.encode(entry) == shapes.encode(await get(context, data_set_id))


async def test_the_origin_is_owned_unless_entitled_is_asked_for(
    application: Application, context: Context
) -> None:
    data_set_id = await application.data_set(context)
    assert await ids(context) == await ids(context, "OWNED") == [data_set_id]
    assert await ids(context, "ENTITLED") == []


async def test_an_unknown_origin_is_refused(context: Context) -> None:
    with pytest.raises(ValidationFailed, match="OWNED or ENTITLED"):
        await ids(context, "owned")
