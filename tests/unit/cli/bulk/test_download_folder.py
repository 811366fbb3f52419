from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from entrepot.cli.bulk.asset_paths import RemoteAsset
from entrepot.cli.bulk.download_folder import ReceivingFolder
from entrepot.cli.bulk.failures import AlreadyRunning, CannotBegin, FolderFull, ItemFailed

Take = Callable[[memoryview], None]


def asset(content: bytes, asset_id: str = "1") -> RemoteAsset:
    return RemoteAsset(asset_id, "name", len(content))


def sender(*parts: bytes) -> Callable[[Take], None]:
    def fetch(take: Take) -> None:
        for part in parts:
            take(memoryview(part))

    return fetch


def leftovers(folder: Path) -> list[Path]:
    return list((folder / ".entrepot-fetch" / "incoming").glob("*"))


def test_a_file_is_there_when_all_of_it_has_come_and_is_known_to_the_next_run(tmp_path: Path) -> None:
    with ReceivingFolder.open(tmp_path / "new") as folder:
        assert not folder.has("a/b", asset(b"12345"))
        folder.receive("a/b", asset(b"12345"), sender(b"123", b"45"))
    assert (tmp_path / "new" / "a" / "b").read_bytes() == b"12345"
    with ReceivingFolder.open(tmp_path / "new") as folder:
        assert folder.has("a/b", asset(b"12345"))
        assert not folder.has("a/b", asset(b"12345", "2"))
        assert not folder.has("a/c", asset(b"12345"))


def test_a_file_that_was_touched_is_compared_and_one_that_was_changed_is_not_taken_for_the_asset(
    tmp_path: Path,
) -> None:
    with ReceivingFolder.open(tmp_path) as folder:
        folder.receive("a", asset(b"12345"), sender(b"12345"))
        os.utime(tmp_path / "a", ns=(1, 1))
        assert folder.has("a", asset(b"12345"))
        (tmp_path / "a").write_bytes(b"54321")
        assert not folder.has("a", asset(b"12345"))
        (tmp_path / "a").write_bytes(b"1234")
        assert not folder.has("a", asset(b"12345"))
        (tmp_path / "a").unlink()
        assert not folder.has("a", asset(b"12345"))


@pytest.mark.parametrize("parts", [(b"123",), (b"123", b"456"), ()])
def test_too_few_or_too_many_bytes_change_nothing(tmp_path: Path, parts: tuple[bytes, ...]) -> None:
    (tmp_path / "a").write_bytes(b"before")
    with ReceivingFolder.open(tmp_path) as folder:
        with pytest.raises(ItemFailed, match="the asset has 5"):
            folder.receive("a", asset(b"12345"), sender(*parts))
        assert leftovers(tmp_path) == []
    assert (tmp_path / "a").read_bytes() == b"before"


def test_a_transfer_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    def fetch(take: Take) -> None:
        take(memoryview(b"12"))
        raise ItemFailed("the network is down")

    with ReceivingFolder.open(tmp_path) as folder:
        with pytest.raises(ItemFailed, match="the network"):
            folder.receive("a", asset(b"12345"), fetch)
        assert leftovers(tmp_path) == []
    assert not (tmp_path / "a").exists()


def test_a_full_disk_is_noticed_once_and_for_all(tmp_path: Path) -> None:
    def fetch(take: Take) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with ReceivingFolder.open(tmp_path) as folder:
        with pytest.raises(FolderFull):
            folder.receive("a", asset(b"12345"), fetch)
        assert folder.is_full
        with pytest.raises(FolderFull):
            folder.receive("b", asset(b"1"), sender(b"1"))
        assert leftovers(tmp_path) == []


def test_what_stands_in_the_way_stays(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_bytes(b"x")
    with ReceivingFolder.open(tmp_path) as folder:
        with pytest.raises(ItemFailed, match="folder"):
            folder.receive("folder", asset(b"1"), sender(b"1"))
        with pytest.raises(ItemFailed, match="file is there"):
            folder.receive("file/below", asset(b"1"), sender(b"1"))
    assert (tmp_path / "file").read_bytes() == b"x"


def test_a_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    integrations = tmp_path / "outside"
    integrations.write_bytes(b"theirs")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a").symlink_to(integrations)
    with ReceivingFolder.open(tmp_path / "in") as folder:
        folder.receive("a", asset(b"ours"), sender(b"ours"))
    assert integrations.read_bytes() == b"theirs"
    assert (tmp_path / "in" / "a").read_bytes() == b"ours"


def test_what_a_killed_run_left_behind_is_cleared_away(tmp_path: Path) -> None:
    incoming = tmp_path / ".entrepot-fetch" / "incoming"
    incoming.mkdir(parents=True)
    (incoming / "half").write_bytes(b"ha")
    ReceivingFolder.open(tmp_path).close()
    assert leftovers(tmp_path) == []


def test_a_record_does_not_grow_for_ever(tmp_path: Path) -> None:
    record = tmp_path / ".entrepot-fetch" / "record.jsonl"
    with ReceivingFolder.open(tmp_path) as folder:
        folder.receive("a", asset(b"1"), sender(b"1"))
    line = record.read_bytes()
    record.write_bytes(1200 * line)
    with ReceivingFolder.open(tmp_path) as folder:
        assert folder.has("a", asset(b"1"))
    assert record.read_bytes() == line


def test_one_run_at_a_time(tmp_path: Path) -> None:
    with ReceivingFolder.open(tmp_path), pytest.raises(AlreadyRunning):
        ReceivingFolder.open(tmp_path)


def test_looking_writes_nothing(tmp_path: Path) -> None:
    assert not ReceivingFolder.look_at(tmp_path / "none").has("a", asset(b"1"))
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_is_no_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(CannotBegin, match="cannot be fetched into"):
        ReceivingFolder.open(tmp_path / "file")
