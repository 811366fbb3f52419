"""The errors of the AWS CLI for requests that got no whole answer, by when and how a connection failed."""

from __future__ import annotations

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
from entrepot.http.answer import AWAITING, CONNECTING, PREPARING, READING, TRUSTING, ConnectionFailed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from entrepot.http.connection import Connection

_WRONG_HOST, _WRONG_ADDRESS = 62, 64
"""OpenSSL's X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH."""
_ANSWERED_IN_CLEAR = ("wrong version number", "unknown protocol", "record layer failure")
"""What TLS says of somebody who answered, but not in TLS."""


def transport_error(failure: ConnectionFailed, connection: Connection, url: str) -> TransportError:  # noqa: PLR0911
    """The error to show. May connect once more, to find out whose certificate it was that came."""
    stage, error, proxy = failure.stage, failure.__cause__, connection.proxy
    proxy_in_tls = proxy is not None and proxy.endpoint.scheme == "https"
    if stage == TRUSTING:
        return TlsFailed(url, str(error))
    reason = None
    if proxy_in_tls or connection.endpoint.scheme == "https":
        reason = _tls_reason(error, connection)
    timed_out = isinstance(error, TimeoutError) or (reason is not None and "timed out" in reason)
    if timed_out and (stage in {AWAITING, READING} or (stage == PREPARING and proxy is None)):
        return ReadTimedOut(url)
    if reason is not None and not (proxy_in_tls and any(it in reason.lower() for it in _ANSWERED_IN_CLEAR)):
        return TlsFailed(url, reason)
    if isinstance(error, (ValueError, OverflowError)):
        return RequestNotSendable(str(error))
    if timed_out and stage == CONNECTING:
        return ConnectTimedOut(url)
    if stage == READING:
        return ConnectionClosed(url)
    if proxy is not None:
        return ProxyUnreachable(proxy.shown_url)
    return EndpointUnreachable(url) if stage == CONNECTING else ConnectionClosed(url)


def _tls_reason(error: BaseException | None, connection: Connection) -> str | None:
    """What TLS says is wrong, or None where it is not TLS's error."""
    import ssl

    if not isinstance(error, ssl.SSLError):
        return None
    wrong = {_WRONG_HOST, _WRONG_ADDRESS}
    if connection.proxy is None and getattr(error, "verify_code", None) in wrong:
        certificate = _unchecked_certificate(connection)
        if certificate:
            return _wrong_host_reason(connection.endpoint.host, certificate)
    return str(error)


def _unchecked_certificate(connection: Connection) -> dict[str, Any]:
    """The certificate of a trusted server of another name: one more connection, to tell which."""
    context = connection.trust.context()
    context.check_hostname = False
    try:
        found: dict[str, Any] = getattr(connection.open(), "getpeercert", dict)()
    except (OSError, ConnectionFailed):
        return {}
    else:
        return found
    finally:
        context.check_hostname = True
        connection.close()


def _wrong_host_reason(host: str, certificate: dict[str, Any]) -> str:
    names = [value for _, value in certificate.get("subjectAltName", ())]
    if not any(kind == "DNS" for kind, _ in certificate.get("subjectAltName", ())):
        subject = [pair for group in certificate.get("subject", ()) for pair in group]
        names += [value for key, value in subject if key == "commonName"]
    if not names:
        return "no appropriate commonName or subjectAltName fields were found"
    shown = ", ".join([repr(name) for name in names])
    return f"hostname {host!r} doesn't match {'either of ' if len(names) > 1 else ''}{shown}"
