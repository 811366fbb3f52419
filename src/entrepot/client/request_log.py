"""What a request looks like to somebody who debugs it, without what must stay secret."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from entrepot.http.url import Url

_SHOWN = frozenset({"accept-encoding", "content-length", "content-type", "host", "user-agent", "x-amz-date"})
_DIGITS_OF_A_SIGNATURE = 8


def describe(method: str, url: Url, headers: list[tuple[str, str]], *, hides_query: bool) -> list[str]:
    """Lines for the request and each header. Keys, tokens and what is passed on to others is not in them.

    With `hides_query` the query's values are not either.
    """
    query = url.query
    if hides_query and query:
        query = "&".join([part.partition("=")[0] + "=..." for part in query.split("&")])
    address = f"{url.endpoint.scheme}://{url.endpoint.authority}{url.path}"
    return [
        f"{method} {address}{'?' if query else ''}{query}",
        *[f"{name}: {_shown(name.lower(), value)}" for name, value in headers],
    ]


def _shown(name: str, value: str) -> str:
    if name in _SHOWN:
        return value
    if name == "authorization":
        everything_else, mark, signature = value.rpartition("Signature=")
        return f"{everything_else}{mark}{signature[:_DIGITS_OF_A_SIGNATURE]}..."
    return "..."
