"""Proof that what lies at the far end is what was sent: its checksum, its ETag, its encryption.

The store's own words come first. Where it says nothing that can be compared, the object is read back. What is
found wrong is deleted before the error is raised, so no wrong object stays behind.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from entrepot.domain.asset import Checksum
from entrepot.domain.errors import (
    ChecksumMismatch,
    DamagedRequest,
    EncryptionNotApplied,
    ObjectChanged,
    StoreError,
)
from entrepot.domain.job import Encryption, UploadedPart
from entrepot.stores.checksum import CRC64NVME, checksum_of, running_checksum
from entrepot.stores.store import Stored
from entrepot.transfer.move import Move, OtherSize, TornRead, hash_object, named
from entrepot.transfer.source_proof import MD5_ETAG, of_whole_object


def is_md5_of(etag: str, data: memoryview) -> bool:
    """Whether the ETag is the MD5 of the bytes, as S3's is unless KMS encrypts them."""
    if MD5_ETAG.fullmatch(etag) is None:
        return False
    return hashlib.md5(data, usedforsecurity=False).hexdigest() == etag


def multipart_etag(parts: Sequence[UploadedPart]) -> str | None:
    """The ETag that S3 gives the object made of the parts; None where a part's ETag is no MD5."""
    if not all(MD5_ETAG.fullmatch(part.etag) for part in parts):
        return None
    digests = b"".join(bytes.fromhex(part.etag) for part in parts)
    return f"{hashlib.md5(digests, usedforsecurity=False).hexdigest()}-{len(parts)}"


def prove_put(move: Move, stored: Stored, sent: Checksum, data: memoryview) -> None:
    """Raises `ChecksumMismatch` unless the object that was just put has the bytes of `data`."""
    reported = of_whole_object(stored.checksum)
    if reported is not None:
        same = reported.algorithm == sent.algorithm
        _require_equal(move, reported, sent if same else checksum_of(data, reported.algorithm))
    elif _may_be_a_folder(move, len(data)) or not is_md5_of(stored.etag, data):
        _read_back(move, stored, sent, len(data))


def part_is_proven(sent: UploadedPart, answered: UploadedPart, data: memoryview) -> bool:
    """Whether the store's answer shows that the part arrived; `ChecksumMismatch` where it shows otherwise.

    An ETag that is not the MD5 shows nothing: under KMS encryption it is another number.
    """
    if answered.checksum is not None and answered.checksum.algorithm == CRC64NVME:
        if answered.checksum != sent.checksum:
            raise DamagedRequest(
                f"The store has {answered.checksum.value} as CRC64NVME of part {sent.number}, not "
                f"{sent.checksum.value if sent.checksum else 'ours'} as was sent."
            )
        return True
    return is_md5_of(answered.etag, data)


def prove_upload(
    move: Move, stored: Stored, whole: Checksum, parts: tuple[UploadedPart, ...], *, parts_proven: bool
) -> None:
    """Raises `ChecksumMismatch` unless the finished upload has the checksum `whole`."""
    if stored.checksum is not None and stored.checksum.algorithm == CRC64NVME:
        _require_equal(move, stored.checksum, whole)
    elif _may_be_a_folder(move, move.item.size_bytes) or not (
        parts_proven and stored.etag == multipart_etag(parts)
    ):
        _read_back(move, stored, whole, move.item.size_bytes)


def told_the_same(move: Move, stored: Stored) -> bool:
    """Whether the store tells the same ETag once more, of an object in the exchange's own store.

    All later readings are pinned by it, and it came in an answer that nothing proves. In a user's bucket
    others write, too, and nobody reads by that ETag.
    """
    place = move.item.destination
    return place.bucket is not None or move.destination.head(place.key).etag == stored.etag


def require_encryption(move: Move, stored: Stored) -> None:
    """Raises `EncryptionNotApplied`, after deleting the object, unless it is encrypted as was asked."""
    wanted = move.encryption
    if wanted is None or encryption_fits(wanted, stored.encryption):
        return
    reported = stored.encryption
    if reported is None or (reported.type == wanted.type and reported.kms_key_arn is None):
        reported = move.destination.head(move.item.destination.key).encryption
        if encryption_fits(wanted, reported):
            return
    left = _delete(move)
    raise EncryptionNotApplied(
        f"The {named(move.item.destination)} was to be encrypted with {_words(wanted)}, but the store says "
        f"{_words(reported)}{left}. Choose a store and a key that support it, or export without Encryption.",
        bucket=move.item.destination.bucket,
        key=move.item.destination.key,
    )


def encryption_fits(wanted: Encryption, reported: Encryption | None) -> bool:
    """Whether the store's report is what was asked for.

    Stores name a key by its ARN or its bare id. An alias is answered with the ARN of the key behind it, so
    there any key is right.
    """
    if reported is None or reported.type != wanted.type:
        return False
    if wanted.type != "aws:kms" or wanted.kms_key_arn is None or _is_alias(wanted.kms_key_arn):
        return True
    return reported.kms_key_arn is not None and _key_id(reported.kms_key_arn) == _key_id(wanted.kms_key_arn)


def _is_alias(key: str) -> bool:
    return key.rpartition(":")[2].startswith("alias/")


def _key_id(key: str) -> str:
    return key.rpartition("/")[2]


def _words(encryption: Encryption | None) -> str:
    if encryption is None:
        return "nothing of encryption"
    return encryption.type + (f" and key {encryption.kms_key_arn}" if encryption.kms_key_arn else "")


def _require_equal(move: Move, reported: Checksum, sent: Checksum) -> None:
    if reported != sent:
        left = _delete(move)
        raise DamagedRequest(
            f"The {named(move.item.destination)} has {reported.algorithm} {reported.value}, but {sent.value} "
            f"was sent{left}. Run the job again; if it happens again, check the store's disks and network.",
            bucket=move.item.destination.bucket,
            key=move.item.destination.key,
        )


def _may_be_a_folder(move: Move, size_bytes: int) -> bool:
    """A server that makes a folder of a key like `a/` may answer with the ETag of the bytes it drops."""
    return size_bytes > 0 and move.item.destination.key.endswith("/")


def _read_back(move: Move, stored: Stored, sent: Checksum, size_bytes: int) -> None:
    place = move.item.destination
    try:
        found = _hash_destination(move, stored.etag or None, size_bytes)
    except (ObjectChanged, OtherSize) as error:
        left = _delete(move)
        raise ChecksumMismatch(
            f"The {named(place)} is not what was sent{left}. Either somebody else writes there, "
            "or the store cannot keep an object under such a key: try another one.",
            bucket=place.bucket,
            key=place.key,
        ) from error
    except StoreError:
        _delete(move)  # what cannot be proven is no better than what is wrong
        raise
    _require_equal(move, found, sent)


def _hash_destination(move: Move, etag: str | None, size_bytes: int) -> Checksum:
    for again in (True, False):
        found = running_checksum()
        try:
            hash_object(
                move.destination,
                move.item.destination,
                [found],
                move.stop,
                if_match=etag,
                size_bytes=size_bytes,
            )
        except TornRead:
            if not again:
                raise
        else:
            break
    return found.result()


def _delete(move: Move) -> str:
    try:
        move.destination.delete(move.item.destination.key)
    except StoreError as error:
        return f"; it could not be deleted ({error.message})"
    return "; it was deleted again"
