"""The bucket where the exchange keeps its own bytes, however somebody else names it.

Those bytes are every account's, so no account may use the bucket: not even keys outside of the exchange's own
prefix, since servers differ in which keys are one and the same (`a/b`, `/a/b`, `a//b`, `A/b`, one with a
backslash).

Two names are taken for one bucket where no request is needed to tell: capitals, a default port, http or
https, a slash more, the bucket in the host's name or in the URL's path, all hosts of AWS, all names and
addresses by which a machine reaches itself. What only a request could tell is not found out: that two hosts,
or two ports, are one server, or that an access point leads to the bucket.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from dataclasses import dataclass
from unicodedata import normalize
from urllib.parse import unquote, urlsplit

from entrepot.domain.bucket_permission import has_dot_segments, segments

_AWS = "aws"
_AWS_HOST = re.compile(r"(?:.+\.)?amazonaws\.com(?:\.cn)?")
_LOOPBACK = "localhost"
_DEFAULT_PORTS = frozenset({None, 80, 443})


@dataclass(frozen=True, slots=True)
class OwnBucket:
    bucket: str
    prefix: str
    """Ends with a slash, or is empty: then all keys of the bucket are the exchange's."""
    endpoint_url: str | None
    """None is AWS."""
    is_shared: bool = False
    """Whether accounts may use keys outside of the prefix: whoever runs the exchange has taken the risk."""

    def is_at(self, bucket: str, endpoint_url: str | None) -> bool:
        """Whether that bucket at that endpoint is this one, holds it, or lies in it."""
        here = self._path(self.bucket, self.endpoint_url)
        there = self._path(bucket, endpoint_url)
        return all(ours == theirs for ours, theirs in zip(here, there, strict=False))

    def has_name(self, bucket: str) -> bool:
        """Whether that is this bucket's name, at whatever endpoint."""
        return _folded_name(bucket) == _folded_name(self.bucket)

    def leaves_to_others(self, key: str) -> bool:
        """Whether the bucket is shared, and no server is known to take the key for one under the prefix."""
        decoded = unquote(key)  # as some servers do once too often
        if not self.is_shared or has_dot_segments(decoded):
            return False
        return not _folded(decoded).startswith(_folded(self.prefix))

    def _path(self, bucket: str, endpoint_url: str | None) -> list[str]:
        """The server, then what leads to the bucket there."""
        own = _folded_name(self.bucket)
        host, port, folders = _AWS, "", ""
        if endpoint_url not in {None, _AWS}:
            parts = urlsplit(endpoint_url)
            host = _folded_host(parts.hostname or "")
            port = "" if parts.port in _DEFAULT_PORTS else str(parts.port)
            folders = parts.path
        path = [_folded_name(each) for each in (*segments(unquote(folders)), bucket) if each not in {"", "."}]
        if host.startswith(f"{own}."):
            host, path = host.removeprefix(f"{own}."), [own, *path]
        return [_server(host), port, *path]


def _folded_host(host: str) -> str:
    host = unquote(host).lower().rstrip(".")
    try:
        return host.encode("idna").decode("ascii")
    except UnicodeError:
        return host


def _server(host: str) -> str:
    """The host by one name, where it is known to have several."""
    if _AWS_HOST.fullmatch(host) is not None:
        return _AWS
    if host == _LOOPBACK or host.endswith(f".{_LOOPBACK}"):
        return _LOOPBACK
    try:
        address: ipaddress.IPv4Address | ipaddress.IPv6Address = ipaddress.IPv4Address(socket.inet_aton(host))
    except OSError:
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return host
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    address = mapped or address
    return _LOOPBACK if address.is_loopback or address.is_unspecified else str(address)


def _folded_name(name: str) -> str:
    return name.lower().rstrip(".")


def _folded(key: str) -> str:
    """The key as the server reads it that takes most keys for one."""
    folded = "/".join(each for each in segments(key) if each)
    ending = "/" if folded and segments(key)[-1] == "" else ""
    return normalize("NFKC", folded + ending).casefold()
