"""Answers of HTTP/1.1: the head at once, the body on demand, straight into the caller's memory.

There are two ways to read. Bytes of objects are read strictly: what is not framed as RFC 9112 says, or breaks
off, is a failure. What the command line asks for is read as `http.client` reads it, which the AWS CLI is
built on: a body may be shorter than its length, and a head need not be perfect. It is not read by
`http.client` itself, which brings `email` and `ssl`: they take longer to import than the rest of `get-job`.
"""

from __future__ import annotations

from itertools import pairwise
from time import monotonic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from entrepot.http.connection import Connection

    class Source(Protocol):
        """The part of a socket, encrypted once, twice or not, that reading needs."""

        def recv(self, bufsize: int, /) -> bytes: ...
        def recv_into(self, buffer: memoryview, /) -> int: ...


CONNECTING, TRUSTING, PREPARING, SENDING, AWAITING, READING = range(6)
"""When a request failed: in TCP, at the file of certificates, in a proxy's tunnel or the beginning of TLS, in
sending, before the answer, or because of what was answered.
"""

_PORTION = 64 * 1024
_LONGEST_HEAD = 256 * 1024
_LONGEST_LINE = 64 * 1024
_MOST_HEADERS = 100
"""As many as `http.client` takes. Objects may have more: S3 allows some hundreds of metadata."""
_MOST_INTERIM_ANSWERS = 20
_MOST_TRAILERS = 1000
_LONGEST_NUMBER = 18
_STATUS_ENDS = len(b"HTTP/1.1 100")
_NO_NAME = ("", " ", "\t")
_HEXADECIMAL = b"0123456789abcdefABCDEF"


class ConnectionFailed(Exception):
    """No whole answer came, for the reason that the text gives; the error below, if any, is its cause.

    `stage` is when. `unanswered`: not a byte of an answer came. `permanent`: it will fail that way again.
    """

    def __init__(
        self, reason: str, *, stage: int = READING, unanswered: bool = False, permanent: bool = False
    ) -> None:
        super().__init__(reason)
        self.stage = stage
        self.unanswered = unanswered
        self.permanent = permanent


class Incoming:
    """What came over a connection and is not read yet, and what still comes."""

    __slots__ = ("_kept", "_source", "until")

    def __init__(self, source: Source) -> None:
        self._source = source
        self._kept = bytearray()
        self.until: float | None = None
        """When nothing more is waited for, by the monotonic clock: whoever sends a byte now and then would
        never be silent for long."""

    def __bool__(self) -> bool:
        """Whether something came that nobody has read."""
        return bool(self._kept)

    def head_lines(self, *, like_http_client: bool) -> list[str]:
        """The lines before the next empty one, in Latin-1.

        To `http.client` a bare line feed ends a line, too, and it leaves what stands before it. Raises
        `ConnectionFailed` where they cannot be a head, and the errors of the socket.
        """
        kept = self._kept
        line_end, empty = ("\n", b"\n\r\n") if like_http_client else ("\r\n", b"\r\n\r\n")
        while (end := kept.find(empty)) < 0 and not (like_http_client and b"\n\n" in kept):
            if len(kept) > _LONGEST_HEAD:
                raise ConnectionFailed("the head of the answer has no end")
            if not kept.startswith(b"HTTP/"[: len(kept)]):  # whoever greets otherwise may never end a head
                break
            data = self._receive()
            if not data:
                if not kept or not like_http_client:
                    raise ConnectionResetError("the connection was closed without an answer")
                break
            kept += data
        after = end + len(empty) if end >= 0 else len(kept)
        if like_http_client and (bare := kept.find(b"\n\n", 0, after)) >= 0:
            end, after = bare, bare + 2
        lines = kept[: end if end >= 0 else after].decode("latin-1").split(line_end)
        if after > _LONGEST_LINE and max(map(len, lines)) > _LONGEST_LINE:
            raise ConnectionFailed("a line of the answer is too long")
        del kept[:after]
        return lines

    def read_into(self, view: memoryview) -> int:
        """What came already, or what comes next; 0 at the end. Raises `ConnectionFailed`."""
        if self._kept:
            count = min(len(view), len(self._kept))
            view[:count] = self._kept[:count]
            del self._kept[:count]
            return count
        try:
            self._require_time()
            return self._source.recv_into(view)
        except OSError as error:
            raise _broken(error) from error

    def has_final_answer(self) -> bool:
        """Takes in what came, or the end of all; whether there is more to it than interim answers.

        Those, of status 100 to 199, are dropped; what is not yet told apart is waited for. Raises the errors
        of the socket.
        """
        kept = self._kept
        data = self._source.recv(_PORTION)
        kept += data
        while data and kept:
            if len(kept) < _STATUS_ENDS and kept.startswith(b"HTTP/1."[: len(kept)]):
                return False
            if not (kept.startswith(b"HTTP/1.") and kept[8:10] == b" 1"):
                return True
            end = kept.find(b"\r\n\r\n")
            if end < 0:
                return len(kept) > _LONGEST_HEAD
            del kept[: end + 4]
        return not data

    def _receive(self) -> bytes:
        self._require_time()
        return self._source.recv(_PORTION)

    def _require_time(self) -> None:
        if self.until is not None and monotonic() > self.until:
            raise TimeoutError("the answer takes too long")

    def line(self) -> bytes:
        """The next line with its end, or what came before the end of all. Raises `ConnectionFailed`."""
        kept = self._kept
        while (end := kept.find(b"\n")) < 0:
            if len(kept) > _LONGEST_LINE:
                raise ConnectionFailed("a line of the answer has no end")
            try:
                data = self._receive()
            except OSError as error:
                raise _broken(error) from error
            if not data:
                end = len(kept)
                break
            kept += data
        line = bytes(kept[: end + 1])
        del kept[: end + 1]
        return line


