"""Reading what the exchange keeps once more: are the bytes still those that were recorded?"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import Self

from entrepot.domain.asset import Checksum
from entrepot.domain.errors import ObjectNotFound, StoreUnavailable
from entrepot.domain.job import Location
from entrepot.stores.checksum import running_checksum
from entrepot.stores.store import ObjectStore, Reader
from entrepot.transfer.move import TakesBytes, named
from entrepot.transfer.source_proof import Subject, read_through, read_through_again
from entrepot.transfer.threads import StopSignal

_LOOK_SECONDS = 0.2


class Condition(StrEnum):
    SOUND = "SOUND"
    DAMAGED = "DAMAGED"
    """There are other bytes than recorded."""
    MISSING = "MISSING"


@dataclass(frozen=True, slots=True)
class Recorded:
    """What the database knows of stored bytes."""

    size_bytes: int
    etag: str
    checksum: Checksum | None


@dataclass(frozen=True, slots=True)
class Verdict:
    condition: Condition
    etag: str = ""
    """Of the object as it was read."""
    checksum: Checksum | None = None
    """The recorded one, or where there was none, the CRC64NVME of what was read."""


class Pace:
    """Makes all who read with it together no faster than so many bytes a second; None: as fast as it goes."""

    def __init__(self, bytes_per_second: float | None, stop: StopSignal) -> None:
        self._rate = bytes_per_second
        self._stop = stop
        self._lock = threading.Lock()
        self._due = time.monotonic()

    def update(self, data: memoryview, /) -> None:
        """Waits until the bytes so far may have been read."""
        if self._rate is None:
            return
        with self._lock:
            self._due = max(self._due, time.monotonic() - _LOOK_SECONDS) + len(data) / self._rate
            due = self._due
        while (left := due - time.monotonic()) > 0:
            self._stop.check()
            time.sleep(min(left, _LOOK_SECONDS))


def verify(
    store: ObjectStore, location: Location, recorded: Recorded, pace: TakesBytes, stop: StopSignal
) -> Verdict:
    """Reads an object of the exchange's own store, a second time where the first reading is not right.

    Bytes without a recorded checksum are proven by their ETag; where that proves nothing, an object whose
    ETag is the recorded one, and that twice reads the same, is sound.
    Raises `StoreUnavailable` where two readings differ: then nothing is known; and other `StoreError`s.
    """
    try:
        info = store.head(location.key)
        if info.size_bytes != recorded.size_bytes:
            return Verdict(Condition.DAMAGED, info.etag)
        subject = Subject.of(store, location, recorded.size_bytes, info.etag, recorded.checksum)
        first = read_through(subject, stop, pace)
        if first.proof_of(subject) is not None:
            return Verdict(Condition.SOUND, info.etag, recorded.checksum or first.crc64nvme)
        second = read_through_again(subject, stop, pace)
    except ObjectNotFound:
        return Verdict(Condition.MISSING)
    if second.proof_of(subject) is not None:
        return Verdict(Condition.SOUND, info.etag, recorded.checksum or second.crc64nvme)
    if first.crc64nvme != second.crc64nvme:
        raise StoreUnavailable(
            f"Two readings of the {named(location)} gave different bytes. Check the network and the store, "
            "then try again.",
            key=location.key,
        )
    if subject.checksum is not None or info.etag != recorded.etag:
        return Verdict(Condition.DAMAGED, info.etag)
    return Verdict(Condition.SOUND, info.etag, second.crc64nvme)


class ProvenReader:
    """A whole object that gives its last bytes only where all of them have the checksum."""

    def __init__(self, reader: Reader, checksum: Checksum) -> None:
        self.size_bytes = reader.size_bytes
        self.etag = reader.etag
        self.headers = reader.headers
        self.damaged = False
        """Whether the bytes turned out to be others; the end is missing then."""
        self._reader = reader
        self._checksum = checksum
        self._running = running_checksum(checksum.algorithm)
        self._left = reader.size_bytes

    def readinto(self, buffer: memoryview) -> int:
        """Fills the front of `buffer`; 0 at the end, or in place of the last bytes of a damaged object."""
        if self.damaged:
            return 0
        count = self._reader.readinto(buffer)
        self._running.update(buffer[:count])
        self._left -= count
        if self._left <= 0 and count and self._running.result() != self._checksum:
            self.damaged = True
            return 0
        return count

    def close(self) -> None:
        self._reader.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
