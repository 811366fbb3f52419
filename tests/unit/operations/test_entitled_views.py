"""What a receiver sees of a data set that it was granted, what its owner sees of that, what neither may."""

from __future__ import annotations

from typing import Any

import pytest
from tests.servers.both_databases import on_both_databases
from tests.unit.operations.application import Application, import_request, present
from tests.unit.operations.granting import STRANGER_ID, Exchange

from entrepot.domain.errors import AccessDenied, ResourceNotFound
from entrepot.model import shapes
from entrepot.operations.assets import delete_asset, get_asset, list_revision_assets, update_asset
from entrepot.operations.context import Context
from entrepot.operations.data_sets import (
    delete_data_set,
    get_data_set,
    list_data_sets,
    update_data_set,
)
from entrepot.operations.jobs import create_job
from entrepot.operations.revisions import (
    create_revision,
    delete_revision,
    get_revision,
    list_data_set_revisions,
    revoke_revision,
    update_revision,
)


@pytest.fixture
async def exchange(application: Application) -> Exchange:
    return await Exchange.opened(application)


async def revisions_of(context: Context, data_set_id: str, **page: Any) -> list[shapes.RevisionEntry]:
    request = shapes.ListDataSetRevisionsRequest(data_set_id=data_set_id, **page)
    return list((await list_data_set_revisions(context, request)).revisions or ())


async def assets_of(context: Context, data_set_id: str, revision_id: str) -> list[shapes.AssetEntry]:
    request = shapes.ListRevisionAssetsRequest(data_set_id=data_set_id, revision_id=revision_id)
    return list((await list_revision_assets(context, request)).assets or ())


async def entitled_data_sets(context: Context) -> list[shapes.DataSetEntry]:
    return list(
        (await list_data_sets(context, shapes.ListDataSetsRequest(origin="ENTITLED"))).data_sets or ()
    )


@on_both_databases
async def test_a_receiver_sees_the_data_set_under_identifiers_of_its_own(exchange: Exchange) -> None:
    granted = await exchange.entitle()
    (entry,) = await entitled_data_sets(exchange.receiver)
    got = await get_data_set(exchange.receiver, shapes.GetDataSetRequest(data_set_id=granted.data_set_id))
    for seen in (entry, got):
        assert seen.arn == f"arn:aws:dataexchange:us-east-1::data-sets/{granted.data_set_id}"
        assert (seen.origin, seen.source_id) == ("ENTITLED", None)
        assert seen.origin_details == shapes.OriginDetails(data_grant_id=granted.id)
        assert (seen.name, seen.created_at) == ("prices", granted.created_at)
    owned = await list_data_sets(exchange.receiver, shapes.ListDataSetsRequest())
    assert owned.data_sets == []

    (revision,) = await revisions_of(exchange.receiver, granted.data_set_id)
    assert revision.id != exchange.revision_id
    assert (revision.finalized, revision.source_id) == (True, None)
    assert revision.arn == f"{got.arn}/revisions/{revision.id}"
    assert revision.created_at == granted.created_at
    assets = await assets_of(exchange.receiver, granted.data_set_id, revision.id)
    assert [asset.name for asset in assets] == ["b.csv", "a.csv"]
    asset = await get_asset(
        exchange.receiver,
        shapes.GetAssetRequest(
            data_set_id=granted.data_set_id, revision_id=revision.id, asset_id=assets[0].id
        ),
    )
    assert asset.arn == f"{revision.arn}/assets/{asset.id}"
    assert asset.id not in exchange.asset_ids
    assert present_size(asset) == 1234


def present_size(asset: shapes.GetAssetResponse) -> float:
    assert asset.asset_details is not None
    assert asset.asset_details.s3_snapshot_asset is not None
    return asset.asset_details.s3_snapshot_asset.size


@on_both_databases
async def test_later_revisions_appear_when_they_are_finalized(exchange: Exchange) -> None:
    granted = await exchange.entitle()
    await exchange.application.revision(exchange.provider, exchange.data_set_id)
    assert len(await revisions_of(exchange.receiver, granted.data_set_id)) == 1
    await exchange.publish("c.csv")
    finalized_at = exchange.application.clock()
    newest, oldest = await revisions_of(exchange.receiver, granted.data_set_id)
    assert newest.created_at == finalized_at
    assert oldest.created_at == granted.created_at
    assert [asset.name for asset in await assets_of(exchange.receiver, granted.data_set_id, newest.id)] == [
        "c.csv"
    ]


async def test_an_empty_update_of_a_finalized_revision_does_not_publish_it_anew(exchange: Exchange) -> None:
    granted = await exchange.entitle()
    revision_id = await exchange.publish()
    before = await revisions_of(exchange.receiver, granted.data_set_id)
    exchange.application.clock.advance(1000)
    await exchange.finalize(revision_id)
    await exchange.revoke(revision_id)
    after = await revisions_of(exchange.receiver, granted.data_set_id)
    assert [entry.created_at for entry in after] == [entry.created_at for entry in before]


async def test_a_revoked_revision_stays_visible_with_its_reason(exchange: Exchange) -> None:
    granted = await exchange.entitle()
    exchange.application.clock.advance()
    await exchange.revoke(exchange.revision_id, "wrong numbers")
    (seen,) = await revisions_of(exchange.receiver, granted.data_set_id)
    assert (seen.revoked, seen.revocation_comment) == (True, "wrong numbers")
    assert seen.revoked_at == exchange.application.clock()
    with pytest.raises(AccessDenied, match="wrong numbers"):
        await create_job(exchange.receiver, export_request(granted.data_set_id, seen.id))


