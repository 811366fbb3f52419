"""PUT of one object by a signed URL: from the network to the store through a few megabytes of memory.

The request arrives on the event loop; the store reads it in a thread. Between them stands `_Body`, which
holds at most a few chunks, counts, and hashes. The store gets the last bytes only when the whole body has the
MD5 that the URL demands, and it keeps an object only when it has all of it: a wrong body never becomes one.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import logging
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass
from typing import Self

from entrepot.domain.errors import ObjectNotFound, StoreError, StoreUnavailable
from entrepot.domain.object_headers import NO_HEADERS
from entrepot.s3_gateway.portions import AskedPortion, Described
from entrepot.s3_gateway.s3_errors import (
    ENTITY_TOO_LARGE,
    INCOMPLETE_BODY,
    PRECONDITION_FAILED,
    ObjectRefused,
)
from entrepot.stores.store import ObjectStore, Stored
from entrepot.transfer.signed_urls import Refusal, SignedObject, SignedUrlRefused
from entrepot.wire.asgi import ClientDisconnected, Receive

_log = logging.getLogger(__name__)

_BUFFERED_BYTES = 4 * 1024 * 1024


RequireAwaited = Callable[[], Awaitable[None]]
"""Raises what the client is to be told when nobody waits for its object any more."""


class _Body:
    """A request's body as the store reads it: fed by the event loop, read by one thread."""

    etag = ""
    headers = NO_HEADERS

    def __init__(self, size_bytes: int, content_md5: str | None) -> None:
        self.size_bytes = size_bytes
        self._left = size_bytes
        self._expected_md5 = content_md5
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._chunks: deque[memoryview] = deque()
        self._buffered = 0
        self._failed = False
        self._released = False
        self._changed = threading.Condition()
        self._loop = asyncio.get_running_loop()
        self._room = asyncio.Event()

    async def feed(self, chunk: bytes) -> None:
        """Waits while the store is too far behind."""
        with self._changed:
            self._chunks.append(memoryview(chunk))
            self._buffered += len(chunk)
            self._room.clear()
            full = self._buffered > _BUFFERED_BYTES
            self._changed.notify()
        if full and not self._released:
            await self._room.wait()

    def fail(self) -> None:
        """No more will come: the store's reading ends with an error, and it keeps nothing."""
        with self._changed:
            self._failed = True
            self._changed.notify()

    def release(self) -> None:
        self._released = True
        self._room.set()

    def readinto(self, buffer: memoryview) -> int:
        """As `Reader.readinto`; raises `SignedUrlRefused` in place of the last bytes of a wrong body."""
        if self._left == 0 or not buffer:
            if self.size_bytes == 0:
                self._require_md5()
            return 0
        with self._changed:
            while not self._chunks and not self._failed:
                self._changed.wait()
            if not self._chunks:
                raise StoreUnavailable("the client went away before its upload was complete")
            chunk = self._chunks.popleft()
            count = min(len(chunk), len(buffer))
            if count < len(chunk):
                self._chunks.appendleft(chunk[count:])
            self._buffered -= count
            has_room = self._buffered <= _BUFFERED_BYTES
        if has_room:
            with suppress(RuntimeError):  # the loop is closed: the server is stopping
                self._loop.call_soon_threadsafe(self._room.set)
        buffer[:count] = chunk[:count]
        self._md5.update(chunk[:count])
        self._left -= count
        if self._left == 0:
            self._require_md5()
        return count

    def close(self) -> None:
        """Nothing to give back."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _require_md5(self) -> None:
        md5 = base64.b64encode(self._md5.digest()).decode("ascii")
        if self._expected_md5 is not None and self._expected_md5 != md5:
            raise SignedUrlRefused(Refusal.BAD_DIGEST)


@dataclass(frozen=True, slots=True)
class Upload:
    """Receives objects into one store; the store writes in the executor's threads."""

    store: ObjectStore
    executor: Executor
    limit_bytes: int
    count_received: Callable[[int], None]

    async def require_conditions(self, headers: Mapping[str, str], store_key: str) -> None:
        """What `If-None-Match: *` and `If-Match` demand of the object that is there. Raises `ObjectRefused`.

        They hold while no other upload of the object is under way (`UploadSlots`).
        """
        conditions = {name: headers[name] for name in ("if-match", "if-none-match") if name in headers}
        if not conditions:
            return
        loop = asyncio.get_running_loop()
        try:
            info = await loop.run_in_executor(self.executor, self.store.head, store_key)
        except ObjectNotFound:
            if "if-match" in conditions:
                raise
            return
        asked = AskedPortion.of(conditions)
        if asked.of_object(Described(info.size_bytes, info.etag)).status == 304:
            raise ObjectRefused(PRECONDITION_FAILED)

    async def receive(
        self, size_bytes: int, receive: Receive, signed: SignedObject, require_awaited: RequireAwaited
    ) -> Stored:
        """Takes the request's body as the object.

        Nothing is stored unless `require_awaited` returns when all of the body is here: a body may take
        hours, and what waits for it may be gone by then.
        Crash: the store holds the former object or the new one, whole.
        Raises `ObjectRefused` or `StoreError`, having stored nothing, and `ClientDisconnected`.
        """
        _require_well_formed(signed.content_md5)
        if size_bytes > self.limit_bytes:
            raise ObjectRefused(ENTITY_TOO_LARGE)
        return await self._store(
            signed, _Network(receive, size_bytes).next_chunk, size_bytes, require_awaited
        )

    async def discard(self, signed: SignedObject) -> None:
        """Deletes what was received though nobody waits for it any more; what the store refuses is logged.

        Crash: the object stays in the store, without effect.
        """
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(self.executor, self.store.delete, signed.store_key)
        except StoreError as error:
            _log.warning("an upload that came too late stays in the store: %s", error)

    async def _store(
        self,
        signed: SignedObject,
        next_chunk: Callable[[], Awaitable[bytes]],
        size_bytes: int,
        require_awaited: RequireAwaited,
    ) -> Stored:
        """The last chunk is withheld until it is known that the object is still wanted."""
        if size_bytes == 0:
            await require_awaited()
        body = _Body(size_bytes, signed.content_md5)
        loop = asyncio.get_running_loop()
        writing = loop.run_in_executor(self.executor, self._put, signed.store_key, body, size_bytes)
        writing.add_done_callback(lambda _: body.release())
        try:
            last = b""
            while not writing.done() and (chunk := await next_chunk()):
                self.count_received(len(chunk))
                if last:
                    await body.feed(last)
                last = chunk
            if last and not writing.done():
                await require_awaited()
                await body.feed(last)
        except BaseException:
            body.fail()
            with suppress(StoreError):
                await asyncio.shield(writing)
            raise
        return await writing

    def _put(self, store_key: str, body: _Body, size_bytes: int) -> Stored:
        if size_bytes == 0:
            body.readinto(memoryview(bytearray(1)))
        return self.store.put(store_key, body, size_bytes)


class _Network:
    """The chunks of a request's body of exactly `size_bytes`."""

    def __init__(self, receive: Receive, size_bytes: int) -> None:
        self._receive = receive
        self._left = size_bytes
        self._more = True

    async def next_chunk(self) -> bytes:
        """Empty at the end. Raises `ClientDisconnected`, and what `receive` does of slow clients."""
        chunk = b""
        while self._more and not chunk:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnected
            chunk = message.get("body", b"")
            self._more = message.get("more_body", False)
        self._left -= len(chunk)
        if self._left < 0 or (self._left > 0 and not chunk):
            raise ObjectRefused(INCOMPLETE_BODY)
        return chunk


def _require_well_formed(content_md5: str | None) -> None:
    if content_md5 is None:
        return
    try:
        well_formed = len(base64.b64decode(content_md5, validate=True)) == 16
    except ValueError:
        well_formed = False
    if not well_formed:
        raise SignedUrlRefused(Refusal.INVALID_DIGEST)
