"""Bytes that change between the source and here are noticed, also where the source has only an ETag."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable
from dataclasses import replace
from typing import Any, Protocol

import pytest
from tests.servers.open_buckets import OpenBuckets
from tests.transfer.faulty_store import Fault, FaultyStore
from tests.transfer.moving import FROM, Between, S3Places, Told, get, item_of, move, payload, put
from tests.transfer.without_checksums import put_in_parts, put_plain

from entrepot.domain.asset import Proof, UnprovenSources
from entrepot.domain.errors import ChecksumMismatch, UnprovenSource
from entrepot.domain.job import Encryption, ItemResult, Location, MultipartCheckpoint
from entrepot.stores.checksum import checksum_of
from entrepot.stores.credentials import StaticCredentials
from entrepot.stores.local import LocalStore
from entrepot.stores.s3 import S3Store
from entrepot.stores.s3_client import S3Client
from entrepot.stores.store import ObjectInfo, ObjectStore, Reader
from entrepot.transfer.transfer import Transfer

pytestmark = pytest.mark.seaweedfs

MEBIBYTE = 1 << 20
PARTS = {
    "one put": [],
    "one small part": [5_000],
    "equal parts": [5 * MEBIBYTE] * 2,
    "a short last part": [5 * MEBIBYTE] * 2 + [7],
    "parts of all sizes": [6 * MEBIBYTE, 5 * MEBIBYTE, 7 * MEBIBYTE, 7],
    "parts larger than ours": [11 * MEBIBYTE + 11, 5_000],
}
OUR_PART = 11 * MEBIBYTE
"""In which those are moved: S3 takes no parts below 5 MiB, and two of them are to be put at once."""
PART = 2 * MEBIBYTE
"""In which all others are."""
LARGE_PUT = PART + 5_000


def put_without_checksum(store: S3Store, shape: str) -> bytes:
    sizes = PARTS[shape]
    data = payload(sum(sizes) or 5_000)
    if not sizes:
        put_plain(store, "object", data)
        return data
    starts = [sum(sizes[:index]) for index in range(len(sizes))]
    put_in_parts(
        store, "object", [data[start : start + size] for start, size in zip(starts, sizes, strict=True)]
    )
    return data


class OtherEtags(FaultyStore):
    """A server whose ETags are no MD5s, though they look alike; `encryption` is what it says of itself."""

    etag = "0123456789abcdef0123456789abcdef"
    encryption: Encryption | None = None

    def head(self, key: str) -> ObjectInfo:
        info = super().head(key)
        return replace(info, etag=self.etag, checksum=None, encryption=self.encryption)

    def open(
        self, key: str, *, offset: int = 0, length: int | None = None, if_match: str | None = None
    ) -> Reader:
        assert if_match in (None, self.etag)
        return super().open(key, offset=offset, length=length)


class OwnCopies(Protocol):
    """Moves `object` into the exchange's own store."""

    def __call__(self, source: ObjectStore, own: ObjectStore, **changes: Any) -> Awaitable[ItemResult]: ...


@pytest.fixture
async def own_copies() -> AsyncIterator[OwnCopies]:
    made: list[Transfer] = []

    def make(source: ObjectStore, own: ObjectStore, **changes: Any) -> Awaitable[ItemResult]:
        made.append(Transfer(own, OpenBuckets({FROM: source}.__getitem__), threads=4, part_bytes=OUR_PART))
        item = item_of(source, "object", destination=Location(None, "assets/1"), **changes)
        return move(made[-1], item)

    yield make
    for transfer in made:
        await transfer.close()


@pytest.mark.parametrize("shape", PARTS)
async def test_one_flipped_bit_is_read_again(
    shape: str, local: LocalStore, s3: S3Places, between: Between
) -> None:
    data = put_without_checksum(s3(0), shape)
    source, told = FaultyStore(s3(0), read_faults=[Fault.FLIPPED]), Told()
    result = await move(between(source, local, part_bytes=OUR_PART), item_of(s3(0), "object"), told)
    assert get(local, "object") == data
    assert (result.proof, result.checksum, told.bytes) == (Proof.ETAG, checksum_of(data), len(data))


