"""A bucket in memory that lists as S3 does."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from entrepot.domain.shared_objects import common_prefix
from entrepot.stores.s3_view import PAGE, Page, PageObject


@dataclass
class MemoryBucket:
    keys: Iterable[str]
    largest_page: int = PAGE
    asked: list[str] = field(default_factory=list)
    """The prefixes of the listings."""

    def page(
        self,
        prefix: str,
        *,
        delimiter: str = "",
        after: str | None = None,
        token: str | None = None,
        limit: int = PAGE,
    ) -> Page:
        self.asked.append(prefix)
        skipped, last = (after or "", "") if token is None else tuple(token.split("|"))
        objects: list[PageObject] = []
        prefixes: list[str] = []
        room, position, next_token = min(limit, self.largest_page), skipped, None
        for key in sorted(self.keys):
            if not key.startswith(prefix) or key <= skipped:
                continue
            rolled_up = common_prefix(key, prefix, delimiter)
            if rolled_up is not None and rolled_up == (prefixes[-1] if prefixes else last):
                position = key
                continue
            if len(objects) + len(prefixes) == room:
                next_token = f"{position}|{prefixes[-1] if prefixes else last}"
                break
            position = key
            if rolled_up is None:
                objects.append(PageObject(key, 1, "e", "2024-01-01T00:00:00.000Z", "STANDARD"))
            else:
                prefixes.append(rolled_up)
        return Page(objects, prefixes, next_token)
