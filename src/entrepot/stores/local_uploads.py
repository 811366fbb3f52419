"""Multipart uploads in a local directory: a hidden folder each, whose parts become one file without a copy.

    .uploads/<id>/data        parts side by side: number n at (n - 1) × slot bytes
    .uploads/<id>/about       key of the object, in JSON
    .uploads/<id>/slot        → <bytes>
    .uploads/<id>/odd-<n>     a part that is longer than a slot, or empty
    .uploads/<id>/part-<n>    → <bytes>-<crc>; says that part n is there and durable

The first part that arrives fixes the slot. Where all parts but the last have its size, as is usual, `data`
is the object, and finishing is a rename; else the parts are copied together. What is written as `→` is a
symbolic link that leads nowhere: the one thing that a file system makes together with its content.

`data` is made when the upload begins, and never again: an upload is known as long as it has its `data`. So
the rename that finishes it, or the removal that aborts it, makes it unknown in one step; what dies before the
rest of the folder is gone leaves nothing that could be taken for parts.
"""

from __future__ import annotations

import errno
import json
import os
import re
import secrets
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from entrepot.domain.asset import Checksum
from entrepot.domain.errors import (
    ChecksumMismatch,
    InvalidStoreRequest,
    ObjectNotFound,
    StoreUnavailable,
)
from entrepot.domain.job import UploadedPart
from entrepot.stores.checksum import CRC64NVME, checksum_of, combined_checksum, crc_value
from entrepot.stores.local_files import (
    Content,
    Contents,
    Folders,
    crc_of_range,
    create,
    flush_folder,
    write_all,
)

FOLDER = ".uploads"
MAXIMUM_PARTS = 10_000
_UPLOAD_ID = re.compile(r"[0-9a-f]{32}")
_PART = re.compile(r"part-(\d+)")
_COPY_BYTES = 64 * 1024 * 1024
_REMEMBERED_UPLOADS = 256


