"""Proof that the bytes that were read are those of the object: its checksum, its ETag, or a second reading.

    a checksum of the whole      compared with that of the bytes
    ETag of 32 digits            compared with the MD5 of the bytes
    ETag `…-n`                   compared with the MD5 of the MD5s of its parts, whose sizes the store tells
    none of these                `UnprovenSources` says what happens

An ETag that differs may also be no MD5 at all: under KMS, and on some servers, it only looks like one. So the
object is read once more. Two readings with the same bytes show that nothing happened on the way; the object
then counts as one that nothing proves. Two that differ are damage on the way.
"""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from entrepot.domain.asset import Checksum, Proof, UnprovenSources
from entrepot.domain.errors import ChecksumMismatch, UnprovenSource
from entrepot.domain.job import Location
from entrepot.stores.checksum import ALGORITHMS, CRC64NVME, running_checksum
from entrepot.stores.store import ObjectStore
from entrepot.transfer.move import Move, TakesBytes, TornRead, hash_object, named
from entrepot.transfer.threads import StopSignal

MD5_ETAG = re.compile(r"[0-9a-f]{32}", re.ASCII)
_MULTIPART_ETAG = re.compile(r"[0-9a-f]{32}-[0-9]+", re.ASCII)
_LOOK_SECONDS = 0.1


class DamagedReading(ChecksumMismatch):
    """The bytes that were read are not those of the object: reading them once more may help."""


def of_whole_object(checksum: Checksum | None) -> Checksum | None:
    """The checksum if it is of the bytes and can be computed here; a checksum of checksums (`…-3`) is not."""
    if checksum is None or "-" in checksum.value or checksum.algorithm not in ALGORITHMS:
        return None
    return checksum


@dataclass(frozen=True, slots=True)
class Subject:
    """An object that is read, and what its bytes can be compared with."""

    store: ObjectStore
    location: Location
    size_bytes: int
    etag: str | None
    checksum: Checksum | None = None
    part_sizes: tuple[int, ...] | None = None
    """Of the parts whose MD5s make the ETag; None: the ETag is compared with nothing."""

    @classmethod
    def of(
        cls,
        store: ObjectStore,
        location: Location,
        size_bytes: int,
        etag: str | None,
        checksum: Checksum | None,
    ) -> Subject:
        """Asks the store for what is not known yet. Raises `StoreError`s."""
        subject = cls(store, location, size_bytes, etag, of_whole_object(checksum))
        if subject.checksum is not None or etag is None or size_bytes == 0:
            return subject
        if MD5_ETAG.fullmatch(etag):
            return replace(subject, part_sizes=(size_bytes,))
        if not _MULTIPART_ETAG.fullmatch(etag):
            return subject._asked()[0]
        subject, made_of_md5s = subject._asked()
        if subject.checksum is not None or not made_of_md5s:
            return subject
        return replace(subject, part_sizes=store.part_sizes(location.key, etag, size_bytes))

    @property
    def reads_in_order(self) -> bool:
        """Whether the proof needs the bytes from front to back; a CRC64NVME is joined from those of parts."""
        if self.checksum is not None:
            return self.checksum.algorithm != CRC64NVME
        return self.part_sizes is not None

    def asked_again(self) -> Subject:
        """After an ETag that differed: what a listing did not tell, and each part of which some were guessed.

        Without part sizes where the store says that its ETag is no MD5.
        """
        asked, made_of_md5s = self._asked()
        if asked.checksum is not None or asked.etag is None or not made_of_md5s:
            return replace(asked, part_sizes=None)
        if self.part_sizes is None or len(self.part_sizes) <= 2:
            return asked
        sizes = self.store.part_sizes(self.location.key, asked.etag, self.size_bytes, each=True)
        return replace(asked, part_sizes=sizes)

    def _asked(self) -> tuple[Subject, bool]:
        """With the checksum that the store tells; and whether its ETag may be made of MD5s."""
        info = self.store.head(self.location.key)
        if info.etag != self.etag:  # whoever reads it is told, by its pin
            return self, True
        encrypted = info.encryption is not None and info.encryption.type.startswith("aws:kms")
        return replace(self, checksum=of_whole_object(info.checksum)), not encrypted


