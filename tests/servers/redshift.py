"""Amazon Redshift's API of datashares on loopback: its three actions, in the query protocol of AWS.

Tests of the process that runs it look into it; those of another one add a share by PUT, and see by GET of the
same URL, the share's ARN as its query, whom it is given to.
"""

from __future__ import annotations

import json
import threading
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, quote, unquote
from xml.sax.saxutils import escape

_NAMESPACE = "http://redshift.amazonaws.com/doc/2012-12-01/"


@dataclass
class FakeRedshift:
    """What there is: by its ARN, each share's consumers and their status."""

    url: str = ""
    shares: dict[str, dict[str, str]] = field(default_factory=dict)
    calls: Counter[str] = field(default_factory=Counter)
    fails_with: tuple[int, str] | None = None
    """Status and code of an error in place of every answer."""
    authorizes: bool = True
    """Whether an authorization takes effect."""

    def answer(self, form: dict[str, str]) -> tuple[int, str]:
        """Status and body."""
        action, arn = form["Action"], form["DataShareArn"]
        self.calls[action] += 1
        if self.fails_with is not None:
            return self.fails_with[0], _error(self.fails_with[1])
        consumers = self.shares.get(arn)
        if action == "DescribeDataShares":
            found = "" if consumers is None else f"<member>{_share(arn, consumers)}</member>"
            return 200, _answer(action, f"<DataShares>{found}</DataShares>")
        if consumers is None:
            return 400, _error("InvalidDataShareFault")
        consumer = form["ConsumerIdentifier"]
        if action == "AuthorizeDataShare":
            consumers[consumer] = "AUTHORIZED" if self.authorizes else "PENDING_AUTHORIZATION"
        elif consumers.get(consumer) not in {"AUTHORIZED", "ACTIVE"}:
            return 400, _error("ResourceNotFoundFault")
        else:
            consumers[consumer] = "DEAUTHORIZED"
        return 200, _answer(action, _share(arn, consumers))


@contextmanager
def running_redshift() -> Iterator[FakeRedshift]:
    """The service, and what can be changed in it while it runs."""
    service = FakeRedshift()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            self._send(*service.answer({name: values[0] for name, values in parse_qs(body).items()}))

        def do_PUT(self) -> None:
            service.shares.setdefault(self._arn, {})
            self._send(200, "")

        def do_GET(self) -> None:
            self._send(200, json.dumps(service.shares[self._arn]))

        @property
        def _arn(self) -> str:
            return unquote(self.path.partition("?")[2])

        def _send(self, status: int, answer: str) -> None:
            content = answer.encode()
            self.send_response(status)
            self.send_header("Content-Type", "text/xml")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        service.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield service
        server.shutdown()
        thread.join()


def add_share(url: str, arn: str) -> None:
    """Makes a share, wherever the service runs."""
    urllib.request.urlopen(urllib.request.Request(f"{url}?{quote(arn)}", method="PUT")).close()


def consumers_of(url: str, arn: str) -> dict[str, str]:
    """The consumers of a share and their status, wherever the service runs."""
    with urllib.request.urlopen(f"{url}?{quote(arn)}") as answer:
        consumers: dict[str, str] = json.load(answer)
    return consumers


def _share(arn: str, consumers: dict[str, str]) -> str:
    associations = "".join(
        f"<member><ConsumerIdentifier>{consumer}</ConsumerIdentifier><Status>{status}</Status></member>"
        for consumer, status in consumers.items()
    )
    return (
        f"<DataShareArn>{escape(arn)}</DataShareArn>"
        f"<DataShareAssociations>{associations}</DataShareAssociations>"
    )


def _answer(action: str, content: str) -> str:
    return (
        f'<{action}Response xmlns="{_NAMESPACE}"><{action}Result>{content}</{action}Result>'
        f"<ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></{action}Response>"
    )


def _error(code: str) -> str:
    return (
        f'<ErrorResponse xmlns="{_NAMESPACE}"><Error><Type>Sender</Type><Code>{code}</Code>'
        "<Message>it cannot be</Message></Error><RequestId>r</RequestId></ErrorResponse>"
    )
