"""Connections for `httpcore` that go to the very address that was checked: a name is resolved once.

Whoever checks a name and lets a library connect to it resolves it twice, and the owner of the name may answer
differently the second time (DNS rebinding).
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import time
from collections.abc import Iterable, Sequence

import httpcore

from entrepot.domain.errors import IntegrationUnavailable
from entrepot.integrations.network_addresses import Address, Network, require_allowed

_CONNECT_SECONDS = 10.0


class CheckedConnections(httpcore.AsyncNetworkBackend):
    """Opens TCP connections to public addresses, and to those in `allowed` networks."""

    def __init__(self, allowed: Sequence[Network]) -> None:
        self._allowed = tuple(allowed)
        self._plain = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 (the library's signature)
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Resolves, checks, and tries the addresses one after the other, for `timeout` seconds in all.

        Raises `TargetForbidden`, `IntegrationUnavailable` for a name without addresses, and httpcore's
        errors.
        """
        ends = time.monotonic() + (_CONNECT_SECONDS if timeout is None else timeout)
        addresses = await self.resolve(host, port)
        require_allowed(host, port, addresses, self._allowed)
        for remaining in range(len(addresses) - 1, -1, -1):
            address = addresses[len(addresses) - 1 - remaining]
            share = max(ends - time.monotonic(), 0.001) / (remaining + 1)
            try:
                # A literal address is not resolved again.
                return await self._plain.connect_tcp(str(address), port, share, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if remaining == 0:
                    raise
        raise IntegrationUnavailable(f"{host!r} has no address.")

    async def resolve(self, host: str, port: int) -> list[Address]:
        """Every address of a host, in the order in which the system prefers them, each once.

        Raises `IntegrationUnavailable`.
        """
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            reason = getattr(error, "strerror", None) or error
            raise IntegrationUnavailable(f"The name {host!r} cannot be resolved: {reason}.") from error
        return list(dict.fromkeys(ipaddress.ip_address(entry[4][0]) for entry in found))
