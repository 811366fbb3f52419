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
from time import monotonic
from typing import Any

from entrepot.domain.errors import StoreUnavailable
from entrepot.domain.outside_numbers import byte_range, number_within
from entrepot.http.answer import ConnectionFailed
from entrepot.http.messages import Header
from entrepot.s3_gateway.provider_threads import ProviderThreads
from entrepot.s3_gateway.s3_errors import NO_SUCH_BUCKET, PRECONDITION_FAILED, ObjectProblem, ObjectRefused
from entrepot.stores.s3_view import OpenObject, S3View
from entrepot.wire.asgi import ClientDisconnected, Receive, Send, until_disconnected

_PIECE_BYTES = 256 * 1024
_ENOUGH_BYTES = 128 * 1024
"""A piece of this size is sent on without waiting until it is full."""
_LOOK_SECONDS = 1.0
"""How long a transfer may go on before it is looked at again whether the client may still read."""
_CONDITIONS = frozenset(
    {
        b"if-match", b"if-none-match", b"if-modified-since", b"if-unmodified-since", b"range",
        b"x-amz-checksum-mode", b"x-amz-request-payer",
    }
)  # fmt: skip
_PASSED_ON = frozenset(
    {
        "accept-ranges", "cache-control", "content-disposition", "content-encoding", "content-language",
        "content-range", "content-type", "etag", "expires", "last-modified", "x-amz-missing-meta",
        "x-amz-mp-parts-count", "x-amz-request-charged", "x-amz-server-side-encryption",
        "x-amz-storage-class",
    }
)  # fmt: skip
_PASSED_ON_PREFIXES = ("x-amz-meta-", "x-amz-checksum-")
_OVERRIDES = {
    "response-cache-control": "cache-control",
    "response-content-disposition": "content-disposition",
    "response-content-encoding": "content-encoding",
    "response-content-language": "content-language",
    "response-content-type": "content-type",
    "response-expires": "expires",
}
_HARMLESS: tuple[Header, ...] = (
    (b"content-security-policy", b"sandbox"),
    (b"x-content-type-options", b"nosniff"),
)
"""What a provider shares never runs as a page of the exchange's own origin."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_BAD_OVERRIDE = ObjectProblem(400, "InvalidArgument", "A response- parameter holds control characters.")
_BAD_PART = ObjectProblem(400, "InvalidArgument", "Part number must be an integer between 1 and 10000")
_REFUSALS = {
    412: PRECONDITION_FAILED,
    416: ObjectProblem(416, "InvalidRange", "The requested range is not satisfiable"),
}

Read = Callable[[int], Coroutine[Any, Any, bytearray]]
"""Reads so many bytes of an object, or fewer."""
MayRead = Callable[[], Awaitable[bool]]
"""Whether the client may still read this object."""


@dataclass(frozen=True, slots=True)
class ObjectRequest:
    provider_id: str
    key: str
    query: Mapping[str, str]
    headers: Sequence[Header]
    is_head: bool

    def open(self, view: S3View) -> OpenObject:
        """Asks the provider's endpoint. Blocks; raises a `StoreError`, or `ObjectRefused`."""
        ask = view.head if self.is_head else view.get
        opened = ask(self.key, query=_query(self.query), headers=_conditions(self.headers))
        if opened.status in _REFUSALS:
            opened.close()
            raise ObjectRefused(_REFUSALS[opened.status])
        return opened


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
        opened = await self.threads.run(request.provider_id, request.open, view)
        try:
            headers = [*_passed_on(opened, overrides), *_HARMLESS, *extra]
            if opened.length is not None and opened.status != 304:
                headers.append((b"content-length", b"%d" % opened.length))
            await send({"type": "http.response.start", "status": opened.status, "headers": headers})
            if not request.is_head and opened.status != 304:

                def read(size_bytes: int) -> Coroutine[Any, Any, bytearray]:
                    return self.threads.run(request.provider_id, _filled, opened, size_bytes)

                await self._pump(opened, read, client, may_read)
            await send({"type": "http.response.body"})
        finally:
            opened.close()
        return opened.status

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


def _conditions(headers: Sequence[Header]) -> tuple[tuple[str, str], ...]:
    """The headers that the provider's endpoint is to see.

    With `If-Range`, which S3 does not know, no range is asked for: the whole object is always right.
    """
    names = {name for name, _ in headers}
    wanted = _CONDITIONS - {b"range"} if b"if-range" in names else _CONDITIONS
    return tuple(
        (name.decode("ascii"), _condition(name, value.decode("latin-1").strip()))
        for name, value in headers
        if name in wanted
    )


def _condition(name: bytes, text: str) -> str:
    """The header's value; a range in numbers that every server can hold, and the same bytes."""
    span = byte_range(text) if name == b"range" else None
    if span is None:
        return text
    first, last = ("" if end is None else str(end) for end in span)
    return f"bytes={first}-{last}"


def _query(query: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    part = query.get("partNumber")
    if part is None:
        return ()
    number = number_within(part, 1, 10_000)
    if number is None:
        raise ObjectRefused(_BAD_PART)
    return (("partNumber", str(number)),)


def _overrides(query: Mapping[str, str]) -> dict[str, str]:
    """What the answer's headers are to be, whatever the object's are."""
    overrides = {header: query[name] for name, header in _OVERRIDES.items() if name in query}
    if any(_CONTROL.search(value) for value in overrides.values()):
        raise ObjectRefused(_BAD_OVERRIDE)
    return overrides


def _passed_on(opened: OpenObject, overrides: Mapping[str, str]) -> Iterator[Header]:
    for name, value in opened.headers.items():
        if name in overrides or _CONTROL.search(value) or _CONTROL.search(name):
            continue
        if name in _PASSED_ON or name.startswith(_PASSED_ON_PREFIXES):
            yield name.encode("latin-1"), value.encode("latin-1")
    for name, value in overrides.items():
        yield name.encode("ascii"), value.encode()
