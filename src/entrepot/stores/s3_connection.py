"""HTTP/1.1 for one purpose: requests to S3 over pooled sockets, bytes straight into the caller's buffers.

Why not the standard library's client: it reads headers with the e-mail parser, cannot see an answer that
comes while the body is still being sent, and hides whether a failed request reached the server. Memory is
constant: bodies go from and to the memory of the caller.
"""

from __future__ import annotations

import select
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from entrepot.stores.store import Reader

_RECEIVE_BYTES = 64 * 1024
_SEND_BYTES = 1024 * 1024
_JOINED_BYTES = 64 * 1024
"""Up to this size head and body leave in one packet train."""
_HEAD_LIMIT_BYTES = 256 * 1024


class ConnectionFailed(Exception):
    """The transport failed.

    `unanswered`: not one byte of an answer came. `permanent`: it will fail the same way again.
    """

    def __init__(self, reason: str, *, unanswered: bool, permanent: bool = False) -> None:
        super().__init__(reason)
        self.unanswered = unanswered
        self.permanent = permanent


@dataclass(frozen=True, slots=True)
class Origin:
    """Where to connect to."""

    scheme: str
    host: str
    port: int

    @classmethod
    def parse(cls, url: str) -> Origin:
        """The origin of an http or https URL; raises `ValueError`."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{url!r} is not a URL that begins with http:// or https://")
        return cls(parts.scheme, parts.hostname, parts.port or (443 if parts.scheme == "https" else 80))

    @property
    def authority(self) -> str:
        """The `Host` header: the port only where it is not the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.scheme == "https" else 80) else f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}"


