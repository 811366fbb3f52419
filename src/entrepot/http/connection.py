"""One connection for requests one after the other: over TCP, perhaps through a proxy, perhaps in TLS.

Why not the standard library's client: it takes long to import, cannot see an answer that comes while the body
is still being sent, and hides whether a failed request reached the server. Memory is constant: bodies go from
and to the memory of the caller.
"""

from __future__ import annotations

import errno
import select
import socket
import time

from entrepot.http.answer import (
    AWAITING,
    CONNECTING,
    PREPARING,
    SENDING,
    TRUSTING,
    Answer,
    ConnectionFailed,
    Incoming,
    reason_of,
)
from entrepot.http.url import parse_endpoint

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from ssl import SSLContext
    from typing import Protocol

    from entrepot.http.answer import Source
    from entrepot.http.url import Endpoint

    class Body(Protocol):
        """Bytes that are read while they are sent."""

        def readinto(self, buffer: memoryview, /) -> int: ...

    class Wire(Source, Protocol):
        """The part of a socket, encrypted once, twice or not, that a connection uses."""

        def send(self, data: memoryview, /) -> int: ...
        def sendall(self, data: bytes, /) -> object: ...
        def settimeout(self, value: float | None, /) -> None: ...
        def fileno(self) -> int: ...
        def close(self) -> None: ...


_SEND_BYTES = 1024 * 1024
_JOINED_BYTES = 64 * 1024
"""Up to this size head and body leave in one packet train."""
_MOST_LOOKS = 100
"""So often something comes that is no answer before the server takes more of the body."""
_HEAD_SECONDS = 600.0
"""The head of an answer ends in that time, however it trickles."""
_HUNG_UP = frozenset({errno.EPIPE, errno.ESHUTDOWN, errno.EPROTOTYPE, errno.ECONNRESET})
"""With these the server may have said why before it hung up: the answer, still in the socket, decides."""


class Trust:
    """Whom TLS trusts. The context is made at the first use: that takes tens of milliseconds."""

    def __init__(self, verify: bool | str) -> None:
        """`verify` is True for the certificates that the system trusts, a path for those in that file, and
        False or empty to trust everybody.
        """
        self._verify = verify
        self._context: SSLContext | None = None

    def context(self) -> SSLContext:
        """For one server after another. Raises `ConnectionFailed` where the file cannot be used."""
        if self._context is None:
            from entrepot.http.tls import make_context

            try:
                self._context = make_context(self._verify)
            except OSError as error:
                reason = f"the CA bundle {self._verify} cannot be read: {error}"
                raise ConnectionFailed(reason, stage=TRUSTING, unanswered=True, permanent=True) from error
        return self._context


