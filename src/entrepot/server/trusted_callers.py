"""Who may call an exchange that believes everybody (`--auth trust`): programs, not other people's web pages.

A page in a browser reaches this machine, too: by a form or a script that sends a request here (the browser
then tells the page's origin), and by a name of its own that it has resolved to this machine's address (the
request then says that name as its host). A signature would keep both out, so it is asked for nowhere else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from urllib.parse import urlsplit

from entrepot.domain.errors import AccessDenied
from entrepot.wire.asgi import AsgiScope

_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[^:\[\]]+)(?::[0-9]*)?")
_LABEL_OF_A_SERVICE = re.compile(
    r"(?:api-fulfill|[a-z2-7]{52}-s3alias|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}-[0-9]{12})\."
)
"""What clients put before the exchange's host: for APIs, and for access points of the S3 gateway."""


@dataclass(frozen=True, slots=True)
class TrustedCallers:
    host: str
    """The one that the server was told to listen on."""
    public_url: str
    on_network: bool
    """Whether other machines are trusted as well: then every address is the exchange's, and so is every name
    without a dot, as containers have them: such names are resolved by one's own network alone."""

    def refusal(self, scope: AsgiScope) -> AccessDenied | None:
        """Why the request is not answered; None where it is."""
        hosts = [value.decode("latin-1").strip().lower() for value in _values(scope, b"host")]
        for host in hosts:
            if not self._is_own(host):
                return AccessDenied(
                    f"This exchange trusts whoever asks, but not by the name {host[:255]!r}, which others "
                    "may have given to this address. Use localhost, or start it with --public-url and it."
                )
        for value in _values(scope, b"origin"):
            origin = value.decode("latin-1").strip().lower()
            if origin != self._own_origin() and _netloc(origin) not in hosts:
                return AccessDenied(
                    f"This exchange trusts whoever asks, but no page of another origin ({origin[:255]!r}) "
                    "in a browser. Let a program ask, or start it with --auth sigv4."
                )
        return None

    def _own_origin(self) -> str:
        parts = urlsplit(self.public_url.lower())
        return f"{parts.scheme}://{parts.netloc}"

    def _is_own(self, host: str) -> bool:
        found = _HOST.fullmatch(host)
        if found is None:
            return False
        name = _LABEL_OF_A_SERVICE.sub("", found[1], count=1).rstrip(".")
        try:
            address = ip_address(name.strip("[]"))
        except ValueError:
            own = {self.host.lower(), urlsplit(self.public_url).hostname, "localhost"}
            return name in own or name.endswith(".localhost") or (self.on_network and "." not in name)
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        own = {self.host, urlsplit(self.public_url).hostname}
        if address.is_unspecified:
            return False
        return address.is_loopback or self.on_network or str(address) in own


def _netloc(origin: str) -> str | None:
    """Host and port of an origin; None of one that has none, such as `null`."""
    try:
        return urlsplit(origin).netloc or None
    except ValueError:
        return None


def _values(scope: AsgiScope, name: bytes) -> Iterator[bytes]:
    return (value for key, value in scope["headers"] if key == name)
