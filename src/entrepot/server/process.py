"""What the server's processes have in common: their event loop, their log, and the signals that end them."""

from __future__ import annotations

import asyncio
import errno
import gc
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Coroutine
from contextlib import suppress
from ipaddress import ip_address
from typing import Any, TypeVar

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


def require_loopback(listener: socket.socket, host: str) -> None:
    """Raises `ConfigurationError` where other machines can reach the socket."""
    if not ip_address(listener.getsockname()[0]).is_loopback:
        raise ConfigurationError(
            f"--auth trust lets whoever asks do everything, and {host} can be reached from other machines. "
            "Listen on 127.0.0.1, or take --auth sigv4, or, if everybody who can reach this address may do "
            "everything, say so with --trust-network (in a container that publishes the port on 127.0.0.1 "
            "alone, say)."
        )


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


_GARBAGE_THRESHOLD = 10_000
"""Allocations between two looks at the youngest objects; requests and runs leave hardly any cycles."""

_T = TypeVar("_T")


def run(main: Coroutine[Any, Any, _T]) -> _T:
    """Runs a process's whole life on uvloop, or, where there is none, on asyncio's own loop.

    What it writes is for its own user alone, whatever library writes it: secrets and other people's data.
    """
    os.umask(0o077)
    _raise_descriptor_limit()
    factory: Callable[[], asyncio.AbstractEventLoop] | None = None
    if sys.platform != "win32":
        import uvloop

        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(main)


def descriptor_limit() -> int:
    """How many descriptors this process may have open."""
    if sys.platform == "win32":
        return 2048
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return sys.maxsize if soft == resource.RLIM_INFINITY else soft


def _raise_descriptor_limit() -> None:
    """To what may be had: the usual 1,024 is for programs that wait by `select`, and none of ours does."""
    if sys.platform != "win32":
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        with suppress(OSError, ValueError):  # macOS says that there is no limit, and has one
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def settle() -> None:
    """Freezes what is loaded: it lives as long as the process, and need not be looked through for garbage.

    In a sampling profile of a worker that moved small objects, a third of the time was spent where those
    looks are taken; with this, and with shorter listings, the same import took half the CPU.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GARBAGE_THRESHOLD)


def log_to_stderr() -> None:
    """Logs warnings and worse, one line each; standard output is for what people and scripts read."""
    logging.basicConfig(
        stream=sys.stderr, level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )


def on_stop_signals(stop: Callable[[], None]) -> None:
    """SIGTERM and Ctrl-C call `stop` on the running event loop, any number of times."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
