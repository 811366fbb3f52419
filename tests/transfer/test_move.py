"""Every road between every two kinds of store, at the sizes where the road changes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.transfer.faulty_store import FaultyStore
from tests.transfer.moving import PART, Between, S3Places, Told, get, item_of, move, payload, put

from entrepot.domain.errors import ChecksumMismatch, ObjectChanged, ObjectNotFound
from entrepot.domain.job import Location
from entrepot.stores.checksum import checksum_of
from entrepot.stores.local import LocalStore
from entrepot.stores.store import ObjectStore

pytestmark = pytest.mark.seaweedfs

SIZES = [0, 1, (1 << 20) + 1, PART - 1, PART, PART + 1, 2 * PART + 3]
THREADS = 16
"""Of them two parts are moved at once; the largest object has three."""
KEYS = [
    "a//b",
    " leading and trailing ",
    "ü/ñ/日本/😀",
    "a+b%20c?d&e=f#g",
    "quote'\"<&>",
    "back\\slash",
    "*;:@!$,()[]{}|^`~-_.",
    "%2F%00",
    "x" * 250,
]
KEYS_THAT_THE_SERVER_REFUSES = ["dir/", "f/../g", "./x", "..", "/lead", "new\nline", "\x01"]
Places = Callable[[S3Places, LocalStore, Path], tuple[ObjectStore, ObjectStore]]
ROADS: dict[str, Places] = {
    "local to S3": lambda s3, local, folder: (local, s3(0)),
    "S3 to local": lambda s3, local, folder: (s3(0), local),
    "S3 to S3 of another server": lambda s3, local, folder: (s3(0), s3(1)),
    "S3 to S3 of one server": lambda s3, local, folder: (s3(0), s3(0, "two")),
    "local to another folder": lambda s3, local, folder: (local, LocalStore(folder / "other")),
}


@pytest.mark.parametrize(
    ("road", "size"), [(road, size) for road in ROADS for size in (SIZES if "S3" in road else SIZES[:3])]
)
async def test_an_object_arrives_as_it_was_with_its_checksum(
    road: str, size: int, s3: S3Places, local: LocalStore, tmp_path: Path, between: Between
) -> None:
    source, destination = ROADS[road](s3, local, tmp_path)
    data = payload(size)
    put(source, "object", data)
    told, transfer = Told(), between(source, destination, threads=THREADS)
    result = await move(transfer, item_of(source, "object"), told)
    assert get(destination, "object") == data
    info = destination.head("object")
    assert (result.size_bytes, result.etag) == (size, info.etag)
    assert result.checksum in (checksum_of(data), None if road == "S3 to S3 of one server" else ...)
    assert told.bytes == size


@pytest.mark.parametrize("key", KEYS)
async def test_every_key_goes_to_s3_and_comes_back(
    key: str, s3: S3Places, local: LocalStore, between: Between
) -> None:
    data = key.encode()
    put(local, key, data)
    middle, end = s3(0), s3(0, "two")
    there, onward = between(local, middle), between(middle, end)
    streamed = between(middle, s3(1))
    await move(there, item_of(local, key))
    await move(onward, item_of(middle, key))
    await move(streamed, item_of(middle, key))
    assert [get(store, key) for store in (middle, end, s3(1))] == [data] * 3


async def test_an_empty_object_whose_key_looks_like_a_folder_is_moved(s3: S3Places, between: Between) -> None:
    put(s3(0), "dir/", b"")
    await move(between(s3(0), s3(0, "two")), item_of(s3(0), "dir/"))
    await move(between(s3(0), s3(1)), item_of(s3(0), "dir/"))
    assert [get(store, "dir/") for store in (s3(0, "two"), s3(1))] == [b"", b""]


async def test_a_server_that_drops_the_bytes_of_such_an_object_is_found_out(
    s3: S3Places, local: LocalStore, between: Between
) -> None:
    put(local, "dir/", b"bytes")
    with pytest.raises(ChecksumMismatch, match="try another one"):
        await move(between(local, s3(0)), item_of(local, "dir/"))
    with pytest.raises(ObjectNotFound):
        s3(0).head("dir/")


@pytest.mark.parametrize("key", [*KEYS, *KEYS_THAT_THE_SERVER_REFUSES])
async def test_every_key_goes_from_folder_to_folder(
    key: str, local: LocalStore, tmp_path: Path, between: Between
) -> None:
    other = LocalStore(tmp_path / "other")
    put(local, key, key.encode())
    await move(between(local, other, server_side_copy=False), item_of(local, key))
    assert get(other, key) == key.encode()
    assert [listed.key for listed in other.list("")] == [key]


async def test_the_servers_copy_is_used_between_buckets_of_one_server(s3: S3Places, between: Between) -> None:
    source, destination = FaultyStore(s3(0)), FaultyStore(s3(0, "two"))
    put(source.real, "object", b"bytes")
    transfer = between(source, destination)
    await move(transfer, item_of(source.real, "object"))
    assert (source.calls["open"], destination.calls["put"]) == (0, 0)


async def test_the_servers_copy_is_not_used_where_it_is_switched_off(s3: S3Places, between: Between) -> None:
    source, destination = FaultyStore(s3(0)), FaultyStore(s3(0, "two"))
    put(source.real, "object", b"bytes")
    transfer = between(source, destination, server_side_copy=False)
    result = await move(transfer, item_of(source.real, "object"))
    assert (source.calls["open"], destination.calls["copy_from"]) == (1, 0)
    assert result.checksum == checksum_of(b"bytes")


@pytest.mark.parametrize("size", [10, PART + 10])
@pytest.mark.parametrize("road", ["local to S3", "S3 to local", "S3 to S3 of one server"])
async def test_an_object_that_changed_since_it_was_pinned_is_not_moved(
    road: str, size: int, s3: S3Places, local: LocalStore, tmp_path: Path, between: Between
) -> None:
    source, destination = ROADS[road](s3, local, tmp_path)
    put(source, "object", payload(size))
    item = item_of(source, "object")
    put(source, "object", payload(size))
    transfer = between(source, destination)
    with pytest.raises(ObjectChanged):
        await move(transfer, item)
    with pytest.raises(ObjectNotFound):
        destination.head("object")


@pytest.mark.parametrize("size", [10, PART + 10])
@pytest.mark.parametrize("road", ["local to S3", "S3 to local", "S3 to S3 of one server"])
async def test_an_object_that_is_gone_is_not_found(
    road: str, size: int, s3: S3Places, local: LocalStore, tmp_path: Path, between: Between
) -> None:
    source, destination = ROADS[road](s3, local, tmp_path)
    put(source, "object", payload(size))
    item = item_of(source, "object")
    source.delete("object")
    transfer = between(source, destination)
    with pytest.raises(ObjectNotFound):
        await move(transfer, item)
    with pytest.raises(ObjectNotFound):
        destination.head("object")


async def test_the_exchanges_own_store_is_the_location_without_bucket(
    s3: S3Places, local: LocalStore, between: Between
) -> None:
    put(local, "object", b"bytes")
    transfer = between(local, s3(0))
    own = Location(None, "object")
    assert (await transfer.head(own)).size_bytes == 5
    md5, checksum = await transfer.digests(own, await transfer.head(own))
    assert (md5.hex(), checksum) == ("4b3a6218bb3e3a7303e8a171a60fcf92", checksum_of(b"bytes"))
    await transfer.delete(own)
    with pytest.raises(ObjectNotFound):
        await transfer.head(own)
