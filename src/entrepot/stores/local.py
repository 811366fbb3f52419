"""A directory as an object store.

    <root>/assets/0f/0f3a….object    objects, see `local_files`
    <root>/.temporary/               files being written
    <root>/.uploads/                 multipart uploads, see `local_uploads`

Everything lies in one file system, so that a rename makes an object visible whole. A file never changes
once it is visible: a copy inside the store is a hard link. ETags follow from the content, see `local_files`.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from entrepot.domain.asset import Checksum
from entrepot.domain.errors import (
    EncryptionNotApplied,
    InvalidStoreRequest,
    ObjectChanged,
    ObjectNotFound,
    StoreUnavailable,
)
from entrepot.domain.job import Encryption, UploadedPart
from entrepot.domain.object_headers import NO_HEADERS, ObjectHeaders
from entrepot.stores import local_uploads
from entrepot.stores.checksum import CRC64NVME, crc_value, running_checksum
from entrepot.stores.local_files import (
    Content,
    Contents,
    DiskReserve,
    Folders,
    create,
    key_of_entry,
    named_errors,
    relative_path,
    write_all,
)
from entrepot.stores.local_uploads import LocalUploads, require_same
from entrepot.stores.store import (
    BeforeWrite,
    CopyWatch,
    ListedObject,
    ObjectInfo,
    ObjectStore,
    Reader,
    Stored,
    key_bytes,
)

_TEMPORARY = ".temporary"
_BUFFER_BYTES = 1024 * 1024
_STALE_TEMPORARY_SECONDS = 60 * 60
"""Whoever still writes a file has written to it within the hour: every silence is cut off sooner."""
_STALE_UPLOAD_SECONDS = 7 * 24 * 60 * 60
"""No job runs as long as that."""


class LocalStore:
    """Objects below `root`, which is made at the first use. Several processes may share it."""

    def __init__(
        self, root: Path, *, before_write: BeforeWrite | None = None, reserve_bytes: int = 0
    ) -> None:
        """Objects leave `reserve_bytes` of the disk to everything else."""
        self._root = root.absolute()
        self._reserve = DiskReserve(self._root, reserve_bytes)
        self._before_write = before_write
        self._contents = Contents()
        self._folders = Folders(self._root)
        self._uploads = LocalUploads(self._root, self._contents, self._folders)

    @property
    def bucket(self) -> None:
        return

    @property
    def is_private_on_the_way(self) -> bool:
        return True

    def require_room(self, size_bytes: int) -> None:
        with named_errors("Making room in", self._root):
            self._reserve.require(size_bytes)

    def replacing(self, etag: str) -> LocalStore:
        """A directory does not compare."""
        return self

    def head(self, key: str) -> ObjectInfo:
        """Size, ETag and CRC64NVME, without reading the file."""
        with named_errors("Looking for", self._root, key):
            descriptor = self._open(key)
            try:
                content = self._contents.of(descriptor)
            finally:
                os.close(descriptor)
        return ObjectInfo(content.size_bytes, content.etag, content.checksum, None, NO_HEADERS)

    def open(
        self, key: str, *, offset: int = 0, length: int | None = None, if_match: str | None = None
    ) -> Reader:
        """Opens the file; what is read is the object as it was now, whatever happens to the key."""
        with named_errors("Opening", self._root, key):
            descriptor = self._open(key)
            try:
                content = self._contents.of(descriptor)
                self._require_match(key, content, if_match)
                size = content.size_bytes - offset if length is None else length
                starts_inside = offset < content.size_bytes or offset == 0 or length == 0
                if size < 0 or offset + size > content.size_bytes or not starts_inside:
                    raise self._outside(key, offset, size, content)  # noqa: TRY301 - the file is to be closed
                return LocalReader(descriptor, offset, size, content.etag, f"{key!r} in {self._root}")
            except BaseException:
                os.close(descriptor)
                raise

    def put(
        self,
        key: str,
        body: memoryview | Reader,
        size_bytes: int,
        *,
        encryption: Encryption | None = None,
        checksum: Checksum | None = None,
        headers: ObjectHeaders = NO_HEADERS,
    ) -> Stored:
        """Writes a temporary file, flushes it, renames it, flushes the folder.

        Crash: the key holds the old object or the new one; at most a temporary file is left, which `check`
        sweeps. Raises `EncryptionNotApplied` where encryption is asked for: a directory has none.
        """
        self._refuse_encryption(key, encryption)
        final = self._path(key)
        with named_errors("Writing", self._root, key), self._reserve.room_for(size_bytes, key):
            temporary, descriptor = self._create_temporary()
            try:
                try:
                    content = _fill(descriptor, body, key, checksum)
                    if content.size_bytes != (len(body) if isinstance(body, memoryview) else size_bytes):
                        raise StoreUnavailable(
                            f"Writing {key!r} ended after {content.size_bytes:,} of {size_bytes:,} bytes: "
                            "the source ended early. Try again.",
                            key=key,
                        )
                    self._contents.record(descriptor, content)
                    os.fsync(descriptor)
                finally:
                    os.close(descriptor)
                self._folders.publish(temporary, final, self._require_leave)
            except BaseException:
                temporary.unlink(missing_ok=True)
                raise
        return Stored(content.etag, content.checksum, None)

    def begin_upload(
        self, key: str, *, encryption: Encryption | None = None, headers: ObjectHeaders = NO_HEADERS
    ) -> str:
        """Makes the folder of the upload, durably."""
        self._refuse_encryption(key, encryption)
        self._require_leave()
        key_bytes(key)
        with named_errors("Beginning an upload of", self._root, key):
            self._make_own_folders()
            return self._uploads.begin(key)

    def upload_part(
        self, key: str, upload_id: str, number: int, data: memoryview, *, checksum: Checksum | None = None
    ) -> UploadedPart:
        self._require_leave()
        with named_errors("Writing a part of", self._root, key), self._reserve.room_for(len(data), key):
            return self._uploads.write_part(key, upload_id, number, data, checksum)

    def finish_upload(self, key: str, upload_id: str, parts: Sequence[UploadedPart]) -> Stored:
        """Makes the parts the object: a rename where they have one size, else a copy inside the kernel.

        Crash: see `LocalUploads.finish`.
        """
        self._require_leave()
        with named_errors("Finishing the upload of", self._root, key):
            content = self._uploads.finish(key, upload_id, parts, self._path(key), self._require_leave)
        return Stored(content.etag, content.checksum, None)

    def abort_upload(self, key: str, upload_id: str) -> None:
        self._require_leave()
        with named_errors("Aborting the upload of", self._root, key):
            self._uploads.abort(key, upload_id)

    def uploaded_parts(self, key: str, upload_id: str) -> tuple[UploadedPart, ...]:
        with named_errors("Listing the parts of", self._root, key):
            return self._uploads.parts(key, upload_id)

    def unfinished_uploads(self, prefix: str) -> Sequence[tuple[str, str]]:
        """None: `check` clears away what was left."""
        return ()

    def part_sizes(
        self, key: str, etag: str, size_bytes: int, *, each: bool = False
    ) -> tuple[int, ...] | None:
        """Always None: objects of a folder have a checksum."""
        return None

    def copy_from(  # noqa: PLR0913 - one for each thing that a copy may have
        self,
        source: ObjectStore,
        source_key: str,
        key: str,
        *,
        size_bytes: int,
        if_match: str | None = None,
        encryption: Encryption | None = None,
        watch: CopyWatch | None = None,
        headers: ObjectHeaders | None = None,
    ) -> Stored | None:
        """A hard link, at once whatever the size; None unless both stores are in one file system.

        Crash: as for `put`.
        """
        if not isinstance(source, LocalStore):
            return None
        self._refuse_encryption(key, encryption)
        origin, final = source.path_of(source_key), self._path(key)
        with named_errors("Copying to", self._root, key):
            self._make_own_folders()
            temporary = self._temporary_name()
            try:
                try:
                    temporary.hardlink_to(origin)
                except FileNotFoundError as error:
                    raise ObjectNotFound(
                        f"Copying {source_key!r} to {key!r} in {self._root} failed: there is no such object.",
                        key=source_key,
                    ) from error
                except OSError:  # another file system, or one without links: the caller streams
                    return None
                descriptor = os.open(temporary, os.O_RDONLY | os.O_CLOEXEC)
                try:
                    content = self._contents.of(descriptor)
                finally:
                    os.close(descriptor)
                self._require_match(source_key, content, if_match)
                self._folders.publish(temporary, final, self._require_leave)
            finally:
                # A rename between two names of one file does nothing and leaves both.
                temporary.unlink(missing_ok=True)
        return Stored(content.etag, content.checksum, None)

    def delete(self, key: str) -> None:
        """Removes the file; not flushed, since an object that comes back after a crash does no harm."""
        self._require_leave()
        with named_errors("Deleting", self._root, key), suppress(FileNotFoundError, NotADirectoryError):
            self._path(key).unlink()

    def list(self, prefix: str, *, after: str = "", limit: int = 1000) -> Sequence[ListedObject]:
        """Walks the folders in order; opens only files that are listed."""
        found: list[ListedObject] = []
        with named_errors("Listing", self._root):
            for key, path in self._walk(self._root, b"", prefix.encode(), after.encode()):
                if len(found) == limit:
                    break
                try:
                    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
                except FileNotFoundError:  # deleted meanwhile
                    continue
                try:
                    content = self._contents.of(descriptor)
                finally:
                    os.close(descriptor)
                found.append(ListedObject(key.decode(), content.size_bytes, content.etag))
        return found

    def check(self) -> None:
        """Writes, flushes and removes a file, and sweeps what dead processes left behind."""
        with named_errors("Writing to", self._root):
            temporary, descriptor = self._create_temporary()
            try:
                write_all(descriptor, memoryview(b"Entrepot can write here."), 0)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
                temporary.unlink(missing_ok=True)
            self._sweep()

    def path_of(self, key: str) -> Path:
        """The file of the object, whether or not it exists; nobody may write to it."""
        return self._path(key)

    def _path(self, key: str) -> Path:
        return self._root / relative_path(key_bytes(key))

    def _open(self, key: str) -> int:
        return os.open(self._path(key), os.O_RDONLY | os.O_CLOEXEC)

    def _require_leave(self) -> None:
        if self._before_write is not None:
            self._before_write()

    def _make_own_folders(self) -> None:
        for name in (_TEMPORARY, local_uploads.FOLDER):
            self._folders.make(self._root / name)

    def _temporary_name(self) -> Path:
        return self._root / _TEMPORARY / secrets.token_hex(12)

    def _create_temporary(self) -> tuple[Path, int]:
        path = self._temporary_name()
        try:
            return path, create(path)
        except FileNotFoundError:
            self._make_own_folders()
            return path, create(path)

    def _require_match(self, key: str, content: Content, if_match: str | None) -> None:
        if if_match is not None and content.etag != if_match:
            raise ObjectChanged(
                f"{key!r} in {self._root} is no longer the object that was pinned (ETag {if_match}, now "
                f"{content.etag}): begin again with the new one.",
                key=key,
            )

    def _outside(self, key: str, offset: int, size: int, content: Content) -> InvalidStoreRequest:
        return InvalidStoreRequest(
            f"{size:,} bytes from byte {offset:,} are not all inside {key!r} in {self._root}, which has "
            f"{content.size_bytes:,}.",
            key=key,
        )

    def _refuse_encryption(self, key: str, encryption: Encryption | None) -> None:
        if encryption is not None:
            raise EncryptionNotApplied(
                f"{key!r} cannot be written with {encryption.type}: {self._root} is a directory and does not "
                "encrypt. Use an S3 store, or an encrypted file system.",
                key=key,
            )

    def _walk(self, folder: Path, parent: bytes, prefix: bytes, after: bytes) -> Iterator[tuple[bytes, str]]:
        """Keys and paths below `folder` in order of the keys; folders without any of interest are skipped."""
        entries: list[tuple[bytes, bool, str]] = []
        try:
            with os.scandir(folder) as found:
                for entry in found:
                    if not entry.name.startswith("."):
                        is_folder = entry.is_dir(follow_symlinks=False)
                        key = key_of_entry(parent, entry.name, is_folder=is_folder)
                        if key is not None:
                            entries.append((key, is_folder, entry.path))
        except FileNotFoundError:
            return
        for key, is_folder, path in sorted(entries):
            if is_folder:
                is_past = key < after and not after.startswith(key)
                if not is_past and (key.startswith(prefix) or prefix.startswith(key)):
                    yield from self._walk(Path(path), key, prefix, after)
            elif key > after and key.startswith(prefix):
                yield key, path

    def _sweep(self) -> None:
        """Removes temporary files and uploads that nobody has written to for so long."""
        now = time.time()
        with os.scandir(self._root / _TEMPORARY) as entries:
            for entry in entries:
                with suppress(OSError):
                    status = entry.stat(follow_symlinks=False)
                    # A copy about to be named is a link to an old file: only its count of links is new.
                    touched = status.st_ctime if status.st_nlink > 1 else status.st_mtime
                    if touched < now - _STALE_TEMPORARY_SECONDS:
                        Path(entry.path).unlink(missing_ok=True)
        with os.scandir(self._root / local_uploads.FOLDER) as entries:
            for entry in entries:
                with suppress(OSError):
                    folder = Path(entry.path)
                    known = local_uploads.is_known(folder)
                    patience = _STALE_UPLOAD_SECONDS if known else _STALE_TEMPORARY_SECONDS
                    if entry.stat(follow_symlinks=False).st_mtime < now - patience:
                        local_uploads.remove(folder)


def _fill(descriptor: int, body: memoryview | Reader, key: str, checksum: Checksum | None) -> Content:
    crc = running_checksum()
    other = running_checksum(checksum.algorithm) if checksum and checksum.algorithm != CRC64NVME else None
    position = 0
    for chunk in _chunks(body):
        crc.update(chunk)
        if other is not None:
            other.update(chunk)
        write_all(descriptor, chunk, position)
        position += len(chunk)
    if checksum is not None:
        require_same((other or crc).result(), checksum, key)
    return Content(crc_value(crc.result()), position)


def _chunks(body: memoryview | Reader) -> Iterator[memoryview]:
    if isinstance(body, memoryview):
        yield body
        return
    buffer = memoryview(bytearray(_BUFFER_BYTES))
    while count := body.readinto(buffer):
        yield buffer[:count]


class LocalReader:
    """A range of one file. The file stays readable when its key is deleted or overwritten meanwhile."""

    headers = NO_HEADERS

    def __init__(self, descriptor: int, offset: int, size_bytes: int, etag: str, name: str) -> None:
        self.size_bytes = size_bytes
        self.etag = etag
        self._descriptor: int | None = descriptor
        self._offset = offset
        self._position = 0
        self._name = name

    def fileno(self) -> int:
        """The open file, for those who let the kernel send it."""
        if self._descriptor is None:
            raise ValueError("the reader is closed")
        return self._descriptor

    @property
    def offset(self) -> int:
        return self._offset

    def readinto(self, buffer: memoryview) -> int:
        """Fills the front of `buffer`; 0 at the end. Raises `StoreUnavailable` where bytes are missing."""
        left = self.size_bytes - self._position
        if left <= 0 or not buffer or self._descriptor is None:
            return 0
        try:
            count = os.preadv(self._descriptor, [buffer[:left]], self._offset + self._position)
        except OSError as error:
            raise StoreUnavailable(
                f"Reading {self._name} failed: {error.strerror}. Check the disk."
            ) from error
        if count == 0:
            raise StoreUnavailable(f"{self._name} is shorter than it was: {left:,} bytes are missing.")
        self._position += count
        return count

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
