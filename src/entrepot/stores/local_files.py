"""Files that survive a crash: written under a temporary name, flushed, renamed, and the folder flushed too.

The CRC64NVME and the size of an object lie in an extended attribute of its file. It is written before the
rename, so it comes and goes with the content; hard links share it, because it belongs to the inode. Where the
file system keeps no such attributes, or a backup lost them, the file is read once and the result remembered:
the ETag depends on the content alone, and is the same again.

Keys become paths one to one, inside the root whatever the key says, and equal on every file system:

    assets/0f/0f3a…  →  assets/0f/0f3a….object
    A b//../c        →  %41%20b/%/%2e%2e/c.object

- A segment keeps `a-z 0-9 _ -`; every other byte, capitals and dots included, is `%xx`. So no segment is `.`
  or `..`, none begins with a dot (the store's own folders do), and a file system that ignores case tells all
  apart.
- An empty segment is `%`. The last segment ends in `.object`: `a` and `a/b` may both exist.
- A long segment is cut every 66 bytes, each piece a folder with a `+` behind it: no name exceeds 255 bytes.
"""

from __future__ import annotations

import errno
import os
import shutil
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from entrepot.domain.asset import Checksum
from entrepot.domain.errors import (
    InvalidStoreRequest,
    ObjectNotFound,
    StoreAccessDenied,
    StoreError,
    StoreFull,
    StoreUnavailable,
)
from entrepot.stores.checksum import crc64nvme, crc_value, running_checksum

OBJECT_SUFFIX = ".object"
_PIECE_BYTES = 66
_PLAIN = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789_-")
_NAMES = tuple(chr(byte) if byte in _PLAIN else f"%{byte:02x}" for byte in range(256))


def relative_path(key: bytes) -> str:
    """Where the object with this key lies below the root."""
    return "/".join(_segment_path(segment) for segment in key.split(b"/")) + OBJECT_SUFFIX


def _segment_path(segment: bytes) -> str:
    pieces = []
    while len(segment) >= _PIECE_BYTES:
        pieces.append(_name(segment[:_PIECE_BYTES]) + "+")
        segment = segment[_PIECE_BYTES:]
    pieces.append(_name(segment))
    return "/".join(pieces)


def _name(piece: bytes) -> str:
    return "".join([_NAMES[byte] for byte in piece]) or "%"


def key_of_entry(parent: bytes, name: str, *, is_folder: bool) -> bytes | None:
    """What an entry of a folder stands for: the key of a file, or what the keys in a folder begin with.

    `parent` is that of the folder; None for a file that is no object.
    """
    if is_folder:
        return parent + _bytes_of(name[:-1]) if name.endswith("+") else parent + _bytes_of(name) + b"/"
    if not name.endswith(OBJECT_SUFFIX):
        return None
    return parent + _bytes_of(name.removesuffix(OBJECT_SUFFIX))


def _bytes_of(name: str) -> bytes:
    return b"" if name == "%" else unquote_to_bytes(name)


_ATTRIBUTE = "user.entrepot.object"
_READ_BYTES = 1024 * 1024
_REMEMBERED = 10_000
_FILE_MODE = 0o640


class Content(NamedTuple):
    crc: int
    size_bytes: int

    @property
    def etag(self) -> str:
        """Follows from the content alone; it has a dash, as no MD5 has, so nobody takes it for one."""
        return f"{self.crc:016x}-{self.size_bytes:x}"

    @property
    def checksum(self) -> Checksum:
        return crc64nvme(self.crc)


