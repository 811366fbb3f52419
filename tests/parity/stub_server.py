"""An HTTP server on the loop-back that answers as a case wants it, well or badly.

It checks signatures, echoes what it saw, sleeps, hangs, drops connections, cuts bodies off, speaks in chunks
or gzip, shows good and bad certificates, and is a proxy: whatever host is asked for by CONNECT ends here.
"""

from __future__ import annotations

import gzip
import json
import re
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

from tests.parity.answers import Answer, jobs
from tests.parity.conversation import Conversation, Request
from tests.parity.signatures import SECRETS, facts_of_signature

_JOB = re.compile(r"(?:/prefix(?:/deep)?)?/v1/jobs/([^/?]*)")
_FIVE_DIGITS: Final = 10_000
_FIXED = {
    "Server": "stub",
    "Date": "Tue, 17 Jan 2023 18:54:10 GMT",
    "Content-Type": "application/json",
    "x-amzn-RequestId": "01234567-89ab-cdef-0123-456789abcdef",
}
# What says nothing of the operation: who connects, how, when, and the signature, which is checked instead.
_NOT_RECORDED = {
    "accept-encoding", "authorization", "connection", "content-length", "expect", "host", "proxy-connection",
    "user-agent", "x-amz-content-sha256", "x-amz-date", "x-amz-security-token",
}  # fmt: skip
_TOKEN = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\b")
_ROLE_KEY = "ASIAPARITYCONTAINER1"


class StubServer(ThreadingHTTPServer):
    """One port. `conversation` is replaced for every case."""

    daemon_threads = True
    allow_reuse_address = False
    request_queue_size = 64

    def __init__(self, tls: ssl.SSLContext | None = None, tunnel_tls: ssl.SSLContext | None = None) -> None:
        self.conversation = Conversation()
        self.tunnel_tls = tunnel_tls
        self._tls = tls
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.server_address[1])

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        if self._tls is not None:
            connection = self._tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return connection, address

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up or refuse a certificate are what is tested."""


@contextmanager
def stub_server(chain: Path | None = None, tunnel_chain: Path | None = None) -> Iterator[StubServer]:
    """A server that runs; with TLS if it has a certificate. Its port has five digits, as when recorded."""
    made = StubServer(_context(chain), _context(tunnel_chain))
    while made.port < _FIVE_DIGITS:
        made.server_close()
        made = StubServer(_context(chain), _context(tunnel_chain))
    with made as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield server
        server.conversation.over.set()
        server.shutdown()
        thread.join()


def _context(chain: Path | None) -> ssl.SSLContext | None:
    if chain is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    return context


class _Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server: StubServer
    tunnel_to: str | None = None

    def log_message(self, *_: object) -> None:
        """Nothing is logged."""

    def finish(self) -> None:
        super().finish()
        if self.tunnel_to is not None:
            self.connection.close()

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path == "/container-credentials":
            self._reply_json(
                {
                    "AccessKeyId": _ROLE_KEY,
                    "SecretAccessKey": SECRETS[_ROLE_KEY],
                    "Token": "container-token",
                    "Expiration": "2999-01-01T00:00:00Z",
                }
            )
            return
        conversation = self.server.conversation
        request = self._describe(body)
        conversation.note(request)
        job = _JOB.fullmatch(self.path)
        asked_for = unquote(job.group(1)) if job and self.command == "GET" else None
        answer = conversation.answer_to(asked_for)
        if answer is None:
            where = f"No job at {self.command} {self.path}"
            self._reply_json(
                {"Message": where, "ResourceId": "-", "ResourceType": "JOB"}, 404, "ResourceNotFoundException"
            )
        else:
            self._give(answer, request, conversation)

    do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_GET  # noqa: N815

    def do_CONNECT(self) -> None:
        conversation, tls = self.server.conversation, self.server.tunnel_tls
        conversation.note({"method": "CONNECT", "path": self.path})
        if tls is None or not conversation.tunnels:
            self.close_connection = True
            self._reply(502, b"")
            return
        self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        self.close_connection = True
        with suppress(OSError):
            self.connection = tls.wrap_socket(self.connection, server_side=True)
            self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", 0)
            self.tunnel_to, self.close_connection = self.path, False

    def _describe(self, body: bytes) -> Request:
        request: Request = {
            "method": self.command,
            "path": self.path,
            "host": self.tunnel_to or self.headers.get("Host", ""),
            **facts_of_signature(self.command, self.path, self.headers.items(), body),
        }
        if token := self.headers.get("X-Amz-Security-Token"):
            request["token"] = token
        if body:
            request["body"] = _TOKEN.sub("{TOKEN}", body.decode(errors="backslashreplace"))
        telling = {
            name.lower(): value for name, value in self.headers.items() if name.lower() not in _NOT_RECORDED
        }
        if telling:
            request["headers"] = telling
        return request

    def _give(self, answer: Answer, request: Request, conversation: Conversation) -> None:
        kind, _, rest = answer.behaviour.partition(":")
        body, headers = answer.body, dict(answer.headers)
        match kind:
            case "drop":
                return self._drop()
            case "truncate":
                return self._fault("truncate")
            case "garbage":
                self.wfile.write(b"THIS IS NOT HTTP\r\n\r\n")
                return self._drop()
            case "hang-body":
                self._reply(200, body[:3], length=len(body))
                conversation.over.wait(float(rest))
                return self._drop()
            case "sleep" if conversation.over.wait(float(rest)) or float(rest) > 5:
                return self._drop()
            case "flaky":
                fault, times = rest.split(":")
                if conversation.times_given(answer) <= int(times):
                    return self._fault(fault)
            case "echo":
                body = json.dumps(_echo(request)).encode()
            case "gzip":
                body, headers["Content-Encoding"] = gzip.compress(body, mtime=0), "gzip"
            case "chunked":
                headers["Transfer-Encoding"] = "chunked"
                body = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:7], body[7:], b""))
        return self._reply(answer.status, body, headers)

    def _fault(self, kind: str) -> None:
        match kind:
            case "drop":
                self._drop()
            case "truncate":
                self._reply(200, b'{"Id": "cut', length=500)
                self._drop()
            case "429":
                self._reply_json({"Message": "Rate exceeded."}, 429, "ThrottlingException")
            case _:
                self._reply_json({"Message": "Try again."}, int(kind), "InternalServerException")

    def _reply_json(self, body: Any, status: int = 200, error: str | None = None) -> None:
        self._reply(status, json.dumps(body).encode(), {} if error is None else {"x-amzn-ErrorType": error})

    def _reply(
        self, status: int, body: bytes, headers: dict[str, str] | None = None, length: int | None = None
    ) -> None:
        sent = _FIXED | (headers or {})
        self.send_response_only(status)
        for name, value in sent.items():
            self.send_header(name, value)
        if status not in {204, 304} and "Transfer-Encoding" not in sent:
            self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def _drop(self) -> None:
        self.close_connection = True
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)


def _echo(request: Request) -> dict[str, Any]:
    """A job that tells what was seen of the request."""
    told = ("method", "path", "sig", "key", "region", "service", "token")
    job_id = jobs()["echo"].job_id
    source = {
        "Bucket": re.sub(r"^(127\.0\.0\.1|localhost):\d+$", r"\1", request["host"]),
        "Keys": [f"{name}={request[name]}" for name in told if name in request],
    }
    return {
        "Arn": f"arn:aws:dataexchange:us-east-1:123456789012:jobs/{job_id}",
        "Id": job_id,
        "State": "COMPLETED",
        "Details": {"CreateS3DataAccessFromS3Bucket": {"AssetSource": source}},
    }
