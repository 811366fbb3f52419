"""Users' buckets, on behalf of an account: what it may not use, it cannot open.

The implementation that knows permissions and credentials is `account_buckets`; jobs and the gateway see this.
"""

from __future__ import annotations

from enum import Enum
from typing import Protocol

from entrepot.stores.store import ObjectStore


class Access(Enum):
    """What an account wants of a bucket."""

    READ = "read"
    WRITE = "write"


class AccountBuckets(Protocol):
    """The buckets of one account, as its permissions were when it was asked for. May be used from any thread."""

    def open(self, bucket: str, key: str, access: Access) -> ObjectStore:
        """The bucket, for the one key, or for every key that begins with it.

        Raises `StoreAccessDenied` where the account has not been allowed this, and `ConfigurationError`.
        """
        ...


class Buckets(Protocol):
    """The buckets of all accounts."""

    async def of_account(self, account_id: str) -> AccountBuckets:
        """What the account may use now. Raises `DatabaseError`."""
        ...
