"""Answers: as `http.client` reads them, right or wrong; and strictly, where the bytes of objects come."""

from __future__ import annotations

import http.client
import io
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from entrepot.http.answer import Answer, ConnectionFailed, Incoming

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

    def recv_into(self, buffer: memoryview, /) -> int:
        data = self.recv(len(buffer))
        buffer[: len(data)] = data
        return len(data)

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
    try:
        answer = Answer(Incoming(_Source(raw, portion)), like_http_client=True)
        answer.read()
    except ConnectionResetError:
        return "no answer"
    except ConnectionFailed:
        return "malformed"
    return answer.status, answer.reason, answer.sent_headers, answer.body, answer.reusable


@example("HTTP/1.1 200 OK", ["Content-Length: 3"], "\r\n", b'{"a": 1}', 1)
@example("HTTP/1.1 200 OK", ["X: a", " folded"], "\n", b"", 1)
@example("HTTP/1.1 200 OK", ["X: a", " folded", "\tfolded too"], "\r\n", b"", 1)
@example(
    "HTTP/1.1 200 OK", ["Connection: close", "Connection: Keep-Alive", "Content-Length: 3"], "\r\n", b"{}}", 9
)
@example("HTTP/1.1 200 OK", ["Transfer-Encoding: chunked"], "\r\n", b"2\r\n{}\r\n0\r\n\r\n", 3)
@given(STATUS_LINES, st.lists(HEADERS, max_size=5), LINE_ENDS, BODIES, st.integers(1, 50))
def test_an_answer_is_read_as_http_client_reads_it(
    status_line: str, headers: list[str], end: str, body: bytes, portion: int
) -> None:
    if (
        " 204" in status_line or " 304" in status_line
    ):  # there http.client waits for chunks that RFC 9112 rules out
        headers = [header for header in headers if "chunked" not in header.lower()]
    if {"Connection: close", "Connection: Keep-Alive"} <= set(
        headers
    ):  # it believes the first; we close then
        headers = [header for header in headers if header != "Connection: Keep-Alive"]
    raw = end.join([status_line, *headers, "", ""]).encode("latin-1") + body
    assert _we_read(raw, portion) == _http_client_reads(raw)


def test_a_connection_is_closed_where_one_of_two_headers_says_so() -> None:
    head = "HTTP/1.1 200 OK\r\nConnection: Keep-Alive\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    answer = Answer(Incoming(_Source(head.encode(), 100)), like_http_client=True)
    assert not answer.reusable


@given(st.binary(max_size=60))
def test_noise_is_read_as_http_client_reads_it(noise: bytes) -> None:
    assert _we_read(noise, 7) == _http_client_reads(noise)


def test_the_last_of_several_codings_may_be_chunks() -> None:
    raw = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
    assert _we_read(raw, 9)[3] == b"{}"


# Strictly

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


def _strictly(raw: bytes, method: str = "GET") -> Answer:
    answer = Answer(Incoming(_Source(raw, 1000)), method=method)
    answer.read(limit=100_000)
    return answer


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (OK + b"Content-Length: 5\r\n\r\n{}", "ended before the answer did"),
        (OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{} ", "has Content-Length '2, 3'"),
        (OK + b"Content-Length: -1\r\n\r\n{}", "has Content-Length '-1'"),
        (OK + b"Content-Length: 1_0\r\n\r\n{}", "has Content-Length '1_0'"),
        (OK + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n", "has Content-Length '9999"),
        (OK + b"no header\r\n\r\n", "'no header.*is no header"),
        (b"HTTP/2 200 OK\r\n\r\n", "which is not HTTP/1.1"),
        (b"HTTP/1.1 +20 OK\r\n\r\n", "which is not HTTP/1.1"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "which is not HTTP/1.1"),
        (OK + b"A: b\r\n" * 50_000, "head of the answer has no end"),
        (OK + b"A: " + b"b" * 70_000 + b"\r\n\r\n", "a line of the answer is too long"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 50, "never more"),
        (b"HTTP/1.1 101 Switching Protocols\r\n\r\n" + OK + b"\r\n", "another protocol"),
        (OK + b"Content-Length: 2\r\nContent-Length: 2, 3\r\n\r\n{} ", "has Content-Length '2, 2, 3'"),
        (OK + b"Content-Length: 2,\r\n\r\n{} ", "has Content-Length '2,'"),
        (OK + b"Content-Length : 2\r\n\r\n{}more", "is no header"),
        (OK + b"Content-Length\t: 2\r\n\r\n{}more", "is no header"),
        *[
            (OK + b"Transfer-Encoding: " + coding + b"\r\n\r\n2\r\n{}\r\n0\r\n\r\n", "has Transfer-Encoding")
            for coding in (b"gzip", b"gzip, chunked", b"chunked, chunked", b"chunked, gzip", b"xchunked", b"")
        ],
        (OK + b"\r\n" + b"x" * 200_000, "longer than 100,000 bytes"),
        (CHUNKED + b"5\r\n{}", "ended before the answer did"),
        (CHUNKED + b"2\r\n{} more\r\n0\r\n\r\n", "a chunk is longer than its size"),
        (CHUNKED + b"2\r\n{}\r\n0\r\nT: x", "ended before the answer did"),
        (CHUNKED + b"0\r\n" + b"T: x\r\n" * 2000, "trailers without end"),
        (CHUNKED + b"2;" + b"x" * 200_000, "a line of the answer has no end"),
        *[
            (CHUNKED + size + b"\r\n{}\r\n0\r\n\r\n", "a chunk has the size")
            for size in (b"-5", b"+2", b"0x5", b"1_0", b"", b"z", b"f" * 5000)
        ],
    ],
)
def test_an_answer_that_is_not_whole_and_well_framed_is_a_failure(raw: bytes, reason: str) -> None:
    with pytest.raises(ConnectionFailed, match=reason):
        _strictly(raw)


