"""Takes TLS off connections and passes what is in them on: a proxy that is spoken to in TLS."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def tls_terminator(context: ssl.SSLContext, port_behind: int) -> Iterator[int]:
    """The port of one that serves a single connection, to a port of 127.0.0.1 behind it."""
    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=_serve, args=(listener, context, port_behind))
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def _serve(listener: socket.socket, context: ssl.SSLContext, port_behind: int) -> None:
    with suppress(OSError):
        accepted, _ = listener.accept()
        with (
            context.wrap_socket(accepted, server_side=True) as integrations,
            socket.create_connection(("127.0.0.1", port_behind)) as inside,
        ):
            back = threading.Thread(target=_pass_on, args=(inside, integrations))
            back.start()
            _pass_on(integrations, inside)
            back.join()


def _pass_on(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_RDWR)
