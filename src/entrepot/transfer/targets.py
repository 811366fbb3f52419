"""Writing an object over what lies in a user's bucket, and over nothing that was put there meanwhile.

A worker can stand still between its last question whether it may still write and the write itself: then the
job is done by another, and its user may have replaced the exported object since. So a write says what it
replaces, at first nothing. Where something else lies there it is looked at, and replaced by a further write,
for which the worker is asked again whether it may.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from entrepot.domain.errors import ObjectNotFound, StoreError, TargetChanged
from entrepot.stores.store import ObjectStore
from entrepot.transfer.move import Move

_LOOKS = 3
"""So often it is looked at; if it always changes then whoever writes last has written."""

Written = TypeVar("Written")


def write_over(move: Move, write: Callable[[ObjectStore], Written], *, looks_first: bool = False) -> Written:
    """What `write` returns, called with the destination; more than once where something lies there.

    In the exchange's own store, where each attempt has keys of its own, once. Nothing is expected there at
    first, which costs no request where that is so; `looks_first` where a write in vain costs more than that.
    Crash: whoever goes on after his job was taken from him replaces nothing that was put there in the
    meantime, unless the server cannot compare, or the very same bytes are there again.
    """
    if move.item.destination.bucket is None:
        return write(move.destination)
    over: str | None = _etag_there(move) if looks_first else ""
    for _ in range(_LOOKS):
        if over is None:
            break
        try:
            return write(move.destination.replacing(over))
        except TargetChanged:
            move.stop.check()
            there = _etag_there(move)
            over = None if there == over else there  # alike: the server compares otherwise than it writes
    return write(move.destination)


def _etag_there(move: Move) -> str | None:
    """The ETag of what lies at the destination, "" where nothing does; None where nobody tells."""
    try:
        return move.destination.head(move.item.destination.key).etag
    except ObjectNotFound:
        return ""
    except StoreError:
        return None
