"""A small load generator: one process, n connections, one prepared GET, as fast as it goes.

Connections are kept alive where the server keeps them; one that it closes after each answer (moto_server) is
opened again, which is part of what such a server costs.
"""

from __future__ import annotations

import asyncio
import sys
import time
from typing import cast


class _Load:
    """What the connections share: how many answers are still wanted, and whether something went wrong."""

    def __init__(self, port: int, request: bytes, requests: int) -> None:
        self.port = port
        self.request = request
        self.wanted = requests
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def connect(self) -> None:
        """Opens one connection, which begins at once."""
        try:
            loop = asyncio.get_running_loop()
            await loop.create_connection(lambda: _Connection(self), "127.0.0.1", self.port)
        except OSError as error:
            self.fail(f"cannot connect: {error}")

    def answered(self) -> bool:
        """One answer is whole; whether another one is wanted."""
        self.wanted -= 1
        if self.wanted <= 0 and not self.ended.done():
            self.ended.set_result(None)
        return self.wanted > 0

    def fail(self, why: str) -> None:
        """Ends the load."""
        if not self.ended.done():
            self.ended.set_exception(RuntimeError(why))


class _Connection(asyncio.Protocol):
    """Sends the request again for each whole answer."""

    def __init__(self, load: _Load) -> None:
        self._load = load
        self._transport: asyncio.WriteTransport
        self._pending = b""
        self._reconnecting: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)  # uvloop's is none of asyncio's classes
        self._transport.write(self._load.request)

    def data_received(self, data: bytes) -> None:
        self._pending += data
        head, blank, body = self._pending.partition(b"\r\n\r\n")
        if not blank:
            return
        if b" 200 " not in head[:16]:
            self._load.fail(f"the server answered {head[:40]!r}")
            return
        lower = head.lower()
        length = int(lower.partition(b"content-length:")[2].partition(b"\r\n")[0])
        if len(body) < length:
            return
        self._pending = b""
        if self._load.answered() and b"connection: close" not in lower:
            self._transport.write(self._load.request)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._load.ended.done():
            self._reconnecting = asyncio.get_running_loop().create_task(self._load.connect())


async def _run(port: int, request: bytes, connections: int, requests: int) -> float:
    load = _Load(port, request, requests)
    began = time.perf_counter()
    for _ in range(connections):
        await load.connect()
    async with asyncio.timeout(300):
        await load.ended
    return time.perf_counter() - began


def main() -> None:
    """`python -m bench.load PORT CONNECTIONS REQUESTS`, the request on standard input; prints the seconds."""
    import uvloop

    port, connections, requests = (int(argument) for argument in sys.argv[1:4])
    print(uvloop.run(_run(port, sys.stdin.buffer.read(), connections, requests)))


if __name__ == "__main__":
    main()
