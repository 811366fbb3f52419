"""Moving objects between stores: what jobs use of this package.

    move ──▶ server-side copy, where the stores can ──▶ done: no byte through this process
      │ else
      ├─ up to 16 MiB: `stream_small`, one thread, one put
      └─ above:        multipart.py, parts in parallel, resumable

Every blocking call runs in this object's own threads. Memory is bounded by its budget and its number of
threads, however many objects are under way. It belongs to one event loop.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass, replace
from functools import partial
from typing import Self

from entrepot.domain.asset import Checksum, Proof, UnprovenSources
from entrepot.domain.errors import (
    ChecksumMismatch,
    InvalidStoreRequest,
    ObjectNotFound,
    StoreAccessDenied,
    StoreError,
)
from entrepot.domain.job import Encryption, ItemResult, JobItem, Location, MultipartCheckpoint
from entrepot.domain.object_headers import NO_HEADERS
from entrepot.stores.checksum import running_checksum
from entrepot.stores.store import LARGEST_COPY_BYTES, ObjectInfo, ObjectStore, Stored
from entrepot.transfer.buffers import MEBIBYTE, SMALL_BYTES, Budget, Buffers
from entrepot.transfer.heads import Heads
from entrepot.transfer.move import Collected, Move, TornRead, fill, hash_object
from entrepot.transfer.multipart import PART_BYTES, abort_abandoned, part_size, stream_large, throw_away
from entrepot.transfer.proof import (
    encryption_fits,
    prove_put,
    require_encryption,
    told_the_same,
)
from entrepot.transfer.source_proof import (
    Reading,
    RunningReading,
    Subject,
    of_whole_object,
    other_spans,
    proven,
    read_through,
    read_through_again,
    subject_of_source,
)
from entrepot.transfer.targets import write_over
from entrepot.transfer.threads import StopSignal, Threads
from entrepot.transfer.user_buckets import Access, AccountBuckets
from entrepot.transfer.verification import Pace, Recorded, Verdict, verify

_LOG = logging.getLogger(__name__)


class Transfer:
    """Moves bytes between the exchange's own store and users' buckets, or between buckets.

    It acts for the account whose `buckets` it is given; without any it knows the exchange's own store alone.
    With `server_side_copy` False every byte passes through this process and is proven by its own checksum.
    `unproven_sources` None: as the road to the source is private, or not.
    `part_bytes`, more than 1 MiB: the usual size of a part, and the largest object that is put at once.
    """

    def __init__(
        self,
        own: ObjectStore,
        buckets: AccountBuckets | None = None,
        threads: int = 32,
        *,
        server_side_copy: bool = True,
        unproven_sources: UnprovenSources | None = None,
        part_bytes: int = PART_BYTES,
    ) -> None:
        self._own = own
        self.buckets = buckets
        """Of whom it acts for."""
        self._server_side_copy = server_side_copy
        self._unproven_sources = unproven_sources
        self._part_bytes = part_bytes
        self._threads = Threads(threads)
        self._parallel_parts = max(2, threads // 8)
        large_bytes = self._parallel_parts * part_bytes
        self._budget = Budget(large_bytes)
        self._buffers = Buffers(large_bytes + threads * SMALL_BYTES)

    def acting_for(self, buckets: AccountBuckets) -> Self:
        """The same threads and the same memory at work for the account of these buckets.

        It needs no closing of its own.
        """
        acting = copy(self)
        acting.buckets = buckets
        return acting

    async def require_room(self, size_bytes: int) -> None:
        """Raises `StoreFull` where the own store has no room for so many more bytes, as far as it tells."""
        await self._threads.run(self._stop(), self._own.require_room, size_bytes)

    async def head(self, location: Location) -> ObjectInfo:
        """What is known of the object; raises `ObjectNotFound` and other `StoreError`s."""
        return await self._threads.run(self._stop(), self._store(location, Access.READ).head, location.key)

    async def head_many(self, locations: Sequence[Location]) -> list[ObjectInfo | StoreError]:
        """For each location what is known of it, or the error that asking gave.

        Where many keys of one bucket are asked for, a listing may answer for most of them: sizes and ETags
        are those a HEAD gives, `checksum` and `encryption` are None then, as of an object that carries none.
        """
        opened = partial(self._store, access=Access.READ)
        return await Heads(opened, self._threads).of_all(locations)

    async def move(
        self,
        item: JobItem,
        *,
        encryption: Encryption | None,
        on_bytes: Callable[[int], None],
        on_checkpoint: Callable[[MultipartCheckpoint | None], None],
    ) -> ItemResult:
        """Makes the item's destination a proven copy of its source, and tells what is known of it.

        With the bytes go the item's headers, or those that the source's store tells; nothing else that it
        keeps beside them does.
        The source is pinned by the item's ETag, and its bytes are compared with its checksum or that ETag;
        see `source_proof`. What a store copies into the own store by itself is read there once. What is
        stored is compared with what was sent, encryption included; what is found wrong is deleted. The
        callbacks are called in threads: `on_bytes` with bytes that have arrived (less than 0 takes some
        back), `on_checkpoint` with what a later attempt can go on from (None: forget it). A cancelled move
        keeps its upload and its checkpoint.
        Crash: the destination is untouched or whole; running the item again, with its last recorded
        checkpoint or with none, ends in the same bytes.
        Raises `StoreError`s: `ObjectNotFound`, `ObjectChanged`, `ChecksumMismatch`, `UnprovenSource`, …
        """
        source = self._store(item.source, Access.READ)
        move = Move(
            item=item,
            source=source,
            destination=self._store(item.destination, Access.WRITE),
            encryption=encryption,
            on_bytes=on_bytes,
            on_checkpoint=on_checkpoint,
            stop=self._stop(),
            part_bytes=self._part_bytes,
            unproven=self._unproven(source, item.source),
        )
        if item.checkpoint is not None and item.size_bytes <= self._part_bytes:
            await self.abandon(item)  # of a copy in parts: in one put nothing goes on
        if item.size_bytes <= SMALL_BYTES:
            return await self._threads.run(move.stop, self._move_small, move)
        if self._server_side_copy:
            copied = await self._threads.run(move.stop, copy_server_side, move)
            if copied is not None:
                return copied
        if item.size_bytes <= self._part_bytes:
            async with self._budget.take(item.size_bytes):
                return await self._threads.run(move.stop, stream_small, move, self._buffers)
        if item.source_etag is None or item.headers is None:
            # Ranges read at different times must be of one and the same object.
            info = await self._threads.run(move.stop, source.head, item.source.key)
            headers = info.headers if item.headers is None else item.headers
            item = replace(item, source_etag=item.source_etag or info.etag, headers=headers)
            move = replace(move, item=item)
        return await stream_large(move, self._threads, self._budget, self._buffers, self._parallel_parts)

    async def digests(self, location: Location, info: ObjectInfo) -> tuple[bytes, Checksum]:
        """The MD5 and the CRC64NVME of the object as `head` has told of it. Raises `StoreError`s."""
        md5, crc = hashlib.md5(usedforsecurity=False), running_checksum()
        stop, store = self._stop(), self._store(location, Access.READ)
        await self._threads.run(
            stop,
            partial(hash_object, if_match=info.etag, size_bytes=info.size_bytes),
            store,
            location,
            [md5, crc],
            stop,
        )
        return md5.digest(), crc.result()

    async def read(self, location: Location, info: ObjectInfo) -> bytes:
        """The whole object in memory, as `head` has told of it: for small ones. Raises `StoreError`s."""
        collected, stop, store = Collected(), self._stop(), self._store(location, Access.READ)
        await self._threads.run(
            stop,
            partial(hash_object, if_match=info.etag, size_bytes=info.size_bytes),
            store,
            location,
            [collected],
            stop,
        )
        return bytes(collected.content)

    def pace(self, bytes_per_second: float | None) -> Pace:
        """For `verify`, any number of which may share one."""
        return Pace(bytes_per_second, self._threads.closing)

    async def verify(self, location: Location, recorded: Recorded, pace: Pace) -> Verdict:
        """Reads the object: are its bytes those that were recorded? Raises `StoreError`s."""
        stop = self._stop()
        store = self._store(location, Access.READ)
        return await self._threads.run(stop, verify, store, location, recorded, pace, stop)

    async def delete(self, location: Location) -> None:
        await self._threads.run(self._stop(), self._store(location, Access.WRITE).delete, location.key)

    async def unfinished_uploads(self) -> Sequence[tuple[str, str]]:
        """Key and id of each upload in the exchange's own store. Raises `StoreError`s."""
        return await self._threads.run(self._stop(), self._own.unfinished_uploads, "")

    async def throw_away(self, key: str, upload_id: str) -> None:
        """Aborts an upload in the exchange's own store; where it refuses, that is logged."""
        await self._threads.run(self._stop(), throw_away, self._own, key, upload_id)

    async def abort_abandoned(self, place: Location, upload_id: str | None) -> None:
        """Aborts uploads that a job which has ended has left there. Raises `StoreError`s.

        That one, and those that have no part: their worker died, or the store's answer was lost, before the
        id was recorded.
        """
        store = self._store(place, Access.WRITE)
        await self._threads.run(self._stop(), abort_abandoned, store, place.key, upload_id)

    async def abandon(self, item: JobItem) -> None:
        """Throws away the upload of the item's checkpoint, if it has one; a store that refuses is logged.

        Crash: the upload stays in the store as an orphan without effect.
        """
        if item.checkpoint is None:
            return
        place, upload_id = item.destination, item.checkpoint.upload_id
        try:
            store = self._store(place, Access.WRITE)
        except StoreError as error:
            _LOG.warning("An upload could not be aborted and stays as an orphan: %s", error.message)
            return
        await self._threads.run(self._stop(), throw_away, store, place.key, upload_id)

    async def close(self) -> None:
        """Stops what is under way and returns when every thread has ended."""
        await self._threads.close()

    def _move_small(self, move: Move) -> ItemResult:
        copied = copy_server_side(move) if self._server_side_copy else None
        return copied or stream_small(move, self._buffers)

    def _unproven(self, source: ObjectStore, location: Location) -> UnprovenSources:
        """The setting is about users' buckets; what the exchange has taken in already, it does not refuse."""
        if self._unproven_sources is not None and location.bucket is not None:
            return self._unproven_sources
        return UnprovenSources.ALLOW if source.is_private_on_the_way else UnprovenSources.VERIFY

    def _store(self, location: Location, access: Access) -> ObjectStore:
        if location.bucket is None:
            return self._own
        if self.buckets is None:
            raise StoreAccessDenied(
                f"Bucket {location.bucket} is asked for on behalf of no account.",
                bucket=location.bucket,
                key=location.key,
            )
        return self.buckets.open(location.bucket, location.key, access)

    def _stop(self) -> StopSignal:
        return StopSignal(self._threads.closing)


