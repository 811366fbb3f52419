"""What holds for every store."""

from __future__ import annotations

import base64
import hashlib
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.stores.conftest import Pair
from tests.stores.objects import MIB, get, pattern, put, read_all, send_parts

from entrepot.domain.asset import Checksum
from entrepot.domain.errors import (
    ChecksumMismatch,
    InvalidStoreRequest,
    ObjectChanged,
    ObjectNotFound,
    StoreUnavailable,
)
from entrepot.stores.checksum import CRC64NVME, checksum_of
from entrepot.stores.store import ObjectStore

AWKWARD_KEYS = [
    "plain",
    "a//b",
    "a/b",
    "dir/x",
    "dir",
    "/leading",
    "ümlaut/日本語/🚢",
    "100% +plus and space",
    "a b+c&d=e?f#g",
    "..hidden",
    "back\\slash",
    "quote'\"<>&",
    "tab\there",
    "line\nbreak",
    "UPPER/upper/Upper",
    "%2e%2e%2f",
    "~tilde(!*')",
    "x" * 255,
    "/".join(["deep"] * 60),
    "y" * 200 + "/" + "é" * 100 + "/" + "z" * 223,
]


@pytest.mark.parametrize("key", AWKWARD_KEYS, ids=lambda key: ascii(key)[:24])
def test_a_key_comes_back_as_it_went(store: ObjectStore, key: str) -> None:
    stored = put(store, key, key.encode())
    assert get(store, key) == key.encode()
    info = store.head(key)
    assert info.etag == stored.etag
    assert info.size_bytes == len(key.encode())


def test_keys_that_look_alike_are_different_objects(store: ObjectStore) -> None:
    keys = ["a", "A", "a/b", "a.object", "a%2fb", "a+b", "a b", "a%20b"]
    for key in keys:
        put(store, key, key.encode())
    assert {key: get(store, key) for key in keys} == {key: key.encode() for key in keys}


def test_a_key_that_ends_in_a_slash_is_an_object(store: ObjectStore) -> None:
    put(store, "folder/", b"")
    assert store.head("folder/").size_bytes == 0
    assert get(store, "folder/") == b""


@pytest.mark.parametrize("key", ["", "x" * 1025, "é" * 513, "lone \ud800 surrogate"])
def test_what_is_no_key_is_refused_before_anything_happens(store: ObjectStore, key: str) -> None:
    for attempt in (store.head, store.open, store.delete, store.begin_upload):
        with pytest.raises(InvalidStoreRequest):
            attempt(key)
    with pytest.raises(InvalidStoreRequest):
        put(store, key, b"x")


@pytest.mark.parametrize("size", [0, 1, 5 * MIB + 1])
def test_bytes_of_any_size_come_back(store: ObjectStore, size: int) -> None:
    data = pattern(size)
    stored = put(store, "object", data)
    assert get(store, "object") == data
    info = store.head("object")
    assert (info.size_bytes, info.etag) == (size, stored.etag)
    assert stored.checksum == info.checksum == checksum_of(data)


def test_a_reader_can_be_stored(pair: Pair) -> None:
    data = pattern(3 * MIB + 7)
    put(pair.store, "source", data)
    with pair.store.open("source") as reader:
        pair.other.put("target", reader, reader.size_bytes, checksum=checksum_of(data))
    assert get(pair.other, "target") == data


def test_a_reader_that_ends_early_stores_nothing(pair: Pair) -> None:
    put(pair.store, "source", b"short")
    with pair.store.open("source") as reader, pytest.raises((StoreUnavailable, InvalidStoreRequest)):
        pair.other.put("target", reader, 6)
    with pytest.raises(ObjectNotFound):
        pair.other.head("target")


@pytest.mark.parametrize(
    ("offset", "length", "expected"),
    [(0, 3, b"012"), (3, 4, b"3456"), (7, None, b"789"), (9, 1, b"9"), (0, None, b"0123456789"), (4, 0, b"")],
)
def test_a_range_is_exactly_that_range(
    store: ObjectStore, offset: int, length: int | None, expected: bytes
) -> None:
    put(store, "object", b"0123456789")
    reader = store.open("object", offset=offset, length=length)
    assert reader.size_bytes == len(expected)
    assert reader.etag == store.head("object").etag
    assert read_all(reader) == expected


@pytest.mark.parametrize(("offset", "length"), [(10, None), (10, 1), (11, 0), (8, 3), (0, 11)])
def test_a_range_outside_the_object_is_refused(store: ObjectStore, offset: int, length: int | None) -> None:
    put(store, "object", b"0123456789")
    with pytest.raises(InvalidStoreRequest):
        store.open("object", offset=offset, length=length)


@pytest.mark.parametrize("length", [None, 2, 0])
def test_a_pinned_object_that_changed_is_not_opened(store: ObjectStore, length: int | None) -> None:
    pinned = put(store, "object", b"before").etag
    assert read_all(store.open("object", if_match=pinned)) == b"before"
    put(store, "object", b"after!")
    with pytest.raises(ObjectChanged):
        store.open("object", length=length, if_match=pinned)


