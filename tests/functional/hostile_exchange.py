"""An exchange of one data set, one revision and one asset, whose answers can be what they should not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.servers.warm_program import WarmProgram

PATIENCE_SECONDS = 120.0
_LOOKS_EVERY_SECONDS = 0.02
"""Whether it is to end; each test waits for that."""
CONTENT = b"content of the asset"
_TIMES = {"CreatedAt": "2026-03-01T10:00:00.000Z", "UpdatedAt": "2026-03-01T10:00:00.000Z"}

Answering = Callable[[BaseHTTPRequestHandler], None]


@dataclass(slots=True)
class HostileExchange:
    """What it answers with. `instead` answers requests by itself, by method and path."""

    program: WarmProgram
    url: str = ""
    data_set: dict[str, Any] = field(
        default_factory=lambda: {
            "Id": "d" * 32,
            "Name": "Prices",
            "AssetType": "S3_SNAPSHOT",
            "Origin": "OWNED",
            **_TIMES,
        }
    )
    revision: dict[str, Any] = field(
        default_factory=lambda: {
            "Id": "e" * 32,
            "Arn": "arn:aws:dataexchange:us-east-1:123456789012:x",
            "Finalized": True,
            **_TIMES,
        }
    )
    asset: dict[str, Any] = field(
        default_factory=lambda: {
            "Id": "a" * 32,
            "Name": "prices.csv",
            "AssetType": "S3_SNAPSHOT",
            "AssetDetails": {"S3SnapshotAsset": {"Size": float(len(CONTENT))}},
            **_TIMES,
        }
    )
    job: dict[str, Any] = field(
        default_factory=lambda: {
            "Id": "b" * 32,
            "Type": "EXPORT_ASSET_TO_SIGNED_URL",
            "State": "COMPLETED",
            "Details": {"ExportAssetToSignedUrl": {"SignedUrl": "URL/object"}},
            **_TIMES,
        }
    )
    progress: dict[str, Any] = field(default_factory=dict)
    content: bytes = CONTENT
    is_entitled_too: bool = True
    """Whether the data set is also in the list of those that others have granted."""
    instead: dict[tuple[str, str], Answering] = field(default_factory=dict)

    def document(self, method: str, path: str, query: str) -> Any:
        """The JSON document that it answers a request with."""
        parts = path.strip("/").split("/")
        if parts[0] == "entrepot":
            return self.progress
        if parts[1] == "jobs":
            is_list = method == "GET" and len(parts) == 2
            return {"Jobs": [self.job]} if is_list else self.job
        if parts[-1] == "data-sets" and "ENTITLED" in query and not self.is_entitled_too:
            return {"DataSets": []}
        if parts[-1] == "data-sets":
            return {"DataSets": [self.data_set]}
        if parts[-1] == "revisions":
            return {"Revisions": [self.revision]}
        if parts[-1] == "assets":
            return {"Assets": [self.asset]}
        return self.data_set if len(parts) == 3 else self.revision

    def run(
        self, home: Path, *arguments: str | Path, anew: bool = False
    ) -> subprocess.CompletedProcess[bytes]:
        """The program, told that this is its exchange, until its end. Whatever it reads must not break it."""
        environ = {
            name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "ENTREPOT_"))
        }
        environ |= {
            "AWS_ACCESS_KEY_ID": "A" * 20,
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_REGION": "us-east-1",
        }
        environ |= {"HOME": str(home), "XDG_STATE_HOME": str(home / "state"), "AWS_ENDPOINT_URL": self.url}
        given = list(map(str, arguments))
        if anew:
            ended = subprocess.run(
                [sys.executable, "-m", "entrepot", *given],
                env=environ,
                capture_output=True,
                timeout=PATIENCE_SECONDS,
                check=False,
            )
        else:
            ended = self.program.run(["entrepot", *given], environ, seconds=PATIENCE_SECONDS)
        assert b"Traceback" not in ended.stderr, ended.stderr
        assert b"ENTREPOT_DEBUG" not in ended.stderr, ended.stderr
        return ended


@contextmanager
def hostile_exchange(program: WarmProgram) -> Iterator[HostileExchange]:
    exchange = HostileExchange(program)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", 0)))
            path = urlsplit(self.path).path
            instead = exchange.instead.get((self.command, path))
            try:
                if instead is not None:
                    self.close_connection = True
                    instead(self)
                elif path == "/object":
                    send(self, exchange.content)
                else:
                    text = json.dumps(exchange.document(self.command, path, urlsplit(self.path).query))
                    send(self, text.replace("URL/object", f"{exchange.url}/object").encode())
            except OSError:  # the program has seen enough
                self.close_connection = True

        do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = do_HEAD = _answer  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    exchange.url = f"http://127.0.0.1:{server.server_port}"
    serving = threading.Thread(target=server.serve_forever, args=(_LOOKS_EVERY_SECONDS,), daemon=True)
    serving.start()
    try:
        yield exchange
    finally:
        server.shutdown()
        server.server_close()


def send(handler: BaseHTTPRequestHandler, body: bytes, status: int = 200) -> None:
    """An answer as it should be."""
    handler.send_response(status)
    handler.send_header("content-length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def send_without_end(handler: BaseHTTPRequestHandler) -> None:
    """An answer of which there is always more."""
    handler.send_response(200)
    handler.end_headers()
    while True:
        handler.wfile.write(b" " * 1024 * 1024)
