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
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace

from entrepot.domain.asset import Checksum, Proof
from entrepot.domain.errors import ChecksumMismatch, ObjectNotFound, StoreError, StoreUnavailable
from entrepot.domain.job import ItemResult, MultipartCheckpoint, UploadedPart
from entrepot.domain.object_headers import NO_HEADERS
from entrepot.stores.checksum import CRC64NVME, combined_checksum, running_checksum
from entrepot.stores.store import ObjectStore
from entrepot.transfer.buffers import MEBIBYTE, SMALL_BYTES, Budget, Buffers
from entrepot.transfer.move import Move, TornRead, fill, named
from entrepot.transfer.proof import (
    encryption_fits,
    multipart_etag,
    part_is_proven,
    prove_upload,
    require_encryption,
    told_the_same,
)
from entrepot.transfer.source_proof import (
    DamagedReading,
    InOrder,
    Reading,
    RunningReading,
    Subject,
    proven,
    read_through,
    read_through_again,
    subject_of_source,
)
from entrepot.transfer.targets import write_over
from entrepot.transfer.threads import StopSignal, Threads, all_or_first_error

PART_BYTES = 16 * MEBIBYTE
"""The usual size of a part, and the largest object that is put at once."""
MOST_PARTS = 10_000
"""S3's limit for one upload."""
_LOOKS = 4
"""So often, at most, it is looked for uploads whose ids were lost."""


@dataclass(frozen=True, slots=True)
class PartRange:
    """Part `number` (from 1) and where it lies in the object."""

    number: int
    offset: int
    size_bytes: int


