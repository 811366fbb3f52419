"""What is known of many objects at once: a listing answers for most of them, the others are asked for."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from entrepot.domain.errors import StoreError
from entrepot.domain.job import Location
from entrepot.stores.store import ObjectInfo, ObjectStore
from entrepot.transfer.threads import StopSignal, Threads

LISTING_PAYS_FROM = 20
"""Fewer keys than this are asked for one by one."""
_MOST_KEYS_OF_A_PAGE = 1000
_MOST_PAGES = 2
_WORTH_ANOTHER_PAGE = 0.25
"""What share of a page must have been asked for; where less is, the next one tells as little."""


@dataclass(frozen=True, slots=True)
class Heads:
    """Asks stores, in these threads."""

    open: Callable[[Location], ObjectStore]
    """Raises `StoreError`s."""
    threads: Threads

    async def of_all(self, locations: Sequence[Location]) -> list[ObjectInfo | StoreError]:
        """For each location what is known of it, or the error that asking gave; see `Transfer.head_many`."""
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

    async def _listed(self, bucket: str, keys: list[str]) -> dict[Location, ObjectInfo]:
        """What a listing tells; where it is refused, asking for each key tells each its answer."""
        store = self._opened(bucket, common_start(min(keys), max(keys)))
        listed = [key for key in keys if store is not None and self._opened(bucket, key) is store]
        if store is None or not _listing_pays(listed):
            return {}
        infos = await self.threads.run(self._stop(), infos_from_listing, store, listed)
        return {Location(bucket, key): info for key, info in infos.items()}

    def _opened(self, bucket: str, key: str) -> ObjectStore | None:
        try:
            return self.open(Location(bucket, key))
        except StoreError:
            return None

    async def _head_or_error(self, location: Location) -> ObjectInfo | StoreError:
        try:
            return await self.threads.run(self._stop(), self.open(location).head, location.key)
        except StoreError as error:
            return error

    def _stop(self) -> StopSignal:
        return StopSignal(self.threads.closing)


def _listing_pays(keys: Sequence[str]) -> bool:
    return len(keys) >= LISTING_PAYS_FROM


def infos_from_listing(store: ObjectStore, keys: Iterable[str]) -> dict[str, ObjectInfo]:
    """What a listing under the keys' common prefix tells of them; the others must be asked for one by one.

    It begins just before the first key, with pages of twice as many keys as are wanted: neighbours, as
    whoever imports a folder has them, are all in the first one; keys far apart cost one or two small pages.
    A listing knows sizes and ETags, no checksums and no encryption; a store that may not be listed, or lists
    less than it has, costs one request more, never an answer.
    """
    wanted = set(keys)
    first, last = min(wanted), max(wanted)
    prefix = common_start(first, last)
    page_keys = min(_MOST_KEYS_OF_A_PAGE, 2 * len(wanted))
    found: dict[str, ObjectInfo] = {}
    after = first[:-1] if len(first) > len(prefix) else ""
    for _ in range(_MOST_PAGES):
        try:
            page = store.list(prefix, after=after, limit=page_keys)
        except StoreError:
            break
        known = len(found)
        for listed in page:
            if listed.key in wanted:
                found[listed.key] = ObjectInfo(listed.size_bytes, listed.etag, None, None)
        if len(page) < page_keys or page[-1].key >= last:
            break
        if len(found) - known < _WORTH_ANOTHER_PAGE * len(page):
            break
        after = page[-1].key
    return found


def common_start(first: str, last: str) -> str:
    """Of the first and the last of sorted keys: what all of them begin with."""
    same = 0
    for one, other in zip(first, last, strict=False):
        if one != other:
            break
        same += 1
    return first[:same]
