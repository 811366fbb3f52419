"""TLS to servers and through proxies. Apart, because `ssl` takes long to import and plain HTTP needs none."""

from __future__ import annotations

import importlib.util
import os.path
import ssl

TYPE_CHECKING = False
if TYPE_CHECKING:
    from entrepot.http.connection import Wire

_PORTION = 64 * 1024


def make_context(verify: bool | str) -> ssl.SSLContext:
    """A context for one server after another.

    `verify` is True for the certificates that the system trusts, a path for those in that file, and False or
    empty to trust everybody. Raises `OSError` where the file cannot be read or holds no certificates.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_alpn_protocols(["http/1.1"])
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif isinstance(verify, str):
        context.load_verify_locations(os.path.expanduser(verify))  # noqa: PTH111 - a text like any other here
    else:
        _trust_the_system(context)
    return context


def _trust_the_system(context: ssl.SSLContext) -> None:
    places = ssl.get_default_verify_paths()
    if places.cafile or places.capath:
        context.load_default_certs()
        return
    # A machine without certificates of its own, as small containers are: those that botocore brings.
    botocore = importlib.util.find_spec("botocore")
    if botocore is not None and botocore.origin is not None:
        context.load_verify_locations(os.path.join(os.path.dirname(botocore.origin), "cacert.pem"))  # noqa: PTH118, PTH120


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
        while True:
            try:
                return self._tls.read(bufsize)
            except ssl.SSLWantReadError:
                self._fill()
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                return b""

    def recv_into(self, buffer: memoryview, /) -> int:
        data = self.recv(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def send(self, data: memoryview, /) -> int:
        self.sendall(data)
        return len(data)

    def sendall(self, data: bytes | memoryview, /) -> None:
        sent = 0
        while sent < len(data):
            try:
                sent += self._tls.write(data[sent:])
            except ssl.SSLWantReadError:
                self._fill()
        self._flush()

    def settimeout(self, value: float | None, /) -> None:
        self._outer.settimeout(value)

    def fileno(self) -> int:
        return self._outer.fileno()

    def close(self) -> None:
        self._outer.close()
