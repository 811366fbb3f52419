"""Answers are read as Python's own `http.client` reads them, right or wrong."""

from __future__ import annotations

import http.client
import io
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from entrepot.client.http_answer import MalformedAnswer, NoAnswer, Reader, read_body, read_head

LINE_ENDS = st.sampled_from(["\r\n", "\r\n", "\r\n", "\n"])
STATUS_LINES = st.one_of(
    st.sampled_from(
        [
            "HTTP/1.1 200 OK",
            "HTTP/1.1 200 OK",
            "HTTP/1.0 404 Not Found",
            "HTTP/1.1 204 No Content",
            "HTTP/1.1 304 Not Modified",
            "HTTP/1.1 503",
            "HTTP/1.1  200   two  blanks ",
            "HTTP/1.1 100 Continue",
            "HTTP/1.1 1000 High",
            "HTTP/2 200 OK",
            "HTTP/0.9 200 OK",
            "HTTP/1.1 200\tTab",
            "http/1.1 200 OK",
        ]
    ),
    st.text(st.characters(codec="latin-1"), max_size=8),
)
HEADERS = st.one_of(
    st.sampled_from(
        [
            "Content-Length: 3",
            "Content-Length: 30",
            "content-length:x",
            "Content-Length: -1",
            "Transfer-Encoding: chunked",
            "Transfer-Encoding: CHUNKED",
            "Connection: close",
            "Connection: Keep-Alive",
            "Keep-Alive: 5",
            "X-Amzn-ErrorType: Code",
            "x-amzn-errortype:  more\t",
            " folded",
            "\tfolded too",
            ": without a name",
            "no colon",
            "a name: with a blank",
            "X-Größe: ü",
            "X:",
        ]
    ),
    st.text(st.characters(codec="ascii", min_codepoint=32), max_size=12),
)
BODIES = st.sampled_from(
    [
        b"",
        b"{}",
        b'{"a": 1}',
        b"2\r\n{}\r\n0\r\n\r\n",
        b"2;x\r\n{}\r\n1\r\n \r\n0\r\nT: x\r\n\r\nmore",
        b"5\r\n{}",
        b"z\r\n",
    ]
)


class _Source:
    """A socket from which a few bytes at a time can be read."""

    def __init__(self, raw: bytes, portion: int) -> None:
        self._stream = io.BytesIO(raw)
        self._portion = portion

    def recv(self, bufsize: int, /) -> bytes:
        return self._stream.read(min(bufsize, self._portion))

    def makefile(self, _mode: str) -> io.BytesIO:
        return self._stream


def _http_client_reads(raw: bytes) -> Any:
    response = http.client.HTTPResponse(_Source(raw, 1000))  # type: ignore[arg-type]
    try:
        response.begin()
        reusable = not response.will_close
        body, short = b"", response.length
        if response.chunked:
            body = response.read()
        else:
            while data := response.read(100):
                body += data
            reusable = reusable and (short is None or len(body) == short)
    except ConnectionError:
        return "no answer"
    except http.client.HTTPException:
        return "malformed"
    headers: dict[str, str] = {}
    for name, value in response.msg.items():
        known = next((each for each in headers if each.lower() == name.lower()), None)
        headers[known or name] = value if known is None else f"{headers[known]}, {value}"
    return response.status, response.reason, headers, body, reusable


def _we_read(raw: bytes, portion: int) -> Any:
    reader = Reader(_Source(raw, portion))
    try:
        answer = read_head(reader)
        read_body(reader, answer)
    except NoAnswer:
        return "no answer"
    except MalformedAnswer:
        return "malformed"
    return answer.status, answer.reason, dict(answer.headers.items()), answer.body, answer.reusable


@example("HTTP/1.1 200 OK", ["Content-Length: 3"], "\r\n", b'{"a": 1}', 1)
@example("HTTP/1.1 200 OK", ["Transfer-Encoding: chunked"], "\r\n", b"2\r\n{}\r\n0\r\n\r\n", 3)
@given(STATUS_LINES, st.lists(HEADERS, max_size=5), LINE_ENDS, BODIES, st.integers(1, 50))
def test_an_answer_is_read_as_http_client_reads_it(
    status_line: str, headers: list[str], end: str, body: bytes, portion: int
) -> None:
    if (
        " 204" in status_line or " 304" in status_line
    ):  # there http.client waits for chunks that RFC 9112 rules out
        headers = [header for header in headers if "chunked" not in header.lower()]
    raw = end.join([status_line, *headers, "", ""]).encode("latin-1") + body
    assert _we_read(raw, portion) == _http_client_reads(raw)


@given(st.binary(max_size=60))
def test_noise_is_read_as_http_client_reads_it(noise: bytes) -> None:
    assert _we_read(noise, 7) == _http_client_reads(noise)


def test_the_last_of_several_codings_may_be_chunks() -> None:
    raw = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
    assert _we_read(raw, 9)[3] == b"{}"