class LocalUploads:
    """The multipart uploads of one directory. Thread-safe."""

    def __init__(self, root: Path, contents: Contents, folders: Folders) -> None:
        self._root = root
        self._contents = contents
        self._folders = folders
        self._written: dict[str, dict[int, Content]] = {}
        """What this process itself wrote and flushed, by upload and part: it need not be read again."""

    def begin(self, key: str) -> str:
        """Crash: the upload is there, empty, or it is not; an empty one is swept when it is old."""
        upload_id = secrets.token_hex(16)
        folder = self._root / FOLDER / upload_id
        folder.mkdir()
        os.close(create(folder / "data"))
        descriptor = create(folder / "about")
        try:
            write_all(descriptor, memoryview(json.dumps({"key": key}).encode()), 0)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        flush_folder(folder)
        flush_folder(folder.parent)
        return upload_id

    def write_part(
        self, key: str, upload_id: str, number: int, data: memoryview, checksum: Checksum | None
    ) -> UploadedPart:
        """Crash: a part counts only once the file that names it is durable; before that it is sent again."""
        folder = self._folder(key, upload_id)
        if not 1 <= number <= MAXIMUM_PARTS:
            raise InvalidStoreRequest(
                f"A part has a number from 1 to {MAXIMUM_PARTS}, not {number}.", key=key
            )
        crc = _proven_checksum(data, checksum, key)
        content = Content(crc_value(crc), len(data))
        name = folder / f"part-{number}"
        self._written.get(upload_id, {}).pop(number, None)
        if name.is_symlink():
            name.unlink(missing_ok=True)
            flush_folder(folder)  # it must not vouch for bytes that are being replaced
        path, offset = _place(folder, number, len(data), _slot(folder, len(data)))
        created = 0 if path.name == "data" else os.O_CREAT | os.O_TRUNC
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | created, 0o640)
        try:
            write_all(descriptor, data, offset)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        self._name_part(folder, name, content, key)
        if upload_id not in self._written and len(self._written) >= _REMEMBERED_UPLOADS:
            self._written.clear()
        self._written.setdefault(upload_id, {})[number] = content
        return UploadedPart(number, content.size_bytes, content.etag, crc)

    def parts(self, key: str, upload_id: str) -> tuple[UploadedPart, ...]:
        """The parts that are named and whose bytes are there."""
        folder = self._folder(key, upload_id)
        try:
            slot = int(str((folder / "slot").readlink()))
        except FileNotFoundError:
            return ()
        found = []
        lengths: dict[Path, int] = {}
        with os.scandir(folder) as entries:
            for entry in entries:
                match = _PART.fullmatch(entry.name)
                if match is None:
                    continue
                number = int(match[1])
                with suppress(FileNotFoundError):  # it is being sent again, or its bytes are gone
                    content = _named_content(Path(entry.path))
                    path, offset = _place(folder, number, content.size_bytes, slot)
                    if path not in lengths:
                        lengths[path] = path.stat().st_size
                    if offset + content.size_bytes <= lengths[path]:
                        found.append(UploadedPart(number, content.size_bytes, content.etag, content.checksum))
        return tuple(sorted(found, key=lambda part: part.number))

    def finish(
        self,
        key: str,
        upload_id: str,
        parts: Sequence[UploadedPart],
        final: Path,
        before_write: Callable[[], None],
    ) -> Content:
        """Makes the parts the file `final`. Parts that another process wrote are read once more for it.

        That may take long; `before_write` is called when nothing is left but to name the file.

        Crash: before the rename the upload stands and can be finished again; after it the object stands, and
        the upload is unknown in the same step. Where parts had to be copied together, the upload stands until
        its `data` is removed, and finishing it again makes the same object. What is left of a folder is swept
        once it is an hour old.
        Raises `ObjectNotFound`, the upload being gone, where a part does not hold what was written there.
        """
        folder = self._folder(key, upload_id)
        ordered = self._require_parts(key, upload_id, parts)
        slot = _slot(folder, ordered[0].size_bytes)
        side_by_side = all(
            part.number == position and (part.size_bytes == slot or position == len(ordered))
            for position, part in enumerate(ordered, 1)
        )
        self._prove(key, upload_id, ordered, slot)
        if side_by_side and 0 < ordered[-1].size_bytes <= slot:
            path = folder / "data"
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        else:
            path = folder / f"joined-{secrets.token_hex(8)}"  # its own: another process may be joining, too
            descriptor = create(path)
        try:
            if path.name != "data":
                _join(folder, ordered, slot, descriptor)
            whole = combined_checksum(ordered)
            content = Content(
                0 if whole is None else crc_value(whole), sum(part.size_bytes for part in ordered)
            )
            os.ftruncate(descriptor, content.size_bytes)
            self._contents.record(descriptor, content)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        self._folders.publish(path, final, before_write)
        with suppress(OSError):  # the object is there
            self._forget(folder)
        return content

    def abort(self, key: str, upload_id: str) -> None:
        """Crash: the upload is whole or unknown; what is left of an unknown one is swept later."""
        with suppress(ObjectNotFound):
            self._forget(self._folder(key, upload_id))

    def _name_part(self, folder: Path, name: Path, content: Content, key: str) -> None:
        """Says that the part is there, which it is from now on."""
        try:
            name.symlink_to(f"{content.size_bytes}-{content.crc:016x}")
        except FileExistsError:
            if _named_content(name) != content:  # whose bytes lie there nobody knows
                name.unlink(missing_ok=True)
                flush_folder(folder)
                raise StoreUnavailable(
                    f"{name.name} of the upload of {key!r} in {self._root} was sent twice at once, with "
                    "other bytes: send it again.",
                    key=key,
                ) from None
        flush_folder(folder)

    def _prove(self, key: str, upload_id: str, parts: Sequence[UploadedPart], slot: int) -> None:
        """Reads the parts that this process did not write itself, and compares them with their checksums."""
        folder = self._root / FOLDER / upload_id
        for part in parts:
            known = self._written.get(upload_id, {}).get(part.number)
            if known is not None and known.etag == part.etag:
                continue
            path, offset = _place(folder, part.number, part.size_bytes, slot)
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                found = Content(crc_of_range(descriptor, offset, part.size_bytes), part.size_bytes)
            finally:
                os.close(descriptor)
            if found.etag != part.etag:
                self._forget(folder)
                raise ObjectNotFound(
                    f"Part {part.number} of the upload of {key!r} in {self._root} has the CRC64NVME "
                    f"{found.checksum.value} where {part.checksum.value if part.checksum else 'another'} was "
                    "written: the upload is thrown away. Begin another, and check the disk.",
                    key=key,
                )

    def _forget(self, folder: Path) -> None:
        self._written.pop(folder.name, None)
        remove(folder)

    def _folder(self, key: str, upload_id: str) -> Path:
        folder = self._root / FOLDER / upload_id
        try:
            if (
                _UPLOAD_ID.fullmatch(upload_id)
                and json.loads((folder / "about").read_bytes())["key"] == key
                and is_known(folder)
            ):
                return folder
        except (FileNotFoundError, ValueError, KeyError):
            pass
        raise ObjectNotFound(
            f"There is no multipart upload {upload_id!r} of {key!r} in {self._root}: begin another.", key=key
        )

    def _require_parts(
        self, key: str, upload_id: str, parts: Sequence[UploadedPart]
    ) -> tuple[UploadedPart, ...]:
        there = {part.number: part for part in self.parts(key, upload_id)}
        ordered = sorted(parts, key=lambda part: part.number)
        etags = {part.number: part.etag for part in ordered}
        wrong = [
            number for number, etag in etags.items() if number not in there or there[number].etag != etag
        ]
        if not ordered or wrong or len(etags) != len(ordered):
            raise InvalidStoreRequest(
                f"The multipart upload of {key!r} in {self._root} cannot be finished: the parts named are "
                f"not those that were sent (parts {wrong[:10]}). Send them again.",
                key=key,
            )
        return tuple(there[part.number] for part in ordered)