def test_a_head_that_breaks_off_is_no_answer() -> None:
    with pytest.raises(ConnectionResetError):
        _strictly(OK + b"ETag: a")


@pytest.mark.parametrize("size", ["-5", "0x5", "1_0"])
def test_http_client_is_not_followed_in_sizes_of_chunks_that_are_none(size: str) -> None:
    assert _we_read(CHUNKED + size.encode() + b"\r\n" + b"x" * 30 + b"\r\n0\r\n\r\n", 9) == "malformed"


@pytest.mark.parametrize("like_http_client", [False, True])
def test_answers_of_100_to_199_are_passed_over(like_http_client: bool) -> None:
    interim = b"".join(b"HTTP/1.1 %d Wait\r\nA: b\r\n\r\n" % status for status in (100, 102, 103))
    source = _Source(interim + OK + b"Content-Length: 2\r\n\r\n{}", 9)
    answer = Answer(Incoming(source), like_http_client=like_http_client)
    assert (answer.status, answer.read(), answer.headers) == (200, b"{}", {"content-length": "2"})


@pytest.mark.parametrize(
    ("raw", "method"),
    [
        (OK + b"\r\n", "HEAD"),
        (OK + b"Content-Length: 5\r\n\r\n", "HEAD"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n", "HEAD"),
        (b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", "GET"),
        (b"HTTP/1.1 204 No Content\r\nContent-Length: \r\n\r\n", "DELETE"),
        (b"HTTP/1.1 304 Not Modified\r\n\r\n", "GET"),
    ],
)
def test_an_answer_without_a_body_ends_with_its_head(raw: bytes, method: str) -> None:
    answer = _strictly(raw + b"what is not its own", method)
    assert (answer.body, answer.reusable) == (b"", True)


@pytest.mark.parametrize("lengths", [b"2\r\nContent-Length: 2", b"2, 2", b"2,2 , 2"])
def test_a_length_that_is_there_twice_and_alike_is_one(lengths: bytes) -> None:
    assert _strictly(OK + b"Content-Length: " + lengths + b"\r\n\r\n{}more").body == b"{}"


def test_a_connection_with_two_ways_to_tell_the_length_is_not_used_again() -> None:
    chunks = b"Transfer-Encoding: Chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
    answer = _strictly(OK + b"Content-Length: 9\r\n" + chunks)
    assert (answer.body, answer.reusable) == (b"{}", False)
    assert _strictly(OK + chunks).reusable


@pytest.mark.parametrize(("line", "length"), [(b"Content-Length: 5\r\n", 5), (b"", None)])
def test_to_head_the_length_is_told_and_no_body_follows(line: bytes, length: int | None) -> None:
    answer = _strictly(OK + line + b"\r\n" + b"more", "HEAD")
    assert (answer.announced_length, answer.length, answer.body) == (length, 0, b"")


@pytest.mark.parametrize("length", [b"-1", b"+5", b"0x5", b"1_0", b"5, 6", b"", b"5 5", b"9" * 5000])
def test_to_head_too_a_length_that_is_none_is_a_failure(length: bytes) -> None:
    with pytest.raises(ConnectionFailed, match="has Content-Length"):
        _strictly(OK + b"Content-Length: " + length + b"\r\n\r\n", "HEAD")


def test_an_answer_that_trickles_for_ever_is_cut() -> None:
    answer = Answer(Incoming(_Source(OK + b"\r\n" + b" " * 1000, 1)))
    with pytest.raises(ConnectionFailed, match="took longer than"):
        answer.read(seconds=-1.0)


INTERIM = b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"


@pytest.mark.parametrize("portion", [1, 7, 1000])
def test_what_comes_while_a_body_is_sent_is_dropped_unless_it_is_the_answer(portion: int) -> None:
    incoming = Incoming(_Source(INTERIM * 3 + OK + b"Content-Length: 2\r\n\r\n{}", portion))
    looks = 1
    while not incoming.has_final_answer():
        looks += 1
    assert looks >= (len(INTERIM) * 3) // portion
    assert Answer(incoming).read() == b"{}"


@pytest.mark.parametrize(
    "raw",
    [b"", INTERIM, b"HTTP/1.1 200", b"HTTP/1.1 1000 X\r\n", b"SSH-2.0", b"\r\n", b"HTTP/2 100 X\r\n\r\n"],
)
def test_whatever_else_comes_is_left_to_who_reads_the_answer(raw: bytes) -> None:
    incoming = Incoming(_Source(raw, 1000))
    assert incoming.has_final_answer() or incoming.has_final_answer()
    with pytest.raises((ConnectionFailed, ConnectionResetError)):
        Answer(incoming)


def test_an_object_may_have_more_headers_than_http_client_takes() -> None:
    lines = b"".join(b"x-amz-meta-%d: x\r\n" % number for number in range(300))
    assert len(_strictly(OK + lines + b"Content-Length: 0\r\n\r\n").headers) == 301


def test_a_bare_line_feed_makes_no_header_of_a_value() -> None:
    answer = _strictly(OK + b"x-amz-meta-a: b\nset-cookie: c\r\nContent-Length: 0\r\n\r\n")
    assert answer.headers == {"x-amz-meta-a": "b\nset-cookie: c", "content-length": "0"}
