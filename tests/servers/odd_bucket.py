"""An S3 server with some objects to read, which has one of the oddities that S3 servers and proxies have."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from email.utils import formatdate
from enum import Enum, auto
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ETAG = "0123456789abcdef0123456789abcdef"


class Oddity(Enum):
    NONE = auto()
    NO_RANGES = auto()
    """Ranges are ignored: 200 and all of the object."""
    RANGES_OF_HEAD = auto()
    """HeadObject honours a range, or refuses it."""
    EMPTY_IS_416 = auto()
    """The last bytes of an empty object are refused."""
    WHOLE_IS_200 = auto()
    """A range of all bytes is answered by 200."""
    ALL_CONDITIONS_FAIL = auto()
    """Whatever has a condition but the pinning one is answered by 412, or 304."""
    WEAK_ETAG = auto()
    BARE_ETAG = auto()
    NO_ACCEPT_RANGES = auto()
    OWN_CHECKSUMS = auto()
    """A checksum of the whole object comes with each answer."""
    CHUNKED_CODING = auto()
    """The coding of the upload's body is kept."""


@contextmanager
def odd_bucket(objects: Mapping[str, bytes], modified_at: int, oddity: Oddity) -> Iterator[str]:
    """Serves the objects by their paths' last segments; yields its URL."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_HEAD(self) -> None:
            self._answer(is_head=True)

        def do_GET(self) -> None:
            self._answer(is_head=False)

        def log_message(self, *arguments: object) -> None:
            """Says nothing."""

        def _answer(self, *, is_head: bool) -> None:
            content = objects.get(self.path.partition("?")[0].rpartition("/")[2])
            if content is None:
                self._send(404, b"<Error><Code>NoSuchKey</Code></Error>", {}, is_head=is_head)
                return
            asked = set(self.headers) & {"if-none-match", "if-modified-since", "if-unmodified-since"}
            if oddity is Oddity.ALL_CONDITIONS_FAIL and asked:
                self._send(412, b"<Error><Code>PreconditionFailed</Code></Error>", {}, is_head=is_head)
                return
            if self.headers.get("if-match", ETAG).strip('"') != ETAG:
                self._send(412, b"<Error><Code>PreconditionFailed</Code></Error>", {}, is_head=is_head)
                return
            named = {Oddity.WEAK_ETAG: f'W/"{ETAG}"', Oddity.BARE_ETAG: ETAG}.get(oddity, f'"{ETAG}"')
            said = {"ETag": named, "Last-Modified": formatdate(modified_at, usegmt=True)}
            if oddity is not Oddity.NO_ACCEPT_RANGES:
                said["Accept-Ranges"] = "bytes"
            if oddity is Oddity.OWN_CHECKSUMS:
                said |= {"x-amz-checksum-crc32": "AAAAAA==", "x-amz-checksum-type": "FULL_OBJECT"}
            if oddity is Oddity.CHUNKED_CODING:
                said["Content-Encoding"] = "aws-chunked"
            found = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("range", ""))
            if (
                found is None
                or oddity is Oddity.NO_RANGES
                or (is_head and oddity is not Oddity.RANGES_OF_HEAD)
            ):
                self._send(200, content, said, is_head=is_head)
                return
            size = len(content)
            first = max(0, size - int(found[2])) if not found[1] else int(found[1])
            last = size - 1 if not found[1] or not found[2] else min(size - 1, int(found[2]))
            if size == 0 and not found[1] and oddity is not Oddity.EMPTY_IS_416:
                self._send(200, content, said, is_head=is_head)
            elif first > last:
                self._send(416, b"<Error><Code>InvalidRange</Code></Error>", {}, is_head=is_head)
            elif oddity is Oddity.WHOLE_IS_200 and last - first + 1 == size:
                self._send(200, content, said, is_head=is_head)
            else:
                said["Content-Range"] = f"bytes {first}-{last}/{size}"
                self._send(206, content[first : last + 1], said, is_head=is_head)

        def _send(self, status: int, body: bytes, said: Mapping[str, str], *, is_head: bool) -> None:
            self.send_response(status)
            for name, value in said.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if not is_head:
                self.wfile.write(body)

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