class Contents:
    """Knows the content of files by their extended attribute, or by having read them. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._read: OrderedDict[tuple[int, int, int, int], int] = OrderedDict()

    def of(self, descriptor: int) -> Content:
        status = os.fstat(descriptor)
        crc = _recorded(descriptor, status.st_size)
        if crc is None:
            identity = (status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size)
            with self._lock:
                crc = self._read.get(identity)
            if crc is None:
                crc = crc_of_range(descriptor, 0, status.st_size)
                with self._lock:
                    self._read[identity] = crc
                    if len(self._read) > _REMEMBERED:
                        self._read.popitem(last=False)
        return Content(crc, status.st_size)

    def record(self, descriptor: int, content: Content) -> None:
        """Notes the content on a file that is complete and not yet visible."""
        if hasattr(os, "setxattr"):
            with suppress(OSError):
                os.setxattr(descriptor, _ATTRIBUTE, f"{content.crc:016x} {content.size_bytes}".encode())
                return
            with suppress(OSError):  # what was noted before is not to vouch for other bytes
                os.removexattr(descriptor, _ATTRIBUTE)
        status = os.fstat(descriptor)
        with self._lock:
            self._read[(status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size)] = content.crc


def _recorded(descriptor: int, size_bytes: int) -> int | None:
    if not hasattr(os, "getxattr"):
        return None
    try:
        crc, size = os.getxattr(descriptor, _ATTRIBUTE).split()
    except (OSError, ValueError):
        return None
    return int(crc, 16) if int(size) == size_bytes else None


def crc_of_range(descriptor: int, offset: int, size_bytes: int) -> int:
    """The CRC64NVME of the bytes that are there, read from the file; of fewer where it ends early."""
    running = running_checksum()
    buffer = memoryview(bytearray(min(_READ_BYTES, size_bytes)))
    position = 0
    while count := os.preadv(descriptor, [buffer[: size_bytes - position]], offset + position):
        running.update(buffer[:count])
        position += count
    return crc_value(running.result())


def create(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _FILE_MODE)


def write_all(descriptor: int, data: memoryview, offset: int) -> None:
    written = 0
    while written < len(data):
        written += os.pwrite(descriptor, data[written:], offset + written)


def flush_folder(folder: Path) -> None:
    """Makes the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class Folders:
    """The folders of a store, and which of them this process knows to be durable. Thread-safe."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._durable: set[Path] = set()

    def make(self, folder: Path) -> None:
        """Creates `folder`, which is the root or below it, and makes its name and those above it durable.

        One that is there already is flushed as well, once: who made it may have died, or may not have got
        that far yet.
        """
        inside = self._root in folder.parents
        try:
            folder.mkdir()
        except FileNotFoundError:
            self.make(folder.parent)
            folder.mkdir(exist_ok=True)
        except FileExistsError:
            if folder in self._durable:
                return
            if inside:
                self.make(folder.parent)
        try:
            flush_folder(folder.parent)
        except PermissionError:  # what is above the root need not be ours to read
            if inside:
                raise
        if len(self._durable) >= _REMEMBERED:
            self._durable.clear()
        self._durable.add(folder)

    def publish(self, temporary: Path, final: Path, before_write: Callable[[], None]) -> None:
        """Gives a flushed file its name, over whatever had it.

        Flushing takes as long as the disk wants, so `before_write` is called when nothing is left but to name
        the file. What it raises is raised.

        Crash: before the rename the old object stands and the temporary file is swept later; after it the new
        one stands, and with the folder's flush it is durable, as all folders above it are.
        """
        if final.parent not in self._durable:
            self.make(final.parent)
        before_write()
        try:
            temporary.rename(final)
        except FileNotFoundError:  # somebody has removed the folder, or the temporary file
            self.make(final.parent)
            before_write()
            temporary.rename(final)
        flush_folder(final.parent)


class DiskReserve:
    """What objects below a folder leave of its disk to the database and everything else. Thread-safe.

    Each process counts what it is writing itself: several may go below by what they write at one moment.
    """

    def __init__(self, root: Path, reserve_bytes: int) -> None:
        self._root = root
        self._reserve_bytes = reserve_bytes
        self._lock = threading.Lock()
        self._being_written_bytes = 0

    def require(self, size_bytes: int, key: str | None = None) -> None:
        """Raises `StoreFull` where so many bytes more would need what is reserved."""
        if self._reserve_bytes == 0:
            return
        folder = next(each for each in (self._root, *self._root.parents) if each.exists())
        free_bytes = shutil.disk_usage(folder).free - self._being_written_bytes
        if free_bytes - size_bytes < self._reserve_bytes:
            raise StoreFull(
                f"The disk of {self._root} has no room for {size_bytes:,} bytes: {max(0, free_bytes):,} are "
                f"free, and {self._reserve_bytes // 1024**2} MiB stay free for the database "
                "(ENTREPOT_DISK_RESERVE_MB). Free some space, or give the exchange another store.",
                key=key,
            )

    @contextmanager
    def room_for(self, size_bytes: int, key: str) -> Iterator[None]:
        """While the block writes so many bytes, nobody else counts on their room. Raises `StoreFull`."""
        with self._lock:
            self.require(size_bytes, key)
            self._being_written_bytes += size_bytes
        try:
            yield
        finally:
            with self._lock:
                self._being_written_bytes -= size_bytes


@contextmanager
def named_errors(action: str, root: Path, key: str | None = None) -> Iterator[None]:
    """Turns errors of the operating system into those of the domain."""
    try:
        yield
    except OSError as error:
        raise _store_error(error, action, root, key) from error


def _store_error(error: OSError, action: str, root: Path, key: str | None) -> StoreError:
    what = f"{action} {key!r} in {root}" if key is not None else f"{action} {root}"
    reason = error.strerror or str(error)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StoreFull(
            f"{what} failed: {reason}. Free space on that file system, or move the store.", key=key
        )
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return StoreAccessDenied(
            f"{what} failed: {reason}. Give the user who runs Entrepot the right to write there.", key=key
        )
    if key is not None and error.errno in (errno.ENOENT, errno.ENOTDIR, errno.EISDIR):
        return ObjectNotFound(f"{what} failed: there is no such object.", key=key)
    if error.errno == errno.ENAMETOOLONG:
        return InvalidStoreRequest(
            f"{what} failed: the path of the file becomes too long. Use a shorter key, or a store with a "
            "shorter path.",
            key=key,
        )
    return StoreUnavailable(f"{what} failed: {reason}. Check that file system.", key=key)