def copy_server_side(move: Move) -> ItemResult | None:
    """Has the destination's store copy the object; None where it cannot, or not as asked: stream then.

    It may refuse although reading and writing are allowed: one server does not find `dir/` as a source. Some
    stores forget the encryption on copies. Streaming is the answer to all of these, or fails with its own
    error.
    Raises `ObjectChanged`, `ChecksumMismatch` and `StoreUnavailable`.
    Crash: the key holds the old object or the new one; a copy can still end after this process has died,
    which writes what the next attempt writes as well.
    """
    move.stop.check()
    item = move.item
    try:
        stored = write_over(
            move,
            lambda destination: destination.copy_from(
                move.source,
                item.source.key,
                item.destination.key,
                size_bytes=item.size_bytes,
                if_match=item.source_etag,
                encryption=move.encryption,
                watch=_Watch(move),
                headers=item.headers,
            ),
            looks_first=item.size_bytes > LARGEST_COPY_BYTES,
        )
    except (ObjectNotFound, StoreAccessDenied, InvalidStoreRequest):
        return None
    if stored is None or not _encrypted_as_asked(move, stored):
        return None
    reported, known = of_whole_object(stored.checksum), of_whole_object(item.source_checksum)
    if None not in (reported, known) and reported != known and _same_algorithm(reported, known):
        move.destination.delete(item.destination.key)
        raise ChecksumMismatch(
            f"The copy of {item.name!r} has another checksum than its source; it is removed. Create the job "
            "again; if this repeats, set ENTREPOT_SERVER_SIDE_COPY to false.",
            bucket=item.destination.bucket,
            key=item.destination.key,
        )
    if stored.etag != item.source_etag:
        _require_size(move)
        if not told_the_same(move, stored):
            return None
    checksum, proof = reported or known, Proof.CHECKSUM
    if checksum is None and item.destination.bucket is None:
        checksum, proof = _checksum_of_copy(move, stored)
    if item.checkpoint is not None:  # of an attempt that ended in the middle of this
        throw_away(move.destination, item.destination.key, item.checkpoint.upload_id)
    move.on_bytes(item.size_bytes)
    headers = item.headers or stored.headers or NO_HEADERS
    return ItemResult(item.size_bytes, stored.etag, checksum, proof, headers)