class Answer:
    """The answer to one request. The body is as it was sent: a `Content-Encoding` is not undone."""

    def __init__(self, incoming: Incoming, *, method: str = "GET", like_http_client: bool = False) -> None:
        """Reads the head; the answers before the last, of status 100 to 199, are passed over.

        Raises `ConnectionFailed` where it is malformed, and the errors of the socket.
        """
        self._incoming = incoming
        self._like_http_client = like_http_client
        self._connection: Connection | None = None
        for _ in range(_MOST_INTERIM_ANSWERS):
            lines = incoming.head_lines(like_http_client=like_http_client)
            self.version, self.status, self.reason = _status(lines[0])
            if self.status >= 200:
                break
            if self.status == 101 and not like_http_client:
                raise ConnectionFailed("it answered 101, and nobody had asked for another protocol")
        else:
            raise ConnectionFailed("it answers 100 and the like, and never more")
        if like_http_client and len(lines) > _MOST_HEADERS:
            raise ConnectionFailed(f"the answer has more than {_MOST_HEADERS} headers")
        self.headers: dict[str, str] = {}
        """By their names in small letters; repeated ones are joined by a comma and a blank."""
        self._names: dict[str, str] = {}
        self._read_headers(lines)
        self.body = b""
        """What `read` read last."""
        self._frame(is_head=method == "HEAD")

    def _read_headers(self, lines: list[str]) -> None:
        """A line that begins with a blank continues the one before, whose end stays between them."""
        headers, as_http_client = self.headers, self._like_http_client
        lower = ""
        for before, line in pairwise(lines):
            name, colon, value = line.partition(":")
            if not colon or name[:1] in _NO_NAME:
                if line[:1] in (" ", "\t"):
                    if lower:
                        end = "\n" if as_http_client and not before.endswith("\r") else "\r\n"
                        headers[lower] = f"{headers[lower]}{end}{line}".rstrip("\r\n")
                    continue
                lower = ""
                if colon:
                    continue
                if as_http_client:  # to which the headers end there
                    break
                raise ConnectionFailed(f"{line[:80]!r} in the answer is no header")
            lower = name.lower()
            if as_http_client:
                if not name.isascii() or not name.isprintable() or " " in name:
                    break
                value = value.lstrip(" \t").rstrip("\r\n")
                self._names.setdefault(lower, name)
            else:
                if name[-1] in _NO_NAME:  # whoever takes it for another name frames the body otherwise
                    raise ConnectionFailed(f"{line[:80]!r} in the answer is no header")
                value = value.strip()
            headers[lower] = f"{headers[lower]}, {value}" if lower in headers else value

    def _frame(self, *, is_head: bool) -> None:
        """How long the body is, and whether another request can follow it."""
        headers = self.headers
        bodiless = is_head or self.status in (204, 304)
        self._chunked = False
        self.length: int | None = 0 if bodiless else None
        """The bytes of the body, where they are announced."""
        self.announced_length: int | None = None
        """What `Content-Length` says, which to HEAD is the length of what GET would send."""
        codings = headers.get("transfer-encoding")
        if codings is not None and not bodiless:
            self._chunked = self._is_chunked(codings)
        if "content-length" in headers and (not bodiless or (is_head and not self._like_http_client)):
            self.announced_length = _length(headers["content-length"], self._like_http_client)
            if not bodiless and not self._chunked:
                self.length = self.announced_length
        self._left = self.length or 0
        wish = headers.get("connection", "").lower()
        if self.version in ("HTTP/1.0", "HTTP/0.9"):
            stays = "keep-alive" in wish or (self._like_http_client and headers.get("keep-alive", "") != "")
        else:
            stays = "close" not in wish
        if self._chunked and self.announced_length is not None and not self._like_http_client:
            stays = False  # RFC 9112, 6.1: two lengths, and somebody on the way may have gone by the other
        self.reusable = stays and (self._chunked or self.length is not None)
        """Whether the connection can carry another request once the body is read."""
        self._ended = self.length == 0

    def _is_chunked(self, codings: str) -> bool:
        """Raises `ConnectionFailed` for codings that nobody undoes here: the bytes would be others."""
        names = [coding.strip() for coding in codings.lower().split(",")]
        if not self._like_http_client and names not in (["chunked"], ["identity"]):
            raise ConnectionFailed(f"the answer has Transfer-Encoding {codings[:80]!r}")
        return "chunked" in names

    @property
    def sent_headers(self) -> dict[str, str]:
        """The headers by their names as they were sent; only where answers are read like `http.client`."""
        return {self._names[lower]: value for lower, value in self.headers.items()}

    def hold(self, connection: Connection) -> None:
        """Has the connection told once: to be kept when the body is read to its end, else to be ended."""
        self._connection = connection
        if self._ended:
            self._end()

    def readinto(self, view: memoryview) -> int:
        """Fills the front of `view`; 0 at the end. Raises `ConnectionFailed` where the body is cut short."""
        if self._ended or not view:
            return 0
        if self._chunked and self._left == 0:
            self._left = self._read_chunk_size()
            if self._left == 0:
                self._end()
                return 0
        bounded = self._chunked or self.length is not None
        count = self._incoming.read_into(view[: self._left] if bounded else view)
        if count == 0:
            if self._chunked or (bounded and not self._like_http_client):
                raise ConnectionFailed("the connection ended before the answer did")
            self.reusable = False
            self._end()
        elif bounded:
            self._left -= count
            if self._left == 0:
                if not self._chunked:
                    self._end()
                elif self._incoming.line() not in (b"\r\n", b"\n"):
                    raise ConnectionFailed("a chunk is longer than its size")
        return count

    def read(self, limit: int | None = None, seconds: float | None = None) -> bytes:
        """The whole body.

        Raises `ConnectionFailed` where it is cut short, longer than `limit`, or takes longer than `seconds`.
        """
        try:
            self.body = self._whole_body(limit, seconds)
        except ConnectionFailed:
            self.close()
            raise
        return self.body

    def _whole_body(self, limit: int | None, seconds: float | None) -> bytes:
        body = bytearray()
        ends_at = None if seconds is None else monotonic() + seconds
        buffer = memoryview(bytearray(min(_PORTION, _PORTION if self.length is None else self.length)))
        while count := self.readinto(buffer):
            body += buffer[:count]
            if limit is not None and len(body) > limit:
                raise ConnectionFailed(f"the answer is longer than {limit:,} bytes")
            if ends_at is not None and monotonic() > ends_at:
                raise ConnectionFailed(f"the answer took longer than {seconds:,} s")
        return bytes(body)

    def abort(self) -> None:
        """Ends the connection while another thread may be reading from it: that one is let go at once."""
        connection = self._connection
        if connection is not None:
            connection.abort()

    def close(self) -> None:
        """Ends the connection unless the answer was read to its end."""
        self.reusable = False
        self._end()

    def _end(self) -> None:
        self._ended = True
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.finished(keep=self.reusable)

    def _read_chunk_size(self) -> int:
        """The size of the next chunk; 0 ends the body, its trailers read."""
        line = self._incoming.line()
        text = line.partition(b";")[0].strip()
        if not text or text.strip(_HEXADECIMAL) or len(text) > _LONGEST_NUMBER:
            raise ConnectionFailed(f"a chunk has the size {line.rstrip()[:20]!r}")
        size = int(text, 16)
        if size == 0:
            for _ in range(_MOST_TRAILERS):
                trailer = self._incoming.line()
                if trailer in (b"\r\n", b"\n") or (not trailer and self._like_http_client):
                    return 0
                if not trailer:
                    raise ConnectionFailed("the connection ended before the answer did")
            raise ConnectionFailed("the answer has trailers without end")
        return size


