"""Large objects: parts of 16 MiB, several at once, each read by its own range and proven by its own checksum.

    open_upload ──▶ send_part × n, in parallel ──▶ finish
        │ resumes from the item's checkpoint, or finds the upload already finished

The checkpoint grows with each proven part. An upload is thrown away when the item has failed for good, and
stays when the work is only interrupted or a store cannot be used: the next attempt goes on with it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from entrepot.domain.asset import Checksum
from entrepot.domain.errors import ChecksumMismatch, ObjectNotFound, StoreError, StoreUnavailable
from entrepot.domain.job import ItemResult, MultipartCheckpoint, UploadedPart
from entrepot.stores.checksum import CRC64NVME, combined_checksum, running_checksum
from entrepot.stores.store import ObjectStore
from entrepot.transfer.buffers import MEBIBYTE, Budget, Buffers
from entrepot.transfer.move import Move, TornRead, fill, hash_object, named
from entrepot.transfer.proof import (
    encryption_fits,
    multipart_etag,
    part_is_proven,
    prove_upload,
    require_encryption,
    require_source_checksum,
)
from entrepot.transfer.threads import StopSignal, Threads, all_or_first_error

PART_BYTES = 16 * MEBIBYTE
"""The usual size of a part, and the largest object that is put at once."""
MOST_PARTS = 10_000
"""S3's limit for one upload."""


@dataclass(frozen=True, slots=True)
class PartRange:
    """Part `number` (from 1) and where it lies in the object."""

    number: int
    offset: int
    size_bytes: int


