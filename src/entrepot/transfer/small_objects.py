"""Small objects: read whole into one buffer, proven, put at once."""

from __future__ import annotations

from entrepot.domain.errors import ChecksumMismatch
from entrepot.domain.job import ItemResult
from entrepot.stores.checksum import CRC64NVME, RunningChecksum, running_checksum
from entrepot.transfer.buffers import Buffers
from entrepot.transfer.move import Move
from entrepot.transfer.proof import of_whole_object, prove_put, require_encryption, require_source_checksum
from entrepot.transfer.reading import TornRead, fill

_ATTEMPTS = 2


def stream_small(move: Move, buffers: Buffers) -> ItemResult:
    """Moves an object of at most one part through this process, pinned by the source's ETag.

    Nothing is put before all bytes are read and found right. Bytes that arrive torn, or other than they were
    sent, are read and sent once more. Raises the `StoreError` of the last attempt.
    Crash: the key holds the old object or the new one, never a part.
    """
    with buffers.lend(move.item.size_bytes) as view:
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return _stream_once(move, view)
            except (ChecksumMismatch, TornRead):
                if attempt == _ATTEMPTS:
                    raise
    raise AssertionError("unreachable")


def _stream_once(move: Move, view: memoryview) -> ItemResult:
    item = move.item
    hashers = _hashers(move)
    with move.source.open(item.source.key, if_match=item.source_etag) as reader:
        fill(reader, view, list(hashers.values()), move.stop, item.source)
    require_source_checksum(move, lambda algorithm: hashers[algorithm].result())
    checksum = hashers[CRC64NVME].result()
    move.stop.check()
    stored = move.destination.put(
        item.destination.key, view, len(view), encryption=move.encryption, checksum=checksum
    )
    prove_put(move, stored, checksum, view)
    require_encryption(move, stored)
    move.on_bytes(len(view))
    return ItemResult(len(view), stored.etag, checksum)


def _hashers(move: Move) -> dict[str, RunningChecksum]:
    """The CRC that the far end is to confirm, and what the source is known by, where that is another."""
    known = of_whole_object(move.item.source_checksum)
    algorithms = {CRC64NVME} if known is None else {CRC64NVME, known.algorithm}
    return {algorithm: running_checksum(algorithm) for algorithm in algorithms}
