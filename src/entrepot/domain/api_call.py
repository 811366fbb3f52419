"""One call of an API asset, as values: what came from the caller, what goes to the API, what it answers."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import quote_from_bytes, unquote_to_bytes

from entrepot.domain.api_endpoint import ApiTarget
from entrepot.domain.errors import ValidationFailed

Header = tuple[bytes, bytes]
"""Name and value, as they are on the wire."""

LARGEST_PAYLOAD_BYTES = 10 * 1024 * 1024
"""Of a call, and of its answer [C]: 10 MB, counted as API Gateway does."""
LONGEST_ANSWER_SECONDS = 29.0
"""How long an API may keep the exchange waiting [G]: API Gateway's own limit."""
CALLS_PER_SECOND = 10
"""Of one imported API, by everybody together [C]."""


@dataclass(frozen=True, slots=True)
class ApiCall:
    data_set_id: str
    revision_id: str
    asset_id: str
    method: str
    path: bytes
    """Below the API's stage, as it was sent; empty where the stage itself is called."""
    query: bytes
    """As it was sent; a signature of the caller's is still in it."""
    headers: Sequence[Header] = ()
    """All of them, those for the exchange too; names are lower-case."""
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class ApiRequest:
    """What goes to the API. The API key is among the headers, so they are not shown."""

    target: ApiTarget
    method: str
    path: str
    """Below the target's URL: empty, or with a slash in front; percent-encoded."""
    query: str
    headers: Sequence[Header] = field(repr=False)
    body: bytes = field(repr=False)


class ByteStream(Protocol):
    """Bytes that come in chunks, once; whoever holds it closes it."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        """The chunks; raises an `EntrepotError` where they end too early."""

    async def aclose(self) -> None:
        """Ends it, read or not; harmless when repeated."""


@dataclass(frozen=True, slots=True)
class ApiAnswer:
    """What the API answers: any status, success or not."""

    status: int
    headers: Sequence[Header]
    body: ByteStream


METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
"""The verbs that Amazon API Gateway has."""
HEADER_PREFIX = b"x-amzn-dataexchange-header-"
"""Of headers that are for the API; the rest of the name is the header's name there."""

_LONGEST_PATH_BYTES = 8192
_MOST_DECODINGS = 8
_LONE_PERCENT = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_NOT_OF_A_QUERY = re.compile(rb"[^!-~]|#")
_TOKEN = re.compile(rb"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_SIGNATURE_PARAMETERS = frozenset(
    f"X-Amz-{name}".encode()
    for name in (
        "Algorithm", "Content-Sha256", "Credential", "Date", "Expires", "Security-Token", "Signature",
        "SignedHeaders",
    )
)  # fmt: skip
_HOP_BY_HOP = frozenset(
    {
        b"connection", b"expect", b"http2-settings", b"keep-alive", b"proxy-authenticate",
        b"proxy-authentication-info", b"proxy-authorization", b"proxy-connection", b"te", b"trailer",
        b"transfer-encoding", b"upgrade",
    }
)  # fmt: skip
_SET_BY_THE_EXCHANGE = _HOP_BY_HOP | {b"host", b"content-length"}
_OF_THE_WAY_HERE = frozenset({b"authorization", b"forwarded", b"via", b"x-real-ip"})
"""The caller's signature, and what proxies in front of the exchange tell of the caller's address."""
_REQUEST_ID = b"x-amzn-requestid"


def api_method(name: str) -> str:
    """The verb that a caller wants, in upper case; raises `ValidationFailed` for one that no API has."""
    method = name.upper()
    if method not in METHODS:
        raise ValidationFailed(
            f"{name[:40]!r} is not a method that an API can be called with; it has {', '.join(METHODS)}."
        )
    return method


def api_path(path: bytes) -> str:
    """A path below an API's stage, percent-encoded: empty, or with one slash in front.

    Percent-encoding that is there stays as it is. Raises `ValidationFailed` for what could be read as a way
    out of the stage, however often a server behind undoes percent-encoding: `.` and `..`, an empty segment,
    a backslash, a control character, bytes that are not UTF-8; and for a query or a fragment.
    """
    if not path:
        return ""
    relative = path.removeprefix(b"/")
    if len(relative) > _LONGEST_PATH_BYTES:
        raise ValidationFailed(f"The path of the call is longer than {_LONGEST_PATH_BYTES} bytes.")
    if b"?" in relative or b"#" in relative:
        raise ValidationFailed(
            "The path of the call has a '?' or a '#'. Give the query as the query string of the request, and "
            "percent-encode what belongs to the path."
        )
    for text in _decodings(relative):
        _require_inside(text)
    return "/" + quote_from_bytes(_LONE_PERCENT.sub(b"%25", relative), safe="!$&'()*+,;=:@%/~")


