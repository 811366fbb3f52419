"""Which proxy a request goes through: the variables that curl, Python and the AWS CLI share.

`SCHEME_proxy` names the proxy for a scheme, `no_proxy` the hosts that need none; small letters win over
capitals, and a small one that is empty unsets the other.
"""

from __future__ import annotations

import sys

from entrepot.client.endpoint import split_url

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


def proxy_for(url: str, environ: Mapping[str, str]) -> str | None:
    """The URL of the proxy that requests for this URL go through, or None. Raises SettingInvalid."""
    proxies = _proxies(environ)
    if not proxies:
        return None
    scheme, authority, _ = split_url(url)
    if _is_excluded(authority.lower(), proxies.get("no", "")):
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


def _is_excluded(authority: str, exclusions: str) -> bool:
    if exclusions == "*":
        return True
    host, colon, port = authority.rpartition(":")
    if not colon or not (port == "" or port.isdecimal()):
        host = authority
    for exclusion in exclusions.split(","):
        name = exclusion.strip().lstrip(".").lower()
        if name and any(it == name or it.endswith("." + name) for it in (host, authority)):
            return True
    return False