def test_a_second_put_replaces_the_first(store: ObjectStore) -> None:
    first = put(store, "object", b"first")
    second = put(store, "object", b"second, and longer")
    assert first.etag != second.etag
    assert get(store, "object") == b"second, and longer"


def test_the_same_bytes_have_the_same_etag(store: ObjectStore) -> None:
    assert put(store, "one", b"same").etag == put(store, "two", b"same").etag


@pytest.mark.parametrize("algorithm", [CRC64NVME, "CRC32", "CRC32C", "SHA1", "SHA256"])
def test_a_checksum_is_verified(store: ObjectStore, algorithm: str) -> None:
    data = b"the bytes as they should be"
    right, wrong = checksum_of(data, algorithm), checksum_of(b"others", algorithm)
    store.put("object", memoryview(data), len(data), checksum=right)
    with pytest.raises(ChecksumMismatch):
        store.put("refused", memoryview(data), len(data), checksum=wrong)
    with pytest.raises(ObjectNotFound):
        store.head("refused")


def test_an_unknown_checksum_algorithm_is_refused(store: ObjectStore) -> None:
    digest = Checksum("MD5", base64.b64encode(hashlib.md5(b"x").digest()).decode())
    with pytest.raises(InvalidStoreRequest):
        store.put("object", memoryview(b"x"), 1, checksum=digest)


def test_what_is_missing_is_not_found(store: ObjectStore) -> None:
    for attempt in (store.head, store.open):
        with pytest.raises(ObjectNotFound, match="missing"):
            attempt("missing")
    with pytest.raises(ObjectNotFound):
        store.open("missing", length=0)


def test_deleting_twice_is_deleting_once(store: ObjectStore) -> None:
    put(store, "a/b/object", b"x")
    store.delete("a/b/object")
    store.delete("a/b/object")
    store.delete("never/was")
    with pytest.raises(ObjectNotFound):
        store.head("a/b/object")


@pytest.mark.parametrize("last", [1, 5 * MIB])
def test_a_multipart_upload_becomes_one_object(store: ObjectStore, last: int) -> None:
    data = pattern(10 * MIB + last)
    parts = [data[: 5 * MIB], data[5 * MIB : 10 * MIB], data[10 * MIB :]]
    upload_id = store.begin_upload("large")
    sent = send_parts(store, "large", upload_id, parts)
    assert [(part.number, part.size_bytes) for part in sent] == [(1, 5 * MIB), (2, 5 * MIB), (3, last)]
    assert [part.checksum for part in sent] == [checksum_of(part) for part in parts]
    with pytest.raises(ObjectNotFound):
        store.head("large")
    there = store.uploaded_parts("large", upload_id)
    assert [(part.number, part.etag) for part in there] == [(part.number, part.etag) for part in sent]
    stored = store.finish_upload("large", upload_id, sent)
    assert get(store, "large") == data
    info = store.head("large")
    assert info.etag == stored.etag
    assert stored.checksum == info.checksum == checksum_of(data)
    with pytest.raises(ObjectNotFound):
        store.uploaded_parts("large", upload_id)


def test_parts_may_arrive_in_any_order_and_at_once(store: ObjectStore) -> None:
    data = pattern(15 * MIB + 5)
    pieces = {n: data[(n - 1) * 5 * MIB : n * 5 * MIB] for n in (4, 2, 3, 1)}
    upload_id = store.begin_upload("large")
    with ThreadPoolExecutor(4) as threads:
        sent = list(
            threads.map(lambda n: store.upload_part("large", upload_id, n, memoryview(pieces[n])), pieces)
        )
    store.finish_upload("large", upload_id, sorted(sent, key=lambda part: part.number))
    assert get(store, "large") == data


def test_a_part_sent_again_replaces_the_first(store: ObjectStore) -> None:
    upload_id = store.begin_upload("large")
    first = store.upload_part("large", upload_id, 1, memoryview(pattern(5 * MIB, 1)))
    last = store.upload_part("large", upload_id, 2, memoryview(b"end"))
    again = store.upload_part("large", upload_id, 1, memoryview(pattern(5 * MIB, 2)))
    assert again.etag != first.etag
    # SeaweedFS goes on listing the part that was replaced; what counts is which one becomes the object.
    there = {(part.number, part.etag) for part in store.uploaded_parts("large", upload_id)}
    assert {(1, again.etag), (2, last.etag)} <= there
    store.finish_upload("large", upload_id, [again, last])
    assert get(store, "large") == pattern(5 * MIB, 2) + b"end"


