"""What a writer leaves that is killed: the old object or the new one, and uploads to go on with."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.stores.dying_process import WAYS
from tests.stores.objects import get, pattern, put, send_parts

from entrepot.domain.errors import ObjectNotFound, StoreError, StoreUnavailable
from entrepot.domain.job import UploadedPart
from entrepot.stores.checksum import checksum_of
from entrepot.stores.local import LocalStore

_WRITER = """
import sys
from pathlib import Path
from entrepot.stores.local import LocalStore

store = LocalStore(Path(sys.argv[1]))
for number in range(1, 1000):
    data = bytes([number % 256]) * 2_000_000
    if sys.argv[2] == "put":
        store.put("object", memoryview(data), len(data))
    else:
        upload_id = store.begin_upload("object")
        print(upload_id, flush=True)
        view = memoryview(data)
        parts = [store.upload_part("object", upload_id, n + 1, view[n * 10**6 :][: 10**6]) for n in (0, 1)]
        store.finish_upload("object", upload_id, parts)
    print("stored", flush=True)
"""


@pytest.mark.parametrize("way", ["put", "upload"])
@pytest.mark.parametrize("lines", [1, 4, 7])
def test_a_killed_writer_leaves_a_whole_object(tmp_path: Path, way: str, lines: int) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(tmp_path / "root"), way], stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        seen = [writer.stdout.readline().strip() for _ in range(lines)]
        writer.kill()
    store = LocalStore(tmp_path / "root")
    try:
        data = get(store, "object")
    except ObjectNotFound:
        assert "stored" not in seen
        return
    assert data == data[:1] * 2_000_000
    assert store.head("object").checksum == checksum_of(data)


def test_an_upload_whose_writer_was_killed_is_finished_by_another(tmp_path: Path) -> None:
    waiting = "print('sent', flush=True); sys.stdin.read(); store.finish_upload"
    code = _WRITER.replace("store.finish_upload", waiting)
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "root"), "upload"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as writer:
        assert writer.stdout is not None
        upload_id, sent = writer.stdout.readline().strip(), writer.stdout.readline().strip()
        writer.kill()
    assert sent == "sent"
    store = LocalStore(tmp_path / "root")
    with pytest.raises(ObjectNotFound):
        store.head("object")
    parts = store.uploaded_parts("object", upload_id)
    assert [part.size_bytes for part in parts] == [10**6, 10**6]
    store.finish_upload("object", upload_id, parts)
    assert get(store, "object") == b"\1" * (2 * 10**6)


@pytest.mark.parametrize("way", WAYS)
def test_a_process_that_dies_between_any_two_file_operations_leaves_right_bytes(
    tmp_path: Path, way: str
) -> None:
    finished = subprocess.run(
        [sys.executable, "-m", "tests.stores.dying_process", way, str(tmp_path)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    assert int(finished.stdout) > 15


PARTS = [pattern(1000, seed) for seed in (1, 2, 3)]


@pytest.fixture
def begun(tmp_path: Path) -> tuple[Path, str, list[UploadedPart]]:
    """The root of a store with an upload of three parts, as a process left it that is gone."""
    store = LocalStore(tmp_path / "root")
    put(store, "object", b"the old object")
    upload_id = store.begin_upload("object")
    return tmp_path / "root", upload_id, send_parts(store, "object", upload_id, PARTS)


@pytest.mark.parametrize("lost", [[], ["part-1"], ["part-2", "part-3"], ["slot"], ["part-1", "slot"]])
def test_what_is_left_of_a_finished_upload_is_no_upload(
    begun: tuple[Path, str, list[UploadedPart]], lost: list[str]
) -> None:
    root, upload_id, sent = begun
    folder, store = root / ".uploads" / upload_id, LocalStore(root)
    (folder / "data").unlink()
    for name in lost:
        (folder / name).unlink()
    with pytest.raises(ObjectNotFound):
        store.uploaded_parts("object", upload_id)
    with pytest.raises(ObjectNotFound):
        store.upload_part("object", upload_id, 1, memoryview(PARTS[0]))
    with pytest.raises(ObjectNotFound):
        store.finish_upload("object", upload_id, sent)
    store.abort_upload("object", upload_id)
    assert get(store, "object") == b"the old object"


@pytest.mark.parametrize(("left", "there"), [(0, 0), (999, 0), (1000, 1), (2500, 2), (3000, 3)])
def test_a_part_without_its_data_is_no_part(
    begun: tuple[Path, str, list[UploadedPart]], left: int, there: int
) -> None:
    root, upload_id, sent = begun
    os.truncate(root / ".uploads" / upload_id / "data", left)
    store = LocalStore(root)
    assert store.uploaded_parts("object", upload_id) == tuple(sent[:there])
    for part in sent[there:]:
        store.upload_part("object", upload_id, part.number, memoryview(PARTS[part.number - 1]))
    store.finish_upload("object", upload_id, sent)
    assert get(store, "object") == b"".join(PARTS)


@pytest.mark.parametrize("name", ["odd-1", "odd-3"])
def test_a_part_of_another_size_without_its_data_is_no_part(tmp_path: Path, name: str) -> None:
    store = LocalStore(tmp_path / "root")
    upload_id = store.begin_upload("object")
    sent = [store.upload_part("object", upload_id, 2, memoryview(b"abc"))]
    sent += [store.upload_part("object", upload_id, number, memoryview(b"longer")) for number in (1, 3)]
    (tmp_path / "root" / ".uploads" / upload_id / name).unlink()
    there = [part.number for part in store.uploaded_parts("object", upload_id)]
    assert there == [number for number in (1, 2, 3) if name != f"odd-{number}"]


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_part_that_holds_other_bytes_ends_the_upload_and_not_in_the_object(
    begun: tuple[Path, str, list[UploadedPart]], number: int
) -> None:
    root, upload_id, sent = begun
    with (root / ".uploads" / upload_id / "data").open("r+b") as data:
        data.seek((number - 1) * 1000 + 500)
        data.write(b"\0")
    store = LocalStore(root)
    with pytest.raises(ObjectNotFound, match=f"Part {number} .* Begin another"):
        store.finish_upload("object", upload_id, sent)
    with pytest.raises(ObjectNotFound):
        store.uploaded_parts("object", upload_id)
    assert get(store, "object") == b"the old object"


def test_who_may_no_longer_write_when_all_parts_are_read_publishes_nothing(
    begun: tuple[Path, str, list[UploadedPart]],
) -> None:
    root, upload_id, sent = begun
    asked = 0

    def once() -> None:
        nonlocal asked
        asked += 1
        if asked > 1:
            raise PermissionError("it has lost the job")

    with pytest.raises(StoreError):
        LocalStore(root, before_write=once).finish_upload("object", upload_id, sent)
    assert get(LocalStore(root), "object") == b"the old object"
    LocalStore(root).finish_upload("object", upload_id, sent)
    assert get(LocalStore(root), "object") == b"".join(PARTS)


def test_a_part_that_two_send_at_once_with_other_bytes_is_taken_of_neither(
    begun: tuple[Path, str, list[UploadedPart]], monkeypatch: pytest.MonkeyPatch
) -> None:
    root, upload_id, _ = begun
    store, other = LocalStore(root), LocalStore(root)
    write, mine, theirs = os.pwrite, pattern(1000, 8), pattern(1000, 9)

    def write_while_another_does(descriptor: int, data: memoryview, offset: int) -> int:
        monkeypatch.setattr(os, "pwrite", write)
        other.upload_part("object", upload_id, 2, memoryview(theirs))
        return write(descriptor, data, offset)

    monkeypatch.setattr(os, "pwrite", write_while_another_does)
    with pytest.raises(StoreUnavailable, match="sent twice at once"):
        store.upload_part("object", upload_id, 2, memoryview(mine))
    assert [part.number for part in store.uploaded_parts("object", upload_id)] == [1, 3]


class Disk:
    """Which names, and which files, a loss of power would take."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.unflushed: set[Path] = set()
        self._dirty: set[int] = set()
        self._patch = patch
        for name, seen in (
            ("mkdir", lambda path, *_: self.unflushed.add(Path(path))),
            ("symlink", lambda _, path, *__: self.unflushed.add(Path(path))),
            ("link", lambda _, path, *__: self.unflushed.add(Path(path))),
            ("open", self._opened),
            ("pwrite", lambda descriptor, *_: self._dirty.add(os.fstat(descriptor).st_ino)),
            ("fsync", self._flushed),
            ("rename", self._renamed),
        ):
            self._watch(name, seen)

    def _watch(self, name: str, seen: Callable[..., object]) -> None:
        operation = getattr(os, name)

        def call(*arguments: Any, **named: Any) -> Any:
            result = operation(*arguments, **named)
            seen(*arguments)
            return result

        self._patch.setattr(os, name, call)

    def _opened(self, path: str | Path, flags: int, *_: object) -> None:
        if flags & os.O_CREAT:
            self.unflushed.add(Path(path))

    def _flushed(self, descriptor: int) -> None:
        status = os.fstat(descriptor)
        self._dirty.discard(status.st_ino)
        self.unflushed = {
            path
            for path in self.unflushed
            if not path.parent.exists() or not os.path.samestat(path.parent.stat(), status)
        }

    def _renamed(self, source: str | Path, target: str | Path) -> None:
        assert Path(target).stat().st_ino not in self._dirty, "named before its bytes were flushed"
        self.unflushed.discard(Path(source))
        self.unflushed.add(Path(target))