@dataclass(frozen=True, slots=True)
class Reading:
    """What was computed of the bytes as they came."""

    crc64nvme: Checksum
    checksum: Checksum | None
    """By the algorithm of the subject's checksum."""
    etag: str | None

    def proof_of(self, subject: Subject) -> Proof | None:
        """What shows that these are the subject's bytes, if anything does."""
        if subject.size_bytes == 0:
            return Proof.CHECKSUM
        if subject.checksum is not None:
            return Proof.CHECKSUM if self.checksum == subject.checksum else None
        return Proof.ETAG if self.etag is not None and self.etag == subject.etag else None


class RunningReading:
    """Computes a `Reading` of bytes that come from front to back."""

    def __init__(self, subject: Subject) -> None:
        self._crc = running_checksum()
        self._other = None
        if subject.checksum is not None and subject.checksum.algorithm != CRC64NVME:
            self._other = running_checksum(subject.checksum.algorithm)
        self._compares = subject.checksum is not None
        self._etag = None
        if subject.checksum is None and subject.part_sizes is not None:
            self._etag = _RunningEtag(subject.part_sizes, multipart="-" in (subject.etag or ""))

    def update(self, data: memoryview, /) -> None:
        self._crc.update(data)
        if self._other is not None:
            self._other.update(data)
        if self._etag is not None:
            self._etag.update(data)

    def result(self) -> Reading:
        crc = self._crc.result()
        checksum = (crc if self._other is None else self._other.result()) if self._compares else None
        return Reading(crc, checksum, None if self._etag is None else self._etag.result())


class _RunningEtag:
    def __init__(self, part_sizes: tuple[int, ...], *, multipart: bool) -> None:
        self._left = list(reversed(part_sizes))
        self._multipart = multipart
        self._part = hashlib.md5(usedforsecurity=False)
        self._digests = b""

    def update(self, data: memoryview) -> None:
        while data and self._left:
            piece = data[: self._left[-1]]
            self._part.update(piece)
            self._left[-1] -= len(piece)
            data = data[len(piece) :]
            if self._left[-1] == 0:
                self._left.pop()
                self._digests += self._part.digest()
                self._part = hashlib.md5(usedforsecurity=False)

    def result(self) -> str | None:
        if self._left:
            return None
        if not self._multipart:
            return self._digests.hex()
        count = len(self._digests) // 16
        return f"{hashlib.md5(self._digests, usedforsecurity=False).hexdigest()}-{count}"


class InOrder:
    """Takes the parts of an object in the order of their numbers, from whichever threads have them.

    Each waits in its thread for the one before; so a part must begin in a thread before the next one does.
    """

    def __init__(self, running: RunningReading) -> None:
        self._running = running
        self._next = 1
        self._turn = threading.Condition()

    def take(self, number: int, data: memoryview, stop: StopSignal) -> None:
        with self._turn:
            while self._next != number:
                stop.check()
                self._turn.wait(_LOOK_SECONDS)
        self._running.update(data)
        with self._turn:
            self._next += 1
            self._turn.notify_all()

    def result(self) -> Reading:
        return self._running.result()


def subject_of_source(move: Move) -> Subject:
    """What the bytes that are moved can be compared with. Raises `StoreError`s."""
    item = move.item
    return Subject.of(move.source, item.source, item.size_bytes, item.source_etag, item.source_checksum)


def read_through(subject: Subject, stop: StopSignal, *also: TakesBytes) -> Reading:
    """Reads the whole object, 1 MiB at a time, and keeps nothing of it; once more where it arrives torn.

    `also` see the bytes as well.
    """
    return _read_spans(subject, stop, ((None, subject.size_bytes),), also)


