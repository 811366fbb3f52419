"""Permissions for buckets, on both databases."""

from __future__ import annotations

from dataclasses import replace

from tests.databases.rows import at

from entrepot.database import accounts, bucket_permissions
from entrepot.database.connection import Database
from entrepot.domain.bucket_permission import BucketPermission

PLAIN = BucketPermission("111111111111", "prices", "", True, False, None, None, None, at(0))
FULL = BucketPermission(
    "111111111111", "prices", "a/", True, True, "http://s3.example", "eu", "sealed", at(1)
)
FOREIGN = replace(PLAIN, account_id="222222222222", bucket="Ärger", prefix="ä/'\"")


async def test_permissions_are_kept_as_they_are_and_ordered(database: Database, other: Database) -> None:
    for each in (FOREIGN, FULL, PLAIN):
        await bucket_permissions.put(database, each)
    assert await bucket_permissions.of_account(other, PLAIN.account_id) == [PLAIN, FULL]
    assert await bucket_permissions.every(other) == [PLAIN, FULL, FOREIGN]
    assert await bucket_permissions.count(other) == 3
    assert await bucket_permissions.of_account(other, "333333333333") == []


async def test_allowing_again_replaces_what_was_there(database: Database) -> None:
    await bucket_permissions.put(database, FULL)
    changed = replace(
        FULL, may_read=False, endpoint_url=None, region=None, encrypted_credentials=None, created_at=at(5)
    )
    await bucket_permissions.put(database, changed)
    assert await bucket_permissions.every(database) == [changed]


async def test_one_permission_is_taken_away_and_no_other(database: Database) -> None:
    for each in (FOREIGN, FULL, PLAIN):
        await bucket_permissions.put(database, each)
    assert await bucket_permissions.remove(database, "111111111111", "prices", "")
    assert not await bucket_permissions.remove(database, "111111111111", "prices", "")
    assert not await bucket_permissions.remove(database, "222222222222", "prices", "a/")
    assert await bucket_permissions.every(database) == [FULL, FOREIGN]


async def test_the_sole_account_is_known_as_long_as_it_is_alone(database: Database) -> None:
    assert await accounts.sole_account(database) is None
    await accounts.insert_account(database, "222222222222", "", at(0))
    assert await accounts.sole_account(database) == "222222222222"
    await accounts.insert_account(database, "111111111111", "", at(0))
    assert await accounts.sole_account(database) is None
