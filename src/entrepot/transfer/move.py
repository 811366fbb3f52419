"""One object that is moved: what every step needs to know, and reading it exactly, hashed on the way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from entrepot.domain.asset import UnprovenSources
from entrepot.domain.errors import ObjectChanged, StoreUnavailable
from entrepot.domain.job import Encryption, JobItem, Location, MultipartCheckpoint
from entrepot.stores.store import ObjectStore, Reader
from entrepot.transfer.buffers import MEBIBYTE
from entrepot.transfer.threads import StopSignal


@dataclass(frozen=True, slots=True)
class Move:
    item: JobItem
    source: ObjectStore
    destination: ObjectStore
    encryption: Encryption | None
    on_bytes: Callable[[int], None]
    on_checkpoint: Callable[[MultipartCheckpoint | None], None]
    stop: StopSignal
    part_bytes: int
    """The usual size of a part."""
    unproven: UnprovenSources = UnprovenSources.ALLOW
    """What is done where nothing proves the source's bytes."""


def named(location: Location) -> str:
    if location.bucket is None:
        return f"object {location.key!r} of the exchange's own store"
    return f"object {location.key!r} of bucket {location.bucket!r}"


class TakesBytes(Protocol):
    """A checksum, or whatever else wants to see the bytes that pass."""

    def update(self, data: memoryview, /) -> None:
        """Takes in the bytes that follow."""


class Collected:
    def __init__(self) -> None:
        self.content = bytearray()

    def update(self, data: memoryview, /) -> None:
        self.content += data


class TornRead(StoreUnavailable):
    """The bytes ended too early, or went on too long: read them once more from the beginning."""


class OtherSize(TornRead):
    """More or fewer bytes were announced than the object of this ETag has."""


def fill(
    reader: Reader,
    view: memoryview,
    takers: Sequence[TakesBytes],
    stop: StopSignal,
    location: Location,
    *,
    if_match: str | None,
) -> None:
    """Reads all that `reader` has into `view`, which must be exactly as long.

    Raises `TornRead` where it is not, and `ObjectChanged` where the reader announces another size and its
    object was not opened by its ETag, `if_match`.
    """
    _require_size(reader, len(view), location, if_match)
    position = 0
    while position < len(view):
        stop.check()
        window = view[position : position + MEBIBYTE]
        count = _read(reader, window, location)
        if count == 0:
            raise _torn(location, position, len(view))
        for taker in takers:
            taker.update(window[:count])
        position += count
    _require_end(reader, len(view), location)


def hash_object(
    store: ObjectStore,
    location: Location,
    takers: Sequence[TakesBytes],
    stop: StopSignal,
    *,
    if_match: str | None = None,
    size_bytes: int | None = None,
    offset: int | None = None,
) -> None:
    """Reads the object through `takers`, 1 MiB at a time, and keeps nothing of it.

    With `offset` only `size_bytes` from there. Raises `ObjectChanged` for another size, and `TornRead`.
    """
    window = memoryview(bytearray(MEBIBYTE))
    length = None if offset is None else size_bytes
    with store.open(location.key, offset=offset or 0, length=length, if_match=if_match) as reader:
        if size_bytes is not None:
            _require_size(reader, size_bytes, location, if_match)
        position = 0
        while position < reader.size_bytes:
            stop.check()
            count = _read(reader, window, location)
            if count == 0:
                raise _torn(location, position, reader.size_bytes)
            for taker in takers:
                taker.update(window[:count])
            position += count
        if position > reader.size_bytes:
            raise _torn(location, position, reader.size_bytes)


def _read(reader: Reader, window: memoryview, location: Location) -> int:
    try:
        return reader.readinto(window)
    except StoreUnavailable as error:
        raise TornRead(error.message, bucket=location.bucket, key=location.key) from error


def _require_size(reader: Reader, expected: int, location: Location, if_match: str | None) -> None:
    """An object of the same ETag has not changed: what announces another size is a broken transfer."""
    if reader.size_bytes == expected:
        return
    if if_match is not None and reader.etag == if_match:
        raise OtherSize(
            f"The {named(location)} was announced with {reader.size_bytes} bytes instead of {expected}, and "
            "is still the same by its ETag. Check the network and the store, then run the job again.",
            bucket=location.bucket,
            key=location.key,
        )
    raise ObjectChanged(
        f"The {named(location)} has {reader.size_bytes} bytes instead of {expected}: it changed "
        "meanwhile. Run the job again with the object as it is now.",
        bucket=location.bucket,
        key=location.key,
    )


def _require_end(reader: Reader, size_bytes: int, location: Location) -> None:
    if _read(reader, memoryview(bytearray(1)), location) != 0:
        raise _torn(location, size_bytes + 1, size_bytes)


def _torn(location: Location, got: int, expected: int) -> TornRead:
    return TornRead(
        f"Reading the {named(location)} gave {'at least ' if got > expected else ''}{got} bytes instead of "
        f"{expected}. Check the network and the store, then run the job again.",
        bucket=location.bucket,
        key=location.key,
    )
