"""Multipart uploads in a local directory: a hidden folder each, whose parts become one file without a copy.

    .uploads/<id>/about       key of the object, in JSON
    .uploads/<id>/slot        → <bytes>
    .uploads/<id>/data        parts side by side: number n at (n - 1) × slot bytes
    .uploads/<id>/odd-<n>     a part that is longer than a slot, or empty
    .uploads/<id>/part-<n>    → <bytes>-<crc>; says that part n is there and durable

The first part that arrives fixes the slot. Where all parts but the last have its size, as is usual, `data`
is the object, and finishing is a rename; else the parts are copied together. What is written as `→` is a
symbolic link that leads nowhere: the one thing that a file system makes together with its content.
"""

from __future__ import annotations

import errno
import json
import os
import re
import secrets
import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from entrepot.domain.asset import Checksum
from entrepot.domain.errors import ChecksumMismatch, InvalidStoreRequest, ObjectNotFound
from entrepot.domain.job import UploadedPart
from entrepot.stores.checksum import CRC64NVME, checksum_of, combined_checksum, crc_value
from entrepot.stores.local_files import Content, Contents, create, flush_folder, publish, write_all

FOLDER = ".uploads"
MAXIMUM_PARTS = 10_000
_UPLOAD_ID = re.compile(r"[0-9a-f]{32}")
_PART = re.compile(r"part-(\d+)")
_COPY_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class LocalUploads:
    root: Path
    contents: Contents

    def begin(self, key: str) -> str:
        """Crash: the upload is there, empty, or it is not; an empty one is swept when it is old."""
        upload_id = secrets.token_hex(16)
        folder = self.root / FOLDER / upload_id
        folder.mkdir()
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
        name = folder / f"part-{number}"
        if name.is_symlink():
            name.unlink()
            flush_folder(folder)  # it must not vouch for bytes that are being replaced
        slot = _slot(folder, len(data))
        path, offset = _place(folder, number, len(data), slot)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            if offset == 0 and path.name != "data":
                os.ftruncate(descriptor, 0)
            write_all(descriptor, data, offset)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        content = Content(crc_value(crc), len(data))
        with suppress(FileExistsError):  # another thread sent the same part
            name.symlink_to(f"{content.size_bytes}-{content.crc:016x}")
        flush_folder(folder)
        return UploadedPart(number, content.size_bytes, content.etag, crc)

    def parts(self, key: str, upload_id: str) -> tuple[UploadedPart, ...]:
        found = []
        with os.scandir(self._folder(key, upload_id)) as entries:
            for entry in entries:
                match = _PART.fullmatch(entry.name)
                if match is not None:
                    size, _, crc = str(Path(entry.path).readlink()).partition("-")
                    content = Content(int(crc, 16), int(size))
                    found.append(
                        UploadedPart(int(match[1]), content.size_bytes, content.etag, content.checksum)
                    )
        return tuple(sorted(found, key=lambda part: part.number))

    def finish(self, key: str, upload_id: str, parts: Sequence[UploadedPart], final: Path) -> Content:
        """Makes the parts the file `final`.

        Crash: before the rename the upload stands and can be finished again, after it the object stands and
        only the folder of the upload is left, which is swept when it is old.
        """
        folder = self._folder(key, upload_id)
        ordered = self._require_parts(key, upload_id, parts)
        whole = combined_checksum(ordered)
        size_bytes = sum(part.size_bytes for part in ordered)
        content = Content(0 if whole is None else crc_value(whole), size_bytes)
        slot = _slot(folder, ordered[0].size_bytes)
        side_by_side = all(
            part.number == position and (part.size_bytes == slot or position == len(ordered))
            for position, part in enumerate(ordered, 1)
        )
        if side_by_side and 0 < ordered[-1].size_bytes <= slot:
            path = folder / "data"
        else:
            path = _join(folder, ordered, slot)
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        try:
            os.ftruncate(descriptor, size_bytes)
            self.contents.record(descriptor, content)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        publish(path, final, self.root)
        shutil.rmtree(folder, ignore_errors=True)
        return content

    def abort(self, key: str, upload_id: str) -> None:
        try:
            shutil.rmtree(self._folder(key, upload_id))
        except (ObjectNotFound, FileNotFoundError):
            return

    def _folder(self, key: str, upload_id: str) -> Path:
        folder = self.root / FOLDER / upload_id
        try:
            if _UPLOAD_ID.fullmatch(upload_id) and json.loads((folder / "about").read_bytes())["key"] == key:
                return folder
        except (FileNotFoundError, ValueError, KeyError):
            pass
        raise ObjectNotFound(
            f"There is no multipart upload {upload_id!r} of {key!r} in {self.root}: begin another.", key=key
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
                f"The multipart upload of {key!r} in {self.root} cannot be finished: the parts named are not "
                f"those that were sent (parts {wrong[:10]}). Send them again.",
                key=key,
            )
        return tuple(there[part.number] for part in ordered)


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


def _join(folder: Path, parts: Sequence[UploadedPart], slot: int) -> Path:
    """Copies parts of unequal size into one file, inside the kernel where that is possible."""
    joined = folder / "joined"
    joined.unlink(missing_ok=True)
    target = create(joined)
    try:
        position = 0
        for part in parts:
            path, offset = _place(folder, part.number, part.size_bytes, slot)
            source = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                _copy(source, offset, target, position, part.size_bytes)
            finally:
                os.close(source)
            position += part.size_bytes
    finally:
        os.close(target)
    return joined


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
