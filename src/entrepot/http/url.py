"""Where a request goes: the URL of its endpoint, and the proxy on the way there.

URLs are taken apart without `urllib.parse` where they are plain: it takes long to import.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_DEFAULT_PORTS = {"http": 80, "https": 443}
_NEED_A_PARSER = frozenset('?#@[]\\%"<>^`{|} ')
_LARGEST_PORT = 65535


class Endpoint:
    __slots__ = ("authority", "host", "port", "scheme", "url")

    def __init__(self, scheme: str, host: str, port: int | None = None) -> None:
        self.scheme = scheme
        self.host = host
        """In small letters; an IPv6 address without brackets."""
        usual = _DEFAULT_PORTS.get(scheme)
        self.port = (usual or 80) if port is None else port
        bracketed = f"[{host}]" if ":" in host else host
        self.authority = bracketed if self.port == usual else f"{bracketed}:{self.port}"
        """Host and port as the `Host` header has them: without the scheme's own port."""
        self.url = f"{scheme}://{self.authority}"


class Url:
    """A URL that a request goes to."""

    __slots__ = ("endpoint", "path", "query", "text")

    def __init__(self, text: str, endpoint: Endpoint, path: str, query: str) -> None:
        self.text = text
        """The whole, as it is shown to people."""
        self.endpoint = endpoint
        self.path = path
        """Percent-encoded, as is the query, which may be empty."""
        self.query = query

    @property
    def target(self) -> str:
        """What stands in the request line."""
        return f"{self.path or '/'}?{self.query}" if self.query else self.path or "/"


def request_url(base: str, path: str, query: str | None, host_prefix: str | None = None) -> Url:
    """The URL of a request to an endpoint whose URL is `base`; `path` and `query` are percent-encoded.

    The base's own path and query come first; the prefix goes before its host. Raises `ValueError` where the
    base is no URL.
    """
    scheme, mark, rest = base.partition("://")
    if not mark or not base.isascii() or not base.isprintable() or not _NEED_A_PARSER.isdisjoint(base):
        return _parsed(base, path, query, host_prefix)
    authority, slash, base_path = rest.partition("/")
    authority = f"{host_prefix or ''}{authority}"
    host, _, port = authority.partition(":")
    if port and not (port.isdecimal() and int(port) <= _LARGEST_PORT):
        return _parsed(base, path, query, host_prefix)
    scheme = scheme.lower()
    joined = f"{slash}{base_path}".removesuffix("/") + path
    text = f"{scheme}://{authority}{joined}" + ("" if query is None else f"?{query}")
    return Url(text, Endpoint(scheme, host.lower(), int(port) if port else None), joined, query or "")


def takes_host_prefix(base: str) -> bool:
    """Whether a host can be found whose name is a prefix and that of `base`: not before an address, and not
    before `localhost`, which few resolvers know by any other name.
    """
    host = base.partition("://")[2].partition("/")[0].rpartition("@")[2]
    if host.startswith("["):
        return False
    name = host.partition(":")[0].lower()
    return name != "localhost" and not name.replace(".", "").isdecimal()


def parse_endpoint(url: str) -> Endpoint:
    """Where a URL points to. Raises `ValueError` where it is none."""
    return request_url(url, "/", None).endpoint


def parse_web_url(url: str) -> Endpoint:
    """Where a URL points to that begins with `http://` or `https://`. Raises `ValueError` for any other."""
    endpoint = parse_endpoint(url)
    if endpoint.scheme not in _DEFAULT_PORTS or not endpoint.host:
        raise ValueError(f"{url!r} is not a URL that begins with http:// or https://")
    return endpoint


def _parsed(base: str, path: str, query: str | None, host_prefix: str | None) -> Url:
    from urllib.parse import quote, urlsplit, urlunsplit

    parts = urlsplit(base)
    joined = parts.path.removesuffix("/") + path
    text = urlunsplit(
        (parts.scheme, f"{host_prefix or ''}{parts.netloc}", joined, parts.query, parts.fragment)
    )
    if query is not None:
        text += f"{'&' if '?' in text else '?'}{query}"
    parts = urlsplit(text)
    scheme = parts.scheme or ("http" if parts.netloc else "")
    return Url(
        text,
        Endpoint(scheme, parts.hostname or "", parts.port),
        quote(parts.path, safe="/%:@!$&'()*+,;=~"),
        quote(parts.query, safe="/%:@!$&'()*+,;=~?"),
    )


def proxy_for(scheme: str, authority: str, environ: Mapping[str, str]) -> str | None:
    """The URL of the proxy that requests to such a URL go through, or None.

    The variables are those that curl, Python and the AWS CLI share: `SCHEME_proxy` names the proxy for a
    scheme, `no_proxy` the hosts that need none; small letters win over capitals, and a small one that is
    empty unsets the other.
    """
    proxies = _proxies(environ)
    excluded = proxies.get("no", "")
    if excluded == "*" or is_direct(authority, excluded.split(",")):
        return None
    proxy = proxies.get(scheme)
    if not proxy or proxy.startswith(("http:", "https:")):
        return proxy or None
    return ("http:" if proxy.startswith("//") else "http://") + proxy


def _proxies(environ: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    small: list[tuple[str, str]] = []
    for name, value in environ.items():
        if name[-6:].lower() == "_proxy" and len(name) > 6:
            scheme = name[:-6].lower()
            if name.endswith("_proxy"):
                small.append((scheme, value))
            elif value and not (scheme == "http" and "REQUEST_METHOD" in environ):
                # In a CGI program HTTP_PROXY is what a request's Proxy header says.
                found[scheme] = value
    for scheme, value in small:
        if value:
            found[scheme] = value
        else:
            found.pop(scheme, None)
    if not found and sys.platform in {"darwin", "win32"}:
        import urllib.request

        return dict(urllib.request.getproxies())
    return found


def is_direct(authority: str, rules: Iterable[str]) -> bool:
    """Whether a rule names the host, perhaps with its port, or a domain that it is in."""
    authority = authority.lower()
    host, colon, port = authority.rpartition(":")
    if not colon or not (port == "" or port.isdecimal()):
        host = authority
    for rule in rules:
        name = rule.strip().lstrip(".").lower()
        if name and any(it == name or it.endswith("." + name) for it in (host, authority)):
            return True
    return False
