"""A real store behind a bad line: it counts what is asked of it, and breaks what it is told to break."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from enum import Enum, auto
from types import TracebackType
from typing import Self

from entrepot.domain.asset import Checksum
from entrepot.domain.errors import StoreUnavailable
from entrepot.domain.job import Encryption, UploadedPart
from entrepot.domain.object_headers import NO_HEADERS, ObjectHeaders
from entrepot.stores.store import CopyWatch, ListedObject, ObjectInfo, ObjectStore, Reader, Stored


class Fault(Enum):
    """What becomes of the bytes of one reader."""

    FLIPPED = auto()
    ENDS_EARLY = auto()
    DROPPED = auto()
    TOO_LONG = auto()
    OTHER_SIZE = auto()
    SHORTER = auto()


class FaultyReader:
    """A reader with one fault."""

    def __init__(self, real: Reader, fault: Fault) -> None:
        self._real, self._fault = real, fault
        self._given = 0

    @property
    def size_bytes(self) -> int:
        return self._real.size_bytes + (self._fault is Fault.OTHER_SIZE) - (self._fault is Fault.SHORTER)

    @property
    def etag(self) -> str:
        return self._real.etag

    @property
    def headers(self) -> ObjectHeaders:
        return self._real.headers

    def readinto(self, buffer: memoryview) -> int:
        half = self._real.size_bytes // 2
        if self._fault in (Fault.ENDS_EARLY, Fault.DROPPED) and self._given >= half:
            if self._fault is Fault.ENDS_EARLY:
                return 0
            raise StoreUnavailable("The connection was lost.")
        count = self._real.readinto(buffer[: half - self._given] if self._cuts else buffer)
        if self._fault is Fault.FLIPPED and self._given == 0 and count:
            buffer[0] ^= 1
        if self._fault is Fault.TOO_LONG and count == 0 and len(buffer):
            buffer[0] = 1
            return 1
        self._given += count
        return count

    @property
    def _cuts(self) -> bool:
        return self._fault in (Fault.ENDS_EARLY, Fault.DROPPED)

    def close(self) -> None:
        self._real.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class FaultyStore:
    """Wraps a store that is real; without further words it only counts."""

    def __init__(
        self,
        real: ObjectStore,
        *,
        read_faults: Sequence[Fault | None] = (),
        corrupt_writes: int = 0,
        silent: bool = False,
        server_side: bool = True,
        forgets_encryption_on: Sequence[str] = (),
        reported_encryption: Callable[[Encryption | None], Encryption | None] = lambda reported: reported,
        before: Callable[[str], None] = lambda call: None,
    ) -> None:
        self.real = real
        self.calls: Counter[str] = Counter()
        self._read_faults = list(read_faults)
        self._corrupt_writes = corrupt_writes
        self._silent = silent
        self._server_side = server_side
        self._forgets_encryption_on = forgets_encryption_on
        self._reported_encryption = reported_encryption
        self._before = before

    @property
    def bucket(self) -> str | None:
        return self.real.bucket

    @property
    def is_private_on_the_way(self) -> bool:
        return self.real.is_private_on_the_way

    def replacing(self, etag: str) -> Self:
        return self

    def head(self, key: str) -> ObjectInfo:
        self._count("head")
        info = self.real.head(key)
        return replace(
            info,
            encryption=self._reported_encryption(info.encryption),
            checksum=None if self._silent else info.checksum,
        )

    def open(
        self, key: str, *, offset: int = 0, length: int | None = None, if_match: str | None = None
    ) -> Reader:
        self._count("open")
        fault = self._read_faults.pop(0) if self._read_faults else None
        reader = self.real.open(key, offset=offset, length=length, if_match=if_match)
        return reader if fault is None else FaultyReader(reader, fault)

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
        self._count("put")
        assert isinstance(body, memoryview)
        sent, checksum = self._maybe_corrupt(body, checksum)
        encryption = self._remembered("put", encryption)
        return self._answer(
            self.real.put(key, sent, size_bytes, encryption=encryption, checksum=checksum, headers=headers)
        )

    def begin_upload(
        self, key: str, *, encryption: Encryption | None = None, headers: ObjectHeaders = NO_HEADERS
    ) -> str:
        self._count("begin_upload")
        encryption = self._remembered("begin_upload", encryption)
        return self.real.begin_upload(key, encryption=encryption, headers=headers)

    def upload_part(
        self, key: str, upload_id: str, number: int, data: memoryview, *, checksum: Checksum | None = None
    ) -> UploadedPart:
        self._count("upload_part")
        sent, checksum = self._maybe_corrupt(data, checksum)
        part = self.real.upload_part(key, upload_id, number, sent, checksum=checksum)
        return replace(part, checksum=None) if self._silent else part

    def finish_upload(self, key: str, upload_id: str, parts: Sequence[UploadedPart]) -> Stored:
        self._count("finish_upload")
        return self._answer(self.real.finish_upload(key, upload_id, parts))

    def abort_upload(self, key: str, upload_id: str) -> None:
        self._count("abort_upload")
        self.real.abort_upload(key, upload_id)

    def uploaded_parts(self, key: str, upload_id: str) -> tuple[UploadedPart, ...]:
        self._count("uploaded_parts")
        return self.real.uploaded_parts(key, upload_id)

    def require_room(self, size_bytes: int) -> None:
        self.real.require_room(size_bytes)

    def unfinished_uploads(self, prefix: str) -> Sequence[tuple[str, str]]:
        self._count("unfinished_uploads")
        return self.real.unfinished_uploads(prefix)

    def part_sizes(
        self, key: str, etag: str, size_bytes: int, *, each: bool = False
    ) -> tuple[int, ...] | None:
        self._count("part_sizes")
        return self.real.part_sizes(key, etag, size_bytes, each=each)

    def copy_from(
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
        self._count("copy_from")
        if not self._server_side:
            return None
        real_source = source.real if isinstance(source, FaultyStore) else source
        stored = self.real.copy_from(
            real_source,
            source_key,
            key,
            size_bytes=size_bytes,
            if_match=if_match,
            encryption=self._remembered("copy_from", encryption),
            watch=watch,
            headers=headers,
        )
        return None if stored is None else self._answer(stored)

    def delete(self, key: str) -> None:
        self._count("delete")
        self.real.delete(key)

    def list(self, prefix: str, *, after: str = "", limit: int = 1000) -> Sequence[ListedObject]:
        self._count("list")
        return self.real.list(prefix, after=after, limit=limit)

    def check(self) -> None:
        self.real.check()

    def _count(self, call: str) -> None:
        self.calls[call] += 1
        self._before(call)

    def _remembered(self, call: str, encryption: Encryption | None) -> Encryption | None:
        return None if call in self._forgets_encryption_on else encryption

    def _maybe_corrupt(
        self, data: memoryview, checksum: Checksum | None
    ) -> tuple[memoryview, Checksum | None]:
        """A disk that flips a bit after the checksum was looked at."""
        if self._corrupt_writes == 0:
            return data, checksum
        self._corrupt_writes -= 1
        corrupt = bytearray(data)
        corrupt[-1] ^= 1
        return memoryview(corrupt), None

    def _answer(self, stored: Stored) -> Stored:
        return Stored(
            stored.etag,
            None if self._silent else stored.checksum,
            self._reported_encryption(stored.encryption),
        )
