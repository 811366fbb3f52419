"""What many objects are, with few requests: one listing can answer for a thousand of them."""

from __future__ import annotations

from collections.abc import Iterable

from entrepot.domain.errors import StoreError
from entrepot.stores.store import ObjectInfo, ObjectStore

LISTING_PAYS_FROM = 20
"""Fewer keys than this are asked for one by one."""
_MOST_KEYS_OF_A_PAGE = 1000
_MOST_PAGES = 2
_WORTH_ANOTHER_PAGE = 0.25
"""What share of a page must have been asked for; where less is, the next one tells as little."""


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
