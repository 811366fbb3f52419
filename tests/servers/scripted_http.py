"""A TCP server that answers each request with the next of its prepared answers, right or wrong.

For what real servers do not do on demand: hang up, fall silent, answer too early, in chunks or with nonsense.
"""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scripted:
    """One answer, byte by byte as it goes out."""

    raw: bytes = b""
    first: bytes = b""
    """What goes out before the body of the request is read."""
    hang_up: bool = False
    """Whether the connection ends after it."""
    reads_body: bool = True
    """False: answers after the head, and never reads the body of the request."""
    silent: bool = False
    """True: sends `raw` and then nothing more until the client goes."""
    turns_to_tls: bool = False
    """Whether the connection is encrypted from here on, as after CONNECT."""


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it came in."""

    line: str
    headers: dict[str, str]
    body: bytes
    connection: int
    """Which connection of the server it came over, from 1."""


def answer(
    status: int, body: bytes = b"", headers: Sequence[tuple[str, str]] = (), *, reason: str = "Scripted"
) -> bytes:
    """A well-formed answer with its Content-Length."""
    lines = [f"HTTP/1.1 {status} {reason}", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def error(status: int, code: str, headers: Sequence[tuple[str, str]] = ()) -> bytes:
    """An S3 error."""
    body = f"<Error><Code>{code}</Code><Message>as scripted</Message></Error>".encode()
    return answer(status, body, headers)


class ScriptedServer:
    """Listens on a free port of 127.0.0.1; `requests` is what came in so far."""

    def __init__(self, script: Sequence[Scripted | bytes], tls: ssl.SSLContext | None, begins: bool) -> None:
        self.requests: list[Received] = []
        self._script = [step if isinstance(step, Scripted) else Scripted(step) for step in script]
        self._tls = tls
        self._begins_with_tls = begins
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self.port: int = self._listener.getsockname()[1]
        self.url = f"{'https' if begins else 'http'}://127.0.0.1:{self.port}"
        self._acceptor = threading.Thread(target=self._accept)
        self._acceptor.start()

    def close(self) -> None:
        """Ends the listener, all connections and their threads."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._acceptor.join()
        for each in self._open:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        number = 0
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            number += 1
            self._open.append(connection)
            thread = threading.Thread(target=self._serve, args=(connection, number))
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket, number: int) -> None:
        with ExitStack() as stack, suppress(OSError):
            stack.enter_context(connection)
            if self._begins_with_tls:
                connection = stack.enter_context(self._encrypted(connection))
            while True:
                head = bytearray()
                while not head.endswith(b"\r\n\r\n"):
                    byte = connection.recv(1)
                    if not byte:
                        return
                    head += byte
                line, *lines = head.decode("latin-1").strip().split("\r\n")
                headers = {
                    name.lower(): value.strip() for name, _, value in (each.partition(":") for each in lines)
                }
                with self._lock:
                    step = self._script.pop(0) if self._script else Scripted(hang_up=True)
                connection.sendall(step.first)
                body = bytearray()
                if step.reads_body:
                    while len(body) < int(headers.get("content-length", "0")):
                        more = connection.recv(65536)
                        if not more:
                            return
                        body += more
                self.requests.append(Received(line, headers, bytes(body), number))
                connection.sendall(step.raw)
                if step.turns_to_tls:
                    connection = stack.enter_context(self._encrypted(connection))
                if step.silent:
                    while connection.recv(65536):
                        pass
                if step.hang_up or step.silent:
                    return

    def _encrypted(self, connection: socket.socket) -> ssl.SSLSocket:
        assert self._tls is not None
        return self._tls.wrap_socket(connection, server_side=True)


@contextmanager
def scripted_server(
    *script: Scripted | bytes, tls: ssl.SSLContext | None = None, begins_with_tls: bool = False
) -> Iterator[ScriptedServer]:
    """A server that plays this script and is gone afterwards."""
    server = ScriptedServer(script, tls, begins_with_tls)
    try:
        yield server
    finally:
        server.close()
