"""What the tests of this folder share: two places, one object, and what a mover was told."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from entrepot.domain.asset import UnprovenSources
from entrepot.domain.job import Encryption, ItemResult, JobItem, Location, MultipartCheckpoint
from entrepot.stores.checksum import checksum_of
from entrepot.stores.s3 import S3Store
from entrepot.stores.store import ObjectStore
from entrepot.transfer.transfer import Transfer


class S3Places(Protocol):
    """Gives buckets that only this test writes to."""

    def __call__(self, server: int, bucket: str = "one") -> S3Store: ...


PART = 5 << 20
"""The usual size of a part in these tests, so that large objects have few bytes: S3 takes none below that."""
FROM, TO = "from", "to"
"""What the tests call the two buckets; which stores they are is up to each test."""


def payload(size: int) -> bytes:
    """Bytes that are unlike any other such, without two equal parts; made at memory speed."""
    block = os.urandom((1 << 20) + 17)
    return (block * (size // len(block) + 1))[:size]


def put(store: ObjectStore, key: str, data: bytes) -> str:
    """Writes an object of any size; its ETag."""
    view = memoryview(data)
    if len(view) <= PART:
        return store.put(key, view, len(view), checksum=checksum_of(view)).etag
    upload_id = store.begin_upload(key)
    starts = range(0, len(view), PART)
    parts = [
        store.upload_part(key, upload_id, number, part, checksum=checksum_of(part))
        for number, part in enumerate((view[start : start + PART] for start in starts), 1)
    ]
    return store.finish_upload(key, upload_id, parts).etag


def get(store: ObjectStore, key: str) -> bytes:
    """The whole object."""
    taken = bytearray()
    window = memoryview(bytearray(1 << 20))
    with store.open(key) as reader:
        while count := reader.readinto(window):
            taken += window[:count]
    return bytes(taken)


def item_of(store: ObjectStore, key: str, **changes: Any) -> JobItem:
    """The item that moves the object from bucket `from` to the same key of bucket `to`, pinned."""
    info = store.head(key)
    item = JobItem(
        number=0,
        name=key,
        source=Location(FROM, key),
        destination=Location(TO, key),
        size_bytes=info.size_bytes,
        source_etag=info.etag,
    )
    return replace(item, **changes)


@dataclass
class Told:
    """What the callbacks of a move were told, by any thread."""

    bytes: int = 0
    checkpoints: list[MultipartCheckpoint | None] = field(default_factory=list)
    at_checkpoint: Callable[[MultipartCheckpoint | None], None] = lambda checkpoint: None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def on_bytes(self, count: int) -> None:
        with self._lock:
            self.bytes += count

    def on_checkpoint(self, checkpoint: MultipartCheckpoint | None) -> None:
        with self._lock:
            self.checkpoints.append(checkpoint)
        self.at_checkpoint(checkpoint)


async def move(
    transfer: Transfer, item: JobItem, told: Told | None = None, *, encryption: Encryption | None = None
) -> ItemResult:
    """Moves one item."""
    told = told or Told()
    return await transfer.move(
        item, encryption=encryption, on_bytes=told.on_bytes, on_checkpoint=told.on_checkpoint
    )


class Between(Protocol):
    """Gives a transfer that knows two stores as its buckets; it is closed at the end of the test."""

    def __call__(
        self,
        source: ObjectStore,
        destination: ObjectStore,
        *,
        threads: int = 16,
        server_side_copy: bool = True,
        unproven_sources: UnprovenSources | None = None,
        part_bytes: int = PART,
    ) -> Transfer: ...
