"""A small web API on a free port of 127.0.0.1, as a provider has one: it keeps what it was asked.

/prod/mirror         200 with the body that came, and its content type
/prod/status/418     that status, with a header and a body
/prod/bytes/1000     so many bytes, announced
/prod/chunks/1000    the same in chunks, not announced
/prod/cut            announces more than it sends
anything else        404
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

BYTES = bytes(range(256))


@dataclass(frozen=True)
class Asked:
    """One request as the API got it; header names in lower case, in order."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        values = [value for key, value in self.headers if key == name]
        assert len(values) <= 1, (name, values)
        return values[0] if values else None


@dataclass
class HttpApi:
    """The API while it runs."""

    url: str
    asked: list[Asked] = field(default_factory=list)

    @property
    def last(self) -> Asked:
        return self.asked[-1]


def pattern(size: int) -> bytes:
    """So many bytes, of every value."""
    return (BYTES * (size // 256 + 1))[:size]


@contextmanager
def running_api() -> Iterator[HttpApi]:
    """Serves until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def handle_one_request(self) -> None:
            try:
                super().handle_one_request()
            except ConnectionError:
                self.close_connection = True

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = [(name.lower(), value) for name, value in self.headers.items()]
            api.asked.append(Asked(self.command, self.path, headers, body))
            _, _, *rest = urlsplit(self.path).path.split("/")
            match rest:
                case ["mirror"]:
                    self._send(200, body, self.headers.get("Content-Type") or "application/octet-stream")
                case ["status", status]:
                    self._send(int(status), b'{"said": "by the API"}', "application/json")
                case ["bytes", size]:
                    self._send(200, pattern(int(size)), "application/octet-stream")
                case ["chunks", size]:
                    self._send_chunks(pattern(int(size)))
                case ["cut"]:
                    self._send(200, b"half", "text/plain", announced=8)
                case _:
                    self._send(404, b"no such path", "text/plain")

        def _send(self, status: int, body: bytes, content_type: str, announced: int | None = None) -> None:
            self.send_response(status)
            for name, value in (
                ("Content-Type", content_type),
                ("X-Amz-Dataexchange-Metering", "Calls=1"),
                ("X-Amzn-RequestId", "the-api-s-own"),
                ("Set-Cookie", "a=1"),
                ("X-Internal", "hop"),
                ("Connection", "keep-alive, X-Internal"),
                ("Content-Length", str(len(body) if announced is None else announced)),
            ):
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD" and status not in (204, 304):
                self.wfile.write(body)
            if announced is not None:
                self.close_connection = True

        def _send_chunks(self, body: bytes) -> None:
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for start in range(0, len(body), 65_536):
                chunk = body[start : start + 65_536]
                self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
            self.wfile.write(b"0\r\n\r\n")

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = _answer  # noqa: N815

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        api = HttpApi(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield api
        finally:
            server.shutdown()
            thread.join()
