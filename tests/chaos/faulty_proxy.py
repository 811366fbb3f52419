"""A faulty way to an S3 server: a proxy that does to some requests and answers what networks do."""

from __future__ import annotations

import http.client
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

LONGEST_DELAY_SECONDS = 1.5
"""Less than the time between the end of a worker's lease and the moment when others take its jobs."""
_ANSWER_SECONDS = 60.0
_SLOW_DOWN = b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"


class Fault(StrEnum):
    CUT_REQUEST = "cut request"
    CUT_ANSWER = "cut answer"
    DELAY = "delay"
    TRUNCATE = "truncated answer"
    FLIP_REQUEST = "bit flipped in a request"
    FLIP_ANSWER = "bit flipped in an answer"
    SLOW_DOWN = "503 SlowDown"


@dataclass(slots=True)
class FaultyProxy:
    """How it behaves; may be changed while it runs."""

    random: random.Random
    url: str = ""
    rate: float = 0.0
    """The share of requests that something happens to."""
    kinds: tuple[Fault, ...] = tuple(Fault)
    done: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def next_fault(self) -> Fault | None:
        with self._lock:
            if self.random.random() >= self.rate:
                return None
            fault = self.random.choice(self.kinds)
            self.done[fault] += 1
            return fault

    def flipped(self, body: bytes) -> bytes:
        """The bytes with one bit other than it was."""
        if not body:
            return body
        changed = bytearray(body)
        with self._lock:
            changed[self.random.randrange(len(body))] ^= 1 << self.random.randrange(8)
        return bytes(changed)


class _Server(ThreadingHTTPServer):
    request_queue_size = 128

    def handle_error(self, *_: object) -> None:
        """Whoever was connected has been killed."""


@contextmanager
def faulty_proxy(server_url: str, chance: random.Random) -> Iterator[FaultyProxy]:
    """The proxy, without faults at first. A server that is down is a connection that is cut."""
    proxy = FaultyProxy(chance)
    server_at = urlsplit(server_url).netloc

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 60

        def _pass(self) -> None:
            length = int(self.headers.get("content-length", 0))
            body = self.rfile.read(length)
            if len(body) < length:  # whoever sent it has died
                self.close_connection = True
                return
            with suppress(OSError, http.client.HTTPException):
                if self._answered(body, proxy.next_fault()):
                    return
            self.close_connection = True

        do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _pass  # noqa: N815

        def _answered(self, body: bytes, fault: Fault | None) -> bool:
            """Whether the connection is good for another request."""
            if fault is Fault.CUT_REQUEST:
                return False
            if fault is Fault.SLOW_DOWN:
                content = b"" if self.command == "HEAD" else _SLOW_DOWN
                head = f"HTTP/1.1 503 Slow Down\r\ncontent-length: {len(content)}\r\n\r\n"
                self.wfile.write(head.encode() + content)
                return True
            if fault is Fault.DELAY:
                time.sleep(proxy.random.uniform(0.1, LONGEST_DELAY_SECONDS))
            head_bytes, content = self._forward(proxy.flipped(body) if fault is Fault.FLIP_REQUEST else body)
            if fault is Fault.CUT_ANSWER:
                return False
            if fault is Fault.FLIP_ANSWER:
                content = proxy.flipped(content)
            if fault is Fault.TRUNCATE:
                self.wfile.write(head_bytes + content[: len(content) // 2])
                return False
            self.wfile.write(head_bytes + content)
            return True

        def _forward(self, body: bytes) -> tuple[bytes, bytes]:
            connection = http.client.HTTPConnection(server_at, timeout=_ANSWER_SECONDS)
            try:
                connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
                for name, value in self.headers.items():
                    if name.lower() not in {"connection", "expect"}:
                        connection.putheader(name, value)
                connection.endheaders(body)
                answer = connection.getresponse()
                content = answer.read()
            finally:
                connection.close()
            length = answer.getheader("content-length") if self.command == "HEAD" else len(content)
            head = [f"HTTP/1.1 {answer.status} {answer.reason}", f"content-length: {length}"]
            hidden = {"content-length", "transfer-encoding", "connection"}
            head += [f"{name}: {value}" for name, value in answer.getheaders() if name.lower() not in hidden]
            return "\r\n".join([*head, "", ""]).encode("latin-1"), content

        def log_message(self, *_: object) -> None:
            """Silent."""

    server = _Server(("127.0.0.1", 0), Handler)
    proxy.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()
