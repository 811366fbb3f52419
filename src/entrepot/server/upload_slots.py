"""Which uploads by signed URLs are under way: one of each object, some of each account, no more than fit.

An upload holds a thread until its last byte is here, and how fast it sends is up to its client. So one URL,
or one account, must not take all of them; and who sends nearly nothing is not waited for.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from entrepot.domain.errors import StoreFull
from entrepot.s3_gateway.s3_errors import REQUEST_TIMEOUT, ObjectProblem, ObjectRefused
from entrepot.wire.asgi import Message, Receive

PATIENCE_SECONDS = 60.0
"""How long a client is waited for until it has sent `LEAST_BYTES`: a kilobyte a second is the least."""
LEAST_BYTES = 64 * 1024
SILENT_SECONDS = 5.0
"""How long an upload says nothing until another one by the same URL takes its place: a client that lost its
connection tries again long before that connection is known here to be dead."""
TURN_SECONDS = 1.0
"""How long an upload waits for the one before it by the same URL to end."""

_LOOK_BYTES = 16 * 1024 * 1024
"""How much of an upload comes in between two looks at the space that is left."""


class UploadInProgress:
    """Waits for the pieces of one upload, as long as its client deserves it."""

    def __init__(self, require_space: Callable[[], None], size_bytes: int = 0) -> None:
        """`require_space` raises where there is none left; the size is what is announced."""
        self._loop = asyncio.get_running_loop()
        self._require_space = require_space
        self._unlooked_bytes = 0
        self.size_bytes = size_bytes
        self.outstanding_bytes = size_bytes
        """What was announced and is not here yet."""
        self.ended = asyncio.Event()
        self._waited_seconds = 0.0
        self._received_bytes = 0
        self._waits_since: float | None = None
        self._waiting: asyncio.Timeout | None = None
        self._is_replaced = False

    async def receive(self, receive: Receive) -> Message:
        """The next message. Time that the store takes is not the client's.

        Raises `StoreFull`, and `ObjectRefused` where the client is too slow or another upload has taken this
        one's place.
        """
        began = self._waits_since = self._loop.time()
        try:
            async with asyncio.timeout(PATIENCE_SECONDS - self._waited_seconds) as self._waiting:
                if self._is_replaced:
                    raise ObjectRefused(_REPLACED)
                message = await receive()
        except TimeoutError:
            raise ObjectRefused(_REPLACED if self._is_replaced else REQUEST_TIMEOUT) from None
        finally:
            self._waiting = self._waits_since = None
        self._waited_seconds += self._loop.time() - began
        self._count(len(message.get("body", b"")))
        return message

    def _count(self, size_bytes: int) -> None:
        self.outstanding_bytes = max(0, self.outstanding_bytes - size_bytes)
        self._unlooked_bytes += size_bytes
        if self._unlooked_bytes >= _LOOK_BYTES:
            self._unlooked_bytes = 0
            self._require_space()
        self._received_bytes += size_bytes
        if self._received_bytes >= LEAST_BYTES:
            self._waited_seconds, self._received_bytes = 0.0, 0

    def is_silent(self) -> bool:
        return self._waits_since is not None and self._loop.time() - self._waits_since >= SILENT_SECONDS

    def replace(self) -> None:
        self._is_replaced = True
        if self._waiting is not None and not self._waiting.expired():
            self._waiting.reschedule(self._loop.time())


class UploadSlots:
    """Used on one event loop."""

    def __init__(
        self, *, most: int, most_of_account: int, free_bytes: Callable[[], int], reserve_bytes: int = 0
    ) -> None:
        """Of `free_bytes`, what the disk has left, uploads leave `reserve_bytes` to everything else."""
        self._most = most
        self._free_bytes = free_bytes
        self._reserve_bytes = reserve_bytes
        self._most_of_account = most_of_account
        self._of_objects: dict[str, UploadInProgress] = {}
        self._of_accounts: Counter[str] = Counter()
        self._announced_bytes: Counter[str] = Counter()

    @property
    def count(self) -> int:
        """How many uploads are under way."""
        return self._of_accounts.total()

    def announced_bytes(self, account_id: str) -> int:
        """Of the account's uploads that are under way."""
        return self._announced_bytes[account_id]

    async def wait_for_turn(self, store_key: str) -> None:
        """Returns once no upload of the object is under way, or after a moment.

        A client that broke off and sends again comes before the exchange is done with what was broken off.
        """
        before = self._of_objects.get(store_key)
        if before is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(TURN_SECONDS):
                    await before.ended.wait()

    @contextmanager
    def take(self, store_key: str, account_id: str, size_bytes: int = 0) -> Iterator[UploadInProgress]:
        """Lets an upload of that size begin, until the block ends.

        Raises `ObjectRefused` where it has to wait, and `StoreFull` where there is no room for it.
        """
        self._require_space(size_bytes)
        before = self._of_objects.get(store_key)
        if before is not None:
            if not before.is_silent():
                raise ObjectRefused(_OF_THE_SAME_URL)
            before.replace()
        elif self._of_accounts[account_id] >= self._most_of_account:
            raise ObjectRefused(_too_many(f"This account has {self._most_of_account} uploads under way."))
        elif self.count >= self._most:
            raise ObjectRefused(_too_many("The exchange is receiving as many uploads as it can."))
        upload = self._of_objects[store_key] = UploadInProgress(self._require_space, size_bytes)
        self._of_accounts[account_id] += 1
        self._announced_bytes[account_id] += upload.size_bytes
        try:
            yield upload
        finally:
            upload.ended.set()
            self._of_accounts[account_id] -= 1
            self._announced_bytes[account_id] -= upload.size_bytes
            if not self._of_accounts[account_id]:
                del self._of_accounts[account_id], self._announced_bytes[account_id]
            if self._of_objects.get(store_key) is upload:
                del self._of_objects[store_key]

    def _require_space(self, size_bytes: int = 0) -> None:
        """Raises `StoreFull` unless there is room for that much beside all that was announced."""
        promised = sum(upload.outstanding_bytes for upload in self._of_objects.values())
        if self._free_bytes() - promised - size_bytes < self._reserve_bytes:
            raise StoreFull(
                f"The disk has no room for this upload: {self._reserve_bytes // 1024**2} MiB stay free for "
                "the database. Free some space, or give the exchange another store."
            )


def _too_many(why: str) -> ObjectProblem:
    retry_after = b"%d" % SILENT_SECONDS
    return ObjectProblem(
        503, "SlowDown", f"{why} Send this one again in some seconds.", ((b"retry-after", retry_after),)
    )


_OF_THE_SAME_URL = _too_many("Another upload by this URL is under way, and only one can be.")
_REPLACED = ObjectProblem(
    400, "RequestTimeout", "Nothing came of this upload, and another one by the same URL has taken its place."
)
