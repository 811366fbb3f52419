"""A gate on the way to a server: requests go through, until one is held there, and so is whoever sent it."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from tests.functional.transfers import PATIENCE_SECONDS

_LOOKS_EVERY_SECONDS = 0.02
"""Whether it is to end; each test waits for that."""
_DENIED = b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
_REFUSAL = b"HTTP/1.1 403 Forbidden\r\ncontent-length: %d\r\n\r\n%b" % (len(_DENIED), _DENIED)


@dataclass(frozen=True, slots=True)
class Passing:
    """One request."""

    method: str
    target: str
    body: bytes


@dataclass(slots=True)
class Gate:
    """Holds the first request that `holds` says, before the server has it or with the answer it gave."""

    url: str = ""
    holds: Callable[[Passing], bool] = lambda _: False
    after: bool = False
    """Whether the server gets the request at once, and only the answer is held."""
    opens: Callable[[Passing], bool] = lambda _: False
    """The request after whose answer the held one goes on."""
    refuses: Callable[[Passing], bool] = lambda _: False
    """The requests that are answered here, as S3 does where something is not allowed."""
    held: threading.Event = field(default_factory=threading.Event)
    opened: threading.Event = field(default_factory=threading.Event)
    passed: threading.Event = field(default_factory=threading.Event)
    """The held one has been answered."""

    def await_held(self) -> None:
        """Returns when a request is held."""
        assert self.held.wait(PATIENCE_SECONDS), "nothing came to the gate"

    def _pass(self, request: Passing, forward: Callable[[], bytes]) -> bytes:
        if self.refuses(request):
            return _REFUSAL
        is_held = not self.held.is_set() and self.holds(request)
        answer = forward() if self.after or not is_held else b""
        if is_held:
            self.held.set()
            assert self.opened.wait(PATIENCE_SECONDS), "the gate was not opened"
            answer = answer or forward()
            self.passed.set()
        elif self.held.is_set() and self.opens(request):
            self.opened.set()
            self.passed.wait(PATIENCE_SECONDS)
        return answer


@contextmanager
def gate_before(server_url: str, port: int = 0) -> Iterator[Gate]:
    """A gate on a port of its own, or on that one. Whatever is held still goes on at the end."""
    gate = Gate()
    server_at = urlsplit(server_url).netloc

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _pass(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            answer = gate._pass(Passing(self.command, self.path, body), lambda: self._forward(body))
            try:
                self.wfile.write(answer)
            except OSError:  # killed meanwhile
                self.close_connection = True

        do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = do_HEAD = _pass  # noqa: N815

        def _forward(self, body: bytes) -> bytes:
            connection = http.client.HTTPConnection(server_at, timeout=PATIENCE_SECONDS)
            connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in {"connection", "expect"}:
                    connection.putheader(name, value)
            connection.endheaders(body)
            answer = connection.getresponse()
            content = answer.read()
            connection.close()
            length = answer.getheader("content-length") if self.command == "HEAD" else len(content)
            head = [f"HTTP/1.1 {answer.status} {answer.reason}", f"content-length: {length}"]
            head += [
                f"{name}: {value}"
                for name, value in answer.getheaders()
                if name.lower() not in {"content-length", "transfer-encoding", "connection"}
            ]
            return "\r\n".join([*head, "", ""]).encode("latin-1") + content

        def log_message(self, *_: object) -> None:
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    gate.url = f"http://127.0.0.1:{server.server_port}"
    serving = threading.Thread(target=server.serve_forever, args=(_LOOKS_EVERY_SECONDS,), daemon=True)
    serving.start()
    try:
        yield gate
    finally:
        gate.opened.set()
        server.shutdown()
        server.server_close()
