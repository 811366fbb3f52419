"""Whatever the line and the disks do, no wrong object is at the destination, and none is called right."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.transfer.faulty_store import Fault, FaultyStore
from tests.transfer.moving import PART, Between, S3Places, Told, get, item_of, move, payload, put

from entrepot.domain.asset import Checksum
from entrepot.domain.errors import (
    ChecksumMismatch,
    InvalidStoreRequest,
    ObjectChanged,
    ObjectNotFound,
    StoreUnavailable,
)
from entrepot.stores.checksum import ALGORITHMS, checksum_of
from entrepot.stores.local import LocalStore

pytestmark = pytest.mark.seaweedfs

SIZES = [5_000, PART + 5_000]
TORN = [
    (SIZES[0], Fault.ENDS_EARLY),
    (SIZES[0], Fault.DROPPED),
    (SIZES[0], Fault.TOO_LONG),
    (SIZES[1], Fault.DROPPED),
]


def assert_nothing_is_left(store: FaultyStore, key: str = "object") -> None:
    with pytest.raises(ObjectNotFound):
        store.real.head(key)
    assert not store.real.list("")


@pytest.mark.parametrize(("size", "fault"), TORN)
async def test_bytes_that_arrive_torn_are_read_again(
    size: int, fault: Fault, local: LocalStore, s3: S3Places, between: Between
) -> None:
    data = payload(size)
    put(local, "object", data)
    source, told = FaultyStore(local, read_faults=[fault]), Told()
    transfer = between(source, s3(0))
    await move(transfer, item_of(local, "object"), told)
    assert get(s3(0), "object") == data
    assert told.bytes == size


@pytest.mark.parametrize(("size", "fault"), TORN)
async def test_bytes_that_always_arrive_torn_are_never_stored(
    size: int, fault: Fault, local: LocalStore, s3: S3Places, between: Between
) -> None:
    put(local, "object", payload(size))
    source, destination = FaultyStore(local, read_faults=[fault] * 9), FaultyStore(s3(0))
    transfer = between(source, destination)
    with pytest.raises(StoreUnavailable):
        await move(transfer, item_of(local, "object"))
    assert_nothing_is_left(destination)


@pytest.mark.parametrize("fault", [Fault.OTHER_SIZE, Fault.SHORTER])
@pytest.mark.parametrize("size", SIZES)
async def test_another_size_under_the_same_etag_is_a_broken_transfer_and_tried_again(
    size: int, fault: Fault, local: LocalStore, s3: S3Places, between: Between
) -> None:
    data = payload(size)
    put(local, "object", data)
    await move(between(FaultyStore(local, read_faults=[fault]), s3(0)), item_of(local, "object"))
    assert get(s3(0), "object") == data


@pytest.mark.parametrize("fault", [Fault.OTHER_SIZE, Fault.SHORTER])
@pytest.mark.parametrize("size", SIZES)
async def test_another_size_that_stays_is_no_change_of_the_object(
    size: int, fault: Fault, local: LocalStore, s3: S3Places, between: Between
) -> None:
    put(local, "object", payload(size))
    source, destination = FaultyStore(local, read_faults=[fault] * 30), FaultyStore(s3(0))
    with pytest.raises(StoreUnavailable, match="still the same by its ETag"):
        await move(between(source, destination), item_of(local, "object"))
    assert_nothing_is_left(destination)


@pytest.mark.parametrize("size", SIZES)
async def test_another_size_of_what_nobody_knows_by_its_etag_is_a_change(
    size: int, local: LocalStore, s3: S3Places, between: Between
) -> None:
    put(local, "object", payload(size))
    item = item_of(local, "object", source_etag=None, size_bytes=size + 1)
    destination = FaultyStore(s3(0))
    with pytest.raises((ObjectChanged, InvalidStoreRequest)):
        await move(between(local, destination), item)
    assert_nothing_is_left(destination)


@pytest.mark.parametrize(
    ("size", "algorithm"),
    [*((SIZES[0], algorithm) for algorithm in ALGORITHMS), (SIZES[1], "CRC64NVME"), (SIZES[1], "SHA256")],
)
async def test_bytes_that_are_not_those_the_source_is_known_by_are_never_stored(
    size: int, algorithm: str, local: LocalStore, s3: S3Places, between: Between
) -> None:
    data = payload(size)
    put(local, "object", data)
    source, destination = FaultyStore(local, read_faults=[Fault.FLIPPED] * 9), FaultyStore(s3(0))
    transfer = between(source, destination)
    item = item_of(local, "object", source_checksum=checksum_of(data, algorithm))
    with pytest.raises(ChecksumMismatch, match=r"known of it|different bytes"):
        await move(transfer, item)
    assert_nothing_is_left(destination)


@pytest.mark.parametrize(
    ("size", "algorithm"),
    [*((SIZES[0], algorithm) for algorithm in ALGORITHMS), (SIZES[0], "XXHASH3"), (SIZES[1], "SHA256")],
)
async def test_bytes_that_are_those_the_source_is_known_by_are_stored(
    size: int, algorithm: str, local: LocalStore, s3: S3Places, between: Between
) -> None:
    data = payload(size)
    put(local, "object", data)
    known = Checksum("XXHASH3", "AAAA") if algorithm == "XXHASH3" else checksum_of(data, algorithm)
    transfer = between(local, s3(0))
    result = await move(transfer, item_of(local, "object", source_checksum=known))
    assert result.checksum == checksum_of(data)


async def test_a_small_object_with_one_flipped_bit_is_read_once_more(
    local: LocalStore, s3: S3Places, between: Between
) -> None:
    data = payload(5_000)
    put(local, "object", data)
    transfer = between(FaultyStore(local, read_faults=[Fault.FLIPPED]), s3(0))
    await move(transfer, item_of(local, "object", source_checksum=checksum_of(data)))
    assert get(s3(0), "object") == data


@pytest.mark.parametrize("silent", [False, True], ids=["with checksums", "without checksums"])
@pytest.mark.parametrize("size", SIZES)
async def test_what_the_destinations_disk_makes_of_it_is_found_and_sent_again(
    size: int, silent: bool, local: LocalStore, s3: S3Places, between: Between
) -> None:
    data = payload(size)
    put(local, "object", data)
    destination = FaultyStore(s3(0), corrupt_writes=1, silent=silent)
    transfer = between(local, destination)
    if silent and size > PART:  # the first part is proven by nothing, the whole by being read back
        with pytest.raises(ChecksumMismatch):
            await move(transfer, item_of(local, "object"))
        assert_nothing_is_left(destination)
    else:
        await move(transfer, item_of(local, "object"))
        assert get(s3(0), "object") == data


@pytest.mark.parametrize("silent", [False, True], ids=["with checksums", "without checksums"])
@pytest.mark.parametrize("size", SIZES)
async def test_a_disk_that_always_corrupts_keeps_no_wrong_object(
    size: int, silent: bool, local: LocalStore, s3: S3Places, between: Between
) -> None:
    put(local, "object", payload(size))
    destination = FaultyStore(s3(0), corrupt_writes=99, silent=silent)
    transfer, told = between(local, destination), Told()
    with pytest.raises(ChecksumMismatch):
        await move(transfer, item_of(local, "object"), told)
    assert_nothing_is_left(destination)
    assert told.checkpoints[-1:] in ([], [None])


@pytest.mark.parametrize("size", SIZES)
async def test_a_store_that_reports_no_checksums_is_believed_by_its_etags_or_read_back(
    size: int, local: LocalStore, s3: S3Places, tmp_path: Path, between: Between
) -> None:
    data = payload(size)
    put(local, "object", data)
    by_etag, read_back = (
        FaultyStore(s3(0), silent=True),
        FaultyStore(LocalStore(tmp_path / "other"), silent=True),
    )
    for destination in (by_etag, read_back):
        transfer = between(local, destination, server_side_copy=False)
        result = await move(transfer, item_of(local, "object"))
        assert result.checksum == checksum_of(data)
        assert get(destination.real, "object") == data
    assert (by_etag.calls["open"], read_back.calls["open"]) == (0, 1)
