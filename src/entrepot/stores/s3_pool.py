"""Connections to S3 endpoints: made, directly or through a proxy, kept, and used again."""

from __future__ import annotations

import base64
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from entrepot.domain.errors import ConfigurationError
from entrepot.stores.s3_connection import Connection, ConnectionFailed, Origin, reason_of

_IDLE_SECONDS = 15.0
"""A connection idle for longer may be closed by the server at any moment (Amazon S3: some 20 s)."""
_PROXY_ANSWER_LIMIT_BYTES = 16 * 1024


@dataclass(frozen=True, slots=True)
class ConnectionOptions:
    """How to connect, and for how long to wait."""

    connect_seconds: float = 10.0
    read_seconds: float = 60.0
    """The longest silence, of either direction, within a request."""
    ca_bundle: Path | None = None
    """Certificates to trust instead of the system's."""
    proxies: Mapping[str, str] = field(default_factory=dict)
    """Scheme of the endpoint → URL of an HTTP proxy, `http://user:password@host:port`."""
    no_proxy: tuple[str, ...] = ()
    """Hosts and domains that are reached directly, each perhaps with a port; `*` is all of them."""
    idle_connections: int = 64


class ConnectionPool:
    """Idle connections by origin, last used first. Thread-safe; as many are open as there are callers.

    Raises `ConfigurationError` for a proxy that cannot be used.
    """

    def __init__(self, options: ConnectionOptions) -> None:
        self._options = options
        self._proxies = {scheme: _parse_proxy(url) for scheme, url in options.proxies.items()}
        self._lock = threading.Lock()
        self._idle: dict[Origin, list[tuple[Connection, float]]] = {}
        self._count = 0
        self._context: ssl.SSLContext | None = None
        self._closed = False

    def take(self, origin: Origin, *, fresh: bool = False) -> Connection:
        """An idle connection that still stands, or a new one; raises `ConnectionFailed`."""
        while not fresh:
            with self._lock:
                waiting = self._idle.get(origin)
                if not waiting:
                    break
                connection, since = waiting.pop()
                self._count -= 1
            if time.monotonic() - since < _IDLE_SECONDS and connection.is_usable():
                connection.reused = True
                return connection
            connection.close()
        try:
            return self._connect(origin)
        except TimeoutError as error:
            raise ConnectionFailed("it did not accept a connection in time", unanswered=True) from error
        except OSError as error:
            untrusted = isinstance(error, ssl.SSLCertVerificationError)
            raise ConnectionFailed(reason_of(error), unanswered=True, permanent=untrusted) from error

    def give(self, connection: Connection) -> None:
        """Takes back a connection whose last answer was read to its end."""
        with self._lock:
            if not self._closed and self._count < self._options.idle_connections:
                self._idle.setdefault(connection.origin, []).append((connection, time.monotonic()))
                self._count += 1
                return
        connection.close()

    def close(self) -> None:
        """Ends all idle connections, and those in use when they come back."""
        with self._lock:
            self._closed = True
            idle, self._idle, self._count = self._idle, {}, 0
        for waiting in idle.values():
            for connection, _ in waiting:
                connection.close()

    def _connect(self, origin: Origin) -> Connection:
        proxy = self._proxy_for(origin)
        address = (origin.host, origin.port) if proxy is None else (str(proxy.hostname), proxy.port or 8080)
        sock = socket.create_connection(address, timeout=self._options.connect_seconds)
        via: bytes | None = None
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if proxy is not None and origin.scheme == "http":
                via = _proxy_headers(proxy)
            elif proxy is not None:
                _open_tunnel(sock, origin, proxy)
            if origin.scheme == "https":
                sock = self._tls_context().wrap_socket(sock, server_hostname=origin.host)
            sock.settimeout(self._options.read_seconds)
        except BaseException:
            sock.close()
            raise
        return Connection(origin, sock, self.give, via)

    def _proxy_for(self, origin: Origin) -> SplitResult | None:
        proxy = self._proxies.get(origin.scheme)
        if proxy is None:
            return None
        for rule in self._options.no_proxy:
            bare = rule.lstrip(".").lower()
            if bare in ("*", origin.host, f"{origin.host}:{origin.port}") or origin.host.endswith(f".{bare}"):
                return None
        return proxy

    def _tls_context(self) -> ssl.SSLContext:
        """Made at the first use: reading the system's certificates takes tens of milliseconds."""
        with self._lock:
            if self._context is None:
                bundle = self._options.ca_bundle
                try:
                    self._context = ssl.create_default_context(cafile=None if bundle is None else str(bundle))
                except OSError as error:
                    raise ConnectionFailed(
                        f"the CA bundle {bundle} cannot be read: {error}", unanswered=True, permanent=True
                    ) from error
            return self._context


def _parse_proxy(url: str) -> SplitResult:
    parts = urlsplit(url if "://" in url else f"http://{url}")
    if parts.scheme != "http" or not parts.hostname:
        shown = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"  # without a password
        raise ConfigurationError(f"The proxy {shown!r} must have the form http://host:port.")
    return parts


def _proxy_headers(proxy: SplitResult) -> bytes:
    if proxy.username is None:
        return b""
    user = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return b"Proxy-Authorization: Basic " + base64.b64encode(user.encode()) + b"\r\n"


def _open_tunnel(sock: socket.socket, origin: Origin, proxy: SplitResult) -> None:
    """Makes the proxy pass bytes through; reads one byte at a time so as to take none of the far end's."""
    target = f"{origin.host}:{origin.port}".encode()
    sock.sendall(
        b"CONNECT " + target + b" HTTP/1.1\r\nHost: " + target + b"\r\n" + _proxy_headers(proxy) + b"\r\n"
    )
    answer = bytearray()
    while not answer.endswith(b"\r\n\r\n"):
        byte = sock.recv(1)
        if not byte or len(answer) > _PROXY_ANSWER_LIMIT_BYTES:
            raise ConnectionFailed(f"the proxy {proxy.hostname} gave no proper answer", unanswered=True)
        answer += byte
    status = answer.split(b"\r\n", 1)[0].split(b" ")[1:2]
    if status != [b"200"]:
        line = bytes(answer.split(b"\r\n", 1)[0])[:100].decode("latin-1")
        raise ConnectionFailed(f"the proxy {proxy.hostname} refused: {line}", unanswered=True, permanent=True)
