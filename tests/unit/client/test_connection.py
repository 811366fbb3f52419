"""Requests over real sockets, and every way in which they fail."""

from __future__ import annotations

import select
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.servers.certificates import Certificates, make_certificates
from tests.servers.scripted_http import Scripted, ScriptedServer, answer, scripted_server
from tests.servers.tls_terminator import tls_terminator

from entrepot.client.client import exchange
from entrepot.client.client_errors import (
    ConnectionClosed,
    ConnectTimedOut,
    EndpointUnreachable,
    ProxyUnreachable,
    ReadTimedOut,
    RequestNotSendable,
    TlsFailed,
    TransportError,
)
from entrepot.http.answer import Answer
from entrepot.http.connection import Connection, Trust
from entrepot.http.url import parse_endpoint, request_url

HEADERS = [("Host", "exchange.test"), ("X-One", "größe")]
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
OK = answer(200, b'{"Id": "1"}')


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def dead_port() -> int:
    """A port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


_OPEN: list[Connection] = []


@contextmanager
def all_closed() -> Iterator[None]:
    """Ends all connections, before the servers that wait for their end."""
    try:
        yield
    finally:
        while _OPEN:
            _OPEN.pop().close()


@contextmanager
def serving(
    *script: Scripted | bytes, tls: ssl.SSLContext | None = None, **more: bool
) -> Iterator[ScriptedServer]:
    with scripted_server(*script, tls=tls, **more) as server, all_closed():
        yield server


def connect(
    url: str,
    *,
    verify: bool | str = True,
    timeouts: tuple[float | None, float | None] = (60, 60),
    **more: Any,
) -> Connection:
    """As a `Client` connects: with two timeouts, and reading as `http.client` does."""
    connecting, reading = timeouts
    connection = Connection(
        parse_endpoint(url),
        Trust(verify),
        (connecting, connecting, reading),
        like_http_client=True,
        **more,
    )
    _OPEN.append(connection)
    return connection


def ask(connection: Connection, url: str, method: str = "GET", body: bytes = b"") -> Answer:
    headers = [*HEADERS, ("Content-Length", str(len(body)))] if body else HEADERS
    return exchange(connection, method, request_url(url, "/v1/jobs/x", None), headers, body)


def test_an_answer_is_status_headers_and_body() -> None:
    with serving(answer(404, b"text", [("X-A", "1"), ("x-a", "2")])) as server:
        got = ask(connect(server.url), server.url)
    assert (got.status, got.body, got.headers.get("x-a")) == (404, b"text", "1, 2")
    assert ("X-A", "1, 2") in got.sent_headers.items()


def test_a_request_is_sent_as_it_was_given() -> None:
    with serving(OK) as server:
        ask(connect(server.url), server.url, "POST", b"body")
    received = server.requests[0]
    assert (received.line, received.body) == ("POST /v1/jobs/x HTTP/1.1", b"body")
    assert received.headers["x-one"].encode("latin-1").decode() == "größe"


def test_the_connection_stays_open_between_requests() -> None:
    with serving(OK, OK, OK) as server:
        connection = connect(server.url)
        for _ in range(3):
            assert ask(connection, server.url).status == 200
    assert [request.connection for request in server.requests] == [1, 1, 1]


@pytest.mark.parametrize(
    "last",
    [
        Scripted(OK, hang_up=True),
        Scripted(answer(200, b"", [("Connection", "close")]), hang_up=True),
        Scripted(b"HTTP/1.1 200 OK\r\n\r\nuntil the end", hang_up=True),
        Scripted(b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}", hang_up=True),
    ],
    ids=["hangs up", "says that it closes", "ends with the body", "HTTP/1.0"],
)
def test_a_connection_that_ended_is_opened_again(last: Scripted) -> None:
    with serving(last, OK) as server:
        connection = connect(server.url)
        assert ask(connection, server.url).status == 200
        if connection._socket is not None:
            assert select.select([connection._socket], [], [], 10)[0]  # the other side's end has arrived
        assert ask(connection, server.url).status == 200
    assert [request.connection for request in server.requests] == [1, 2]


@pytest.mark.parametrize(
    ("raw", "body"),
    [
        (
            CHUNKED + b"3;x=y\r\n{}\n\r\n1\r\n \r\n0\r\nT: x\r\n\r\n",
            b"{}\n ",
        ),
        (b"HTTP/1.1 200 OK\nContent-Length: 2\n\n{}", b"{}"),
        (b"HTTP/1.1 200\r\nContent-Length:\t2\r\nX: a\r\n  folded\r\n\r\n{}", b"{}"),
        (b"HTTP/1.1 100 Continue\r\nA: b\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", b"{}"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{}", b"{}"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n{}", b"{}"),
        (b"HTTP/1.1 200 OK\r\nno header\r\nContent-Length: 1\r\n\r\n{}", b"{}"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", b""),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + b"x" * 100_000, b"x" * 100_000),
    ],
    ids=[
        "chunked",
        "bare line feeds",
        "no reason, folded header",
        "continue first",
        "cut short",
        "a length that is none",
        "a line that is no header ends them",
        "no content",
        "not modified",
        "long",
    ],
)
def test_answers_are_read_with_patience(raw: bytes, body: bytes) -> None:
    with serving(Scripted(raw, hang_up=True)) as server:
        assert ask(connect(server.url), server.url).body == body


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"THIS IS NOT HTTP\r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 99 Low\r\n\r\n",
        b"HTTP/2 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 100 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nA: " + b"b" * 70_000 + b"\r\n\r\n",
        CHUNKED + b"5\r\nab",
        CHUNKED + b"zz\r\n",
        CHUNKED,
    ],
    ids=[
        "nothing",
        "no HTTP",
        "no status",
        "low status",
        "wrong version",
        "too many headers",
        "too long a header",
        "cut in a chunk",
        "no size of a chunk",
        "no chunk at all",
    ],
)
def test_what_is_no_answer_is_a_closed_connection(raw: bytes) -> None:
    with serving(Scripted(raw, hang_up=True)) as server:
        with pytest.raises(ConnectionClosed) as raised:
            ask(connect(server.url), server.url)
        assert raised.value.message == (
            "Connection was closed before we received a valid response from endpoint URL: "
            f'"{server.url}/v1/jobs/x".'
        )


def test_an_answer_before_the_body_is_read_counts(certificates: Certificates) -> None:
    early = Scripted(answer(400, b"too large", [("Connection", "close")]), hang_up=True, reads_body=False)
    with serving(early) as server:
        connection = connect(server.url, timeouts=(10, 10))
        try:
            got = ask(connection, server.url, "POST", b"x" * 5_000_000)
        except ConnectionClosed:
            return  # the reset overtook the answer: nothing was to be read any more
        assert got.status == 400


@pytest.mark.parametrize("begun", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab"])
def test_silence_is_a_read_timeout(begun: bytes) -> None:
    with serving(Scripted(begun, silent=True)) as server:
        with pytest.raises(ReadTimedOut) as raised:
            ask(connect(server.url, timeouts=(10, 0.1)), server.url)
        assert raised.value.message == f'Read timeout on endpoint URL: "{server.url}/v1/jobs/x"'
        assert raised.value.timed_out


def test_nobody_there_is_told(dead_port: int) -> None:
    url = f"http://127.0.0.1:{dead_port}"
    with pytest.raises(EndpointUnreachable) as raised:
        ask(connect(url), url)
    assert raised.value.message == f'Could not connect to the endpoint URL: "{url}/v1/jobs/x"'


def test_a_host_without_address_is_nobody_there() -> None:
    url = "http://no-such-host.invalid"
    with pytest.raises(EndpointUnreachable):
        ask(connect(url), url)


def test_a_full_queue_is_a_connect_timeout() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        port = listener.getsockname()[1]
        waiting = []
        for _ in range(8):  # more than the queue takes, whatever the kernel adds to it
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", port))
            waiting.append(one)
        try:
            url = f"http://127.0.0.1:{port}"
            with pytest.raises(ConnectTimedOut) as raised:
                ask(connect(url, timeouts=(0.2, 10)), url)
            assert raised.value.message == f'Connect timeout on endpoint URL: "{url}/v1/jobs/x"'
        finally:
            for one in waiting:
                one.close()


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("X-A", "a\nb", "Invalid header value b'a\\nb'"),
        ("X-A", "a\rb", "Invalid header value b'a\\rb'"),
        ("X:A", "b", "Invalid header name b'X:A'"),
        ("X\n", "b", "Invalid header name b'X\\n'"),
    ],
)
def test_a_header_that_would_be_two_is_never_sent(name: str, value: str, reason: str, dead_port: int) -> None:
    url = f"http://127.0.0.1:{dead_port}"
    with pytest.raises(RequestNotSendable) as raised:
        exchange(connect(url), "GET", request_url(url, "/", None), [(name, value)], b"")
    assert raised.value.message == f"An HTTP Client raised an unhandled exception: {reason}"


@pytest.mark.parametrize("url", ["ftp://127.0.0.1", "http://" + "a" * 64 + ".test"])
def test_where_nothing_can_be_sent_is_told(url: str) -> None:
    with pytest.raises(RequestNotSendable):
        ask(connect(url), url)


@pytest.mark.parametrize("timeouts", [(99999999999, 10), (10, 99999999999)])
def test_a_timeout_that_no_clock_can_hold_is_told(timeouts: tuple[float, float]) -> None:
    with serving(OK) as server, pytest.raises(RequestNotSendable, match="too large"):
        ask(connect(server.url, timeouts=timeouts), server.url)


def test_no_timeouts_wait_as_long_as_it_takes() -> None:
    with serving(OK) as server:
        assert ask(connect(server.url, timeouts=(None, None), tcp_keepalive=True), server.url).status == 200


# TLS


def test_a_trusted_server_is_talked_to(certificates: Certificates) -> None:
    with serving(OK, OK, tls=certificates.server, begins_with_tls=True) as server:
        connection = connect(server.url, verify=str(certificates.ca_bundle))
        assert ask(connection, server.url).status == 200
        assert ask(connection, server.url).status == 200
    assert [request.connection for request in server.requests] == [1, 1]


@pytest.mark.parametrize("verify", [False, ""])
def test_everybody_is_trusted_where_nobody_checks(certificates: Certificates, verify: bool | str) -> None:
    with serving(OK, tls=certificates.server, begins_with_tls=True) as server:
        assert ask(connect(server.url, verify=verify), server.url).status == 200


def test_an_unknown_authority_is_not_trusted(certificates: Certificates) -> None:
    with serving(OK, tls=certificates.server, begins_with_tls=True) as server:
        with pytest.raises(TlsFailed) as raised:
            ask(connect(server.url), server.url)
        assert raised.value.message.startswith(f"SSL validation failed for {server.url}/v1/jobs/x [SSL: ")
        assert "CERTIFICATE_VERIFY_FAILED" in raised.value.message
    assert server.requests == []


def test_another_hosts_certificate_is_not_trusted(certificates: Certificates) -> None:
    with serving(OK, OK, tls=certificates.server, begins_with_tls=True) as server:
        url = server.url.replace("127.0.0.1", "localhost")
        with pytest.raises(TlsFailed) as raised:
            ask(connect(url, verify=str(certificates.ca_bundle)), url)
        assert raised.value.message == (
            f"SSL validation failed for {url}/v1/jobs/x hostname 'localhost' doesn't match '127.0.0.1'"
        )
    assert server.requests == []


@pytest.mark.parametrize(
    ("name", "reason"), [("absent.pem", "No such file"), ("empty.pem", "NO_CERTIFICATE")]
)
def test_a_bundle_that_is_none_is_told(
    certificates: Certificates, tmp_path: Path, name: str, reason: str
) -> None:
    (tmp_path / "empty.pem").touch()
    with (
        serving(OK, tls=certificates.server, begins_with_tls=True) as server,
        pytest.raises(TlsFailed, match=reason),
    ):
        ask(connect(server.url, verify=str(tmp_path / name)), server.url)


def test_plain_http_instead_of_tls_is_told() -> None:
    with serving(OK) as server:
        url = server.url.replace("http:", "https:")
        connection = connect(url, timeouts=(0.2, 10))
        with pytest.raises(TransportError):
            ask(connection, url)


def test_silence_instead_of_tls_is_a_read_timeout() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, all_closed():
        url = f"https://127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(ReadTimedOut):
            ask(connect(url, timeouts=(0.1, 10)), url)


# Proxies


def test_http_goes_through_a_proxy_as_a_whole_url() -> None:
    with serving(OK) as proxy:
        proxy_url = proxy.url.replace("//", "//na%40me:word@")
        ask(connect("http://exchange.test", proxy_url=proxy_url), "http://exchange.test")
    assert proxy.requests[0].line == "GET http://exchange.test/v1/jobs/x HTTP/1.1"
    assert proxy.requests[0].headers["proxy-authorization"] == "Basic bmFAbWU6d29yZA=="


def test_https_goes_through_a_tunnel(certificates: Certificates) -> None:
    established = Scripted(b"HTTP/1.1 200 Connection established\r\nA: b\r\n\r\n", turns_to_tls=True)
    with serving(established, OK, OK, tls=certificates.server) as proxy:
        url = f"https://127.0.0.1:{proxy.port}"
        connection = connect(url, verify=str(certificates.ca_bundle), proxy_url=proxy.url)
        assert ask(connection, url).status == 200
        assert ask(connection, url).status == 200
    assert [request.line for request in proxy.requests] == [
        f"CONNECT 127.0.0.1:{proxy.port} HTTP/1.1",
        "GET /v1/jobs/x HTTP/1.1",
        "GET /v1/jobs/x HTTP/1.1",
    ]


def test_a_proxy_may_be_spoken_to_in_tls_and_another_tls_goes_through_it(certificates: Certificates) -> None:
    established = Scripted(b"HTTP/1.1 200 Connection established\r\n\r\n", turns_to_tls=True)
    long = answer(200, b"x" * 300_000)
    with (
        serving(established, long, OK, tls=certificates.server) as behind,
        tls_terminator(certificates.server, behind.port) as port,
        all_closed(),
    ):
        url = f"https://127.0.0.1:{behind.port}"
        bundle = str(certificates.ca_bundle)
        connection = connect(url, verify=bundle, proxy_url=f"https://127.0.0.1:{port}")
        assert len(ask(connection, url, "POST", b"y" * 300_000).body) == 300_000
        assert ask(connection, url).body == b'{"Id": "1"}'
    assert behind.requests[1].body == b"y" * 300_000


def test_a_proxy_that_opens_no_tunnel_cannot_be_used() -> None:
    with serving(answer(502)) as proxy:
        with pytest.raises(ProxyUnreachable) as raised:
            ask(connect("https://exchange.test", proxy_url=proxy.url), "https://exchange.test")
        assert raised.value.message == f'Failed to connect to proxy URL: "{proxy.url}"'


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_is_not_there_is_told_without_its_password(dead_port: int, scheme: str) -> None:
    proxy_url = f"http://name:word@127.0.0.1:{dead_port}"
    with pytest.raises(ProxyUnreachable) as raised:
        ask(connect(f"{scheme}://exchange.test", proxy_url=proxy_url), f"{scheme}://exchange.test")
    assert raised.value.message == f'Failed to connect to proxy URL: "http://***:***@127.0.0.1:{dead_port}"'


def test_a_proxy_that_speaks_no_tls_although_its_url_says_so_is_told() -> None:
    with serving(OK) as proxy:
        connection = connect(
            "https://exchange.test", proxy_url=proxy.url.replace("http:", "https:"), timeouts=(0.2, 10)
        )
        with pytest.raises(ProxyUnreachable):
            ask(connection, "https://exchange.test")


def test_the_system_trusts_somebody_or_botocore_does(monkeypatch: pytest.MonkeyPatch) -> None:
    from entrepot.http.tls import make_context

    nowhere = ssl.DefaultVerifyPaths(None, None, "", "", "", "")  # type: ignore[arg-type]
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: nowhere)
    assert make_context(True).get_ca_certs()
