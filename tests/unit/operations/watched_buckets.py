"""Users' buckets on a disk, of which a test sees what was written, and which refuse when it says so."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from entrepot.domain.errors import BucketNotFound, StoreError
from entrepot.domain.job import Encryption
from entrepot.stores.local import LocalStore
from entrepot.stores.store import ObjectStore, Stored
from entrepot.transfer.user_buckets import Access


@dataclass
class WatchedBuckets:
    """The buckets of all accounts; every folder is one."""

    folder: Path
    opened: list[tuple[str, str, str, Access]] = field(default_factory=list)
    """Account, bucket, key and access."""
    written: list[tuple[str, str, Encryption | None]] = field(default_factory=list)
    """Bucket and key."""
    not_allowed: StoreError | None = None
    """What `open` raises."""
    put_fails: StoreError | None = None
    delete_fails: StoreError | None = None
    before_put: Callable[[], object] = bool
    """Blocks as a slow S3 would."""

    async def of_account(self, account_id: str) -> _OfAccount:
        return _OfAccount(self, account_id)

    async def refuse_own_bucket(self, account_id: str, buckets: Iterable[str]) -> None:
        """There is none."""

    def keys(self, bucket: str) -> list[str]:
        return [listed.key for listed in LocalStore(self.folder / bucket).list("")]


@dataclass
class _OfAccount:
    buckets: WatchedBuckets
    account_id: str

    def open(self, bucket: str, key: str, access: Access) -> ObjectStore:
        self.buckets.opened.append((self.account_id, bucket, key, access))
        if self.buckets.not_allowed is not None:
            raise self.buckets.not_allowed
        return _Watched(self.buckets, bucket)


class _Watched(LocalStore):
    def __init__(self, buckets: WatchedBuckets, name: str) -> None:
        super().__init__(buckets.folder / name)
        self._buckets, self._name = buckets, name

    def put(
        self,
        key: str,
        body: Any,
        size_bytes: int,
        *,
        encryption: Encryption | None = None,
        checksum: Any = None,
    ) -> Stored:
        self._buckets.before_put()
        if self._buckets.put_fails is not None:
            raise self._buckets.put_fails
        if not (self._buckets.folder / self._name).is_dir():
            raise BucketNotFound(f"There is no bucket {self._name}; create it.", bucket=self._name)
        self._buckets.written.append((self._name, key, encryption))
        return super().put(key, body, size_bytes, checksum=checksum)

    def delete(self, key: str) -> None:
        if self._buckets.delete_fails is not None:
            raise self._buckets.delete_fails
        super().delete(key)
