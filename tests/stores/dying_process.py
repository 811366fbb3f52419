"""A process that dies at its n-th file operation, for every n, and what a later process makes of the rest.

`python -m tests.stores.dying_process <way> <folder>` does it, in a process of its own because it forks. A
death in a write leaves half of it. Whoever comes afterwards must find the old object or the new one, whole
and with a checksum that is that of its bytes, and must be able to go on.
"""

from __future__ import annotations

import os
import shutil
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.stores.objects import get, pattern, put

from entrepot.domain.errors import ObjectNotFound
from entrepot.stores.checksum import checksum_of
from entrepot.stores.local import LocalStore

KEY = "assets/0f/0f3a"
OLD, NEW = b"the old object", pattern(45_000)
_OPERATIONS = (
    "copy_file_range",
    "fsync",
    "ftruncate",
    "link",
    "mkdir",
    "open",
    "pwrite",
    "removexattr",
    "rename",
    "rmdir",
    "setxattr",
    "symlink",
    "unlink",
    "utime",
)
_DIED = 9


def put_new(store: LocalStore, _: Path) -> None:
    put(store, KEY, NEW)


def copy_new(store: LocalStore, _: Path) -> None:
    put(store, "source", NEW)
    store.copy_from(store, "source", KEY, size_bytes=len(NEW))


def upload(store: LocalStore, folder: Path, sizes: tuple[int, ...] = (16_000, 16_000, 13_000)) -> None:
    send_missing(store, _begin(store, folder), sizes)


def upload_of_unequal_parts(store: LocalStore, folder: Path) -> None:
    upload(store, folder, (10_000, 25_000, 0, 10_000))


def upload_of_which_parts_are_sent_twice(store: LocalStore, folder: Path) -> None:
    upload_id = _begin(store, folder)
    for size in (20_000, 16_000):
        store.upload_part(KEY, upload_id, 1, memoryview(bytes(size)))
    send_missing(store, upload_id, (16_000, 16_000, 13_000))


def upload_and_abort(store: LocalStore, folder: Path) -> None:
    upload_id = _begin(store, folder)
    for number, part in enumerate(_parts((16_000,) * 2), 1):
        store.upload_part(KEY, upload_id, number, memoryview(part))
    store.abort_upload(KEY, upload_id)


def sweep_a_stale_upload(store: LocalStore, folder: Path) -> None:
    upload_id = _begin(store, folder)
    for number, part in enumerate(_parts((16_000,) * 2), 1):
        store.upload_part(KEY, upload_id, number, memoryview(part))
    os.utime(folder / "root" / ".uploads" / upload_id, (1, 1))
    store.check()


WAYS = {
    way.__name__: way
    for way in (
        put_new,
        copy_new,
        upload,
        upload_of_unequal_parts,
        upload_of_which_parts_are_sent_twice,
        upload_and_abort,
        sweep_a_stale_upload,
    )
}


def send_missing(
    store: LocalStore, upload_id: str, sizes: tuple[int, ...] = (16_000, 16_000, 13_000)
) -> None:
    """Goes on with an upload as whoever resumes it: what is there counts, the rest is sent."""
    there = {part.number: part for part in store.uploaded_parts(KEY, upload_id)}
    parts = []
    for number, data in enumerate(_parts(sizes), 1):
        sent = there.get(number)
        if sent is None or sent.checksum != checksum_of(data):
            sent = store.upload_part(KEY, upload_id, number, memoryview(data))
        parts.append(sent)
    store.finish_upload(KEY, upload_id, parts)


def _parts(sizes: tuple[int, ...]) -> list[bytes]:
    starts = [sum(sizes[:number]) for number in range(len(sizes))]
    return [NEW[start : start + size] for start, size in zip(starts, sizes, strict=True)]


def _begin(store: LocalStore, folder: Path) -> str:
    upload_id = store.begin_upload(KEY)
    (folder / "upload-id").write_text(upload_id)
    return upload_id


def _die_at(n: int) -> None:
    left = n

    def deadly(name: str, operation: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            nonlocal left
            if name == "open" and not arguments[1] & os.O_CREAT:
                return operation(*arguments, **named)
            left -= 1
            if left == 0:
                if name == "pwrite":
                    operation(arguments[0], arguments[1][: len(arguments[1]) // 2], *arguments[2:])
                os._exit(_DIED)
            return operation(*arguments, **named)

        return call

    for name in _OPERATIONS:
        if hasattr(os, name):
            setattr(os, name, deadly(name, getattr(os, name)))


def _dies(way: Callable[[LocalStore, Path], None], root: Path, folder: Path, n: int) -> bool:
    """Whether the n-th operation came before the end."""
    child = os.fork()
    if child == 0:
        try:
            _die_at(n)
            way(LocalStore(root), folder)
            os._exit(0)
        finally:  # its end must not be that of this process, twice
            traceback.print_exc()
            os._exit(1)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, _DIED), f"the process ended with {code}"
    return code == _DIED


def _require_whole(store: LocalStore, n: int) -> bytes:
    """The object, whose checksum must be that of its bytes; empty where there is none."""
    try:
        data = get(store, KEY)
    except ObjectNotFound:
        return b""
    assert store.head(KEY).checksum == checksum_of(data), f"a checksum of other bytes, after {n}"
    return data


def main(name: str, folder: Path) -> None:
    """Dies at each operation in turn, and prints how often."""
    deaths = 0
    for before in (OLD,) if "upload" in name else (OLD, b""):
        n = 0
        died = True
        while died:
            n += 1
            root = folder / "root"
            shutil.rmtree(root, ignore_errors=True)
            noted = folder / "upload-id"
            noted.unlink(missing_ok=True)
            if before:
                put(LocalStore(root), KEY, before)
            else:
                root.mkdir()
            died = _dies(WAYS[name], root, folder, n)
            deaths += died
            store = LocalStore(root)
            assert _require_whole(store, n) in (before, NEW), f"{name} died at {n}: torn"
            if noted.exists():
                upload_id = noted.read_text()
                try:
                    send_missing(store, upload_id)
                except ObjectNotFound:
                    if _require_whole(store, n) != NEW:
                        send_missing(store, store.begin_upload(KEY))
            else:
                put(store, KEY, NEW)
            assert _require_whole(LocalStore(root), n) == NEW, f"{name} died at {n}: resumed to other bytes"
    sys.stdout.write(str(deaths))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
