"""GetObject and HeadObject: the provider's answer passed on as it streams in, header by header.

Threads read from the provider's endpoint, one piece at a time; the next one is read when the client has taken
the one before, so memory stays small whatever the object's size. Nothing is sent to the provider but what is
in the lists below, and nothing of its answer reaches the client but what is.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass
from email.utils import formatdate
from time import monotonic
from typing import Any

from entrepot.domain.errors import StoreUnavailable
from entrepot.domain.object_headers import without_chunks
from entrepot.domain.outside_numbers import http_date
from entrepot.http.answer import ConnectionFailed
from entrepot.http.messages import Header
from entrepot.s3_gateway.provider_objects import Found, ObjectRequest
from entrepot.s3_gateway.provider_threads import ProviderThreads
from entrepot.s3_gateway.s3_errors import HARMLESS, NO_SUCH_BUCKET, ObjectProblem, ObjectRefused
from entrepot.stores.s3_headers import etag_in, quoted
from entrepot.stores.s3_view import OpenObject, S3View
from entrepot.wire.asgi import ClientDisconnected, Receive, Send, until_disconnected

_PIECE_BYTES = 256 * 1024
_ENOUGH_BYTES = 128 * 1024
"""A piece of this size is sent on without waiting until it is full."""
_LOOK_SECONDS = 1.0
"""How long a transfer may go on before it is looked at again whether the client may still read."""
_PASSED_ON = frozenset(
    {
        "cache-control", "content-disposition", "content-encoding", "content-language", "content-type",
        "expires", "x-amz-missing-meta", "x-amz-mp-parts-count", "x-amz-request-charged",
        "x-amz-server-side-encryption", "x-amz-storage-class",
    }
)  # fmt: skip
_OF_UNCHANGED = frozenset({"cache-control", "expires"})
"""What else of the object is said with a 304 (RFC 9110, section 15.4.5)."""
_METADATA, _CHECKSUMS = "x-amz-meta-", "x-amz-checksum-"
_OVERRIDES = {
    "response-cache-control": "cache-control",
    "response-content-disposition": "content-disposition",
    "response-content-encoding": "content-encoding",
    "response-content-language": "content-language",
    "response-content-type": "content-type",
    "response-expires": "expires",
}
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_NOT_IN_HEADERS = re.compile(r"[^\x20-\x7e\xa0-\xff]")
_BAD_OVERRIDE = ObjectProblem(
    400,
    "InvalidArgument",
    "Header value cannot be represented using ISO-8859-1: that of a response- parameter.",
)
Read = Callable[[int], Coroutine[Any, Any, bytearray]]
"""Reads so many bytes of an object, or fewer."""
MayRead = Callable[[], Awaitable[bool]]
"""Whether the client may still read this object."""


@dataclass(frozen=True, slots=True)
class ObjectPassage:
    threads: ProviderThreads
    count_sent: Callable[[int], None]

    async def answer(
        self,
        request: ObjectRequest,
        view: S3View,
        client: tuple[Receive, Send],
        may_read: MayRead,
        extra: Sequence[Header],
    ) -> int:
        """Answers and returns the status.

        Raises `StoreError` or `ObjectRefused`, which can still be told only before anything is sent, and
        `ClientDisconnected`. What ends early is cut, so that no client takes it for whole.
        """
        _, send = client
        overrides = _overrides(request.query)
        found = await self.threads.run(request.provider_id, request.open, view)
        opened, portion = found.answer, found.portion
        try:
            headers = [*_said(found, request, overrides), *HARMLESS, *extra]
            if portion is not None:
                headers += portion.headers()
            await send({"type": "http.response.start", "status": found.status, "headers": headers})
            if not request.is_head and (portion is None or portion.length > 0):

                def read(size_bytes: int) -> Coroutine[Any, Any, bytearray]:
                    return self.threads.run(request.provider_id, _filled, opened, size_bytes)

                await self._pump(opened, read, client, may_read)
            await send({"type": "http.response.body"})
        finally:
            opened.close()
        return found.status

    async def _pump(
        self, opened: OpenObject, read: Read, client: tuple[Receive, Send], may_read: MayRead
    ) -> None:
        """One piece in memory at a time: `send` waits while the client is behind."""
        receive, send = client
        gone = asyncio.create_task(until_disconnected(receive))
        looked_at = monotonic()
        left = opened.length
        try:
            while left is None or left > 0:
                size_bytes = _PIECE_BYTES if left is None else min(_PIECE_BYTES, left)
                piece = await _piece(opened, read(size_bytes), gone)
                if not piece and left is None:
                    return
                if not piece:
                    raise StoreUnavailable("The provider's object ended early.")
                if monotonic() - looked_at > _LOOK_SECONDS:
                    if not await may_read():
                        raise ObjectRefused(NO_SUCH_BUCKET)
                    looked_at = monotonic()
                left = None if left is None else left - len(piece)
                self.count_sent(len(piece))
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        finally:
            gone.cancel()


async def _piece(
    opened: OpenObject, reading: Coroutine[Any, Any, bytearray], gone: asyncio.Task[None]
) -> bytearray:
    """The next bytes; none at the end. Raises `ClientDisconnected`, and `StoreError`."""
    filling = asyncio.create_task(reading)
    either: list[asyncio.Future[Any]] = [filling, gone]
    try:
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
    finally:
        if not filling.done():
            opened.abort()  # else a thread would wait for a provider that may be slow
            filling.cancel()
            await asyncio.wait([filling])
    if gone.done():
        if not filling.cancelled():
            filling.exception()  # whatever it was, nobody is left to be told
        raise ClientDisconnected
    return filling.result()


def _filled(opened: OpenObject, size_bytes: int) -> bytearray:
    """Reads until the piece is full, or large enough to be sent; nothing at the end."""
    piece, filled = bytearray(size_bytes), 0
    with memoryview(piece) as view:
        while filled < min(_ENOUGH_BYTES, size_bytes):
            try:
                with view[filled:] as rest:
                    count = opened.body.readinto(rest)
            except ConnectionFailed as failure:
                raise StoreUnavailable(f"The provider's object broke off: {failure}.") from failure
            if count == 0:
                break
            filled += count
    del piece[filled:]
    return piece


def _overrides(query: Mapping[str, str]) -> dict[str, str]:
    """What the answer's headers are to be, whatever the object's are."""
    overrides = {header: query[name] for name, header in _OVERRIDES.items() if name in query}
    if any(_NOT_IN_HEADERS.search(value) for value in overrides.values()):
        raise ObjectRefused(_BAD_OVERRIDE)
    return overrides


def _said(found: Found, request: ObjectRequest, overrides: Mapping[str, str]) -> Iterator[Header]:
    """The headers of the answer, as S3 writes them."""
    answer, unchanged = found.answer.headers, found.status == 304
    said = {} if unchanged else {"accept-ranges": "bytes", "content-type": "binary/octet-stream"}
    # A checksum of the whole object beside a part of it would tell clients that the part is damaged.
    with_checksums = found.status == 200 and "x-amz-checksum-mode" in request.headers
    prefixes = (_METADATA, _CHECKSUMS) if with_checksums else (_METADATA,)
    for name, text in answer.items():
        value = without_chunks(text) if name == "content-encoding" else text
        is_wanted = name in _OF_UNCHANGED if unchanged else name in _PASSED_ON or name.startswith(prefixes)
        if is_wanted and value and not _CONTROL.search(name + value):
            said[name] = value
    etag, modified_at = etag_in(answer), http_date(answer.get("last-modified", ""))
    if etag and not _CONTROL.search(etag):
        said["etag"] = quoted(etag)
    if modified_at is not None:
        said["last-modified"] = formatdate(modified_at, usegmt=True)
    if not unchanged:
        said |= overrides
    for name, value in said.items():
        yield name.encode("latin-1"), value.encode("latin-1")
