"""What only the local store has: files, their durability and their names."""

from __future__ import annotations

import errno
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Never

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.stores.objects import MIB, get, pattern, put, send_parts

from entrepot.domain.errors import (
    EncryptionNotApplied,
    InvalidStoreRequest,
    ObjectNotFound,
    StoreAccessDenied,
    StoreFull,
    StoreUnavailable,
)
from entrepot.domain.job import Encryption
from entrepot.stores.checksum import checksum_of
from entrepot.stores.local import LocalReader, LocalStore
from entrepot.stores.local_files import DiskReserve, key_of_entry, relative_path

keys = st.text(st.characters(codec="utf-8"), min_size=1).filter(lambda key: len(key.encode()) <= 1024)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "root"


@pytest.fixture
def store(root: Path) -> LocalStore:
    return LocalStore(root)


def files_below(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir())


def test_a_key_of_the_exchange_is_a_path_a_person_can_read() -> None:
    assert relative_path(b"assets/0f/0f3a") == "assets/0f/0f3a.object"
    assert relative_path(b"A b//../c") == "%41%20b/%/%2e%2e/c.object"


@given(keys)
def test_no_key_leaves_the_root_or_needs_a_name_too_long(key: str) -> None:
    path = relative_path(key.encode())
    segments = path.split("/")
    assert all(0 < len(segment) <= 255 and not segment.startswith(".") for segment in segments)
    assert os.path.normpath(path) == path
    assert "\0" not in path
    assert path == path.lower()


@given(keys)
def test_every_path_leads_back_to_its_key(key: str) -> None:
    *folders, name = relative_path(key.encode()).split("/")
    begun = b""
    for folder in folders:
        inner = key_of_entry(begun, folder, is_folder=True)
        assert inner is not None
        begun = inner
    assert key_of_entry(begun, name, is_folder=False) == key.encode()


