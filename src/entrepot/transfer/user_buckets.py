"""Users' buckets, on behalf of an account: what it may not use, it cannot open.

The implementation that knows permissions and credentials is `account_buckets`; jobs and the gateway see this.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from entrepot.domain.bucket_permission import Access
from entrepot.stores.store import ObjectStore

__all__ = ["Access", "AccountBuckets", "Buckets"]


class AccountBuckets(Protocol):
    """The buckets of one account, as its permissions were when it was asked for; for any thread."""

    def open(self, bucket: str, key: str, access: Access) -> ObjectStore:
        """The bucket, for the one key, or for every key that begins with it.

        Keys at one and the same place give the same store. An object that was found by a prefix is opened by
        its own key before it is read or written. Calls nothing outside of this process.
        Raises `StoreAccessDenied` where the account has not been allowed this, `InvalidStoreRequest`, and
        `ConfigurationError`.
        """

    def region_of(self, bucket: str, key: str) -> str | None:
        """The Region of the bucket: as it was allowed, else as its server says; None where neither says it.

        Asks the server, and blocks for that long. Raises as `open` does.
        """


class Buckets(Protocol):
    """The buckets of all accounts."""

    async def of_account(self, account_id: str) -> AccountBuckets:
        """What the account may use now. Raises `DatabaseError`."""

    async def refuse_own_bucket(self, account_id: str, buckets: Iterable[str]) -> None:
        """Raises `StoreAccessDenied` where one of them is the exchange's own, and `DatabaseError`.

        So that nothing is made that could be of no use; `open` refuses it all the same.
        """