class Answer:
    """The answer to one request: head at once, body on demand."""

    def __init__(self, connection: Connection, status: int, headers: dict[str, str], *, bodiless: bool):
        self.status = status
        self.headers = headers
        self._connection: Connection | None = connection
        length = headers.get("content-length")
        self._chunked = "chunked" in headers.get("transfer-encoding", "").lower()
        self.length: int | None = None
        """The bytes of the body, where they are announced."""
        if bodiless:
            self.length, self._chunked = 0, False
        elif not self._chunked and length is not None:
            if not length.isdecimal():
                raise ConnectionFailed(f"the answer has Content-Length {length!r}", unanswered=False)
            self.length = int(length)
        self._left = self.length or 0
        self._keep = headers.get("connection", "").lower() != "close" and (
            self._chunked or self.length is not None
        )
        self._ended = False
        if self.length == 0:
            self._end()

    def readinto(self, view: memoryview) -> int:
        """Fills the front of `view`; 0 at the end. Raises `ConnectionFailed` where the body is cut short."""
        connection = self._connection
        if self._ended or connection is None or not view:
            return 0
        if self._chunked and self._left == 0:
            self._left = connection.read_chunk_size()
            if self._left == 0:
                self._end()
                return 0
        bounded = self._chunked or self.length is not None
        count = connection.receive_into(view[: self._left] if bounded else view)
        if count == 0:
            if bounded:
                raise ConnectionFailed("the connection ended before the answer did", unanswered=False)
            self._end()
            return 0
        if bounded:
            self._left -= count
            if self._left == 0:
                if self._chunked:
                    connection.read_chunk_end()
                else:
                    self._end()
        return count

    def read(self, limit: int) -> bytes:
        """The whole body; raises `ConnectionFailed` where it is longer than `limit`."""
        body = bytearray()
        buffer = memoryview(bytearray(min(_RECEIVE_BYTES, limit + 1)))
        while count := self.readinto(buffer):
            body += buffer[:count]
            if len(body) > limit:
                self.close()
                raise ConnectionFailed(f"the answer is longer than {limit:,} bytes", unanswered=False)
        return bytes(body)

    def abort(self) -> None:
        """Ends the connection while another thread may be reading from it: that one is let go at once."""
        connection = self._connection
        if connection is not None:
            connection.abort()

    def close(self) -> None:
        """Gives the connection back if the answer was read to its end, else ends it."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _end(self) -> None:
        self._ended = True
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.finished(keep=self._keep)


class Connection:
    """One socket, and what came over it but is not read yet."""

    def __init__(
        self, origin: Origin, sock: socket.socket, give_back: Callable[[Connection], None], via: bytes | None
    ) -> None:
        self.origin = origin
        self.via = via
        """The headers for a proxy that reads the requests; request lines carry the whole URL then."""
        self.reused = False
        self._give_back = give_back
        self._socket = sock
        self._tls = isinstance(sock, ssl.SSLSocket)
        self._received = bytearray()
        self._broken = False

    def exchange(
        self, head: bytes, body: memoryview | Reader | None, size_bytes: int, *, method: str
    ) -> Answer:
        """Sends a request and reads the head of its answer; the connection is closed on any failure."""
        unanswered = True
        try:
            self._send(head, body, size_bytes)
            while True:
                status, headers = self._read_head()
                unanswered = False
                if status >= 200:
                    bodiless = method == "HEAD" or status in (204, 304)
                    if self._broken:
                        headers["connection"] = "close"
                    return Answer(self, status, headers, bodiless=bodiless)
        except TimeoutError as error:
            self.close()
            raise ConnectionFailed("it did not answer in time", unanswered=False) from error
        except OSError as error:
            self.close()
            raise ConnectionFailed(reason_of(error), unanswered=unanswered and not self._received) from error
        except BaseException:
            self.close()
            raise

    def _send(self, head: bytes, body: memoryview | Reader | None, size_bytes: int) -> None:
        """Sends all, or stops early because an answer is there already: an error, which needs no rest."""
        try:
            if body is None or (isinstance(body, memoryview) and len(head) + len(body) <= _JOINED_BYTES):
                self._socket.sendall(head + body if body is not None else head)
                return
            self._socket.sendall(head)
            for chunk in _chunks(body, size_bytes):
                sent = 0
                while sent < len(chunk):
                    if self._is_answered():
                        self._broken = True
                        return
                    sent += self._socket.send(chunk[sent : sent + _SEND_BYTES])
        except (BrokenPipeError, ConnectionResetError):
            # The server may have said why before it hung up; what it said is still in the socket.
            self._broken = True

    def _is_answered(self) -> bool:
        if self._tls:  # bytes may be session tickets; an early answer is found when the server hangs up
            return False
        poll = select.poll()
        poll.register(self._socket, select.POLLIN | select.POLLOUT)
        timeout = self._socket.gettimeout()
        events = poll.poll(None if timeout is None else timeout * 1000)
        if not events:
            raise TimeoutError
        return bool(events[0][1] & (select.POLLIN | select.POLLHUP | select.POLLERR))

    def _read_head(self) -> tuple[int, dict[str, str]]:
        while (end := self._received.find(b"\r\n\r\n")) < 0:
            if len(self._received) > _HEAD_LIMIT_BYTES:
                raise ConnectionFailed("the head of the answer has no end", unanswered=False)
            self._receive()
        lines = self._received[:end].decode("latin-1").split("\r\n")
        del self._received[: end + 4]
        version, _, rest = lines[0].partition(" ")
        if not version.startswith("HTTP/1.") or not rest[:3].isdecimal():
            raise ConnectionFailed(f"it answered {lines[0][:80]!r}, which is not HTTP/1.1", unanswered=False)
        headers: dict[str, str] = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            lower = name.lower()
            headers[lower] = f"{headers[lower]}, {value.strip()}" if lower in headers else value.strip()
        if version == "HTTP/1.0" and headers.get("connection", "").lower() != "keep-alive":
            headers["connection"] = "close"
        return int(rest[:3]), headers

    def _receive(self) -> None:
        data = self._socket.recv(_RECEIVE_BYTES)
        if not data:
            raise ConnectionResetError("the connection was closed without an answer")
        self._received += data

    def receive_into(self, view: memoryview) -> int:
        """What came already, or what comes next; 0 when the other side has hung up."""
        if self._received:
            count = min(len(view), len(self._received))
            view[:count] = self._received[:count]
            del self._received[:count]
            return count
        try:
            return self._socket.recv_into(view)
        except TimeoutError as error:
            raise ConnectionFailed("the answer stopped in its middle", unanswered=False) from error
        except OSError as error:
            raise ConnectionFailed(str(error), unanswered=False) from error

    def read_chunk_size(self) -> int:
        """The size of the next chunk; 0 ends the body, its trailers read."""
        line = self._read_line()
        try:
            size = int(line.partition(b";")[0], 16)
        except ValueError as error:
            raise ConnectionFailed(f"a chunk has the size {line[:20]!r}", unanswered=False) from error
        if size == 0:
            while self._read_line():
                pass
        return size

    def read_chunk_end(self) -> None:
        """The empty line after a chunk."""
        if self._read_line():
            raise ConnectionFailed("a chunk is longer than its size", unanswered=False)

    def _read_line(self) -> bytes:
        try:
            while (end := self._received.find(b"\r\n")) < 0:
                if len(self._received) > _HEAD_LIMIT_BYTES:
                    raise ConnectionFailed("a line of the answer has no end", unanswered=False)
                self._receive()
        except OSError as error:
            raise ConnectionFailed("the answer stopped in its middle", unanswered=False) from error
        line = bytes(self._received[:end])
        del self._received[: end + 2]
        return line

    def is_usable(self) -> bool:
        """Whether an idle connection still stands: nothing may have come, not even its end."""
        if self._received:
            return False
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        return not poll.poll(0)

    def finished(self, *, keep: bool) -> None:
        """The answer is read to its end."""
        if keep and not self._received and not self._broken:
            self._give_back(self)
        else:
            self.close()

    def abort(self) -> None:
        """Wakes whoever waits for bytes of this connection: none will come. It still must be closed."""
        with suppress(OSError):
            # Of the plain socket, also below TLS, whose state belongs to the thread that reads.
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def close(self) -> None:
        """Ends the connection; harmless when repeated."""
        with suppress(OSError):
            self._socket.close()


def _chunks(body: memoryview | Reader, size_bytes: int) -> Iterator[memoryview]:
    if isinstance(body, memoryview):
        yield body
        return
    buffer = memoryview(bytearray(_SEND_BYTES))
    left = size_bytes
    while left and (count := body.readinto(buffer[:left])):
        left -= count
        yield buffer[:count]
    if left:
        raise ConnectionFailed(
            f"the source ended {left:,} of {size_bytes:,} bytes early", unanswered=False, permanent=True
        )


def reason_of(error: OSError) -> str:
    """What the operating system says, in its shortest form."""
    return error.strerror or str(error) or type(error).__name__
