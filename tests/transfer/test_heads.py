"""Asking for many objects at once gives what asking for each would."""

from __future__ import annotations

import pytest
from tests.servers.open_buckets import OpenBuckets
from tests.transfer.faulty_store import FaultyStore
from tests.transfer.moving import FROM, PART, Between, S3Places, put

from entrepot.domain.errors import BucketNotFound, ObjectNotFound, StoreAccessDenied, StoreError
from entrepot.domain.job import Location
from entrepot.stores.local import LocalStore
from entrepot.stores.store import ObjectInfo
from entrepot.transfer.transfer import Transfer

pytestmark = pytest.mark.seaweedfs


def essence(info: ObjectInfo | StoreError) -> object:
    return (info.size_bytes, info.etag) if isinstance(info, ObjectInfo) else type(info)


async def test_a_listing_answers_as_heads_would_and_the_rest_is_asked_for(
    s3: S3Places, between: Between
) -> None:
    store = FaultyStore(s3(0))
    keys = [f"data/{number:03d}.csv" for number in range(30)] + ["data/ü 日本+.csv", "data/dir/", "data/a//b"]
    for number, key in enumerate(keys):
        put(store.real, key, b"x" * number)
    put(store.real, "data/large", bytes(PART + 1))
    keys += ["data/large", "data/missing", "data/000.csv"]
    transfer = between(store, store)
    found = await transfer.head_many([Location(FROM, key) for key in keys])
    heads, lists = store.calls["head"], store.calls["list"]
    each = [essence(found) for found in [await head_or_error(transfer, key) for key in keys]]
    assert [essence(info) for info in found] == each
    assert (lists, heads <= 4) == (1, True)


async def test_few_keys_are_asked_for_one_by_one(s3: S3Places, between: Between) -> None:
    store = FaultyStore(s3(0))
    put(store.real, "object", b"bytes")
    transfer = between(store, store)
    found = await transfer.head_many([Location(FROM, "object"), Location(FROM, "missing")])
    assert isinstance(found[0], ObjectInfo)
    assert isinstance(found[1], ObjectNotFound)
    assert store.calls["list"] == 0


async def test_a_listing_that_is_refused_costs_nothing_but_itself(s3: S3Places, between: Between) -> None:
    def refuse(call: str) -> None:
        if call == "list":
            raise StoreAccessDenied("No listing.")

    store = FaultyStore(s3(0), before=refuse)
    keys = [f"{number}" for number in range(25)]
    for key in keys:
        put(store.real, key, key.encode())
    transfer = between(store, store)
    found = await transfer.head_many([Location(FROM, key) for key in keys])
    assert [info.size_bytes for info in found if isinstance(info, ObjectInfo)] == [len(key) for key in keys]
    assert store.calls["head"] == 25


async def test_a_bucket_that_is_unknown_is_the_answer_for_each_of_its_keys(local: LocalStore) -> None:
    def unknown(bucket: str) -> LocalStore:
        raise BucketNotFound(f"There is no bucket {bucket!r}.")

    put(local, "own", b"bytes")
    transfer = Transfer(local, OpenBuckets(unknown))
    locations = [Location("nowhere", f"{number}") for number in range(25)]
    found = await transfer.head_many([*locations, Location(None, "own")])
    assert [essence(info) for info in found[:25]] == [BucketNotFound] * 25
    assert isinstance(found[25], ObjectInfo)


async def head_or_error(transfer: Transfer, key: str) -> ObjectInfo | StoreError:
    try:
        return await transfer.head(Location(FROM, key))
    except StoreError as error:
        return error