class Connection:
    """Opens itself when it must, and is closed by every failure. Not thread-safe, but for `abort`."""

    def __init__(
        self,
        endpoint: Endpoint,
        trust: Trust,
        timeouts: tuple[float | None, float | None, float | None],
        *,
        proxy_url: str | None = None,
        tcp_keepalive: bool = False,
        like_http_client: bool = False,
        give_back: Callable[[Connection], None] | None = None,
    ) -> None:
        """`timeouts` in seconds, None for none: to connect and prepare; for each silence in sending; after.

        `proxy_url` begins with `http:` or `https:`. `like_http_client` is how answers are read (see
        `Answer`). `give_back` takes the connection when an answer is read to its end and another may follow.
        """
        self.endpoint = endpoint
        self.trust = trust
        self.proxy: Proxy | None = None
        self.reused = False
        """Whether the last request went over a connection that was open before."""
        self.answer_seconds: float | None = None
        """For a whole answer, however it trickles; None for as long as its body takes."""
        self._timeouts = timeouts
        self._timeout = timeouts[0]
        self._proxy_url = proxy_url
        self._tcp_keepalive = tcp_keepalive
        self._like_http_client = like_http_client
        self._give_back = give_back
        self._stage = CONNECTING
        self._encrypted = self._broken = False
        self._busy = True
        self._socket: Wire | None = None
        self._incoming: Incoming | None = None

    def exchange(
        self,
        method: str,
        target: str,
        headers: list[tuple[str, str]],
        body: bytes | memoryview | Body | None = None,
        size_bytes: int = 0,
    ) -> Answer:
        """Sends a request and reads the head of its answer. `size_bytes` is that of a body to be read.

        `target` is path and query; all headers must be given, the length's too. A connection that ended while
        it was idle is opened again; nothing is sent twice. Raises `ConnectionFailed`.
        """
        wire, incoming = self._socket, self._incoming
        try:
            self._stage = CONNECTING
            if self._proxy_url is not None:
                target, headers = self._through_proxy(self._proxy_url, target, headers)
            head = request_head(method, target, headers)
            self.reused = wire is not None and not self._busy and not _has_something_to_say(wire)
            if wire is None or incoming is None or not self.reused:
                self.close()
                wire = self.open()
                incoming = self._incoming = Incoming(wire)
            incoming.until = None
            self._busy = True
            self._stage = SENDING
            self._wait_at_most(wire, self._timeouts[1])
            self._send(wire, incoming, head, body, size_bytes)
            self._stage = AWAITING
            self._wait_at_most(wire, self._timeouts[2])
            incoming.until = time.monotonic() + (self.answer_seconds or _HEAD_SECONDS)
            answer = Answer(incoming, method=method, like_http_client=self._like_http_client)
            if self.answer_seconds is None:  # bytes of objects take as long as they take
                incoming.until = None
        except (OSError, ValueError, OverflowError) as error:
            self.close()
            raise self._failure(error) from error
        except BaseException:
            self.close()
            raise
        answer.hold(self)
        return answer

    def _through_proxy(
        self, proxy_url: str, target: str, headers: list[tuple[str, str]]
    ) -> tuple[str, list[tuple[str, str]]]:
        """What is asked of a proxy that reads the requests; one that opens a tunnel sees nothing of them."""
        if self.proxy is None:
            self.proxy = Proxy(proxy_url)
        if self.endpoint.scheme != "http":
            return target, headers
        return self.endpoint.url + target, [*headers, *self.proxy.headers]

    def _wait_at_most(self, wire: Wire, seconds: float | None) -> None:
        if seconds != self._timeout:  # setting it is a system call
            wire.settimeout(seconds)
            self._timeout = seconds

    def finished(self, *, keep: bool) -> None:
        """An answer is read to its end, or will not be read: keeps or ends the connection."""
        if not keep or self._incoming or self._broken:
            self.close()
            return
        self._busy = False
        if self._give_back is not None:
            self._give_back(self)

    def abort(self) -> None:
        """Wakes whoever waits for bytes of this connection: none will come. It still must be closed."""
        try:
            # Of the plain socket, also below TLS, whose state belongs to the thread that reads.
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)  # type: ignore[arg-type]
        except (OSError, TypeError):  # it is closed already
            return

    def close(self) -> None:
        """Ends the connection; the next request opens a new one."""
        wire, self._socket = self._socket, None
        if wire is not None:
            wire.close()

    def _failure(self, error: OSError | ValueError | OverflowError) -> ConnectionFailed:
        stage = self._stage
        opening = stage in (CONNECTING, PREPARING)
        if isinstance(error, TimeoutError):
            reason = "it did not accept a connection in time" if opening else "it did not answer in time"
            return ConnectionFailed(reason, stage=stage, unanswered=opening)
        # Else a host or a header that is none, a timeout that no clock can hold, or an untrusted certificate.
        permanent = isinstance(error, (ValueError, OverflowError))
        reason = reason_of(error) if isinstance(error, OSError) else str(error)
        unanswered = opening or not self._incoming
        return ConnectionFailed(reason, stage=stage, unanswered=unanswered, permanent=permanent)

    def open(self) -> Wire:
        """Connects, which is for `exchange` to do. Raises `OSError`, `ValueError` and `ConnectionFailed`."""
        if self.endpoint.scheme not in ("http", "https"):
            raise ValueError(f"Not supported URL scheme {self.endpoint.scheme}")
        self._timeout = self._timeouts[0]
        proxy, host = self.proxy, self.endpoint.host
        first = self.endpoint if proxy is None else proxy.endpoint
        self._encrypted, self._broken = "https" in (first.scheme, self.endpoint.scheme), False
        plain = _connect(first.host, first.port, self._timeout)
        wire: Wire = plain
        try:
            if self._tcp_keepalive:
                plain.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            self._stage = PREPARING
            if first.scheme == "https":
                wire = self.trust.context().wrap_socket(plain, server_hostname=first.host)
            if proxy is not None and self.endpoint.scheme == "https":
                proxy.open_tunnel(wire, self.endpoint)
                if first.scheme == "https":
                    from entrepot.http.tls import TlsInTls

                    wire = TlsInTls(wire, self.trust.context(), host)
                else:
                    wire = self.trust.context().wrap_socket(plain, server_hostname=host)
        except BaseException:
            plain.close()
            wire.close()
            raise
        self._socket = wire
        return wire

    def _send(
        self,
        wire: Wire,
        incoming: Incoming,
        head: bytes,
        body: bytes | memoryview | Body | None,
        size_bytes: int,
    ) -> None:
        """Sends all, or stops early because an answer is there already: an error, which needs no rest."""
        try:
            if body is None:
                wire.sendall(head)
                return
            if isinstance(body, (bytes, memoryview)) and len(head) + len(body) <= _JOINED_BYTES:
                wire.sendall(head + body)
                return
            wire.sendall(head)
            for chunk in _chunks(body, size_bytes):
                sent = 0
                while sent < len(chunk):
                    if self._is_answered(wire, incoming):
                        self._broken = True
                        return
                    sent += wire.send(chunk[sent : sent + _SEND_BYTES])
        except OSError as error:
            if error.errno not in _HUNG_UP:
                raise
            self._broken = True

    def _is_answered(self, wire: Wire, incoming: Incoming) -> bool:
        """Waits until more can be sent; True where that is no use: an answer has begun that is no interim."""
        if self._encrypted:  # bytes may be session tickets; an early answer is found when the server hangs up
            return False
        poll = select.poll()
        poll.register(wire, select.POLLIN | select.POLLOUT)
        for _ in range(_MOST_LOOKS):
            events = poll.poll(None if self._timeout is None else self._timeout * 1000)
            if not events:
                raise TimeoutError
            seen = events[0][1]
            if seen & (select.POLLIN | select.POLLHUP | select.POLLERR) and incoming.has_final_answer():
                return True
            if seen & select.POLLOUT:
                return False
        raise ConnectionFailed("it answers 100 and the like, and takes no more of the body")


