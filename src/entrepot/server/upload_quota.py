"""How many bytes an account may have uploaded for jobs that it has not started.

Nothing but the account's own start, or its cancelling, makes an upload go away; so an account that only
uploads would fill the disk for all others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Executor

from entrepot.domain.errors import ObjectNotFound
from entrepot.domain.identifiers import upload_store_key
from entrepot.s3_gateway.s3_errors import ObjectProblem, ObjectRefused
from entrepot.stores.store import ObjectStore

_MOST_ACCOUNTS = 10_000


class UploadQuota:
    """Used on one event loop, by the only server of its store.

    What an account has waiting is looked up when it first uploads, and again when it may be too much. In
    between it is only added to: what was started or cancelled meanwhile is found by the next look.
    """

    def __init__(
        self,
        store: ObjectStore,
        executor: Executor,
        waiting_jobs: Callable[[str], Awaitable[Sequence[str]]],
        most_bytes: int,
    ) -> None:
        """`waiting_jobs` gives the ids of an account's jobs that may have an upload and are not started."""
        self._store = store
        self._executor = executor
        self._waiting_jobs = waiting_jobs
        self._most_bytes = most_bytes
        self._known: dict[str, int] = {}

    async def require_room(self, account_id: str, size_bytes: int, under_way_bytes: int) -> None:
        """Counts an upload that is about to begin, beside those of the account that are under way.

        Raises `ObjectRefused` where it is too much, `StoreError` and `DatabaseError`.
        """
        known = self._known.get(account_id)
        if known is None or known + size_bytes > self._most_bytes:
            known = await self._waiting_bytes(account_id) + under_way_bytes
        if known + size_bytes > self._most_bytes:
            self._known.pop(account_id, None)
            raise ObjectRefused(self._exceeded(known))
        if len(self._known) >= _MOST_ACCOUNTS:
            self._known.clear()
        self._known[account_id] = known + size_bytes

    async def _waiting_bytes(self, account_id: str) -> int:
        job_ids = await self._waiting_jobs(account_id)
        return await asyncio.get_running_loop().run_in_executor(self._executor, self._stored_bytes, job_ids)

    def _stored_bytes(self, job_ids: Sequence[str]) -> int:
        total = 0
        for job_id in job_ids:
            try:
                total += self._store.head(upload_store_key(job_id)).size_bytes
            except ObjectNotFound:
                continue
        return total

    def _exceeded(self, known_bytes: int) -> ObjectProblem:
        return ObjectProblem(
            507,
            "InsufficientStorage",
            f"This account has {known_bytes:,} bytes of uploads for jobs that were not started, and may have "
            f"{self._most_bytes:,}. Start those jobs, or cancel them.",
        )