def reason_of(error: OSError) -> str:
    """What the operating system says, in its shortest form."""
    return error.strerror or str(error) or type(error).__name__


def _broken(error: OSError) -> ConnectionFailed:
    timed_out = isinstance(error, TimeoutError)
    return ConnectionFailed("the answer stopped in its middle" if timed_out else str(error))


def _status(line: str) -> tuple[str, int, str]:
    version, status, reason = [*line.split(None, 2), "", "", ""][:3]
    if not version.startswith("HTTP/1.") and version != "HTTP/0.9":
        raise ConnectionFailed(f"it answered {line.rstrip()[:80]!r}, which is not HTTP/1.1")
    if len(status) != 3 or not status.isdecimal() or status < "100":
        raise ConnectionFailed(f"it answered {line.rstrip()[:80]!r}, which is not HTTP/1.1")
    return version, int(status), reason.strip()


def _length(text: str, like_http_client: bool) -> int | None:
    """A Content-Length; None where there is none and nobody minds.

    One that is there twice and alike is one (RFC 9110, 8.6).
    """
    values = [value.strip() for value in text.split(",")]
    if like_http_client or len(set(values)) == 1:
        text = values[0]
    if text.isdecimal() and len(text) <= _LONGEST_NUMBER:
        return int(text)
    if like_http_client:
        return None
    raise ConnectionFailed(f"the answer has Content-Length {text[:80]!r}")
