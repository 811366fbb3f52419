"""What belongs to another account or Region does not exist: for every operation that names something."""

from __future__ import annotations

import contextlib

import pytest
from tests.unit.operations.house import House, import_request

from entrepot.domain.errors import Conflict, ResourceNotFound, ValidationFailed
from entrepot.model import shapes
from entrepot.operations.context import Context
from entrepot.operations.registry import OPERATIONS

NAMING_OPERATIONS = {
    "CreateDataGrant": shapes.CreateDataGrantRequest,
    "CreateRevision": shapes.CreateRevisionRequest,
    "DeleteAsset": shapes.DeleteAssetRequest,
    "DeleteDataSet": shapes.DeleteDataSetRequest,
    "DeleteRevision": shapes.DeleteRevisionRequest,
    "CancelJob": shapes.CancelJobRequest,
    "GetAsset": shapes.GetAssetRequest,
    "GetDataSet": shapes.GetDataSetRequest,
    "GetJob": shapes.GetJobRequest,
    "GetRevision": shapes.GetRevisionRequest,
    "ListDataSetRevisions": shapes.ListDataSetRevisionsRequest,
    "ListRevisionAssets": shapes.ListRevisionAssetsRequest,
    "ListTagsForResource": shapes.ListTagsForResourceRequest,
    "RevokeRevision": shapes.RevokeRevisionRequest,
    "SendApiAsset": shapes.SendApiAssetRequest,
    "SendDataSetNotification": shapes.SendDataSetNotificationRequest,
    "StartJob": shapes.StartJobRequest,
    "TagResource": shapes.TagResourceRequest,
    "UntagResource": shapes.UntagResourceRequest,
    "UpdateAsset": shapes.UpdateAssetRequest,
    "UpdateDataSet": shapes.UpdateDataSetRequest,
    "UpdateRevision": shapes.UpdateRevisionRequest,
}


@pytest.fixture
async def names(house: House, context: Context) -> dict[str, object]:
    """Every member that any of the requests could need, naming what the context's account has."""
    data_set_id = await house.data_set(context)
    revision_id = await house.revision(context, data_set_id)
    (asset_id,) = await house.assets(context, data_set_id, revision_id)
    arn = f"arn:aws:dataexchange:us-east-1:111111111111:data-sets/{data_set_id}"
    return {
        "data_set_id": data_set_id, "source_data_set_id": data_set_id, "revision_id": revision_id,
        "asset_id": asset_id, "job_id": await house.job(context, data_set_id, revision_id),
        "resource_arn": arn, "tags": {"a": "1"}, "tag_keys": ["a"], "name": "new", "comment": "new",
        "revocation_comment": "wrong numbers", "type": "DEPRECATION", "grant_distribution_scope": "NONE",
        "receiver_principal": "222222222222",
    }  # fmt: skip


async def snapshot(context: Context, names: dict[str, object]) -> list[bytes]:
    readers = ("GetDataSet", "GetRevision", "GetAsset", "GetJob")
    return [shapes.encode(await call(context, reader, names)) for reader in readers]


async def call(context: Context, operation: str, names: dict[str, object]) -> object:
    shape = NAMING_OPERATIONS[operation]
    members = {name: names[name] for name in shape.__struct_fields__ if name in names}
    return await OPERATIONS[operation](context, shape(**members))


@pytest.mark.parametrize("operation", NAMING_OPERATIONS)
async def test_what_is_elsewhere_is_not_found_and_stays_as_it_is(
    house: House, context: Context, names: dict[str, object], operation: str
) -> None:
    before = await snapshot(context, names)
    for stranger in (house.context("222222222222"), house.context(region="eu-west-1")):
        with pytest.raises(ResourceNotFound) as caught:
            await call(stranger, operation, names)
        assert caught.value.resource_id in names.values()
    assert await snapshot(context, names) == before


@pytest.mark.parametrize("operation", NAMING_OPERATIONS)
async def test_the_owner_finds_it(context: Context, names: dict[str, object], operation: str) -> None:
    with contextlib.suppress(ValidationFailed, Conflict):
        await call(context, operation, names)


async def test_a_job_cannot_be_made_about_what_is_elsewhere(house: House, names: dict[str, object]) -> None:
    request = import_request(str(names["data_set_id"]), str(names["revision_id"]))
    with pytest.raises(ResourceNotFound):
        await OPERATIONS["CreateJob"](house.context("222222222222"), request)


@pytest.mark.parametrize(
    ("operation", "request_shape", "member"),
    [
        ("ListDataSets", shapes.ListDataSetsRequest, "data_sets"),
        ("ListJobs", shapes.ListJobsRequest, "jobs"),
    ],
)
async def test_lists_show_one_account_and_region(
    house: House,
    context: Context,
    names: dict[str, object],
    operation: str,
    request_shape: type,
    member: str,
) -> None:
    for elsewhere in (house.context("222222222222"), house.context(region="eu-west-1")):
        assert getattr(await OPERATIONS[operation](elsewhere, request_shape()), member) == []
    assert len(getattr(await OPERATIONS[operation](context, request_shape()), member)) == 1