def _same_algorithm(one: Checksum | None, other: Checksum | None) -> bool:
    return one is not None and other is not None and one.algorithm == other.algorithm


def _checksum_of_copy(move: Move, stored: Stored) -> tuple[Checksum, Proof]:
    """Reads what the store has copied, once, so that every later reading can be compared with it.

    Raises `DamagedReading`, and `UnprovenSource`.
    """
    item = move.item
    subject = Subject.of(move.destination, item.destination, item.size_bytes, stored.etag, None)
    reading, proof = proven(
        subject,
        read_through(subject, move.stop),
        lambda subject: read_through_again(subject, move.stop),
        move.unproven,
        item.source,
    )
    return reading.crc64nvme, proof


@dataclass(frozen=True, slots=True)
class _Watch:
    """Ends a copy in parts when the move is to stop, and has its upload recorded while it lasts."""

    move: Move

    def check(self) -> None:
        self.move.stop.check()

    def begun(self, upload_id: str) -> None:
        """In parts of the size in which a later attempt would stream, should it go on with this upload."""
        size = part_size(self.move.item.size_bytes, self.move.part_bytes)
        self.move.on_checkpoint(MultipartCheckpoint(upload_id, size))


def _require_size(move: Move) -> None:
    """An ETag that stays the same proves the copy; another one is no fault (parts, keys), so ask for more."""
    item = move.item
    found = move.destination.head(item.destination.key).size_bytes
    if found != item.size_bytes:
        move.destination.delete(item.destination.key)
        raise ChecksumMismatch(
            f"The copy of {item.name!r} has {found} bytes where {item.size_bytes} were copied; it is "
            "removed. Create the job again; if this repeats, set ENTREPOT_SERVER_SIDE_COPY to false.",
            bucket=item.destination.bucket,
            key=item.destination.key,
        )