def api_query(query: bytes) -> str:
    """The query as it was sent, without the caller's signature where the URL was presigned."""
    if b"X-Amz-Signature=" in query:
        pairs = query.split(b"&")
        query = b"&".join(
            [pair for pair in pairs if unquote_to_bytes(pair.partition(b"=")[0]) not in _SIGNATURE_PARAMETERS]
        )
    return _NOT_OF_A_QUERY.sub(lambda match: b"%%%02X" % match[0][0], query).decode("ascii")


def api_headers(headers: Sequence[Header], *, api_key: str | None, added: Iterable[Header]) -> list[Header]:
    """The headers for the API.

    Those of the caller that are not about the connection, the exchange or the way here; those with the
    prefix under their own names, in place of others of that name; the API key of the asset, whatever the
    caller says of it; and what is `added`. An underscore counts as a hyphen, since many servers cannot tell
    them apart. Raises `ValidationFailed` for a prefixed header that nobody but the exchange may set.
    """
    named_by_connection = _connection_names(headers)
    given = [
        (name.removeprefix(HEADER_PREFIX), value) for name, value in headers if name.startswith(HEADER_PREFIX)
    ]
    for name, _ in given:
        _require_free(name)
    replaced = {_canonical(name) for name, _ in given} | ({b"x-api-key"} if api_key else set())
    kept = []
    for name, value in headers:
        canonical = _canonical(name)
        if canonical in named_by_connection or canonical in replaced or _is_about_the_way(canonical):
            continue
        if canonical == b"content-encoding":
            value = _without_aws_chunked(value)  # noqa: PLW2901 - what is left of it
            if not value:
                continue
        kept.append((name, value))
    if api_key:
        given = [header for header in given if _canonical(header[0]) != b"x-api-key"]
        given.append((b"x-api-key", api_key.encode("ascii")))
    return [*kept, *given, *added]


def answer_headers(headers: Sequence[Header]) -> list[Header]:
    """The headers of an API's answer that go back to the caller; names are lower-case.

    All but those about the connection, the length, and the moment, which the server says itself. The API's
    request id gets another name, as Amazon API Gateway does it: the caller's is the exchange's own.
    """
    named_by_connection = _connection_names(headers)
    kept = []
    for name, value in headers:
        lower = name.lower()
        if lower == _REQUEST_ID:
            kept.append((b"x-amzn-remapped-x-amzn-requestid", value))
        elif lower not in _HOP_BY_HOP | named_by_connection | {b"content-length", b"date"}:
            kept.append((lower, value))
    return kept


def _decodings(text: bytes) -> Iterator[bytes]:
    """The text, and what it becomes each time percent-encoding is undone, until nothing changes."""
    for _ in range(_MOST_DECODINGS):
        yield text
        decoded = unquote_to_bytes(text)
        if decoded == text:
            return
        text = decoded
    raise ValidationFailed("The path of the call is percent-encoded too many times over.")


def _require_inside(path: bytes) -> None:
    try:
        text = path.decode()
    except UnicodeDecodeError:
        raise ValidationFailed("The path of the call is not UTF-8.") from None
    segments = text.split("/")
    if (
        "" in segments[:-1]
        or any(segment.partition(";")[0].strip() in {".", ".."} for segment in segments)
        or any(character < " " or character in "\\\x7f" for character in text)
    ):
        raise ValidationFailed(
            "The path of the call has an empty segment, '.' or '..' as a segment, a backslash, or a control "
            "character. It must lead straight to a place below the API's stage."
        )


def _canonical(name: bytes) -> bytes:
    return name.lower().replace(b"_", b"-")


def _is_about_the_way(canonical: bytes) -> bool:
    return (
        canonical in _SET_BY_THE_EXCHANGE
        or canonical in _OF_THE_WAY_HERE
        or canonical.startswith((b"x-amz", b"x-forwarded-"))
    )


def _require_free(name: bytes) -> None:
    shown = (HEADER_PREFIX + name).decode("ascii", "replace")[:100]
    if _TOKEN.fullmatch(name) is None:
        raise ValidationFailed(f"The header {shown!r} names no header: a name follows the prefix.")
    canonical = _canonical(name)
    if canonical in _SET_BY_THE_EXCHANGE or canonical.startswith(b"x-amz"):
        raise ValidationFailed(f"The header {shown!r} cannot be given to the API: the exchange sets it.")


def _connection_names(headers: Sequence[Header]) -> set[bytes]:
    """The headers that `Connection` declares to be about the connection."""
    values = [value for name, value in headers if name.lower() == b"connection"]
    return {_canonical(token.strip()) for value in values for token in value.split(b",")}


def _without_aws_chunked(value: bytes) -> bytes:
    codings = [coding.strip() for coding in value.split(b",")]
    return b", ".join(coding for coding in codings if coding and coding.lower() != b"aws-chunked")