def request_head(method: str, target: str, headers: list[tuple[str, str]]) -> bytes:
    """Request line and headers. Raises `ValueError` where one of them would be two."""
    lines = [f"{method} {target} HTTP/1.1\r\n", *[f"{name}: {value}\r\n" for name, value in headers], "\r\n"]
    head = "".join(lines).encode()
    if not head.count(b"\n") == head.count(b"\r") == len(lines):
        raise ValueError("a header holds a line break")
    return head


def _chunks(body: bytes | memoryview | Body, size_bytes: int) -> Iterator[memoryview]:
    if isinstance(body, (bytes, memoryview)):
        yield memoryview(body)
        return
    buffer = memoryview(bytearray(_SEND_BYTES))
    left = size_bytes
    while left and (count := body.readinto(buffer[:left])):
        left -= count
        yield buffer[:count]
    if left:
        raise ConnectionFailed(f"the source ended {left:,} of {size_bytes:,} bytes early", permanent=True)


def _has_something_to_say(wire: Wire) -> bool:
    """Between requests that can only be its end."""
    poll = select.poll()
    poll.register(wire, select.POLLIN)
    return bool(poll.poll(0))


def _connect(host: str, port: int, timeout: float | None) -> socket.socket:
    """Tries all addresses of the host in turn; raises the last one's `OSError`."""
    name = _encoded(host)
    failure = OSError("the host has no address")
    for family, kind, protocol, _, address in socket.getaddrinfo(name, port, 0, socket.SOCK_STREAM):
        connected = socket.socket(family, kind, protocol)
        try:
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connected.settimeout(timeout)
            connected.connect(address)
        except OSError as error:
            connected.close()
            failure = error
        except BaseException:
            connected.close()
            raise
        else:
            return connected
    raise failure


def _encoded(host: str) -> bytes:
    """The host's name as the resolver takes it. Raises `ValueError` where it can be no name."""
    try:
        if not host.isascii():
            return host.encode("idna")
    except UnicodeError as error:
        raise ValueError(f"Failed to parse: '{host}', label empty or too long") from error
    # The codec would say the same of ASCII, and take 2 ms to be loaded.
    *labels, last = host.split(".")
    if len(last) > 63 or not all(0 < len(label) <= 63 for label in labels):
        raise ValueError(f"Failed to parse: '{host}', label empty or too long")
    return host.encode("ascii")


class Proxy:
    """A proxy: what it is told, and the tunnel that it opens for TLS."""

    def __init__(self, url: str) -> None:
        """Raises `ValueError` where it is no URL."""
        from urllib.parse import unquote, urlsplit  # takes long to import, and few have a proxy

        parts = urlsplit(url)
        self.endpoint = parse_endpoint(url)
        self.headers: list[tuple[str, str]] = []
        """What it is owed where its URL has a user."""
        if parts.username:
            from base64 import b64encode

            pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            self.headers.append(("Proxy-Authorization", f"Basic {b64encode(pair.encode()).decode()}"))
        for secret in filter(None, (parts.username, parts.password)):
            url = url.replace(secret, "***", 1)
        self.shown_url = url
        """With stars for name and password, for messages."""

    def open_tunnel(self, wire: Wire, endpoint: Endpoint) -> None:
        """Makes it pass bytes through to the endpoint, which says nothing before it is spoken to.

        Raises `ConnectionFailed` and `OSError`.
        """
        host = f"[{endpoint.host}]" if ":" in endpoint.host else endpoint.host
        target = f"{host}:{endpoint.port}"
        wire.sendall(request_head("CONNECT", target, [("Host", target), *self.headers]))
        name = f"the proxy {self.endpoint.host}"
        try:
            answer = Answer(Incoming(wire))
        except (ConnectionFailed, ConnectionResetError) as error:
            stage = error.stage if isinstance(error, ConnectionFailed) else PREPARING
            raise ConnectionFailed(f"{name} gave no proper answer", stage=stage, unanswered=True) from error
        if answer.status != 200:
            reason = f"{name} refused: {answer.version} {answer.status} {answer.reason}"
            raise ConnectionFailed(reason, stage=PREPARING, unanswered=True, permanent=True)