@pytest.mark.parametrize("made_by_the_dead", [False, True])
@pytest.mark.parametrize("way", ["put", "copy", "upload", "parts"])
def test_what_is_stored_is_there_after_a_loss_of_power_and_so_is_every_folder_above_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str, made_by_the_dead: bool
) -> None:
    root = tmp_path / "data" / "root"
    if made_by_the_dead:
        root.parent.mkdir()
    disk = Disk(monkeypatch)
    store = LocalStore(root)
    if made_by_the_dead:
        (root / "a" / "b").mkdir(parents=True)
        (root / ".uploads").mkdir()
        (root / ".temporary").mkdir()
    if way in ("put", "copy"):
        put(store, "a/b/object" if way == "put" else "source", b"bytes")
    if way == "copy":
        store.copy_from(store, "source", "a/b/object", size_bytes=5)
    expected = store.path_of("a/b/object")
    if way in ("upload", "parts"):
        upload_id = store.begin_upload("a/b/object")
        sent = send_parts(store, "a/b/object", upload_id, PARTS)
        expected = root / ".uploads" / upload_id / "part-3"
    if way == "upload":
        store.finish_upload("a/b/object", upload_id, sent)
        expected = store.path_of("a/b/object")
    assert not disk.unflushed & {expected, *expected.parents, expected.parent / "data"}
