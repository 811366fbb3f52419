"""A proxy: what it is told, and the tunnel that it opens for TLS."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from entrepot.http.answer import PREPARING, Answer, ConnectionFailed, Incoming
from entrepot.http.connection import request_head
from entrepot.http.url import parse_endpoint

if TYPE_CHECKING:
    from entrepot.http.connection import Wire
    from entrepot.http.url import Endpoint


class Proxy:
    def __init__(self, url: str) -> None:
        """Raises `ValueError` where it is no URL."""
        parts = urlsplit(url)
        self.endpoint = parse_endpoint(url)
        self.headers: list[tuple[str, str]] = []
        """What it is owed where its URL has a user."""
        if parts.username:
            pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            self.headers.append(("Proxy-Authorization", f"Basic {b64encode(pair.encode()).decode()}"))
        for secret in filter(None, (parts.username, parts.password)):
            url = url.replace(secret, "***", 1)
        self.shown_url = url
        """With stars for name and password, for messages."""

    def open_tunnel(self, wire: Wire, endpoint: Endpoint) -> None:
        """Makes it pass bytes through to the endpoint, which says nothing before it is spoken to.

        Raises `ConnectionFailed` and `OSError`.
        """
        host = f"[{endpoint.host}]" if ":" in endpoint.host else endpoint.host
        target = f"{host}:{endpoint.port}"
        wire.sendall(request_head("CONNECT", target, [("Host", target), *self.headers]))
        name = f"the proxy {self.endpoint.host}"
        try:
            answer = Answer(Incoming(wire))
        except (ConnectionFailed, ConnectionResetError) as error:
            stage = error.stage if isinstance(error, ConnectionFailed) else PREPARING
            raise ConnectionFailed(f"{name} gave no proper answer", stage=stage, unanswered=True) from error
        if answer.status != 200:
            reason = f"{name} refused: {answer.version} {answer.status} {answer.reason}"
            raise ConnectionFailed(reason, stage=PREPARING, unanswered=True, permanent=True)
