"""What many objects are, with few requests: one listing can answer for a thousand of them."""

from __future__ import annotations

from collections.abc import Iterable

from entrepot.domain.errors import StoreError
from entrepot.stores.store import ObjectInfo, ObjectStore

LISTING_PAYS_FROM = 20
"""Fewer keys than this are asked for one by one."""
_PAGE_KEYS = 1000
_MOST_PAGES = 2


def infos_from_listing(store: ObjectStore, keys: Iterable[str]) -> dict[str, ObjectInfo]:
    """What a listing under the keys' common prefix tells of them; the others must be asked for one by one.

    Two pages at most, and the second only if the first one held any of the keys. A listing knows sizes and
    ETags, no checksums and no encryption; a store that may not be listed, or lists less than it has, costs
    one request more, never an answer.
    """
    wanted = set(keys)
    last = max(wanted)
    prefix = _common_start(min(wanted), last)
    found: dict[str, ObjectInfo] = {}
    after = ""
    for _ in range(_MOST_PAGES):
        try:
            page = store.list(prefix, after=after, limit=_PAGE_KEYS)
        except StoreError:
            break
        for listed in page:
            if listed.key in wanted:
                found[listed.key] = ObjectInfo(listed.size_bytes, listed.etag, None, None)
        if len(page) < _PAGE_KEYS or not found or page[-1].key >= last:
            break
        after = page[-1].key
    return found


def _common_start(first: str, last: str) -> str:
    """Of the first and the last of sorted keys: what all of them begin with."""
    same = 0
    for one, other in zip(first, last, strict=False):
        if one != other:
            break
        same += 1
    return first[:same]