def _encrypted_as_asked(move: Move, stored: Stored) -> bool:
    if move.encryption is None or encryption_fits(move.encryption, stored.encryption):
        return True
    return encryption_fits(move.encryption, move.destination.head(move.item.destination.key).encryption)


_ATTEMPTS = 2


def stream_small(move: Move, buffers: Buffers) -> ItemResult:
    """Moves an object of at most one part through this process, pinned by the source's ETag.

    Nothing is put before all bytes are read and found right. Bytes that arrive torn, or other than they were
    sent, are read and sent once more. Raises the `StoreError` of the last attempt.
    Crash: the key holds the old object or the new one, never a part.
    """
    subject = subject_of_source(move)
    with buffers.lend(move.item.size_bytes) as view:
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return _stream_once(move, subject, view)
            except (ChecksumMismatch, TornRead):
                if attempt == _ATTEMPTS:
                    raise
    raise AssertionError("unreachable")


def _stream_once(move: Move, subject: Subject, view: memoryview) -> ItemResult:
    item = move.item

    def read_again(subject: Subject) -> Reading:
        running = RunningReading(subject)
        for offset, length in other_spans(len(view)):
            part = view[offset : offset + length]
            with move.source.open(
                item.source.key, offset=offset, length=length, if_match=item.source_etag
            ) as reader:
                fill(reader, part, [running], move.stop, item.source, if_match=item.source_etag)
        return running.result()

    running = RunningReading(subject)
    with move.source.open(item.source.key, if_match=item.source_etag) as reader:
        headers = reader.headers if item.headers is None else item.headers
        fill(reader, view, [running], move.stop, item.source, if_match=item.source_etag)
    reading, proof = proven(subject, running.result(), read_again, move.unproven, item.source)
    checksum = reading.crc64nvme
    move.stop.check()
    stored = write_over(
        move,
        lambda destination: destination.put(
            item.destination.key,
            view,
            len(view),
            encryption=move.encryption,
            checksum=checksum,
            headers=headers,
        ),
        looks_first=len(view) > MEBIBYTE,
    )
    prove_put(move, stored, checksum, view)
    require_encryption(move, stored)
    move.on_bytes(len(view))
    return ItemResult(len(view), stored.etag, checksum, proof, headers)