def read_through_again(subject: Subject, stop: StopSignal, *also: TakesBytes) -> Reading:
    """The same by other requests than `read_through` makes: see `other_spans`."""
    return _read_spans(subject, stop, other_spans(subject.size_bytes), also)


def other_spans(size_bytes: int) -> tuple[tuple[int, int], ...]:
    """Offsets and lengths of the two requests of a second reading.

    What damages each answer at the same place (its first byte, its middle, byte 1,000) damages other bytes of
    the object then: two such readings differ.
    """
    cut = size_bytes // 3 + 1
    if size_bytes < 2:
        return ((0, size_bytes),)
    return ((0, cut), (cut, size_bytes - cut))


def _read_spans(
    subject: Subject,
    stop: StopSignal,
    spans: Sequence[tuple[int | None, int]],
    also: Sequence[TakesBytes],
) -> Reading:
    for again in (True, False):
        running = RunningReading(subject)
        try:
            for offset, size_bytes in spans:
                hash_object(
                    subject.store,
                    subject.location,
                    [running, *also],
                    stop,
                    if_match=subject.etag,
                    size_bytes=size_bytes,
                    offset=offset,
                )
        except TornRead:
            if not again:
                raise
        else:
            return running.result()
    raise AssertionError("unreachable")


def proven(
    subject: Subject,
    first: Reading,
    read_again: Callable[[Subject], Reading],
    unproven: UnprovenSources,
    source: Location,
) -> tuple[Reading, Proof]:
    """A reading that has the subject's bytes, and what shows it; either `first`, or that of `read_again`.

    Raises `DamagedReading`, and `UnprovenSource` that names `source`.
    """
    proof = first.proof_of(subject)
    if proof is not None:
        return first, proof
    if subject.checksum is not None:
        raise _other_checksum(subject, first)
    suspicious = False
    if subject.part_sizes is not None:
        subject = subject.asked_again()
        suspicious = subject.checksum is not None or subject.part_sizes is not None
    if not suspicious and unproven is not UnprovenSources.VERIFY:
        return first, _accepted(Proof.NONE, unproven, source)
    second = read_again(subject)
    proof = second.proof_of(subject)
    if proof is not None:
        return second, proof
    if second.crc64nvme != first.crc64nvme:
        raise DamagedReading(
            f"Two readings of the {named(subject.location)} gave different bytes (CRC64NVME "
            f"{first.crc64nvme.value}, then {second.crc64nvme.value}). Check the store and the network, then "
            "run the job again.",
            bucket=subject.location.bucket,
            key=subject.location.key,
        )
    if subject.checksum is not None:
        raise _other_checksum(subject, second)
    return second, _accepted(Proof.READ_TWICE, unproven, source)


def _accepted(proof: Proof, unproven: UnprovenSources, source: Location) -> Proof:
    if unproven is not UnprovenSources.REFUSE:
        return proof
    raise UnprovenSource(
        f"Nothing proves the bytes of the {named(source)}: it has no checksum, and its ETag is not the MD5 "
        "of its bytes. This exchange refuses such objects (ENTREPOT_UNPROVEN_SOURCES). Put the object again "
        "with a checksum, such as --checksum-algorithm CRC64NVME of the AWS CLI.",
        bucket=source.bucket,
        key=source.key,
    )


def _other_checksum(subject: Subject, reading: Reading) -> DamagedReading:
    expected, found = subject.checksum, reading.checksum
    words = [f"{each.algorithm} {each.value}" for each in (found, expected) if each is not None]
    return DamagedReading(
        f"The bytes read of the {named(subject.location)} have {words[0]}, but {words[-1]} is known of it. "
        "It is damaged where it lies, or on the way; nothing was stored. Replace it with a good copy and run "
        "the job again.",
        bucket=subject.location.bucket,
        key=subject.location.key,
    )
