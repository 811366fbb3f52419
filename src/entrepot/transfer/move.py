"""One object on its way: what every step of moving it needs to know, and the words for its places."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from entrepot.domain.job import Encryption, JobItem, Location, MultipartCheckpoint
from entrepot.stores.store import ObjectStore
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


def named(location: Location) -> str:
    if location.bucket is None:
        return f"object {location.key!r} of the exchange's own store"
    return f"object {location.key!r} of bucket {location.bucket!r}"
