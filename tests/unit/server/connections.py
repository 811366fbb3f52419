"""A connection to an application behind our HTTP protocol, without a server around it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import uvicorn
from uvicorn.server import ServerState

from entrepot.http.messages import HttpResponse
from entrepot.server.connections import Connections
from entrepot.server.http_connection import HttpConnection
from entrepot.wire.asgi import AsgiScope, Receive, Send, send_response


async def fine(scope: AsgiScope, receive: Receive, send: Send) -> None:
    await send_response(send, HttpResponse(200, (), b"fine"))


@asynccontextmanager
async def connected(
    application: Any = fine,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    config = uvicorn.Config(application, http=HttpConnection, ws="none", lifespan="off", log_config=None)
    config.load()
    state = ServerState()
    server = await asyncio.get_running_loop().create_server(
        lambda: HttpConnection(config, state, {}, connections=Connections(most=9, most_of_address=9)),
        "127.0.0.1",
        0,
    )
    async with server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        try:
            yield reader, writer
        finally:
            writer.close()
            with suppress(ConnectionResetError):
                await writer.wait_closed()