def part_size(object_bytes: int, part_bytes: int = PART_BYTES) -> int:
    """16 MiB, or for objects above 156 GiB as many whole MiB as make 10,000 parts suffice."""
    if object_bytes <= part_bytes * MOST_PARTS:
        return part_bytes
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

    def all_parts(self) -> tuple[PartRange, ...]:
        return part_ranges(self._move.item.size_bytes, self.part_size_bytes)

    def missing(self) -> tuple[PartRange, ...]:
        return tuple(part for part in self.all_parts() if part.number not in self._parts)

    def sent(self, number: int) -> UploadedPart | None:
        """The part as the store has confirmed it."""
        with self._lock:
            return self._parts.get(number)

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
    aborted it), and one of bytes that turned out to be damaged, is begun anew, once.
    Crash: the destination is what it was before until all parts are made one object by the store.
    """
    try:
        return await _stream(move, threads, budget, buffers, parallel)
    except (UploadGone, DamagedReading):
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
        return await threads.run(move.stop, _finished_before, move, upload)
    subject = await threads.run(move.stop, subject_of_source, move)
    in_order = InOrder(RunningReading(subject)) if subject.reads_in_order else None
    waiting = iter(upload.all_parts() if in_order is not None else upload.missing())

    async def send_parts() -> None:
        for part in waiting:
            # The budget is given out in the order of the parts, and the threads follow it: so none waits
            # in a thread for one before it that has none. A last, small part queues like the others.
            async with budget.take(max(part.size_bytes, SMALL_BYTES + 1)):
                await threads.run(move.stop, send_part, move, upload, part, buffers, in_order)

    try:
        await all_or_first_error(move.stop, [send_parts() for _ in range(parallel)])
        return await threads.run(move.stop, finish, move, upload, subject, in_order)
    except UploadGone:
        move.on_bytes(-upload.reported_bytes)
        raise
    except StoreUnavailable:
        raise  # it is gone on with when the store is back
    except StoreError as error:
        await threads.run(StopSignal(), _abandon, move, upload)
        if isinstance(error, DamagedReading):
            move.on_bytes(-upload.reported_bytes)
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
    upload_id = move.destination.begin_upload(
        move.item.destination.key, encryption=move.encryption, headers=move.item.headers or NO_HEADERS
    )
    begun = MultipartCheckpoint(upload_id, part_size(move.item.size_bytes, move.part_bytes))
    try:
        move.on_checkpoint(begun)
    except Exception:
        throw_away(move.destination, move.item.destination.key, upload_id)
        raise
    return Upload(move, begun)


def send_part(
    move: Move, upload: Upload, part: PartRange, buffers: Buffers, in_order: InOrder | None
) -> None:
    """Reads one range and sends it; again from its beginning where it arrives torn or other than sent.

    A part that an earlier attempt has sent is only read, for what wants the bytes from front to back.
    """
    with buffers.lend(part.size_bytes) as view:
        for attempt in range(1, _PART_ATTEMPTS + 1):
            try:
                sent = upload.sent(part.number)
                if sent is None:
                    _send_once(move, upload, part, view)
                else:
                    _read_as_sent(move, part, sent, view)
            except (ChecksumMismatch, TornRead):
                if attempt == _PART_ATTEMPTS:
                    raise
            else:
                break
        if in_order is not None:
            in_order.take(part.number, view, move.stop)


def finish(move: Move, upload: Upload, subject: Subject, in_order: InOrder | None) -> ItemResult:
    """Compares the whole with what the source is known by, makes it one object, and proves that.

    Crash: before the store's answer is recorded the key may hold the new object already; `open_upload` finds
    it.
    """
    parts = upload.parts()
    whole = _checksum_of_all(parts)
    streamed = Reading(whole, whole, None) if in_order is None else in_order.result()
    proof = _proof_of_source(move, subject, streamed, whole)
    move.stop.check()
    with _upload_calls():
        stored = write_over(
            move,
            lambda destination: destination.finish_upload(move.item.destination.key, upload.id, parts),
        )
    prove_upload(move, stored, whole, parts, parts_proven=upload.all_proven)
    require_encryption(move, stored)
    if stored.etag != multipart_etag(parts) and not told_the_same(move, stored):
        raise StoreUnavailable(
            f"The store's answer was damaged when the {named(move.item.destination)} was finished: it tells "
            "another ETag now. The upload is looked at again.",
            bucket=move.item.destination.bucket,
            key=move.item.destination.key,
        )
    return ItemResult(move.item.size_bytes, stored.etag, whole, proof, move.item.headers or NO_HEADERS)


def _finished_before(move: Move, result: ItemResult) -> ItemResult:
    """The result of an attempt that has finished the upload; how its source was proven is not recorded."""
    subject, whole = subject_of_source(move), result.checksum
    if whole is None:
        raise ValueError("an upload without CRC64NVME was let in")
    reading = read_through(subject, move.stop) if subject.reads_in_order else Reading(whole, whole, None)
    return replace(result, proof=_proof_of_source(move, subject, reading, whole))


def _proof_of_source(move: Move, subject: Subject, first: Reading, whole: Checksum) -> Proof:
    """What shows that `whole` is the checksum of the source. Raises `DamagedReading`, `UnprovenSource`."""
    reading, proof = proven(
        subject,
        first,
        lambda subject: read_through_again(subject, move.stop),
        move.unproven,
        move.item.source,
    )
    if reading.crc64nvme != whole:
        raise DamagedReading(
            f"The {named(move.item.source)} was damaged on the way; nothing was stored. Check the network "
            "and the store, then run the job again.",
            bucket=move.item.source.bucket,
            key=move.item.source.key,
        )
    return proof


def _read_as_sent(move: Move, part: PartRange, sent: UploadedPart, view: memoryview) -> None:
    checksum = _read_part(move, part, view)
    if checksum != sent.checksum:
        raise DamagedReading(
            f"Part {part.number} of the {named(move.item.source)} has other bytes than when it was sent. "
            "Check the network and the store, then run the job again.",
            bucket=move.item.source.bucket,
            key=move.item.source.key,
        )


def _read_part(move: Move, part: PartRange, view: memoryview) -> Checksum:
    item, crc = move.item, running_checksum()
    with move.source.open(
        item.source.key, offset=part.offset, length=part.size_bytes, if_match=item.source_etag
    ) as reader:
        fill(reader, view, [crc], move.stop, item.source, if_match=item.source_etag)
    return crc.result()


def _send_once(move: Move, upload: Upload, part: PartRange, view: memoryview) -> None:
    item = move.item
    checksum = _read_part(move, part, view)
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
    return ItemResult(info.size_bytes, info.etag, whole, headers=item.headers or NO_HEADERS)


def _checksum_of_all(parts: tuple[UploadedPart, ...]) -> Checksum:
    whole = combined_checksum(parts)
    if whole is None:
        raise ValueError("a part without CRC64NVME was let in")
    return whole


def throw_away(store: ObjectStore, key: str, upload_id: str) -> None:
    """Aborts an upload, as well as it goes: what the store refuses is logged, and leaves an orphan there.

    Crash: the upload stays as an orphan without effect.
    """
    try:
        store.abort_upload(key, upload_id)
    except StoreError as error:
        _LOG.warning("An upload could not be aborted and stays as an orphan: %s", error.message)


def abort_abandoned(store: ObjectStore, key: str, upload_id: str | None) -> None:
    """Aborts this upload, and all to that very key that have no part. Raises `StoreError`s.

    Those of lost ids have none, since the id is recorded before the first part is sent; an upload that has
    some is somebody else's. It looks again after each abort, and after an answer that made no sense: what a
    damaged answer hides, and what a damaged id has spared, nobody else looks for.
    Crash: those that are not aborted yet are found again.
    """
    if upload_id is not None:
        with suppress(ObjectNotFound):
            store.abort_upload(key, upload_id)
    for look in range(1, _LOOKS + 1):
        try:
            ids = [found_id for found, found_id in store.unfinished_uploads(key) if found == key]
            without_parts = [found_id for found_id in ids if not _is_in_use(store, key, found_id)]
        except StoreUnavailable:
            if look == _LOOKS:
                raise
            continue
        if not without_parts:
            return
        for found_id in without_parts:
            with suppress(ObjectNotFound):
                store.abort_upload(key, found_id)


def _is_in_use(store: ObjectStore, key: str, upload_id: str) -> bool:
    """Whether the upload has parts; False, too, where it is gone, or its id was damaged on the way."""
    try:
        return bool(store.uploaded_parts(key, upload_id))
    except ObjectNotFound:
        return False


def _abandon(move: Move, upload: Upload) -> None:
    """Throws the parts away and forgets the checkpoint.

    Crash: between the two the checkpoint names an upload that is gone; a new one is begun then.
    """
    throw_away(move.destination, move.item.destination.key, upload.id)
    move.on_checkpoint(None)
