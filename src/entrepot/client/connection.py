"""One kept-alive connection to an endpoint, over plain sockets.

What can fail is told apart by when it fails: while connecting (TCP), while preparing (the proxy's tunnel,
TLS), while sending, while waiting for the head of the answer, while reading its body. Each failure becomes
the error that the AWS CLI shows for it. Redirects are answers like any other.
"""

from __future__ import annotations

import errno
import socket

from entrepot.client.client_errors import (
    ConnectionClosed,
    ConnectTimedOut,
    EndpointUnreachable,
    ProxyUnreachable,
    ReadTimedOut,
    RequestNotSendable,
    TlsFailed,
    TransportError,
)
from entrepot.client.http_answer import Answer, MalformedAnswer, Reader, read_body, read_head
from entrepot.client.url import parse_endpoint

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ssl import SSLContext
    from typing import Any

    from entrepot.client.http_answer import Wire
    from entrepot.client.url import Endpoint, Url


_CONNECTING, _PREPARING, _SENDING, _AWAITING, _READING = range(5)
_ALREADY_CLOSED = frozenset({errno.EPIPE, errno.ESHUTDOWN, errno.EPROTOTYPE, errno.ECONNRESET})
"""With these a request may still have been answered before the connection ended: the answer decides."""
_ANSWERED_IN_CLEAR = ("wrong version number", "unknown protocol", "record layer failure")
"""What TLS says of somebody who answered, but not in TLS."""


