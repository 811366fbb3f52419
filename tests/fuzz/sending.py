"""Sends what no HTTP library would send, on one connection as long as the server keeps it."""

from __future__ import annotations

import http.client
import re
import socket
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

_ANSWER_SECONDS = 60.0
_NO_HEADER = re.compile(r"[^\x20-\x7e\t]")
_FAILED = (OSError, http.client.HTTPException)


@dataclass(frozen=True, slots=True)
class Request:
    """One request, and what is known of its answer before."""

    what: str
    """The operation: `GetJob`, `S3 get`, `signed URL put`, `stranger`."""
    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""
    mark: str = ""
    """Whose it is: what that account alone has carries this text."""
    refused: bool = False
    """Whether it must not succeed, since nobody has proven who sends it."""
    cut_after: int | None = None
    """So many bytes of the body are sent, and then no more."""

    def told(self) -> dict[str, Any]:
        """All that it takes to send it once more."""
        return {
            "Method": self.method,
            "Target": self.target,
            "Headers": dict(self.headers),
            "Body": self.body.decode("latin-1"),
            **({} if self.cut_after is None else {"CutAfter": self.cut_after}),
        }


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; status 0 where nothing did."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes


def header_text(value: str) -> str:
    """The value as it can stand in a header, with `?` for all that cannot."""
    return _NO_HEADER.sub("?", value)


class Sender:
    """One connection, made anew where the server has closed it."""

    def __init__(self, url: str) -> None:
        self.host = urlsplit(url).netloc
        self._connection = http.client.HTTPConnection(self.host, timeout=_ANSWER_SECONDS)

    def close(self) -> None:
        self._connection.close()

    def send(self, request: Request) -> Answer:
        """A connection that turns out to be closed is no answer, and the request is sent on another."""
        is_old = self._connection.sock is not None
        answer = self._sent(request)
        if answer.status == 0 and is_old and request.cut_after is None:
            answer = self._sent(request)
        return answer

    def _sent(self, request: Request) -> Answer:
        connection = self._connection
        try:
            connection.putrequest(
                request.method, request.target, skip_host="Host" in request.headers, skip_accept_encoding=True
            )
            names = set()
            for name, value in request.headers.items():
                connection.putheader(name, header_text(value))
                names.add(name.lower())
            has_body = request.body or request.method in {"POST", "PUT", "PATCH"}
            if has_body and not names & {"content-length", "transfer-encoding"}:
                connection.putheader("Content-Length", str(len(request.body)))
            with suppress(BrokenPipeError, ConnectionResetError):  # it may have answered before it hung up
                connection.endheaders(request.body[: request.cut_after] or None)
                if request.cut_after is not None and connection.sock is not None:
                    connection.sock.shutdown(socket.SHUT_WR)
            answer = connection.getresponse()
            body = answer.read()
        except _FAILED:
            connection.close()
            return Answer(0, {}, b"")
        if answer.will_close or request.cut_after is not None:
            connection.close()
        return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, body)