async def test_the_copy_keeps_the_name_that_was_granted(exchange: Exchange) -> None:
    granted = await exchange.entitle()
    await update_data_set(
        exchange.provider,
        shapes.UpdateDataSetRequest(data_set_id=exchange.data_set_id, name="renamed", description="new"),
    )
    request = shapes.GetDataSetRequest(data_set_id=granted.data_set_id)
    seen = await get_data_set(exchange.receiver, request)
    assert (seen.name, seen.description) == ("prices", "daily prices")


async def test_the_owner_looking_at_the_copy_is_told_what_is_behind_it(exchange: Exchange) -> None:
    granted = await exchange.grant()
    owner = exchange.provider
    data_set = await get_data_set(owner, shapes.GetDataSetRequest(data_set_id=granted.data_set_id))
    assert (data_set.source_id, data_set.origin) == (exchange.data_set_id, "ENTITLED")
    (revision,) = await revisions_of(owner, granted.data_set_id)
    assert revision.source_id == exchange.revision_id
    assets = await assets_of(owner, granted.data_set_id, revision.id)
    assert sorted(present(asset.source_id) for asset in assets) == sorted(exchange.asset_ids)


async def access(exchange: Exchange, context: Context, data_set_id: str, revision_id: str) -> bool:
    """Whether everything of the entitled data set is there, or nothing."""
    seen = []
    for attempt in (
        get_data_set(context, shapes.GetDataSetRequest(data_set_id=data_set_id)),
        get_revision(context, shapes.GetRevisionRequest(data_set_id=data_set_id, revision_id=revision_id)),
        revisions_of(context, data_set_id),
        assets_of(context, data_set_id, revision_id),
        create_job(context, export_request(data_set_id, revision_id)),
    ):
        try:
            await attempt
        except ResourceNotFound:
            seen.append(False)
        else:
            seen.append(True)
    seen.append(bool(await entitled_data_sets(context)))
    assert len(set(seen)) == 1
    return seen[0]


async def test_access_begins_with_acceptance_and_ends_with_the_grant(exchange: Exchange) -> None:
    end = exchange.application.clock().plus_seconds(60)
    granted = await exchange.grant(ends_at=end)
    (revision,) = await revisions_of(exchange.provider, granted.data_set_id)
    place = (granted.data_set_id, revision.id)
    assert not await access(exchange, exchange.receiver, *place)
    await exchange.accept(granted.arn)
    assert await access(exchange, exchange.receiver, *place)
    assert not await access(exchange, exchange.application.context(STRANGER_ID), *place)
    assert not await access(exchange, exchange.application.context("222222222222", "eu-west-1"), *place)
    exchange.application.clock.advance(60_000)
    assert not await access(exchange, exchange.receiver, *place)


async def test_access_ends_when_the_grant_is_deleted(exchange: Exchange) -> None:
    granted = await exchange.entitle()
    (revision,) = await revisions_of(exchange.receiver, granted.data_set_id)
    assert await access(exchange, exchange.receiver, granted.data_set_id, revision.id)
    await exchange.take_back(granted.id)
    assert not await access(exchange, exchange.receiver, granted.data_set_id, revision.id)


async def test_the_owners_identifiers_lead_a_receiver_nowhere(exchange: Exchange) -> None:
    granted = await exchange.entitle()
    (revision,) = await revisions_of(exchange.receiver, granted.data_set_id)
    for data_set_id, revision_id in (
        (exchange.data_set_id, exchange.revision_id),
        (granted.data_set_id, exchange.revision_id),
        (exchange.data_set_id, revision.id),
    ):
        with pytest.raises(ResourceNotFound):
            await assets_of(exchange.receiver, data_set_id, revision_id)


async def test_nothing_of_an_entitled_data_set_can_be_changed(exchange: Exchange) -> None:
    granted = await exchange.entitle()
    (revision,) = await revisions_of(exchange.receiver, granted.data_set_id)
    (asset, _) = await assets_of(exchange.receiver, granted.data_set_id, revision.id)
    data_set = {"data_set_id": granted.data_set_id}
    place = {**data_set, "revision_id": revision.id}
    changes = [
        (update_data_set, shapes.UpdateDataSetRequest(**data_set, name="mine")),
        (delete_data_set, shapes.DeleteDataSetRequest(**data_set)),
        (create_revision, shapes.CreateRevisionRequest(**data_set)),
        (update_revision, shapes.UpdateRevisionRequest(**place, comment="mine")),
        (delete_revision, shapes.DeleteRevisionRequest(**place)),
        (revoke_revision, shapes.RevokeRevisionRequest(**place, revocation_comment="not any more")),
        (update_asset, shapes.UpdateAssetRequest(**place, asset_id=asset.id, name="mine")),
        (delete_asset, shapes.DeleteAssetRequest(**place, asset_id=asset.id)),
        (create_job, import_request(granted.data_set_id, revision.id)),
    ]
    for context in (exchange.receiver, exchange.provider):
        for operation, request in changes:
            with pytest.raises(AccessDenied):
                await operation(context, request)  # type: ignore[operator]


def export_request(data_set_id: str, revision_id: str) -> shapes.CreateJobRequest:
    destination = shapes.RevisionDestinationEntry(bucket="mine", revision_id=revision_id)
    return shapes.CreateJobRequest(
        type="EXPORT_REVISIONS_TO_S3",
        details=shapes.RequestDetails(
            export_revisions_to_s3=shapes.ExportRevisionsToS3RequestDetails(
                data_set_id=data_set_id, revision_destinations=[destination]
            )
        ),
    )
