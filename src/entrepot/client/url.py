"""URLs of endpoints, taken apart without `urllib.parse` where they are plain: it takes long to import."""

from __future__ import annotations

from entrepot.client.client_errors import ClientError

_DEFAULT_PORTS = {"http": 80, "https": 443}
_NEED_A_PARSER = frozenset('?#@[]\\%"<>^`{|} ')
_LARGEST_PORT = 65535


class Endpoint:
    """Where to connect."""

    __slots__ = ("host", "port", "scheme")

    def __init__(self, scheme: str, host: str, port: int | None = None) -> None:
        self.scheme = scheme
        self.host = host
        """In small letters; an IPv6 address without brackets."""
        self.port = _DEFAULT_PORTS.get(scheme, 80) if port is None else port

    @property
    def bracketed_host(self) -> str:
        """The host as URLs have it."""
        return f"[{self.host}]" if ":" in self.host else self.host

    @property
    def authority(self) -> str:
        """Host and port as the `Host` header has them: without the scheme's own port."""
        usual = self.port == _DEFAULT_PORTS.get(self.scheme)
        return self.bracketed_host if usual else f"{self.bracketed_host}:{self.port}"


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

    The base's own path and query come first; the prefix goes before its host. Raises `ClientError` where the
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
    """Where a URL points to. Raises `ClientError` where it is none."""
    return request_url(url, "/", None).endpoint


def _parsed(base: str, path: str, query: str | None, host_prefix: str | None) -> Url:
    from urllib.parse import quote, urlsplit, urlunsplit

    try:
        parts = urlsplit(base)
        joined = parts.path.removesuffix("/") + path
        text = urlunsplit(
            (parts.scheme, f"{host_prefix or ''}{parts.netloc}", joined, parts.query, parts.fragment)
        )
        if query is not None:
            text += f"{'&' if '?' in text else '?'}{query}"
        parts = urlsplit(text)
        scheme = parts.scheme or ("http" if parts.netloc else "")
        endpoint = Endpoint(scheme, parts.hostname or "", parts.port)
    except ValueError as error:
        raise ClientError(str(error)) from error
    return Url(
        text,
        endpoint,
        quote(parts.path, safe="/%:@!$&'()*+,;=~"),
        quote(parts.query, safe="/%:@!$&'()*+,;=~?"),
    )
