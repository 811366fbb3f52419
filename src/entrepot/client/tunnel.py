"""The way through a proxy: the headers it is owed, the tunnel it opens for TLS, and TLS inside of TLS."""

from __future__ import annotations

import base64
import ssl
from urllib.parse import unquote, urlsplit

from entrepot.client.http_answer import Reader, read_head

TYPE_CHECKING = False
if TYPE_CHECKING:
    from entrepot.client.http_answer import Wire
    from entrepot.client.url import Endpoint

_PORTION = 65536


def proxy_headers(proxy_url: str) -> list[tuple[str, str]]:
    """What a proxy whose URL has a name and a password asks for."""
    parts = urlsplit(proxy_url)
    if not parts.username or not parts.password:
        return []
    pair = f"{unquote(parts.username)}:{unquote(parts.password)}"
    return [("Proxy-Authorization", f"Basic {base64.b64encode(pair.encode('ascii')).decode()}")]


def without_password(proxy_url: str) -> str:
    """The URL with stars for name and password, for messages."""
    parts = urlsplit(proxy_url)
    for secret in (parts.username, parts.password):
        if secret:
            proxy_url = proxy_url.replace(secret, "***", 1)
    return proxy_url


def request_tunnel(connected: Wire, endpoint: Endpoint, proxy_url: str) -> None:
    """Asks the proxy for a tunnel to the endpoint. Raises `OSError` where it opens none."""
    lines = [f"CONNECT {endpoint.bracketed_host}:{endpoint.port} HTTP/1.0"]
    lines += [f"{name}: {value}" for name, value in proxy_headers(proxy_url)]
    connected.sendall("\r\n".join([*lines, "", ""]).encode())
    answer = read_head(Reader(_ByteByByte(connected)))
    if answer.status != 200:
        raise OSError(f"Tunnel connection failed: {answer.status} {answer.reason}")


class _ByteByByte:
    """A socket of which no byte is taken before it is needed: what follows the answer belongs to TLS."""

    def __init__(self, connected: Wire) -> None:
        self._connected = connected

    def recv(self, bufsize: int, /) -> bytes:
        """One byte, or none at the end."""
        return self._connected.recv(min(bufsize, 1))


class TlsInTls:
    """TLS with the endpoint inside of TLS with the proxy, which Python's own sockets cannot do.

    As much of a socket as a `Connection` uses. Making one does the handshake; everything raises `OSError`.
    """

    def __init__(self, outer: Wire, context: ssl.SSLContext, host: str) -> None:
        self._outer = outer
        self._received, self._to_send = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._received, self._to_send, server_hostname=host)
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                self._fill()
            else:
                self._flush()
                return

    def _flush(self) -> None:
        if self._to_send.pending:
            self._outer.sendall(self._to_send.read())

    def _fill(self) -> None:
        self._flush()
        data = self._outer.recv(_PORTION)
        if data:
            self._received.write(data)
        else:
            self._received.write_eof()

    def recv(self, bufsize: int, /) -> bytes:
        """Up to that many bytes; none at the end."""
        while True:
            try:
                return self._tls.read(bufsize)
            except ssl.SSLWantReadError:
                self._fill()
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                return b""

    def sendall(self, data: bytes, /) -> None:
        """Sends all of it."""
        sent = 0
        while sent < len(data):
            try:
                sent += self._tls.write(data[sent:])
            except ssl.SSLWantReadError:
                self._fill()
        self._flush()

    def settimeout(self, value: float | None, /) -> None:
        """In seconds, for every wait; None waits forever."""
        self._outer.settimeout(value)

    def fileno(self) -> int:
        """The descriptor that something arrives at."""
        return self._outer.fileno()

    def close(self) -> None:
        """Ends both connections."""
        self._outer.close()