def is_known(folder: Path) -> bool:
    """Whether the folder is that of an upload that can go on, and not what is left of one."""
    return (folder / "data").exists()


def remove(folder: Path) -> None:
    """Makes the upload unknown, durably, and then removes its folder, as far as that goes."""
    try:
        (folder / "data").unlink(missing_ok=True)
        flush_folder(folder)
    except FileNotFoundError:
        return
    shutil.rmtree(folder, ignore_errors=True)


def _named_content(name: Path) -> Content:
    """What the link that names a part says of it."""
    size, _, crc = str(name.readlink()).partition("-")
    return Content(int(crc, 16), int(size))


def _proven_checksum(data: memoryview, expected: Checksum | None, key: str) -> Checksum:
    """The CRC64NVME of the data; raises `ChecksumMismatch` unless they have the expected checksum too."""
    crc = checksum_of(data)
    if expected is not None:
        require_same(
            crc if expected.algorithm == CRC64NVME else checksum_of(data, expected.algorithm), expected, key
        )
    return crc


def require_same(found: Checksum, expected: Checksum, key: str) -> None:
    """Raises `ChecksumMismatch` unless the two are equal."""
    if found != expected:
        raise ChecksumMismatch(
            f"The bytes for {key!r} have the {found.algorithm} {found.value} and should have "
            f"{expected.value}: they did not arrive as they were sent. Send them again.",
            key=key,
        )


def _slot(folder: Path, size_bytes: int) -> int:
    """The bytes of a slot: fixed by whoever asks first, of all threads and processes."""
    name = folder / "slot"
    with suppress(FileExistsError):
        name.symlink_to(str(max(size_bytes, 1)))
    return int(str(name.readlink()))


def _place(folder: Path, number: int, size_bytes: int, slot: int) -> tuple[Path, int]:
    """The file and the offset where a part of this size lies."""
    if 0 < size_bytes <= slot:
        return folder / "data", (number - 1) * slot
    return folder / f"odd-{number}", 0


def _join(folder: Path, parts: Sequence[UploadedPart], slot: int, target: int) -> None:
    """Copies parts of unequal size into one file, inside the kernel where that is possible."""
    position = 0
    for part in parts:
        path, offset = _place(folder, part.number, part.size_bytes, slot)
        source = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            _copy(source, offset, target, position, part.size_bytes)
        finally:
            os.close(source)
        position += part.size_bytes


def _copy(source: int, offset: int, target: int, position: int, size_bytes: int) -> None:
    in_kernel = hasattr(os, "copy_file_range")
    copied = 0
    while copied < size_bytes:
        count = min(_COPY_BYTES, size_bytes - copied)
        if in_kernel:
            try:
                done = os.copy_file_range(source, target, count, offset + copied, position + copied)
            except OSError as error:
                if error.errno not in (errno.EXDEV, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL):
                    raise
                in_kernel = False
                continue
        else:
            data = os.pread(source, min(count, 1024 * 1024), offset + copied)
            write_all(target, memoryview(data), position + copied)
            done = len(data)
        if done == 0:
            raise OSError(errno.EIO, "a part is shorter than it was")
        copied += done
