"""Who may read behind the name of an access point, and until when."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.databases import rows
from tests.databases.rows import SCOPE, an_id, at
from tests.grants import a_grant

from entrepot.database import assets, data_grants, data_sets, revisions
from entrepot.database.connection import Database
from entrepot.domain.access_point import AliasedAsset
from entrepot.domain.asset import Asset
from entrepot.domain.data_grant import DataGrant, MaskedKind
from entrepot.domain.data_set import AssetType
from entrepot.domain.scope import Scope
from entrepot.domain.shared_objects import SharedObjects
from entrepot.domain.timestamp import Timestamp
from entrepot.entitlements.visibility import shared_buckets
from entrepot.entitlements.visibility.shared_buckets import SharedBucket

RECEIVER = Scope("210987654321", "us-east-1")
STRANGER = Scope("555555555555", "us-east-1")
NOW = at(1_000)
DETAILS = b'{"S3DataAccessAsset":{"Bucket":"provider","KeyPrefixes":["shared/"],"Keys":["one.csv"]}}'


async def published(database: Database, name: str = "first", **changes: Any) -> Asset:
    """A live asset in a finalized revision of a data set."""
    parent = rows.data_set("live", asset_type=AssetType.S3_DATA_ACCESS)
    if await data_sets.get(database, SCOPE, parent.id) is None:
        await data_sets.insert(database, parent)
    revision = rows.revision(name, data_set_id=parent.id, finalized=True, **changes)
    await revisions.insert(database, revision)
    asset = rows.asset(
        name,
        data_set_id=parent.id,
        revision_id=revision.id,
        asset_type=AssetType.S3_DATA_ACCESS,
        details_json=DETAILS,
        store_key="",
    )
    await assets.insert_many(database, [asset])
    return asset


def grant_of(name: str = "grant", **changes: Any) -> DataGrant:
    plain = a_grant(
        at(0),
        scope=SCOPE,
        id=an_id(name),
        receiver_id=RECEIVER.account_id,
        source_data_set_id=an_id("live"),
        data_set_id=an_id(f"entitled by {name}"),
        id_mask=an_id(f"mask of {name}"),
        name=name,
        asset_type=AssetType.S3_DATA_ACCESS,
        data_set_name="live",
        accepted_at=at(1),
    )
    return replace(plain, **changes)


async def granted(database: Database, name: str = "grant", **changes: Any) -> DataGrant:
    grant = grant_of(name, **changes)
    await data_grants.insert(database, grant)
    return grant


async def seen(
    database: Database, who: Scope, data_set_id: str, asset_id: str, now: Timestamp = NOW
) -> SharedBucket | None:
    """By alias and by ARN, which must never differ for the same asset."""
    by_alias = await shared_buckets.of_alias(database, who, AliasedAsset(data_set_id, asset_id), now)
    by_arn = await shared_buckets.of_access_point(database, who, asset_id, now)
    assert by_alias == by_arn
    return by_alias


async def seen_by_receiver(
    database: Database, grant: DataGrant, asset: Asset, now: Timestamp = NOW
) -> SharedBucket | None:
    return await seen(database, RECEIVER, grant.data_set_id, grant.masked(MaskedKind.ASSET, asset.id), now)


async def test_owner_and_receiver_find_the_bucket_and_what_of_it_is_shared(database: Database) -> None:
    asset = await published(database)
    grant = await granted(database)
    expected = SharedBucket(SCOPE.account_id, asset.id, "provider", SharedObjects(("one.csv",), ("shared/",)))
    assert await seen(database, SCOPE, asset.data_set_id, asset.id) == expected
    assert await seen_by_receiver(database, grant, asset) == expected


async def test_the_owner_reads_in_every_revision_of_its_own(database: Database) -> None:
    asset = await published(database)
    await revisions.save(database, rows.revision("first", data_set_id=asset.data_set_id, finalized=False))
    assert await seen(database, SCOPE, asset.data_set_id, asset.id) is not None


async def test_nobody_reads_by_the_names_of_another(database: Database) -> None:
    asset = await published(database)
    grant = await granted(database)
    entitled_id = grant.masked(MaskedKind.ASSET, asset.id)
    for who in (RECEIVER, STRANGER, replace(SCOPE, region="eu-west-1")):
        assert await seen(database, who, asset.data_set_id, asset.id) is None
    for who in (STRANGER, replace(RECEIVER, region="eu-west-1")):
        assert await seen(database, who, grant.data_set_id, entitled_id) is None
    alias_of_other_data_set = AliasedAsset(an_id("another"), asset.id)
    assert await shared_buckets.of_alias(database, SCOPE, alias_of_other_data_set, NOW) is None
    mixed = AliasedAsset(grant.data_set_id, asset.id)
    assert await shared_buckets.of_alias(database, RECEIVER, mixed, NOW) is None


async def test_two_grants_give_two_names_and_neither_opens_the_others(database: Database) -> None:
    asset = await published(database)
    first, second = await granted(database, "one"), await granted(database, "two")
    names = [grant.masked(MaskedKind.ASSET, asset.id) for grant in (first, second)]
    assert names[0] != names[1]
    crossed = AliasedAsset(first.data_set_id, names[1])
    assert await shared_buckets.of_alias(database, RECEIVER, crossed, NOW) is None
    assert await seen(database, RECEIVER, second.data_set_id, names[1]) is not None


@pytest.mark.parametrize(
    ("changes", "now", "may"),
    [
        ({}, NOW, True),
        ({"accepted_at": None}, NOW, False),
        ({"ends_at": at(2_000)}, at(1_999), True),
        ({"ends_at": at(2_000)}, at(2_000), False),
        ({"receiver_id": STRANGER.account_id}, NOW, False),
    ],
)
async def test_a_receiver_reads_while_its_grant_gives_access(
    database: Database, changes: dict[str, Any], now: Timestamp, may: bool
) -> None:
    asset = await published(database)
    grant = await granted(database, **changes)
    assert (await seen_by_receiver(database, grant, asset, now) is not None) == may


async def test_a_deleted_grant_gives_nothing(database: Database) -> None:
    asset = await published(database)
    grant = await granted(database)
    assert await data_grants.delete(database, SCOPE, grant.id)
    assert await seen_by_receiver(database, grant, asset) is None


async def test_of_several_revisions_the_newest_that_is_not_revoked_gives_access(database: Database) -> None:
    first = await published(database, "first", updated_at=at(10))
    grant = await granted(database)
    second = await published(database, "second", updated_at=at(20))
    assert await seen_by_receiver(database, grant, first) is None
    assert await seen_by_receiver(database, grant, second) is not None
    revoked = rows.revision(
        "second",
        data_set_id=second.data_set_id,
        finalized=True,
        revoked_at=at(30),
        revocation_comment="It was wrong.",
        updated_at=at(30),
    )
    assert await revisions.save(database, revoked)
    assert await seen_by_receiver(database, grant, first) is not None
    assert await seen_by_receiver(database, grant, second) is None


async def test_what_is_not_finalized_is_not_shared(database: Database) -> None:
    asset = await published(database)
    grant = await granted(database)
    opened = rows.revision("first", data_set_id=asset.data_set_id, finalized=False)
    assert await revisions.save(database, opened)
    assert await seen_by_receiver(database, grant, asset) is None


async def test_only_s3_data_access_is_read_this_way(database: Database) -> None:
    (asset,) = await rows.add_assets(database, "a file")
    assert await seen(database, SCOPE, asset.data_set_id, asset.id) is None


async def test_names_of_nothing_lead_nowhere(database: Database) -> None:
    await published(database)
    await granted(database)
    for who in (SCOPE, RECEIVER):
        assert await seen(database, who, "0" * 32, "0" * 32) is None
