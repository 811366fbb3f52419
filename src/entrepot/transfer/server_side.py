"""Copies that the store makes itself: a third of the work, and no byte through this process."""

from __future__ import annotations

from entrepot.domain.errors import ChecksumMismatch, InvalidStoreRequest, ObjectNotFound, StoreAccessDenied
from entrepot.domain.job import ItemResult
from entrepot.stores.store import Stored
from entrepot.transfer.move import Move
from entrepot.transfer.proof import encryption_fits, of_whole_object, require_source_checksum


def copy_server_side(move: Move) -> ItemResult | None:
    """Has the destination's store copy the object; None where it cannot, or not as asked: stream then.

    It may refuse although reading and writing are allowed: a copy also wants to read the tags, for one, and
    one server does not find `dir/` as a source. Some stores forget the encryption on copies. Streaming is the
    answer to all of these, or fails with its own error.
    Raises `ObjectChanged`, `ChecksumMismatch` and `StoreUnavailable`.
    Crash: the key holds the old object or the new one; a copy can still end after this process has died,
    which writes what the next attempt writes as well.
    """
    move.stop.check()
    item = move.item
    try:
        stored = move.destination.copy_from(
            move.source,
            item.source.key,
            item.destination.key,
            size_bytes=item.size_bytes,
            if_match=item.source_etag,
            encryption=move.encryption,
        )
    except (ObjectNotFound, StoreAccessDenied, InvalidStoreRequest):
        return None
    if stored is None or not _encrypted_as_asked(move, stored):
        return None
    reported = of_whole_object(stored.checksum)
    known = of_whole_object(item.source_checksum)
    if reported is not None and known is not None and reported.algorithm == known.algorithm:
        try:
            require_source_checksum(move, lambda _: reported)
        except ChecksumMismatch:
            move.destination.delete(item.destination.key)
            raise
    if stored.etag != item.source_etag:
        _require_size(move)
    move.on_bytes(item.size_bytes)
    return ItemResult(item.size_bytes, stored.etag, reported or known)


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
