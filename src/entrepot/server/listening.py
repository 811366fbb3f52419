"""The socket the server listens on, made before anything else so that a port in use is told at once."""

from __future__ import annotations

import errno
import socket

from entrepot.domain.errors import ConfigurationError

_BACKLOG = 2_048


def listen(host: str, port: int) -> socket.socket:
    """A listening TCP socket; port 0 takes any free one.

    Raises `ConfigurationError` naming the port or host, and what to do.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (socket.gaierror, UnicodeError):
        raise ConfigurationError(
            f"{host!r} is not an address of this machine. Name one with --host, such as 127.0.0.1."
        ) from None
    listener = socket.socket(family, kind, protocol)
    try:
        # Connections of a server that has just ended must not keep the next one from its port.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        raise ConfigurationError(_explained(error, host, port)) from None
    return listener


def _explained(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"Port {port} of {host} is in use by another program. "
            "Stop that program, or take another port with --port (0 takes any free one)."
        )
    if error.errno in {errno.EACCES, errno.EPERM}:
        return (
            f"This user may not listen on port {port} of {host}. "
            "Take a port from 1024 upwards with --port (0 takes any free one)."
        )
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{host} is not an address of this machine. Name one with --host, such as 127.0.0.1."
    return f"Listening on port {port} of {host} failed: {error.strerror}. Try another --host or --port."
