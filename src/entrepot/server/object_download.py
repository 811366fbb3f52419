"""GET and HEAD of one stored object: conditions, one range, large chunks, an end when the client leaves."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from urllib.parse import quote

from entrepot.domain.asset import Checksum
from entrepot.domain.outside_numbers import byte_range
from entrepot.s3_gateway.s3_errors import PRECONDITION_FAILED, ObjectRefused, invalid_range
from entrepot.stores.store import ObjectStore, Reader
from entrepot.transfer.verification import ProvenReader
from entrepot.wire.asgi import AsgiScope, Receive, Send, header, until_disconnected

_CHUNK_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class _Part:
    status: int
    offset: int
    length: int
    content_range: bytes | None = None


@dataclass(frozen=True, slots=True)
class Expected:
    """What the bytes must be, and who is told where they are others."""

    checksum: Checksum
    on_damage: Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Download:
    """Sends objects of one store; files are read in the executor's threads."""

    store: ObjectStore
    executor: Executor
    count_sent: Callable[[int], None]

    async def answer(
        self,
        scope: AsgiScope,
        receive: Receive,
        send: Send,
        store_key: str,
        download_name: str | None,
        expected: Expected | None = None,
    ) -> int:
        """Answers the request and returns the status.

        A whole object that turns out to have other bytes than `expected` lacks its end.

        Raises `StoreError` or `ObjectRefused` before anything is sent.
        """
        loop = asyncio.get_running_loop()
        info = await loop.run_in_executor(self.executor, self.store.head, store_key)
        etag = f'"{info.etag}"'
        headers = [
            (b"etag", etag.encode()),
            (b"accept-ranges", b"bytes"),
            (b"content-type", b"application/octet-stream"),
        ]
        if download_name is not None:
            headers.append((b"content-disposition", content_disposition(download_name)))
        if_match = header(scope, b"if-match")
        if if_match is not None and not _names(if_match, etag):
            raise ObjectRefused(PRECONDITION_FAILED)
        if_none_match = header(scope, b"if-none-match")
        if if_none_match is not None and _names(if_none_match, etag):
            part = _Part(304, 0, 0)
        else:
            part = _part(scope, info.size_bytes, etag)
            headers.append((b"content-length", b"%d" % part.length))
        if part.content_range is not None:
            headers.append((b"content-range", part.content_range))
        start = {"type": "http.response.start", "status": part.status, "headers": headers}
        if scope["method"] == "HEAD" or part.length == 0:
            await send(start)
            await send({"type": "http.response.body"})
            return part.status
        opened = partial(
            self.store.open, store_key, offset=part.offset, length=part.length, if_match=info.etag
        )
        reader = await loop.run_in_executor(self.executor, opened)
        proven = None
        if expected is not None and part.length == info.size_bytes:
            reader = proven = ProvenReader(reader, expected.checksum)
        try:
            await send(start)
            await self._pump(reader, part.length, receive, send)
        finally:
            reader.close()
            if expected is not None and proven is not None and proven.damaged:
                await expected.on_damage()
        return part.status

    async def _pump(self, reader: Reader, length: int, receive: Receive, send: Send) -> None:
        """One chunk in memory at a time: `send` waits while the client is behind."""
        loop = asyncio.get_running_loop()
        gone = asyncio.create_task(until_disconnected(receive))
        try:
            while length > 0 and not gone.done():
                buffer = bytearray(min(_CHUNK_BYTES, length))
                count = await loop.run_in_executor(self.executor, _read_into, reader, buffer)
                if count == 0:
                    # Shorter than announced: the connection is cut, so that no client takes it for whole.
                    return
                del buffer[count:]
                length -= count
                await send({"type": "http.response.body", "body": buffer, "more_body": length > 0})
                self.count_sent(count)
        finally:
            gone.cancel()


def content_disposition(name: str) -> bytes:
    """`attachment` with the name twice: in ASCII for old clients, in UTF-8 for all others (RFC 6266)."""
    plain = re.sub(r"[^ !#-\[\]-~]", "_", name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}".encode("ascii")


def _read_into(reader: Reader, buffer: bytearray) -> int:
    with memoryview(buffer) as view:
        return reader.readinto(view)


def _names(condition: str, etag: str) -> bool:
    """Whether a list of ETags names this one; `*` names any."""
    tags = {tag.strip().removeprefix("W/") for tag in condition.split(",")}
    return "*" in tags or etag in tags or etag.strip('"') in tags


def _part(scope: AsgiScope, size_bytes: int, etag: str) -> _Part:
    """The one range that is asked for; several at once, or what is none, means the whole (RFC 9110, 14.2)."""
    whole = _Part(200, 0, size_bytes)
    asked = header(scope, b"range")
    condition = header(scope, b"if-range")
    span = None if asked is None else byte_range(asked)
    if span is None or (condition is not None and condition != etag):
        return whole
    first, last = span
    if first is None:
        start, end = max(0, size_bytes - (last or 0)), size_bytes - 1
        if last == 0:
            raise ObjectRefused(invalid_range(size_bytes))
    else:
        start, end = first, size_bytes - 1 if last is None else min(last, size_bytes - 1)
        if last is not None and last < start:
            return whole
    if start >= size_bytes:
        raise ObjectRefused(invalid_range(size_bytes))
    return _Part(206, start, end - start + 1, b"bytes %d-%d/%d" % (start, end, size_bytes))
