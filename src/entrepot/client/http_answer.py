"""Reads one HTTP/1.1 answer from a socket: what a client of a JSON API meets, as tolerantly as `http.client`.

Not `http.client` itself, because that brings `email` and `ssl`, which together take longer to import than
everything else that `entrepot get-job` does.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class Receiver(Protocol):
        """The part of a socket, encrypted or not, that reading needs."""

        def recv(self, bufsize: int, /) -> bytes: ...  # noqa: D102

    class Wire(Receiver, Protocol):
        """The part of a socket, encrypted once, twice or not, that a connection uses."""

        def sendall(self, data: bytes, /) -> object: ...  # noqa: D102
        def settimeout(self, value: float | None, /) -> None: ...  # noqa: D102
        def fileno(self) -> int: ...  # noqa: D102
        def close(self) -> None: ...  # noqa: D102


_LONGEST_LINE = 65536
_MOST_HEADERS = 100
_PORTION = 65536
_STATUSES_WITHOUT_BODY = frozenset({204, 304})


class MalformedAnswer(Exception):
    """What came is not HTTP, or ended in the middle of a chunk."""


class NoAnswer(ConnectionResetError):
    """The other side ended the connection before the first byte of an answer."""


class Answer:
    """One answer. The body is as it was sent: a `Content-Encoding` is not undone."""

    __slots__ = ("body", "headers", "reason", "reusable", "status")

    def __init__(self, status: int, reason: str, headers: Headers) -> None:
        self.status = status
        self.reason = reason
        self.headers = headers
        self.body = b""
        self.reusable = False
        """Whether the connection can carry another request once the body has been read."""


class Headers:
    """The headers of an answer, found in any case. Repeated ones are joined by a comma and a blank."""

    __slots__ = ("_by_name",)

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self._by_name: dict[str, tuple[str, list[str]]] = {}
        for name, value in pairs:
            self._by_name.setdefault(name.lower(), (name, []))[1].append(value)

    def get(self, name: str) -> str | None:
        """The value, or None; `name` in small letters."""
        found = self._by_name.get(name)
        return None if found is None else ", ".join(found[1])

    def first(self, name: str) -> str:
        """The first value where there are several, an empty text where there is none."""
        found = self._by_name.get(name)
        return "" if found is None else found[1][0]

    def items(self) -> list[tuple[str, str]]:
        """Names as they were sent, with their values."""
        return [(name, ", ".join(values)) for name, values in self._by_name.values()]


class Reader:
    """What a connection still has to say, by lines and by bytes."""

    __slots__ = ("_kept", "_source")

    def __init__(self, source: Receiver) -> None:
        self._source = source
        self._kept = b""

    def line(self) -> bytes:
        """The next line with its end, if there is one. Raises `MalformedAnswer` where it is too long."""
        end = self._kept.find(b"\n")
        while end < 0:
            if len(self._kept) > _LONGEST_LINE:
                raise MalformedAnswer("a line is too long")
            more = self._source.recv(_PORTION)
            if not more:
                end = len(self._kept) - 1
                break
            searched = len(self._kept)
            self._kept += more
            end = self._kept.find(b"\n", searched)
        line, self._kept = self._kept[: end + 1], self._kept[end + 1 :]
        if len(line) > _LONGEST_LINE:
            raise MalformedAnswer("a line is too long")
        return line

    def up_to(self, size: int) -> bytes:
        """That many bytes, or fewer where the stream ends before."""
        parts, missing = [self._kept[:size]], size - len(self._kept)
        self._kept = self._kept[size:]
        while missing > 0:
            more = self._source.recv(min(missing, _PORTION))
            if not more:
                break
            parts.append(more)
            missing -= len(more)
        return b"".join(parts)

    def rest(self) -> bytes:
        """Everything until the stream ends."""
        parts, self._kept = [self._kept], b""
        while more := self._source.recv(_PORTION):
            parts.append(more)
        return b"".join(parts)

    @property
    def is_empty(self) -> bool:
        """Whether nothing was received that has not been read yet."""
        return not self._kept


def read_head(reader: Reader) -> Answer:
    """Status and headers; answers of status 100 that come before are passed over.

    Raises `NoAnswer`, `MalformedAnswer` and whatever the socket raises.
    """
    while True:
        version, status, reason = _read_status(reader)
        lines = _read_header_lines(reader)
        if status != 100:
            break
    answer = Answer(status, reason, Headers(_parse_headers(lines)))
    answer.reusable = _stays_open(version, answer.headers)
    return answer


def read_body(reader: Reader, answer: Answer) -> None:
    """Reads the body into the answer. To be shorter than its Content-Length is no error, as with the AWS CLI.

    Raises `MalformedAnswer` where a chunked one breaks off, and whatever the socket raises.
    """
    if answer.status < 200 or answer.status in _STATUSES_WITHOUT_BODY:
        return
    codings = (answer.headers.get("transfer-encoding") or "").lower().split(",")
    if any(coding.strip() == "chunked" for coding in codings):
        answer.body = b"".join(_read_chunks(reader))
        return
    length = _whole_number(answer.headers.first("content-length"))
    if length is None or length < 0:
        answer.body = reader.rest()
        answer.reusable = False
        return
    answer.body = reader.up_to(length)
    if len(answer.body) < length:
        answer.reusable = False


def _read_status(reader: Reader) -> tuple[str, int, str]:
    line = str(reader.line(), "iso-8859-1")
    if not line:
        raise NoAnswer("the connection ended without an answer")
    version, status, reason = [*line.split(None, 2), "", "", ""][:3]
    number = _whole_number(status)
    if not version.startswith("HTTP/") or number is None or not 100 <= number <= 999:
        raise MalformedAnswer(f"{line!r} is no status line")
    if version not in {"HTTP/1.0", "HTTP/0.9"} and not version.startswith("HTTP/1."):
        raise MalformedAnswer(f"{version!r} is an unknown version of HTTP")
    return version, number, reason.strip()


def _whole_number(text: str) -> int | None:
    try:
        return int(text)
    except ValueError:
        return None


def _read_header_lines(reader: Reader) -> list[str]:
    lines: list[str] = []
    while True:
        line = reader.line()
        if line in {b"\r\n", b"\n", b""}:
            return lines
        lines.append(str(line, "iso-8859-1"))
        if len(lines) >= _MOST_HEADERS:
            raise MalformedAnswer(f"more than {_MOST_HEADERS} headers")


def _parse_headers(lines: list[str]) -> list[tuple[str, str]]:
    """A line that begins with a blank continues the one before; one that is no header at all ends them."""
    pairs: list[tuple[str, str]] = []
    for line in lines:
        if line[0] in " \t":
            if pairs:
                name, value = pairs[-1]
                pairs[-1] = (name, f"{value}{line}")
            continue
        name, colon, value = line.partition(":")
        if not colon or not name.isascii() or not name.isprintable() or " " in name:
            break
        if name:
            pairs.append((name, value.lstrip(" \t")))
    return [(name, value.rstrip("\r\n")) for name, value in pairs]


def _stays_open(version: str, headers: Headers) -> bool:
    wish = headers.first("connection").lower()
    if version in {"HTTP/1.0", "HTTP/0.9"}:
        return headers.first("keep-alive") != "" or "keep-alive" in wish
    return "close" not in wish


def _read_chunks(reader: Reader) -> list[bytes]:
    chunks: list[bytes] = []
    while True:
        size_text = reader.line().partition(b";")[0]
        try:
            size = int(size_text, 16)
        except ValueError:
            raise MalformedAnswer(f"{size_text!r} is no size of a chunk") from None
        if size <= 0:
            break
        chunk = reader.up_to(size + 2)
        if len(chunk) < size + 2:
            raise MalformedAnswer("the answer ends in the middle of a chunk")
        chunks.append(chunk[:size])
    while reader.line() not in {b"\r\n", b"\n", b""}:
        pass
    return chunks
