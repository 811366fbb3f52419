"""Which addresses of the network this server may call because a user said so, and which URLs name one.

Pure rules; `checked_connections` applies them to the very address it connects to.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

from entrepot.domain.errors import TargetForbidden

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# The registries of special-purpose addresses (RFC 6890 and its successors). Written out, since what the
# standard library calls global has changed between patch releases of Python.
_NOT_PUBLIC: tuple[tuple[Network, str], ...] = tuple(
    (ip_network(network), meaning)
    for network, meaning in (
        ("0.0.0.0/8", "means this host"),
        ("10.0.0.0/8", "is private"),
        ("100.64.0.0/10", "is shared behind a carrier's NAT"),
        ("127.0.0.0/8", "is this host's own"),
        ("168.63.129.16/32", "belongs to the platform of a cloud"),
        ("169.254.0.0/16", "is link-local, where clouds keep their metadata"),
        ("172.16.0.0/12", "is private"),
        ("192.0.0.0/24", "is reserved"),
        ("192.0.2.0/24", "is reserved for documentation"),
        ("192.31.196.0/24", "is reserved"),
        ("192.52.193.0/24", "is reserved"),
        ("192.88.99.0/24", "is a relay of 6to4"),
        ("192.168.0.0/16", "is private"),
        ("192.175.48.0/24", "is reserved"),
        ("198.18.0.0/15", "is reserved for measurements"),
        ("198.51.100.0/24", "is reserved for documentation"),
        ("203.0.113.0/24", "is reserved for documentation"),
        ("224.0.0.0/4", "is multicast"),
        ("240.0.0.0/4", "is reserved"),
        ("::/128", "means this host"),
        ("::1/128", "is this host's own"),
        ("::ffff:0:0/96", "is an IPv4 address in the clothes of IPv6"),
        ("64:ff9b::/96", "leads to an IPv4 address by NAT64"),
        ("64:ff9b:1::/48", "leads to an IPv4 address by NAT64"),
        ("2001::/23", "is reserved"),
        ("2001:db8::/32", "is reserved for documentation"),
        ("2002::/16", "leads to an IPv4 address by 6to4"),
        ("2620:4f:8000::/48", "is reserved"),
        ("3fff::/20", "is reserved for documentation"),
        ("fc00::/7", "is private"),
        ("fe80::/10", "is link-local"),
        ("ff00::/8", "is multicast"),
    )
)
_GLOBAL_IPV6 = IPv6Network("2000::/3")
"""The only IPv6 addresses handed out so far."""
_AUTHORITY = re.compile(
    r"(?:\[(?P<ipv6>[0-9a-f:.]+)\]|(?P<name>[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?\.?))(?::(?P<port>[0-9]{1,5}))?",
    re.ASCII | re.IGNORECASE,
)
_URL = re.compile(r"[!-~]+", re.ASCII)
_WEB_PORTS = frozenset({80, 443})
_FIRST_FREE_PORT = 1024


@dataclass(frozen=True, slots=True)
class Target:
    """A URL taken apart, its host a plain name or a bare address."""

    scheme: str
    host: str
    port: int
    path_and_query: str

    @property
    def authority(self) -> str:
        """The `Host` header: the port only where it is not the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.scheme == "https" else 80) else f"{host}:{self.port}"

    @classmethod
    def parse(cls, url: str) -> Target:
        """Reads an http or https URL; the fragment is dropped.

        Raises `TargetForbidden` for everything else: characters that have no place in a URL, a user or
        password before the host (which makes one host look like another), a host that is neither a name nor
        an address, port 0.
        """
        if _URL.fullmatch(url) is None:
            raise TargetForbidden(
                f"{url[:200]!r} is not a URL: it has characters that must be percent-encoded."
            )
        try:
            parts = urlsplit(url)
        except ValueError as error:
            raise TargetForbidden(f"{url[:200]!r} is not a URL: {error}.") from None
        if parts.scheme not in {"http", "https"} or not parts.netloc:
            raise TargetForbidden(f"{url[:200]!r} is not a URL that begins with http:// or https://.")
        if "@" in parts.netloc:
            raise TargetForbidden("A URL must not have a user or a password before the host.")
        authority = _AUTHORITY.fullmatch(parts.netloc)
        if authority is None:
            raise TargetForbidden(f"{parts.netloc[:200]!r} is not the name or the address of a host.")
        port = int(authority["port"] or (443 if parts.scheme == "https" else 80))
        if not 1 <= port <= 65_535:
            raise TargetForbidden(f"{parts.netloc[:200]!r} has a port that does not exist.")
        host = authority["name"].lower() if authority["ipv6"] is None else _ipv6(authority["ipv6"])
        path = parts.path or "/"
        return cls(parts.scheme, host, port, f"{path}?{parts.query}" if parts.query else path)


def require_allowed(host: str, port: int, addresses: Sequence[Address], allowed: Sequence[Network]) -> None:
    """Whether a server may call these addresses of `host` for a user.

    All of them must be public, or inside `allowed`: of a name with one address in and one outside, nobody
    can say which is meant. On public addresses the ports are those of the web and those above 1023, so that
    nobody speaks to a mail server through this one. Raises `TargetForbidden`.
    """
    for address in addresses:
        if any(address.version == network.version and address in network for network in allowed):
            continue
        if meaning := forbidden_meaning(address):
            raise TargetForbidden(
                f"{host!r} leads to {address}, which {meaning}. Users cannot make this server call it; its "
                "operator can allow that with ENTREPOT_ALLOWED_NETWORKS."
            )
        if port not in _WEB_PORTS and port < _FIRST_FREE_PORT:
            raise TargetForbidden(
                f"Port {port} of {host!r} cannot be called: allowed are 80, 443, and those from "
                f"{_FIRST_FREE_PORT}."
            )


def forbidden_meaning(address: Address) -> str | None:
    """Why nobody may be sent to this address, as the rest of a sentence; None for a public one."""
    for network, meaning in _NOT_PUBLIC:
        if address.version == network.version and address in network:
            return meaning
    if isinstance(address, IPv6Address) and address not in _GLOBAL_IPV6:
        return "is reserved"
    return None


def _ipv6(host: str) -> str:
    try:
        return str(ip_address(host))
    except ValueError:
        raise TargetForbidden(f"{host[:200]!r} is not an IPv6 address.") from None
