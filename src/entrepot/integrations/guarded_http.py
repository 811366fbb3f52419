"""HTTP to targets that users name, without becoming their way into this network.

No redirect is followed and no proxy of the environment is used: both would connect where nobody checked.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from entrepot.domain.errors import IntegrationError, IntegrationRefused, IntegrationUnavailable
from entrepot.integrations.network_addresses import Network, Target

if TYPE_CHECKING:
    import httpcore

Header = tuple[bytes, bytes]

_CONNECT_SECONDS = 10.0
_IDLE_SECONDS = 1.5
"""Less than the 2 s for which servers keep idle connections at the least: none shall be met while it ends."""
_IDLE_CONNECTIONS = 32
_HEADERS_LIMIT_BYTES = 64 * 1024
"""Beyond it an answer is refused; the library stops reading at 100 KiB."""
_SET_HERE = frozenset({b"host", b"content-length", b"transfer-encoding", b"connection"})


class GuardedResponse:
    """The head of an answer, and its body as an asynchronous iterator of chunks that can be read once."""

    def __init__(self, response: httpcore.Response, target: Target, patience: _Patience) -> None:
        self.status = response.status
        self.headers: list[Header] = list(response.headers)
        self._response = response
        self._chunks = response.aiter_stream()
        self._with_errors = _Translated(target)
        self._patience = patience

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        """The next bytes; raises `IntegrationUnavailable` where they are cut short, or take too long."""
        with self._with_errors:
            async with self._patience.waiting():
                return await anext(self._chunks)


class GuardedHttp:
    """Sends requests to public addresses, to those in `allowed` networks, and to trusted hosts.

    Connections are kept for some seconds and used again. It belongs to one event loop; `aclose` ends it.
    TLS is verified against the host's name, by the system's certificates or those of `ca_bundle`.
    """

    def __init__(self, allowed: Sequence[Network] = (), *, ca_bundle: Path | None = None) -> None:
        self._allowed = tuple(allowed)
        self._ca_bundle = ca_bundle
        self._pools: dict[bool, httpcore.AsyncConnectionPool] = {}

    @asynccontextmanager
    async def send(
        self,
        method: str,
        url: str,
        headers: Sequence[Header],
        body: bytes = b"",
        *,
        timeout_seconds: float,
        trusted: bool = False,
    ) -> AsyncIterator[GuardedResponse]:
        """Sends one request; leaving the context ends it, whether or not the body was read.

        `Host` and the length are set here, whatever `headers` says of them. `timeout_seconds` is how long
        the target may keep this server waiting in all: to connect, to answer, and for every chunk of the
        body; the time that the caller takes with a chunk does not count. `trusted` calls any address: for
        hosts that the operator chose, never a user.

        Raises `TargetForbidden` before anything is sent, `IntegrationRefused` for a method or headers that
        HTTP/1.1 cannot carry, `IntegrationUnavailable` for everything that goes wrong on the way.
        """
        import httpcore

        target = Target.parse(url)
        patience = _Patience(timeout_seconds)
        with_errors = _Translated(target)
        if method.upper() == "CONNECT":
            raise IntegrationRefused("The method CONNECT opens tunnels; nobody may do that here.")
        pool = self._pool(trusted=trusted)
        request = httpcore.Request(
            method,
            httpcore.URL(
                scheme=target.scheme.encode(),
                host=target.host.encode(),
                port=target.port,
                target=target.path_and_query.encode(),
            ),
            headers=_headers(method, target, headers, body),
            content=body,
            extensions={"timeout": {"connect": min(_CONNECT_SECONDS, timeout_seconds)}},
        )
        with with_errors:
            async with patience.waiting():
                response = await pool.handle_async_request(request)
        try:
            if sum(len(name) + len(value) + 4 for name, value in response.headers) > _HEADERS_LIMIT_BYTES:
                raise IntegrationUnavailable(
                    f"{target.authority} answered with more than {_HEADERS_LIMIT_BYTES:,} bytes of headers."
                )
            yield GuardedResponse(response, target, patience)
        finally:
            await response.aclose()

    async def aclose(self) -> None:
        while self._pools:
            _, pool = self._pools.popitem()
            await pool.aclose()

    def _pool(self, *, trusted: bool) -> httpcore.AsyncConnectionPool:
        """Made at the first use: the certificates of the system take tens of milliseconds to read.

        The connections of trusted and of other requests never mix.
        """
        if trusted not in self._pools:
            import httpcore

            from entrepot.integrations.checked_connections import CheckedConnections

            bundle = None if self._ca_bundle is None else str(self._ca_bundle)
            try:
                context = ssl.create_default_context(cafile=bundle)
            except OSError as error:
                raise IntegrationUnavailable(f"The CA bundle {bundle} cannot be read: {error}.") from error
            self._pools[trusted] = httpcore.AsyncConnectionPool(
                ssl_context=context,
                max_connections=None,
                max_keepalive_connections=_IDLE_CONNECTIONS,
                keepalive_expiry=_IDLE_SECONDS,
                network_backend=None if trusted else CheckedConnections(self._allowed),
            )
        return self._pools[trusted]


class _Patience:
    """How long one target may still keep us waiting."""

    def __init__(self, seconds: float) -> None:
        self._left = seconds

    @asynccontextmanager
    async def waiting(self) -> AsyncIterator[None]:
        """Waits at most for what is left; raises `TimeoutError`."""
        started = time.monotonic()
        try:
            async with asyncio.timeout(max(self._left, 0.0)):
                yield
        finally:
            self._left -= time.monotonic() - started


class _Translated:
    """Makes errors of the library and of the clock those of this project."""

    def __init__(self, target: Target) -> None:
        self._target = target

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if error is None or isinstance(error, IntegrationError) or not isinstance(error, Exception):
            return
        import httpcore

        host = self._target.authority
        if isinstance(error, (TimeoutError, httpcore.TimeoutException)):
            raise IntegrationUnavailable(f"{host} did not answer in time.") from error
        if isinstance(error, httpcore.LocalProtocolError):
            raise IntegrationRefused(f"The request to {host} cannot be sent: {error}.") from error
        if isinstance(error, httpcore.ConnectError):
            raise IntegrationUnavailable(f"{host} cannot be reached: {_reason(error)}.") from error
        if isinstance(error, (httpcore.NetworkError, httpcore.ProtocolError)):
            raise IntegrationUnavailable(f"{host} gave no whole answer: {_reason(error)}.") from error


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__


def _headers(method: str, target: Target, headers: Sequence[Header], body: bytes) -> list[Header]:
    sent = [(b"host", target.authority.encode())]
    sent += [header for header in headers if header[0].lower() not in _SET_HERE]
    if body or method.upper() in {"POST", "PUT", "PATCH"}:
        sent.append((b"content-length", b"%d" % len(body)))
    return sent
