"""Moving objects between stores: the one door of this package for the jobs.

    move ──▶ server-side copy, where the stores can ──▶ done
      │ else
      ├─ up to 16 MiB: single.py, one thread, one put
      └─ above:        multipart.py, parts in parallel, resumable

Every blocking call runs in this object's own threads. Memory is bounded by its budget and its number of
threads, however many objects are under way. It belongs to one event loop.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections import defaultdict
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import replace
from functools import partial
from typing import Self

from entrepot.domain.errors import StoreAccessDenied, StoreError
from entrepot.domain.job import Encryption, ItemResult, JobItem, Location, MultipartCheckpoint
from entrepot.stores.store import ObjectInfo, ObjectStore
from entrepot.transfer.buffers import SMALL_BYTES, Budget, Buffers
from entrepot.transfer.heads import LISTING_PAYS_FROM, common_start, infos_from_listing
from entrepot.transfer.move import Move
from entrepot.transfer.multipart import stream_large, throw_away
from entrepot.transfer.part_sizes import PART_BYTES
from entrepot.transfer.reading import Collected, hash_object
from entrepot.transfer.server_side import copy_server_side
from entrepot.transfer.small_objects import stream_small
from entrepot.transfer.threads import StopSignal, Threads
from entrepot.transfer.user_buckets import Access, AccountBuckets

_LOG = logging.getLogger(__name__)


class Transfer:
    """Moves bytes between the exchange's own store and users' buckets, or between buckets.

    It acts for the account whose `buckets` it is given; without any it knows the exchange's own store alone.
    With `server_side_copy` False every byte passes through this process and is proven by its own checksum.
    """

    def __init__(
        self,
        own: ObjectStore,
        buckets: AccountBuckets | None = None,
        threads: int = 32,
        *,
        server_side_copy: bool = True,
    ) -> None:
        self._own = own
        self.buckets = buckets
        """Of whom it acts for."""
        self._server_side_copy = server_side_copy
        self._threads = Threads(threads)
        self._parallel_parts = max(2, threads // 8)
        large_bytes = self._parallel_parts * PART_BYTES
        self._budget = Budget(large_bytes)
        self._buffers = Buffers(large_bytes + threads * SMALL_BYTES)

    def acting_for(self, buckets: AccountBuckets) -> Self:
        """The same threads and the same memory at work for the account of these buckets.

        It needs no closing of its own.
        """
        acting = copy(self)
        acting.buckets = buckets
        return acting

    async def head(self, location: Location) -> ObjectInfo:
        """What is known of the object; raises `ObjectNotFound` and other `StoreError`s."""
        return await self._threads.run(self._stop(), self._store(location, Access.READ).head, location.key)

    async def head_many(self, locations: Sequence[Location]) -> list[ObjectInfo | StoreError]:
        """For each location what is known of it, or the error that asking gave.

        Where many keys of one bucket are asked for, a listing may answer for most of them: sizes and ETags
        are those a HEAD gives, `checksum` and `encryption` are None then, as of an object that carries none.
        """
        known: dict[Location, ObjectInfo | StoreError] = {}
        by_bucket: dict[str, list[str]] = defaultdict(list)
        for location in dict.fromkeys(locations):
            if location.bucket is not None:
                by_bucket[location.bucket].append(location.key)
        listings = [self._listed(bucket, keys) for bucket, keys in by_bucket.items() if _listing_pays(keys)]
        for listed in await asyncio.gather(*listings):
            known.update(listed)
        missing = [location for location in dict.fromkeys(locations) if location not in known]
        answers = await asyncio.gather(*(self._head_or_error(location) for location in missing))
        known.update(zip(missing, answers, strict=True))
        return [known[location] for location in locations]

    async def move(
        self,
        item: JobItem,
        *,
        encryption: Encryption | None,
        on_bytes: Callable[[int], None],
        on_checkpoint: Callable[[MultipartCheckpoint | None], None],
    ) -> ItemResult:
        """Makes the item's destination a proven copy of its source, and tells what is known of it.

        The source is pinned by the item's ETag, and compared with its checksum where one is known. What is
        stored is compared with what was sent, encryption included; what is found wrong is deleted. The
        callbacks are called in threads: `on_bytes` with bytes that have arrived (less than 0 takes some
        back), `on_checkpoint` with what a later attempt can go on from (None: forget it). A cancelled move
        keeps its upload and its checkpoint.
        Crash: the destination is untouched or whole; running the item again, with its last recorded
        checkpoint or with none, ends in the same bytes.
        Raises `StoreError`s: `ObjectNotFound`, `ObjectChanged`, `ChecksumMismatch`, `EncryptionNotApplied`, …
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
        )
        if item.size_bytes <= SMALL_BYTES:
            return await self._threads.run(move.stop, self._move_small, move)
        if self._server_side_copy:
            copied = await self._threads.run(move.stop, copy_server_side, move)
            if copied is not None:
                return copied
        if item.size_bytes <= PART_BYTES:
            async with self._budget.take(item.size_bytes):
                return await self._threads.run(move.stop, stream_small, move, self._buffers)
        if item.source_etag is None:  # ranges read at different times must be of one and the same object
            info = await self._threads.run(move.stop, source.head, item.source.key)
            move = replace(move, item=replace(item, source_etag=info.etag))
        return await stream_large(move, self._threads, self._budget, self._buffers, self._parallel_parts)

    async def md5(self, location: Location) -> bytes:
        digest = hashlib.md5(usedforsecurity=False)
        stop, store = self._stop(), self._store(location, Access.READ)
        await self._threads.run(stop, hash_object, store, location, [digest], stop)
        return digest.digest()

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

    async def delete(self, location: Location) -> None:
        await self._threads.run(self._stop(), self._store(location, Access.WRITE).delete, location.key)

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

    async def _listed(self, bucket: str, keys: list[str]) -> dict[Location, ObjectInfo]:
        """What a listing tells; where it is refused, asking for each key tells each its answer."""
        store = self._opened(bucket, common_start(min(keys), max(keys)))
        listed = [key for key in keys if store is not None and self._opened(bucket, key) is store]
        if store is None or not _listing_pays(listed):
            return {}
        infos = await self._threads.run(self._stop(), infos_from_listing, store, listed)
        return {Location(bucket, key): info for key, info in infos.items()}

    def _opened(self, bucket: str, key: str) -> ObjectStore | None:
        try:
            return self._store(Location(bucket, key), Access.READ)
        except StoreError:
            return None

    async def _head_or_error(self, location: Location) -> ObjectInfo | StoreError:
        try:
            return await self.head(location)
        except StoreError as error:
            return error


def _listing_pays(keys: Sequence[str]) -> bool:
    return len(keys) >= LISTING_PAYS_FROM
