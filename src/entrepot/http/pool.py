"""Connections to endpoints: made, directly or through a proxy, kept, and used again."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from entrepot.domain.errors import ConfigurationError
from entrepot.http.answer import Answer, ConnectionFailed
from entrepot.http.connection import Connection, Trust
from entrepot.http.url import Endpoint, is_direct

if TYPE_CHECKING:
    from entrepot.http.connection import Body

_IDLE_SECONDS = 15.0
"""A connection idle for longer may be closed by the server at any moment (Amazon S3: some 20 s)."""


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
    """Idle connections by endpoint, last used first. Thread-safe; as many are open as there are callers.

    Raises `ConfigurationError` for a proxy that cannot be used.
    """

    def __init__(self, options: ConnectionOptions) -> None:
        self._options = options
        self._proxies = {scheme: _http_proxy(url) for scheme, url in options.proxies.items()}
        self._lock = threading.Lock()
        self._idle: dict[str, list[tuple[Connection, float]]] = {}
        self._count = 0
        self._trust = Trust(True if options.ca_bundle is None else str(options.ca_bundle))
        self._closed = False

    def exchange(
        self,
        endpoint: Endpoint,
        method: str,
        target: str,
        headers: list[tuple[str, str]],
        body: memoryview | Body | None = None,
        size_bytes: int = 0,
        *,
        fresh: bool = False,
    ) -> Answer:
        """Sends a request and reads the head of its answer; the body is for the caller to read and close.

        A kept connection that turns out to be dead is replaced once, where the body can be sent again: so
        only requests may be sent that may arrive twice. `fresh` uses none that was kept. Raises
        `ConnectionFailed`.
        """
        repeatable = body is None or isinstance(body, memoryview)
        connection = self._take(endpoint, fresh=fresh)
        try:
            return connection.exchange(method, target, headers, body, size_bytes)
        except ConnectionFailed as failure:
            if not (failure.unanswered and connection.reused and repeatable):
                raise
        return self._take(endpoint, fresh=True).exchange(method, target, headers, body, size_bytes)

    def close(self) -> None:
        """Ends all idle connections, and those in use when they come back."""
        with self._lock:
            self._closed = True
            idle, self._idle, self._count = self._idle, {}, 0
        for waiting in idle.values():
            for connection, _ in waiting:
                connection.close()

    def _take(self, endpoint: Endpoint, *, fresh: bool) -> Connection:
        while not fresh:
            with self._lock:
                waiting = self._idle.get(endpoint.url)
                if not waiting:
                    break
                connection, since = waiting.pop()
                self._count -= 1
            if time.monotonic() - since < _IDLE_SECONDS:
                return connection
            connection.close()
        options = self._options
        authority = f"{endpoint.host}:{endpoint.port}"
        direct = "*" in options.no_proxy or is_direct(authority, options.no_proxy)
        return Connection(
            endpoint,
            self._trust,
            (options.connect_seconds, options.read_seconds, options.read_seconds),
            proxy_url=None if direct else self._proxies.get(endpoint.scheme),
            give_back=self._give_back,
        )

    def _give_back(self, connection: Connection) -> None:
        with self._lock:
            if not self._closed and self._count < self._options.idle_connections:
                self._idle.setdefault(connection.endpoint.url, []).append((connection, time.monotonic()))
                self._count += 1
                return
        connection.close()


def _http_proxy(url: str) -> str:
    url = url if "://" in url else f"http://{url}"
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname:
        shown = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"  # without a password
        raise ConfigurationError(f"The proxy {shown!r} must have the form http://host:port.")
    return url if parts.port else url.replace(parts.netloc, f"{parts.netloc.rstrip(':')}:8080", 1)