def part_size(object_bytes: int) -> int:
    """16 MiB, or for objects above 156 GiB as many whole MiB as make 10,000 parts suffice."""
    if object_bytes <= PART_BYTES * MOST_PARTS:
        return PART_BYTES
    needed = -(-object_bytes // MOST_PARTS)
    return -(-needed // MEBIBYTE) * MEBIBYTE


def part_ranges(object_bytes: int, part_size_bytes: int) -> tuple[PartRange, ...]:
    """All parts, in order; only the last one may be shorter."""
    return tuple(
        PartRange(number, offset, min(part_size_bytes, object_bytes - offset))
        for number, offset in enumerate(range(0, object_bytes, part_size_bytes), start=1)
    )


_PART_ATTEMPTS = 3
_LOG = logging.getLogger(__name__)


class UploadGone(Exception):
    """The store no longer knows the upload. Never leaves this package."""


class Upload:
    """An upload under way: its id, its parts so far, and the checkpoint that grows with them. Thread-safe."""

    def __init__(self, move: Move, checkpoint: MultipartCheckpoint) -> None:
        self.id = checkpoint.upload_id
        self.part_size_bytes = checkpoint.part_size_bytes
        self._move = move
        self._lock = threading.Lock()
        self._parts = {part.number: part for part in checkpoint.parts}
        self._unproven: dict[int, UploadedPart] = {}
        self.reported_bytes = sum(part.size_bytes for part in checkpoint.parts)
        """How many bytes `on_bytes` was told of."""
        if self.reported_bytes:
            move.on_bytes(self.reported_bytes)

    def missing(self) -> Iterator[PartRange]:
        ranges = part_ranges(self._move.item.size_bytes, self.part_size_bytes)
        return iter([part for part in ranges if part.number not in self._parts])

    def add(self, part: UploadedPart, *, proven: bool) -> None:
        """Takes a part the store has confirmed; only a proven one is worth remembering.

        Crash: a part that is not in the recorded checkpoint is sent again.
        """
        with self._lock:
            if proven:
                self._parts[part.number] = part
                self._move.on_checkpoint(self._checkpoint())
            else:
                self._unproven[part.number] = part
            self.reported_bytes += part.size_bytes
        self._move.on_bytes(part.size_bytes)

    def parts(self) -> tuple[UploadedPart, ...]:
        return tuple(part for _, part in sorted((self._parts | self._unproven).items()))

    @property
    def all_proven(self) -> bool:
        return not self._unproven

    def _checkpoint(self) -> MultipartCheckpoint:
        parts = tuple(part for _, part in sorted(self._parts.items()))
        return MultipartCheckpoint(self.id, self.part_size_bytes, parts)


async def stream_large(
    move: Move, threads: Threads, budget: Budget, buffers: Buffers, parallel: int
) -> ItemResult:
    """Moves an object of several parts through this process; see the module.

    Raises the `StoreError` that ended it. An upload that vanishes under way (its other owner finished or
    aborted it) is begun anew, once.
    Crash: the destination is what it was before until all parts are made one object by the store.
    """
    try:
        return await _stream(move, threads, budget, buffers, parallel)
    except UploadGone:
        fresh = replace(move, item=replace(move.item, checkpoint=None))
        try:
            return await _stream(fresh, threads, budget, buffers, parallel)
        except UploadGone as gone:
            raise ObjectNotFound(
                f"The multipart upload of the {named(move.item.destination)} vanished twice under way. "
                "Check the bucket's rule for incomplete uploads, then run the job again.",
                bucket=move.item.destination.bucket,
                key=move.item.destination.key,
            ) from gone


async def _stream(
    move: Move, threads: Threads, budget: Budget, buffers: Buffers, parallel: int
) -> ItemResult:
    move = replace(move, stop=StopSignal(move.stop))
    upload = await threads.run(move.stop, open_upload, move)
    if isinstance(upload, ItemResult):
        return upload
    missing = upload.missing()

    async def send_parts() -> None:
        for part in missing:
            async with budget.take(part.size_bytes):
                await threads.run(move.stop, send_part, move, upload, part, buffers)

    try:
        await all_or_first_error(move.stop, [send_parts() for _ in range(parallel)])
        return await threads.run(move.stop, finish, move, upload)
    except UploadGone:
        move.on_bytes(-upload.reported_bytes)
        raise
    except StoreUnavailable:
        raise  # it is gone on with when the store is back
    except StoreError:
        await threads.run(StopSignal(), _abandon, move, upload)
        raise


def open_upload(move: Move) -> Upload | ItemResult:
    """Goes on with the item's upload, or begins one; the result where the upload turns out to be finished.

    Crash: an upload that was begun but not recorded stays in the store as an orphan without a part.
    """
    move.stop.check()
    checkpoint = move.item.checkpoint
    if checkpoint is not None:
        try:
            confirmed = move.destination.uploaded_parts(move.item.destination.key, checkpoint.upload_id)
        except ObjectNotFound:
            finished = _already_finished(move, checkpoint)
            if finished is not None:
                move.on_bytes(move.item.size_bytes)
                return finished
        else:
            kept = _kept(move, checkpoint, confirmed)
            return Upload(move, replace(checkpoint, parts=kept))
    upload_id = move.destination.begin_upload(move.item.destination.key, encryption=move.encryption)
    begun = MultipartCheckpoint(upload_id, part_size(move.item.size_bytes))
    try:
        move.on_checkpoint(begun)
    except Exception:
        throw_away(move.destination, move.item.destination.key, upload_id)
        raise
    return Upload(move, begun)


def send_part(move: Move, upload: Upload, part: PartRange, buffers: Buffers) -> None:
    """Reads one range and sends it; again from its beginning where it arrives torn or other than sent."""
    with buffers.lend(part.size_bytes) as view:
        for attempt in range(1, _PART_ATTEMPTS + 1):
            try:
                _send_once(move, upload, part, view)
            except (ChecksumMismatch, TornRead):
                if attempt == _PART_ATTEMPTS:
                    raise
            else:
                return


def finish(move: Move, upload: Upload) -> ItemResult:
    """Compares the whole with what the source is known by, makes it one object, and proves that.

    Crash: before the store's answer is recorded the key may hold the new object already; `open_upload` finds
    it.
    """
    parts = upload.parts()
    whole = _checksum_of_all(parts)
    require_source_checksum(move, lambda algorithm: _streamed_checksum(move, algorithm, whole))
    move.stop.check()
    with _upload_calls():
        stored = move.destination.finish_upload(move.item.destination.key, upload.id, parts)
    prove_upload(move, stored, whole, parts, parts_proven=upload.all_proven)
    require_encryption(move, stored)
    return ItemResult(move.item.size_bytes, stored.etag, whole)


def _send_once(move: Move, upload: Upload, part: PartRange, view: memoryview) -> None:
    item = move.item
    crc = running_checksum()
    with move.source.open(
        item.source.key, offset=part.offset, length=part.size_bytes, if_match=item.source_etag
    ) as reader:
        fill(reader, view, [crc], move.stop, item.source)
    checksum = crc.result()
    move.stop.check()
    with _upload_calls():
        answered = move.destination.upload_part(
            item.destination.key, upload.id, part.number, view, checksum=checksum
        )
    sent = UploadedPart(part.number, part.size_bytes, answered.etag, checksum)
    upload.add(sent, proven=part_is_proven(sent, answered, view))


@contextmanager
def _upload_calls() -> Iterator[None]:
    """Here "not found" is said of the upload, not of the source."""
    try:
        yield
    except ObjectNotFound as error:
        raise UploadGone from error


def _kept(
    move: Move, checkpoint: MultipartCheckpoint, confirmed: tuple[UploadedPart, ...]
) -> tuple[UploadedPart, ...]:
    """The recorded parts that the store still has as they were recorded, and that fit the object."""
    there = {(part.number, part.size_bytes, part.etag) for part in confirmed}
    fitting = {
        (part.number, part.size_bytes)
        for part in part_ranges(move.item.size_bytes, checkpoint.part_size_bytes)
    }
    return tuple(
        part
        for part in checkpoint.parts
        if (part.number, part.size_bytes, part.etag) in there
        and (part.number, part.size_bytes) in fitting
        and part.checksum is not None
        and part.checksum.algorithm == CRC64NVME
    )


def _already_finished(move: Move, checkpoint: MultipartCheckpoint) -> ItemResult | None:
    """The result, where the key holds exactly what the recorded parts make: the crash came after the end."""
    item, parts = move.item, checkpoint.parts
    whole_list = part_ranges(item.size_bytes, checkpoint.part_size_bytes)
    if [(part.number, part.size_bytes) for part in parts] != [
        (part.number, part.size_bytes) for part in whole_list
    ]:
        return None
    try:
        info = move.destination.head(item.destination.key)
    except ObjectNotFound:
        return None
    whole = _checksum_of_all(parts)
    same = info.checksum == whole or (info.checksum is None and info.etag == multipart_etag(parts))
    encrypted = move.encryption is None or encryption_fits(move.encryption, info.encryption)
    if info.size_bytes != item.size_bytes or not same or not encrypted:
        return None
    return ItemResult(info.size_bytes, info.etag, whole)


def _checksum_of_all(parts: tuple[UploadedPart, ...]) -> Checksum:
    whole = combined_checksum(parts)
    if whole is None:
        raise ValueError("a part without CRC64NVME was let in")
    return whole


def _streamed_checksum(move: Move, algorithm: str, whole: Checksum) -> Checksum:
    """The checksum of the bytes that were streamed, by any algorithm known here.

    Only the CRC64NVME of parts is at hand. For another algorithm the source is read once more from front to
    back, and counts only where that reading has the streamed bytes' CRC64NVME: then both readings were the
    same.
    """
    if algorithm == CRC64NVME:
        return whole
    other, crc = running_checksum(algorithm), running_checksum()
    item = move.item
    hash_object(
        move.source,
        item.source,
        [other, crc],
        move.stop,
        if_match=item.source_etag,
        size_bytes=item.size_bytes,
    )
    if crc.result() != whole:
        raise ChecksumMismatch(
            f"Two readings of the {named(item.source)} gave different bytes (CRC64NVME {whole.value}, then "
            f"{crc.result().value}). Check the source's store and network, then run the job again.",
            bucket=item.source.bucket,
            key=item.source.key,
        )
    return other.result()


def throw_away(store: ObjectStore, key: str, upload_id: str) -> None:
    """Aborts an upload, as well as it goes: what the store refuses is logged, and leaves an orphan there.

    Crash: the upload stays as an orphan without effect.
    """
    try:
        store.abort_upload(key, upload_id)
    except StoreError as error:
        _LOG.warning("An upload could not be aborted and stays as an orphan: %s", error.message)


def _abandon(move: Move, upload: Upload) -> None:
    """Throws the parts away and forgets the checkpoint.

    Crash: between the two the checkpoint names an upload that is gone; a new one is begun then.
    """
    throw_away(move.destination, move.item.destination.key, upload.id)
    move.on_checkpoint(None)