@pytest.mark.parametrize("shape", PARTS)
async def test_a_line_that_always_flips_a_bit_never_makes_an_object(
    shape: str, local: LocalStore, s3: S3Places, between: Between
) -> None:
    put_without_checksum(s3(0), shape)
    source = FaultyStore(s3(0), read_faults=[Fault.FLIPPED] * 99)
    with pytest.raises(ChecksumMismatch, match=r"different bytes|damaged on the way"):
        await move(between(source, local, part_bytes=OUR_PART), item_of(s3(0), "object"))
    assert not local.list("")


@pytest.mark.parametrize("shape", PARTS)
async def test_bytes_that_arrive_right_are_proven_by_one_reading(
    shape: str, local: LocalStore, s3: S3Places, between: Between
) -> None:
    data = put_without_checksum(s3(0), shape)
    source = FaultyStore(s3(0))
    result = await move(between(source, local, part_bytes=OUR_PART), item_of(s3(0), "object"))
    assert (get(local, "object"), result.proof) == (data, Proof.ETAG)
    guessed_wrong = shape == "parts of all sizes"  # only then the sizes of all parts are asked for
    opened = -(-len(data) // OUR_PART) + 2 * guessed_wrong
    assert source.calls["open"] == opened


@pytest.mark.parametrize("damaged", [1, 2])
@pytest.mark.parametrize("algorithm", [None, "CRC64NVME", "SHA256", "CRC32C"])
async def test_one_flipped_bit_in_any_part_of_a_large_object_is_noticed(
    damaged: int, algorithm: str | None, local: LocalStore, s3: S3Places, between: Between
) -> None:
    data = payload(LARGE_PUT)
    put_plain(s3(0), "object", data)
    faults = [None] * (damaged - 1) + [Fault.FLIPPED]
    source, told = FaultyStore(s3(0), read_faults=faults), Told()
    checksum = None if algorithm is None else checksum_of(data, algorithm)
    item = item_of(s3(0), "object", source_checksum=checksum)
    result = await move(between(source, local, part_bytes=PART), item, told)
    assert (get(local, "object"), told.bytes) == (data, len(data))
    assert result.proof is (Proof.ETAG if algorithm is None else Proof.CHECKSUM)
    assert told.checkpoints[-1] is not None


@pytest.mark.parametrize("damaged", [False, True])
async def test_an_upload_that_goes_on_reads_what_was_sent_before_once_more(
    damaged: bool, local: LocalStore, s3: S3Places, between: Between
) -> None:
    data = payload(LARGE_PUT)
    put_plain(s3(0), "object", data)
    sent = bytearray(data[:PART])
    sent[7] ^= damaged
    upload_id = local.begin_upload("object")
    first = local.upload_part("object", upload_id, 1, memoryview(sent), checksum=checksum_of(bytes(sent)))
    destination, told = FaultyStore(local), Told()
    item = item_of(s3(0), "object", checkpoint=MultipartCheckpoint(upload_id, PART, (first,)))
    result = await move(between(s3(0), destination, part_bytes=PART), item, told)
    assert (get(local, "object"), result.proof, told.bytes) == (data, Proof.ETAG, len(data))
    assert damaged or destination.calls["upload_part"] == 1


@pytest.mark.parametrize("size", [5_000, LARGE_PUT])
@pytest.mark.parametrize(
    ("policy", "proof"),
    [(UnprovenSources.ALLOW, Proof.READ_TWICE), (UnprovenSources.VERIFY, Proof.READ_TWICE)],
)
async def test_an_etag_that_only_looks_like_an_md5_proves_nothing(
    size: int, policy: UnprovenSources, proof: Proof, local: LocalStore, s3: S3Places, between: Between
) -> None:
    data = payload(size)
    put(s3(0), "object", data)
    source = OtherEtags(s3(0))
    transfer = between(source, local, part_bytes=PART, unproven_sources=policy)
    result = await move(transfer, item_of(source, "object"))
    assert (get(local, "object"), result.proof) == (data, proof)


@pytest.mark.parametrize("size", [5_000, LARGE_PUT])
@pytest.mark.parametrize("etag", ["0123456789abcdef0123456789abcdef", "an-etag-of-its-own", "7-2"])
@pytest.mark.parametrize(
    ("policy", "proof"),
    [
        (UnprovenSources.ALLOW, Proof.NONE),
        (UnprovenSources.VERIFY, Proof.READ_TWICE),
        (None, Proof.READ_TWICE),
        (UnprovenSources.REFUSE, None),
    ],
)
async def test_the_setting_decides_about_what_nothing_proves(
    size: int,
    etag: str,
    policy: UnprovenSources | None,
    proof: Proof | None,
    local: LocalStore,
    s3: S3Places,
    between: Between,
) -> None:
    """Without a word of it that is `verify`: the server of these tests is reached over plain http."""
    data = payload(size)
    put(s3(0), "object", data)
    source = OtherEtags(s3(0))
    source.etag, source.encryption = etag, Encryption("aws:kms")
    transfer = between(source, local, part_bytes=PART, unproven_sources=policy)
    moving = move(transfer, item_of(source, "object"))
    if proof is None:
        with pytest.raises(UnprovenSource, match=r"'object' of bucket 'from'.*ENTREPOT_UNPROVEN_SOURCES"):
            await moving
        assert not local.list("")
    else:
        assert (await moving).proof is proof
        assert get(local, "object") == data


async def test_two_readings_of_an_object_that_nothing_proves_must_be_the_same(
    local: LocalStore, s3: S3Places, between: Between
) -> None:
    data = payload(5_000)
    put(s3(0), "object", data)
    source = OtherEtags(s3(0), read_faults=[Fault.FLIPPED, None, None, None, Fault.FLIPPED])
    source.etag = "nothing"
    with pytest.raises(ChecksumMismatch, match="different bytes"):
        await move(between(source, local), item_of(source, "object"))
    assert not local.list("")


async def test_an_object_with_a_checksum_that_a_listing_does_not_tell_is_compared_with_it(
    local: LocalStore, s3: S3Places, between: Between
) -> None:
    """Under KMS the ETag is another number: the checksum is asked for, and decides."""
    data = payload(5_000)
    put(s3(0), "object", data)

    class WithChecksum(OtherEtags):
        def head(self, key: str) -> ObjectInfo:
            return replace(super().head(key), checksum=checksum_of(data, "SHA256"))

    source = WithChecksum(s3(0), read_faults=[Fault.FLIPPED])
    item = item_of(source, "object", source_checksum=None)
    result = await move(between(source, local, unproven_sources=UnprovenSources.REFUSE), item)
    assert (get(local, "object"), result.proof) == (data, Proof.CHECKSUM)


@pytest.mark.parametrize("shape", PARTS)
async def test_what_a_store_copies_into_the_own_store_gets_a_checksum(
    shape: str, s3: S3Places, own_copies: OwnCopies
) -> None:
    data = put_without_checksum(s3(0), shape)
    result = await own_copies(s3(0), FaultyStore(s3(0, "two"), silent=True))
    assert (result.checksum, result.proof) == (checksum_of(data), Proof.ETAG)


async def test_a_bit_that_flips_while_a_copy_is_read_does_not_become_its_checksum(
    s3: S3Places, own_copies: OwnCopies
) -> None:
    data = put_without_checksum(s3(0), "a short last part")
    own = FaultyStore(s3(0, "two"), silent=True, read_faults=[Fault.FLIPPED])
    assert (await own_copies(s3(0), own)).checksum == checksum_of(data)
    own = FaultyStore(s3(0, "two"), silent=True, read_faults=[Fault.FLIPPED] * 9)
    with pytest.raises(ChecksumMismatch):
        await own_copies(s3(0), own)


async def test_a_copy_whose_checksum_is_known_is_not_read(s3: S3Places, own_copies: OwnCopies) -> None:
    data = payload(5_000)
    put_plain(s3(0), "object", data)
    own = FaultyStore(s3(0, "two"), silent=True)
    result = await own_copies(s3(0), own, source_checksum=checksum_of(data, "SHA256"))
    assert (result.checksum, own.calls["open"]) == (checksum_of(data, "SHA256"), 0)


@pytest.mark.parametrize(
    ("endpoint_url", "private"),
    [
        (None, True),
        ("https://s3.example", True),
        ("http://127.0.0.1:9000", False),
        ("HTTP://s3.example", False),
    ],
)
def test_the_road_to_a_store_is_private_over_https(endpoint_url: str | None, private: bool) -> None:
    """What decides about unproven sources where no setting does."""
    client = S3Client(StaticCredentials("key", "secret"), endpoint_url=endpoint_url)
    try:
        assert S3Store(client, "bucket").is_private_on_the_way is private
    finally:
        client.close()
