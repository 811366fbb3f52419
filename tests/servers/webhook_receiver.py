"""A receiver of webhooks on 127.0.0.1, as anybody would write one: it checks every signature by itself."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = Callable[["Delivery"], int]
"""From what came in to the status of the answer."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One request as it came in."""

    path: str
    headers: dict[str, str]
    """Their names in lower case."""
    body: bytes

    @property
    def event(self) -> Any:
        """The CloudEvent."""
        return json.loads(self.body)

    def is_signed_with(self, secret: str, *, within_seconds: float = 300) -> bool:
        """As docs/events.md says it is done."""
        parts = dict(part.split("=", 1) for part in self.headers["entrepot-signature"].split(","))
        expected = hmac.new(secret.encode(), parts["t"].encode() + b"." + self.body, hashlib.sha256)
        fresh = abs(time.time() - int(parts["t"])) <= within_seconds
        return fresh and hmac.compare_digest(parts["v1"], expected.hexdigest())


class Receiver:
    """Keeps what comes in, in its order, and answers as it is told: with 204 at first."""

    def __init__(self) -> None:
        self.deliveries: list[Delivery] = []
        self.answer: Answer = lambda delivery: 204
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                length = int(self.headers["content-length"])
                body = self.rfile.read(length)
                if len(body) < length:  # the sender died in the midst of it: nothing was delivered
                    self.close_connection = True
                    return
                headers = {name.lower(): value for name, value in self.headers.items()}
                delivery = Delivery(self.path, headers, body)
                receiver.deliveries.append(delivery)
                status = receiver.answer(delivery)
                self.send_response(status)
                if 300 <= status < 400:
                    self.send_header("Location", f"{receiver.url}/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *arguments: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

        self._server = Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    @property
    def event_ids(self) -> list[str]:
        """The ids of the events that came in, as often as they did."""
        return [delivery.event["id"] for delivery in self.deliveries]

    def close(self) -> None:
        """Ends the server."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@contextmanager
def webhook_receiver() -> Iterator[Receiver]:
    """A receiver, for as long as the block lasts."""
    receiver = Receiver()
    try:
        yield receiver
    finally:
        receiver.close()