def test_a_part_with_a_wrong_checksum_is_refused(store: ObjectStore) -> None:
    upload_id = store.begin_upload("large")
    with pytest.raises(ChecksumMismatch):
        store.upload_part("large", upload_id, 1, memoryview(b"these"), checksum=checksum_of(b"those"))
    assert store.uploaded_parts("large", upload_id) == ()
    store.abort_upload("large", upload_id)


def test_an_upload_without_the_parts_it_names_is_not_finished(store: ObjectStore) -> None:
    upload_id = store.begin_upload("large")
    part = store.upload_part("large", upload_id, 1, memoryview(b"one"))
    # S3 says what it says of a request that was damaged on the way, so that this may be tried again.
    with pytest.raises((InvalidStoreRequest, StoreUnavailable)):
        store.finish_upload("large", upload_id, [part, type(part)(2, 3, part.etag, part.checksum)])
    with pytest.raises(ObjectNotFound):
        store.head("large")
    store.abort_upload("large", upload_id)


def test_an_aborted_upload_is_gone_and_aborting_again_is_fine(store: ObjectStore) -> None:
    upload_id = store.begin_upload("large")
    sent = send_parts(store, "large", upload_id, [b"one"])
    store.abort_upload("large", upload_id)
    store.abort_upload("large", upload_id)
    with pytest.raises(ObjectNotFound):
        store.uploaded_parts("large", upload_id)
    with pytest.raises(ObjectNotFound):
        store.finish_upload("large", upload_id, sent)


def test_an_upload_of_another_store_is_unknown(store: ObjectStore) -> None:
    with pytest.raises(ObjectNotFound):
        store.uploaded_parts("large", "0" * 32)
    with pytest.raises(ObjectNotFound):
        store.upload_part("large", "0" * 32, 1, memoryview(b"x"))


def test_a_listing_is_in_order_and_can_be_continued(store: ObjectStore) -> None:
    keys = [f"list/{number:03d}" for number in range(25)]
    for key in keys:
        put(store, key, key.encode())
    put(store, "other", b"x")
    seen: list[str] = []
    while page := store.list("list/", after=seen[-1] if seen else "", limit=10):
        assert len(page) <= 10
        seen += [each.key for each in page]
    assert seen == keys
    listed = store.list("list/", limit=1)[0]
    assert (listed.key, listed.size_bytes, listed.etag) == (keys[0], 8, store.head(keys[0]).etag)
    assert store.list("nothing/") in ((), [])


@pytest.mark.parametrize("key", ["p q+r%", "ü/é", "a&b<c>", "x\ty", "+", "%20"])
def test_a_listed_key_is_the_key(store: ObjectStore, key: str) -> None:
    put(store, key, b"")
    assert [each.key for each in store.list("")] == [key]


def test_a_copy_within_the_service_is_the_same_object(pair: Pair) -> None:
    data = pattern(MIB)
    pinned = put(pair.store, "from ü+ %41", data)
    stored = pair.other.copy_from(pair.store, "from ü+ %41", "to/a b", size_bytes=MIB, if_match=pinned.etag)
    assert stored is not None
    assert get(pair.other, "to/a b") == data
    assert pair.other.head("to/a b").etag == stored.etag == pinned.etag
    put(pair.store, "from ü+ %41", b"changed")
    assert get(pair.other, "to/a b") == data


def test_a_copy_over_an_object_replaces_it_and_again_is_harmless(pair: Pair) -> None:
    put(pair.other, "to", b"old")
    put(pair.store, "from", b"new")
    for _ in range(2):
        assert pair.other.copy_from(pair.store, "from", "to", size_bytes=3) is not None
        assert get(pair.other, "to") == b"new"


def test_a_pinned_source_that_changed_is_not_copied(pair: Pair) -> None:
    pinned = put(pair.store, "from", b"before").etag
    put(pair.store, "from", b"after!")
    with pytest.raises(ObjectChanged):
        pair.other.copy_from(pair.store, "from", "to", size_bytes=6, if_match=pinned)
    with pytest.raises(ObjectNotFound):
        pair.other.head("to")


def test_a_missing_source_is_not_found(pair: Pair) -> None:
    with pytest.raises(ObjectNotFound) as caught:
        pair.other.copy_from(pair.store, "missing", "to", size_bytes=6)
    assert "missing" in str(caught.value.key)


def test_a_closed_reader_gives_no_more(store: ObjectStore) -> None:
    put(store, "object", pattern(MIB))
    reader = store.open("object")
    assert reader.readinto(memoryview(bytearray(10))) > 0
    reader.close()
    reader.close()
    assert reader.readinto(memoryview(bytearray(10))) == 0


def test_check_passes_and_leaves_nothing(store: ObjectStore) -> None:
    store.check()
    assert list(store.list("")) == []


def test_many_threads_may_use_one_store(store: ObjectStore) -> None:
    def round_trip(number: int) -> bool:
        data = pattern(2000, number)
        put(store, f"many/{number}", data)
        return get(store, f"many/{number}") == data

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(round_trip, range(64)))
