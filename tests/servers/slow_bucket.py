"""An S3 server that goes on when the test says so: a job that reads or writes there is under way."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CONTENT = b"slow bytes " * 10_000
_PATIENCE_SECONDS = 60.0
_HOLD_SECONDS = 200.0
"""How long it waits for a test to say that it may go on; longer than any test waits for anything."""


@dataclass(frozen=True, slots=True)
class SlowBucket:
    """The bucket `slow` with the object `object`; one GET at a time gets half of it, then waits.

    A PUT is read to its end, and answered when all who wait may go on; what it brought is thrown away.
    """

    endpoint_url: str
    reading: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    """One more for each GET that has begun."""
    writing: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    """One more for each PUT that waits."""
    released: threading.Event = field(default_factory=threading.Event)

    def wait_for_reader(self) -> None:
        """Returns when somebody (else) has half of the object."""
        assert self.reading.acquire(timeout=_PATIENCE_SECONDS), "nobody reads the object"

    def wait_for_writer(self) -> None:
        """Returns when somebody (else) waits for the answer to a PUT."""
        assert self.writing.acquire(timeout=_PATIENCE_SECONDS), "nobody writes an object"

    def hold(self) -> None:
        """As in the beginning: nobody has read anything, and whoever reads from now on waits."""
        self.released.clear()
        while self.reading.acquire(blocking=False):
            pass

    def release(self) -> None:
        """Whoever reads gets the rest, now and from now on."""
        self.released.set()


@contextmanager
def slow_bucket() -> Iterator[SlowBucket]:
    """The server, on loopback and a free port."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self._head()

        def do_GET(self) -> None:
            self._head()
            half = len(CONTENT) // 2
            with suppress(OSError):  # the reader was killed
                self.wfile.write(CONTENT[:half])
                bucket.reading.release()
                bucket.released.wait(_HOLD_SECONDS)
                self.wfile.write(CONTENT[half:])

        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            bucket.writing.release()
            bucket.released.wait(_HOLD_SECONDS)
            with suppress(OSError):  # the writer has gone
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.send_header("ETag", f'"{hashlib.md5(body).hexdigest()}"')
                self.end_headers()

        def _head(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(CONTENT)))
            self.send_header("ETag", f'"{hashlib.md5(CONTENT).hexdigest()}"')
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    bucket = SlowBucket(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield bucket
    finally:
        bucket.release()
        server.shutdown()
        server.server_close()
        thread.join()
