"""Users' buckets that every account may use: any function from names to stores."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from entrepot.stores.store import ObjectStore
from entrepot.transfer.user_buckets import Access


class OpenBuckets:
    """The buckets of all accounts, and of each."""

    def __init__(self, find: Callable[[str], ObjectStore]) -> None:
        self._find = find

    async def of_account(self, account_id: str) -> OpenBuckets:
        return self

    async def refuse_own_bucket(self, account_id: str, buckets: Iterable[str]) -> None:
        """There is none."""

    def open(self, bucket: str, key: str, access: Access) -> ObjectStore:
        return self._find(bucket)


def no_bucket(name: str) -> ObjectStore:
    """For whom buckets do not matter."""
    raise AssertionError(f"bucket {name} was not to be opened")
