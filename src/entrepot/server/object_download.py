"""GET and HEAD of one stored object: conditions, one range, large chunks, an end when the client leaves."""

from __future__ import annotations

import asyncio
import os
import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from email.utils import formatdate
from functools import partial
from typing import NamedTuple, ParamSpec, TypeVar
from urllib.parse import quote

from entrepot.domain.asset import Checksum
from entrepot.domain.errors import StoreError
from entrepot.domain.timestamp import Timestamp
from entrepot.http.messages import Header
from entrepot.s3_gateway.portions import AskedPortion, Described
from entrepot.s3_gateway.s3_errors import ObjectProblem, ObjectRefused
from entrepot.stores.local import LocalReader
from entrepot.stores.store import ObjectStore, Reader
from entrepot.transfer.verification import ProvenReader
from entrepot.wire.asgi import Receive, Send, until_disconnected

_P = ParamSpec("_P")
_T = TypeVar("_T")
_CHUNK_BYTES = 1024 * 1024
_REMEMBERED_FILES = 10_000
_PROOF_SECONDS = 20.0
"""How long a client waits until a file has been read; clients give up after a minute or so."""
_BEING_PROVEN = ObjectProblem(
    503,
    "SlowDown",
    "This asset is large, and is being read once before parts of it are sent. Please try again, or get all "
    "of it at once.",
    ((b"retry-after", b"20"),),
)


class _File(NamedTuple):
    """A file as it is now: whoever writes to it changes its time."""

    device: int
    inode: int
    modified_ns: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Expected:
    """What the bytes must be, and who is told where they are others."""

    checksum: Checksum
    on_damage: Callable[[], Awaitable[None]]
    refusal: ObjectProblem
    """What is said of an asset that is damaged."""


@dataclass(frozen=True, slots=True)
class Served:
    """An object that may be sent, and what is said of it."""

    store_key: str
    headers: Sequence[Header]
    modified_at: Timestamp | None = None
    expected: Expected | None = None


class Download:
    """Sends objects of one store; files are read in the executor's threads."""

    def __init__(self, store: ObjectStore, executor: Executor, count_sent: Callable[[int], None]) -> None:
        self._store = store
        self._executor = executor
        self._count_sent = count_sent
        self._proven: OrderedDict[_File, asyncio.Task[bool]] = OrderedDict()

    async def answer(
        self, method: str, headers: Mapping[str, str], receive: Receive, send: Send, served: Served
    ) -> int:
        """Answers the request and returns the status.

        A whole object that turns out to have other bytes than expected lacks its end. A range is sent when
        the whole file has been read and found right, once as long as the file is not touched.

        Raises `StoreError` or `ObjectRefused` before anything is sent.
        """
        info = await self._in_thread(self._store.head, served.store_key)
        modified_at = None if served.modified_at is None else served.modified_at.milliseconds // 1000
        portion = AskedPortion.of(headers).of_object(Described(info.size_bytes, info.etag, modified_at))
        said = [(b"etag", f'"{info.etag}"'.encode()), (b"accept-ranges", b"bytes"), *served.headers]
        if portion.status == 304:
            said = [each for each in said if each[0] in (b"etag", b"cache-control")]
        if modified_at is not None:
            said.append((b"last-modified", formatdate(modified_at, usegmt=True).encode()))
        start = {
            "type": "http.response.start",
            "status": portion.status,
            "headers": [*said, *portion.headers()],
        }
        if method == "HEAD" or portion.length == 0:
            await send(start)
            await send({"type": "http.response.body"})
            return portion.status
        expected = served.expected
        is_whole = portion.length == info.size_bytes
        if expected is not None and not is_whole:
            await self._require_proven(served.store_key, info.etag, expected)
        opened = partial(
            self._store.open,
            served.store_key,
            offset=portion.offset,
            length=portion.length,
            if_match=info.etag,
        )
        reader: Reader = await self._in_thread(opened)
        proven = None
        if expected is not None and is_whole:
            reader = proven = ProvenReader(reader, expected.checksum)
        try:
            await send(start)
            await self._pump(reader, portion.length, receive, send)
        finally:
            reader.close()
            if expected is not None and proven is not None and proven.damaged:
                await expected.on_damage()
        return portion.status

    async def _require_proven(self, store_key: str, etag: str, expected: Expected) -> None:
        """Raises `ObjectRefused` where the file has other bytes, or is so large that reading it takes long.

        The reading goes on when the client leaves: the next one finds it done.
        """
        reader = await self._in_thread(partial(self._store.open, store_key, if_match=etag))
        if not isinstance(reader, LocalReader):
            reader.close()
            return
        status = os.fstat(reader.fileno())
        file = _File(status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size)
        reading = self._proven.get(file)
        if reading is None:
            reading = self._proven[file] = asyncio.create_task(self._is_right(reader, expected.checksum))
            if len(self._proven) > _REMEMBERED_FILES:
                self._proven.popitem(last=False)
        else:
            reader.close()
        try:
            is_right = await asyncio.wait_for(asyncio.shield(reading), _PROOF_SECONDS)
        except TimeoutError:
            raise ObjectRefused(_BEING_PROVEN) from None
        except StoreError:
            self._proven.pop(file, None)
            raise
        if not is_right:
            self._proven.pop(file, None)
            await expected.on_damage()
            raise ObjectRefused(expected.refusal)

    async def _is_right(self, reader: LocalReader, checksum: Checksum) -> bool:
        """Reads all of a file, in pieces, so that the server's end need not wait for it."""
        proven, buffer = ProvenReader(reader, checksum), bytearray(_CHUNK_BYTES)
        try:
            while await self._in_thread(_read_into, proven, buffer):
                pass
        finally:
            reader.close()
        return not proven.damaged

    async def _in_thread(self, work: Callable[_P, _T], *arguments: _P.args, **named: _P.kwargs) -> _T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, partial(work, *arguments, **named))

    async def _pump(self, reader: Reader, length: int, receive: Receive, send: Send) -> None:
        """One chunk in memory at a time: `send` waits while the client is behind."""
        gone = asyncio.create_task(until_disconnected(receive))
        try:
            while length > 0 and not gone.done():
                buffer = bytearray(min(_CHUNK_BYTES, length))
                count = await self._in_thread(_read_into, reader, buffer)
                if count == 0:
                    # Shorter than announced: the connection is cut, so that no client takes it for whole.
                    return
                del buffer[count:]
                length -= count
                await send({"type": "http.response.body", "body": buffer, "more_body": length > 0})
                self._count_sent(count)
        finally:
            gone.cancel()


def content_disposition(name: str) -> bytes:
    """`attachment` with the name twice: in ASCII for old clients, in UTF-8 for all others (RFC 6266)."""
    plain = re.sub(r"[^ !#-\[\]-~]", "_", name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}".encode("ascii")


def _read_into(reader: Reader, buffer: bytearray) -> int:
    with memoryview(buffer) as view:
        return reader.readinto(view)