class Connection:
    """Sends requests to one endpoint, one after the other; opens itself when it must. One for each thread."""

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        verify: bool | str = True,
        timeouts: tuple[float | None, float | None] = (60, 60),
        proxy_url: str | None = None,
        tcp_keepalive: bool = False,
    ) -> None:
        """`timeouts` in seconds, None for none: for connecting, TLS's beginning and sending; for waits after.

        `verify` is True for the certificates that the system trusts, a path for those in that file, and False
        or empty to trust everybody. `proxy_url` begins with `http:` or `https:`.
        """
        self._endpoint = endpoint
        self._verify = verify
        self._connect_timeout, self._read_timeout = timeouts
        self._proxy_url = proxy_url
        self._tcp_keepalive = tcp_keepalive
        self._socket: Wire | None = None
        self._context: SSLContext | None = None
        self._stage = _CONNECTING
        self._forwarded = proxy_url is not None and endpoint.scheme == "http"
        self._speaks_tls_to_proxy = proxy_url is not None and proxy_url.lower().startswith("https:")

    def close(self) -> None:
        """Ends the connection; the next request opens a new one."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def exchange(self, method: str, url: Url, headers: list[tuple[str, str]], body: bytes) -> Answer:
        """Sends a request and reads its answer. Raises a `TransportError`, and is closed after one."""
        try:
            return self._exchange(method, url, headers, body)
        except (OSError, MalformedAnswer) as error:
            self.close()
            raise self._failure(error, url.text) from error
        except (
            ValueError,
            OverflowError,
        ) as error:  # a header that is none, a timeout that no clock can hold
            self.close()
            raise RequestNotSendable(str(error)) from error
        except BaseException:
            self.close()
            raise

    def _exchange(self, method: str, url: Url, headers: list[tuple[str, str]], body: bytes) -> Answer:
        if self._endpoint.scheme not in {"http", "https"}:
            raise RequestNotSendable(f"Not supported URL scheme {self._endpoint.scheme}")
        message = self._message(method, url, headers, body)
        if self._socket is not None and _has_something_to_say(self._socket):
            self.close()  # between requests that can only be its end
        connected = self._socket
        if connected is None:
            connected = self._open(url.text)
        else:
            connected.settimeout(self._connect_timeout)
        self._stage = _SENDING
        try:
            connected.sendall(message)
        except OSError as error:
            if error.errno not in _ALREADY_CLOSED:
                raise
        self._stage = _AWAITING
        connected.settimeout(self._read_timeout)
        reader = Reader(connected)
        answer = read_head(reader)
        self._stage = _READING
        read_body(reader, answer)
        if not answer.reusable or not reader.is_empty:
            self.close()
        return answer

    def _message(self, method: str, url: Url, headers: list[tuple[str, str]], body: bytes) -> bytes:
        """Raises `ValueError` where a header could not be told from its neighbours."""
        target = url.target
        if self._proxy_url is not None and self._forwarded:
            from entrepot.client.tunnel import proxy_headers

            target = f"http://{self._endpoint.authority}{target}"
            headers = [*headers, *proxy_headers(self._proxy_url)]
        lines = [f"{method} {target} HTTP/1.1".encode()]
        for name, text in headers:
            value = text.encode()
            if not name or ":" in name or "\n" in name or "\r" in name or name[0].isspace():
                raise ValueError(f"Invalid header name {name.encode('ascii')!r}")
            if b"\n" in value or b"\r" in value:
                raise ValueError(f"Invalid header value {value!r}")
            lines.append(name.encode("ascii") + b": " + value)
        return b"\r\n".join([*lines, b"", body])

    def _open(self, url: str) -> Wire:
        self._stage = _CONNECTING
        proxy = None if self._proxy_url is None else parse_endpoint(self._proxy_url)
        first = proxy or self._endpoint
        connected = _connect(first.host, first.port, self._connect_timeout)
        if self._tcp_keepalive:
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self._socket = connected
        self._stage = _PREPARING
        if self._speaks_tls_to_proxy:
            self._socket = self._wrap(connected, first.host, url)
        if self._endpoint.scheme != "https":
            return self._socket
        if self._proxy_url is not None:
            from entrepot.client.tunnel import TlsInTls, request_tunnel

            request_tunnel(self._socket, self._endpoint, self._proxy_url)
            if self._speaks_tls_to_proxy:
                self._socket = TlsInTls(self._socket, self._tls(url), self._endpoint.host)
                return self._socket
        self._socket = self._wrap(connected, self._endpoint.host, url)
        return self._socket

    def _wrap(self, connected: socket.socket, host: str, url: str) -> Wire:
        return self._tls(url).wrap_socket(connected, server_hostname=host)

    def _tls(self, url: str) -> SSLContext:
        if self._context is None:
            from entrepot.client.tls import make_context

            try:
                self._context = make_context(self._verify)
            except OSError as error:  # the file of certificates cannot be read, or holds none
                raise TlsFailed(url, str(error)) from error
        return self._context

    def _failure(self, error: Exception, url: str) -> TransportError:
        """The error of this project for one of the socket, of TLS or of HTTP, by the stage it came in."""
        stage = self._stage
        reason = None if self._context is None else self._tls_reason(error, url)
        timed_out = isinstance(error, TimeoutError) or (reason is not None and "timed out" in reason)
        if timed_out and (
            stage in {_AWAITING, _READING} or (stage == _PREPARING and self._proxy_url is None)
        ):
            return ReadTimedOut(url)
        if reason is not None and not self._is_clear_text_of_proxy(reason):
            return TlsFailed(url, reason)
        if timed_out and stage == _CONNECTING:
            return ConnectTimedOut(url)
        if stage == _READING or not isinstance(error, OSError):
            return ConnectionClosed(url)
        if self._proxy_url is not None:
            from entrepot.client.tunnel import without_password

            return ProxyUnreachable(without_password(self._proxy_url))
        return EndpointUnreachable(url) if stage == _CONNECTING else ConnectionClosed(url)

    def _is_clear_text_of_proxy(self, reason: str) -> bool:
        return self._speaks_tls_to_proxy and any(words in reason.lower() for words in _ANSWERED_IN_CLEAR)

    def _tls_reason(self, error: Exception, url: str) -> str | None:
        """What TLS says is wrong, or None where it is not TLS's error."""
        from entrepot.client.tls import is_wrong_host, reason_of, wrong_host_reason

        if self._proxy_url is not None or not is_wrong_host(error):
            return reason_of(error)
        certificate = self._unchecked_certificate(url)
        return wrong_host_reason(self._endpoint.host, certificate) if certificate else reason_of(error)

    def _unchecked_certificate(self, url: str) -> dict[str, Any]:
        """The certificate of a trusted server of another name: one more connection, to tell which."""
        context = self._tls(url)
        context.check_hostname = False
        try:
            found: dict[str, Any] = getattr(self._open(url), "getpeercert", dict)()
        except (OSError, TransportError):
            return {}
        else:
            return found
        finally:
            context.check_hostname = True
            self.close()


def _has_something_to_say(connected: Wire) -> bool:
    import select

    return bool(select.select([connected], [], [], 0)[0])


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
    """The host's name as the resolver takes it. Raises `RequestNotSendable` where it can be no name."""
    try:
        if not host.isascii():
            return host.encode("idna")
    except UnicodeError as error:
        raise RequestNotSendable(f"Failed to parse: '{host}', label empty or too long") from error
    # The codec would say the same of ASCII, and take 2 ms to be loaded.
    *labels, last = host.split(".")
    if len(last) > 63 or not all(0 < len(label) <= 63 for label in labels):
        raise RequestNotSendable(f"Failed to parse: '{host}', label empty or too long")
    return host.encode("ascii")