@given(st.lists(keys, max_size=8, unique=True), st.text(max_size=3), st.text(max_size=3))
def test_a_listing_is_what_sorting_the_keys_gives(
    tmp_path_factory: pytest.TempPathFactory, names: list[str], prefix: str, after: str
) -> None:
    store = LocalStore(tmp_path_factory.mktemp("root"))
    for name in names:
        path = store.path_of(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    expected = sorted(
        (
            name
            for name in names
            if name.startswith(prefix) and name.encode() > after.encode(errors="replace")
        ),
        key=str.encode,
    )
    assert [each.key for each in store.list(prefix, after=after)] == expected
    assert [each.key for each in store.list(prefix, after=after, limit=2)] == expected[:2]


def test_objects_keep_their_etags_in_another_process(store: LocalStore, root: Path) -> None:
    stored = put(store, "object", b"bytes")
    assert LocalStore(root).head("object").etag == stored.etag


def test_a_backup_that_lost_the_attributes_keeps_the_etags(store: LocalStore, root: Path) -> None:
    stored = put(store, "object", pattern(3 * MIB))
    copy = root.parent / "restored" / "object.object"
    copy.parent.mkdir()
    copy.write_bytes(store.path_of("object").read_bytes())
    restored = LocalStore(copy.parent)
    assert restored.head("object").etag == restored.head("object").etag == stored.etag
    assert restored.head("object").checksum == checksum_of(pattern(3 * MIB))


def test_a_copy_is_a_hard_link_with_the_same_etag(store: LocalStore, root: Path) -> None:
    stored = put(store, "from", b"bytes")
    other = LocalStore(root.parent / "other")
    copied = other.copy_from(store, "from", "a/to", size_bytes=5, if_match=stored.etag)
    assert copied is not None
    assert copied.etag == stored.etag
    assert other.path_of("a/to").samefile(store.path_of("from"))
    again = other.copy_from(store, "from", "a/to", size_bytes=5)
    assert again == copied
    assert files_below(root.parent / "other") == ["a/to.object"]


def test_a_copy_onto_another_file_system_is_left_to_streaming(
    store: LocalStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(store, "from", b"bytes")
    monkeypatch.setattr(os, "link", failing(errno.EXDEV))
    assert store.copy_from(store, "from", "to", size_bytes=5) is None
    assert files_below(root) == ["from.object"]


def test_writing_leaves_only_the_object(store: LocalStore, root: Path) -> None:
    put(store, "a/object", b"bytes")
    upload_id = store.begin_upload("large")
    store.finish_upload("large", upload_id, send_parts(store, "large", upload_id, [b"12345", b"67890", b"1"]))
    store.abort_upload("other", store.begin_upload("other"))
    assert files_below(root) == ["a/object.object", "large.object"]


@pytest.mark.parametrize(
    "parts",
    [
        [b"123", b"45678", b"9"],
        [b"12345", b"6", b"789"],
        [b"12345", b"6789012345"],
        [b"1234", b"", b"5678"],
        [b""],
        [b"1"],
    ],
    ids=lambda parts: "-".join(str(len(part)) for part in parts),
)
def test_parts_of_any_sizes_are_joined(store: LocalStore, root: Path, parts: list[bytes]) -> None:
    upload_id = store.begin_upload("object")
    stored = store.finish_upload("object", upload_id, send_parts(store, "object", upload_id, parts))
    assert get(store, "object") == b"".join(parts)
    assert stored == put(store, "again", b"".join(parts))
    assert files_below(root) == ["again.object", "object.object"]


def test_parts_may_leave_out_numbers(store: LocalStore) -> None:
    upload_id = store.begin_upload("object")
    sent = [store.upload_part("object", upload_id, number, memoryview(b"abc")) for number in (9, 3, 5)]
    store.finish_upload("object", upload_id, sorted(sent, key=lambda part: part.number))
    assert get(store, "object") == b"abc" * 3


def test_an_upload_goes_on_in_another_process(store: LocalStore, root: Path) -> None:
    upload_id = store.begin_upload("object")
    first = store.upload_part("object", upload_id, 1, memoryview(b"first,"))
    other = LocalStore(root)
    assert other.uploaded_parts("object", upload_id) == (first,)
    second = other.upload_part("object", upload_id, 2, memoryview(b"second"))
    other.finish_upload("object", upload_id, [first, second])
    assert get(store, "object") == b"first,second"


def test_a_finished_upload_whose_folder_was_left_is_not_found(store: LocalStore, root: Path) -> None:
    upload_id = store.begin_upload("object")
    sent = send_parts(store, "object", upload_id, [b"bytes"])
    (root / ".uploads" / upload_id / "data").rename(store.path_of("object"))
    with pytest.raises(ObjectNotFound):
        store.finish_upload("object", upload_id, sent)


@pytest.mark.parametrize("upload_id", ["../..", "..", ".", "", "/etc", "x" * 32, "0" * 31 + "/"])
def test_an_upload_id_cannot_name_another_folder(store: LocalStore, root: Path, upload_id: str) -> None:
    put(store, "object", b"x")
    store.abort_upload("object", upload_id)
    with pytest.raises(ObjectNotFound):
        store.uploaded_parts("object", upload_id)
    assert get(store, "object") == b"x"


def test_an_upload_belongs_to_its_key(store: LocalStore) -> None:
    upload_id = store.begin_upload("object")
    with pytest.raises(ObjectNotFound):
        store.upload_part("other", upload_id, 1, memoryview(b"x"))


def test_check_sweeps_what_the_dead_left_and_nothing_else(store: LocalStore, root: Path) -> None:
    put(store, "object", b"x")
    upload_id, stale_id = store.begin_upload("large"), store.begin_upload("old")
    living, dead = root / ".temporary" / "living", root / ".temporary" / "dead"
    living.write_bytes(b"x")
    dead.write_bytes(b"x")
    os.utime(dead, (1_000_000_000, 1_000_000_000))
    os.utime(root / ".uploads" / stale_id, (1_000_000_000, 1_000_000_000))
    store.check()
    assert sorted(path.name for path in (root / ".temporary").iterdir()) == ["living"]
    assert sorted(path.name for path in (root / ".uploads").iterdir()) == [upload_id]
    assert get(store, "object") == b"x"


def test_check_sweeps_what_is_left_of_an_upload_sooner_than_an_upload(store: LocalStore, root: Path) -> None:
    left, whole = store.begin_upload("one"), store.begin_upload("two")
    (root / ".uploads" / left / "data").unlink()
    two_hours_ago = time.time() - 2 * 60 * 60
    for name in (left, whole):
        os.utime(root / ".uploads" / name, (two_hours_ago, two_hours_ago))
    store.check()
    assert [path.name for path in (root / ".uploads").iterdir()] == [whole]


@pytest.mark.parametrize("folder", [".temporary", ".uploads", "a", "."])
def test_a_folder_that_somebody_removed_is_made_again(store: LocalStore, root: Path, folder: str) -> None:
    for _ in range(2):
        stored = put(store, "a/object", b"bytes")
        assert store.copy_from(store, "a/object", "a/copy", size_bytes=5) == stored
        upload_id = store.begin_upload("a/large")
        store.finish_upload("a/large", upload_id, send_parts(store, "a/large", upload_id, [b"bytes"]))
        assert get(store, "a/large") == b"bytes"
        shutil.rmtree(root / folder)


def test_a_directory_does_not_encrypt_and_says_so(store: LocalStore, root: Path) -> None:
    with pytest.raises(EncryptionNotApplied, match=str(root)):
        store.put("object", memoryview(b"x"), 1, encryption=Encryption("AES256"))
    with pytest.raises(EncryptionNotApplied):
        store.begin_upload("object", encryption=Encryption("AES256"))


def test_a_read_goes_on_after_the_key_was_deleted(store: LocalStore) -> None:
    put(store, "object", pattern(MIB))
    reader = store.open("object")
    store.delete("object")
    taken = bytearray()
    buffer = memoryview(bytearray(10_000))
    while count := reader.readinto(buffer):
        taken += buffer[:count]
    reader.close()
    assert taken == pattern(MIB)


def test_a_file_that_was_cut_short_is_not_read_as_if_whole(store: LocalStore) -> None:
    put(store, "object", pattern(1000))
    with store.open("object") as reader:
        os.truncate(store.path_of("object"), 500)
        buffer = memoryview(bytearray(400))
        assert reader.readinto(buffer) == 400
        assert reader.readinto(buffer) == 100
        with pytest.raises(StoreUnavailable):
            reader.readinto(buffer)


def test_the_kernel_can_send_what_a_reader_opened(store: LocalStore) -> None:
    put(store, "object", b"0123456789")
    with store.open("object", offset=3, length=4) as reader:
        assert isinstance(reader, LocalReader)
        assert os.pread(reader.fileno(), reader.size_bytes, reader.offset) == b"3456"
    with pytest.raises(ValueError, match="closed"):
        reader.fileno()


def test_a_place_that_cannot_be_a_store_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreUnavailable, match="file/root"):
        LocalStore(tmp_path / "file" / "root").check()


@pytest.mark.parametrize("call", ["pwrite", "fsync", "link"])
def test_a_full_disk_is_a_full_store_and_leaves_no_trace(
    store: LocalStore, root: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    put(store, "object", b"before")
    with monkeypatch.context() as patch:
        patch.setattr(os, call, failing(errno.ENOSPC))
        if call == "link":
            assert store.copy_from(store, "object", "copy", size_bytes=6) is None
        else:
            with pytest.raises(StoreFull, match="Free space"):
                put(store, "object", b"after!")
            with pytest.raises(StoreFull):
                store.check()
    assert files_below(root) == ["object.object"]
    assert get(store, "object") == b"before"


@pytest.mark.parametrize("way", ["put", "part"])
def test_objects_leave_the_reserve_of_the_disk_to_everything_else(
    root: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    usage = shutil.disk_usage(root.parent)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=10 * MIB))
    store = LocalStore(root, reserve_bytes=9 * MIB)

    def write(content: bytes) -> None:
        if way == "put":
            put(store, "object", content)
        else:
            store.upload_part("object", upload_id, 1, memoryview(content))

    upload_id = store.begin_upload("object")
    write(pattern(MIB))
    with pytest.raises(StoreFull, match=f"disk of {root} has no room.*10,485,760 are free, and 9 MiB stay"):
        write(pattern(MIB + 1))
    store.require_room(MIB)
    with pytest.raises(StoreFull, match="ENTREPOT_DISK_RESERVE_MB"):
        store.require_room(MIB + 1)
    store.check()


def test_what_is_being_written_counts_against_what_the_disk_has_left(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(root.parent)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=10 * MIB))
    reserve = DiskReserve(root, 8 * MIB)
    with reserve.room_for(MIB, "one"):
        reserve.require(MIB)
        with pytest.raises(StoreFull), reserve.room_for(MIB + 1, "two"):
            pass
    reserve.require(2 * MIB)


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS])
def test_a_place_that_may_not_be_written_is_denied(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    put(store, "object", b"before")
    monkeypatch.setattr(os, "open", failing(number))
    with pytest.raises(StoreAccessDenied, match="right to write"):
        put(store, "object", b"after!")
    with pytest.raises(StoreAccessDenied):
        store.check()


def failing(number: int) -> Callable[..., Never]:
    """A system call that fails with this error."""

    def fail(*_: object, **__: object) -> Never:
        raise OSError(number, os.strerror(number))

    return fail


def test_a_key_with_a_path_too_long_for_the_system_is_refused(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["d" * 200] * 17)
    with pytest.raises(InvalidStoreRequest):
        LocalStore(deep).head("x" * 1024)


def test_it_is_asked_whether_it_may_write_when_nothing_is_left_but_to_name_the_file(root: Path) -> None:
    """Flushing a folder takes as long as the disk wants."""
    folders: list[bool] = []
    store = LocalStore(root, before_write=lambda: folders.append((root / "a" / "b").is_dir()))
    put(store, "a/b/c", b"bytes")
    assert folders == [True]
