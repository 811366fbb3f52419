"""Files to and from signed URLs: one PUT, or a GET that is taken up again where it broke off."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from urllib.parse import urlsplit

from entrepot.cli.bulk.failures import ItemFailed
from entrepot.client.retries import Patience
from entrepot.domain.object_headers import NO_HEADERS
from entrepot.http.answer import Answer, ConnectionFailed
from entrepot.http.pool import ConnectionOptions, ConnectionPool
from entrepot.http.url import parse_web_url
from entrepot.stores.store import Reader

_ATTEMPTS = 5
_PAUSE_SECONDS = 0.2
_ANSWER_BYTES = 64 * 1024
_PACE_SECONDS = 120.0
_SLOWEST_BYTES_PER_SECOND = 1024
_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")
_S3_CODE = re.compile(rb"<Code>([A-Za-z0-9.]{1,100})</Code>")
_S3_MESSAGE = re.compile(rb"<Message>([^<]{1,500})</Message>")


class UrlRefused(ItemFailed):
    """The server behind the URL answered with an error; `code` is S3's name for it, or empty."""

    def __init__(self, verb: str, status: int, code: str, message: str) -> None:
        words = " ".join(word for word in (str(status), code, f"({message})" if message else "") if word)
        super().__init__(f"the {verb} by signed URL was refused: {words}")
        self.status = status
        self.code = code


class SignedUrls:
    """Connections to where signed URLs lead. Several threads may use one."""

    def __init__(self, options: ConnectionOptions | None = None) -> None:
        """Raises `ConfigurationError` for a proxy that cannot be used."""
        self._pool = ConnectionPool(options or ConnectionOptions())
        self._closing = threading.Event()

    def close(self) -> None:
        self._closing.set()
        self._pool.close()

    def put(self, url: str, open_body: Callable[[], memoryview | Reader], size_bytes: int, md5: str) -> None:
        """Uploads; `md5` is that of the body, in base64. Raises `ItemFailed`, and what opening raises."""
        headers = [("content-md5", md5), ("content-length", str(size_bytes))]

        def attempt() -> None:
            body = open_body()
            try:
                answer = self._exchange("PUT", url, headers, body, size_bytes)
            finally:
                if not isinstance(body, memoryview):
                    body.close()
            answer.read(_ANSWER_BYTES)

        self._repeat("upload", attempt)

    def get(self, url: str, size_bytes: int, take: Callable[[memoryview], None]) -> None:
        """Downloads all bytes, which must be `size_bytes`, in their order. Raises `ItemFailed`.

        A connection that breaks is replaced by one for the rest, of the same version of the object. One that
        trickles for minutes, or breaks after each few bytes, is not waited for any longer.
        """
        buffer = memoryview(bytearray(min(max(size_bytes, 1), 1024 * 1024)))
        position = 0
        etag = ""
        pace = _Pace()

        def attempt() -> None:
            nonlocal position, etag
            headers = [("range", f"bytes={position}-")] if position else []
            if position and etag:
                headers.append(("if-match", etag))
            answer = self._exchange("GET", url, headers)
            try:
                etag = etag or answer.headers.get("etag", "")
                _require_rest(answer, position, size_bytes)
                while position < size_bytes:
                    count = answer.readinto(buffer[: size_bytes - position])
                    if count == 0:
                        raise ConnectionFailed("the answer is shorter than it said")
                    take(buffer[:count])
                    position += count
                    pace.require(count)
            finally:
                answer.close()

        self._repeat("download", attempt, lambda: position)

    def _repeat(
        self, verb: str, attempt: Callable[[], None], progress: Callable[[], int] = lambda: 0
    ) -> None:
        """Tries again where that may help; attempts that bring something further do not count."""
        patience, reached = Patience(attempts=_ATTEMPTS, first_pause_seconds=_PAUSE_SECONDS), progress()
        while True:
            try:
                attempt()
            except ConnectionFailed as failure:
                problem: ItemFailed = ItemFailed(f"the {verb} by signed URL failed: {failure}")
                final = failure.permanent
            except UrlRefused as refused:
                problem = refused
                final = refused.status not in {408, 429, 500, 502, 503, 504}
            else:
                return
            if progress() > reached:
                reached = progress()
                patience.renew()
            pause = None if final else patience.pause_after_failure()
            if pause is None or self._closing.wait(pause):
                raise problem

    def _exchange(
        self,
        method: str,
        url: str,
        headers: list[tuple[str, str]],
        body: memoryview | Reader | None = None,
        size_bytes: int = 0,
    ) -> Answer:
        try:
            endpoint = parse_web_url(url)
        except ValueError as error:
            raise ItemFailed(f"the exchange gave a signed URL that is none: {error}") from error
        parts = urlsplit(url)
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        sent = [("host", endpoint.authority), *headers, ("user-agent", "entrepot")]
        answer = self._pool.exchange(endpoint, method, target, sent, body, size_bytes)
        if answer.status >= 300:
            raise _refusal("upload" if method == "PUT" else "download", answer)
        return answer


class _Pace:
    """Tells a slow network from a server that never ends."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._bytes = 0

    def require(self, more: int) -> None:
        """Raises `ItemFailed` where some minutes brought less than a modem of the last century."""
        self._bytes += more
        seconds = time.monotonic() - self._began
        if seconds >= _PACE_SECONDS:
            if self._bytes < seconds * _SLOWEST_BYTES_PER_SECOND:
                raise ItemFailed(f"only {self._bytes:,} bytes came in {seconds:.0f} s; run the command again")
            self._began, self._bytes = time.monotonic(), 0


class FileReader:
    """A file as the body of an upload; sends the size that was announced or breaks off."""

    headers = NO_HEADERS

    def __init__(self, path: str, size_bytes: int, on_bytes: Callable[[int], None]) -> None:
        self.size_bytes = size_bytes
        self.etag = ""
        self._file = open(path, "rb", buffering=0)  # noqa: PTH123, SIM115 - closed by `close`
        self._on_bytes = on_bytes
        self._read = 0

    def readinto(self, buffer: memoryview) -> int:
        try:
            count = self._file.readinto(buffer[: self.size_bytes - self._read]) or 0
        except OSError as error:
            reason = f"the file cannot be read: {error.strerror}"
            raise ConnectionFailed(reason, permanent=True) from error
        self._read += count
        self._on_bytes(self._read)
        return count

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> FileReader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _require_rest(answer: Answer, position: int, size_bytes: int) -> None:
    """Raises `ItemFailed` unless the answer is what is missing from `position` on, and of the right size."""
    if position == 0:
        if answer.length is not None and answer.length != size_bytes:
            raise ItemFailed(f"{answer.length:,} bytes came, and the asset has {size_bytes:,}")
        return
    match = _CONTENT_RANGE.fullmatch(answer.headers.get("content-range", ""))
    if answer.status != 206 or match is None or (int(match[1]), int(match[3])) != (position, size_bytes):
        raise ItemFailed("the server does not answer for the rest of an object; run the command again")


def _refusal(verb: str, answer: Answer) -> UrlRefused:
    try:
        body = answer.read(_ANSWER_BYTES)
    except ConnectionFailed:
        body = b""
    code, message = _S3_CODE.search(body), _S3_MESSAGE.search(body)
    return UrlRefused(
        verb,
        answer.status,
        code[1].decode() if code else "",
        message[1].decode(errors="replace") if message else "",
    )
