"""Requests to targets that users name, against real sockets of this machine."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, ip_network
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from entrepot.domain.errors import IntegrationRefused, IntegrationUnavailable, TargetForbidden
from entrepot.integrations.checked_connections import CheckedConnections
from entrepot.integrations.guarded_http import GuardedHttp
from entrepot.integrations.network_addresses import Address

LOOPBACK = (ip_network("127.0.0.0/8"),)
HELLO = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Twice: 1\r\nx-twice: 2\r\n\r\nhello"
Behave = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Listener:
    """A server that does with each connection what the test says; it keeps the heads of requests."""

    port: int = 0
    connections: int = 0
    heads: list[bytes] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@asynccontextmanager
async def listening(behave: Behave | bytes, tls: ssl.SSLContext | None = None) -> AsyncIterator[Listener]:
    listener = Listener()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        listener.connections += 1
        try:
            while True:
                listener.heads.append(await reader.readuntil(b"\r\n\r\n"))
                if isinstance(behave, bytes):
                    writer.write(behave)
                    await writer.drain()
                else:
                    await behave(reader, writer)
                    return
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    listener.port = server.sockets[0].getsockname()[1]
    try:
        yield listener
    finally:
        server.close()


@asynccontextmanager
async def guarded(http: GuardedHttp) -> AsyncIterator[GuardedHttp]:
    try:
        yield http
    finally:
        await http.aclose()


async def fetch(http: GuardedHttp, url: str, *, trusted: bool = False, seconds: float = 5) -> bytes:
    async with http.send("GET", url, (), timeout_seconds=seconds, trusted=trusted) as response:
        return b"".join([chunk async for chunk in response])


async def test_an_answer_comes_as_it_was_sent() -> None:
    async with listening(HELLO) as listener, guarded(GuardedHttp(LOOPBACK)) as http:
        headers = [(b"X-A", b"1"), (b"Host", b"forged"), (b"content-length", b"99")]
        async with http.send(
            "POST", f"{listener.url}/a%20b?c=d", headers, b"body", timeout_seconds=5
        ) as response:
            assert response.status == 200
            assert [h for h in response.headers if h[0].lower() == b"x-twice"] == [
                (b"X-Twice", b"1"),
                (b"x-twice", b"2"),
            ]
            assert b"".join([chunk async for chunk in response]) == b"hello"
    assert listener.heads == [
        b"POST /a%20b?c=d HTTP/1.1\r\n"
        + f"host: 127.0.0.1:{listener.port}\r\n".encode()
        + b"X-A: 1\r\ncontent-length: 4\r\n\r\n"
    ]


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "LOCALHOST.",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "127.1",
        "0",
        "0.0.0.0",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
    ],
)
async def test_this_host_cannot_be_called_by_any_of_its_names(host: str) -> None:
    async with listening(HELLO) as listener, guarded(GuardedHttp()) as http:
        with pytest.raises((TargetForbidden, IntegrationUnavailable)):
            await fetch(http, f"http://{host}:{listener.port}/")
        assert listener.connections == 0


async def test_a_trusted_host_may_be_private_and_its_connections_serve_no_others() -> None:
    async with listening(HELLO) as listener, guarded(GuardedHttp()) as http:
        assert await fetch(http, listener.url, trusted=True) == b"hello"
        with pytest.raises(TargetForbidden):
            await fetch(http, listener.url)
        assert await fetch(http, listener.url, trusted=True) == b"hello"
        assert (listener.connections, len(listener.heads)) == (1, 2)


async def test_the_address_that_was_checked_is_the_one_that_is_called(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = iter([[IPv4Address("127.0.0.1")], [IPv4Address("127.0.0.2")]])

    async def rebinding(self: CheckedConnections, host: str, port: int) -> list[Address]:
        return list(next(answers))

    monkeypatch.setattr(CheckedConnections, "resolve", rebinding)
    allowed = (ip_network("127.0.0.1/32"),)
    reply = HELLO.replace(b"OK\r\n", b"OK\r\nConnection: close\r\n")
    async with listening(reply) as listener, guarded(GuardedHttp(allowed)) as http:
        url = f"http://rebinding.example:{listener.port}/"
        assert await fetch(http, url) == b"hello"
        with pytest.raises(TargetForbidden, match=r"127\.0\.0\.2"):
            await fetch(http, url)
        assert listener.connections == 1


async def test_the_next_address_is_tried_where_one_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    async def two(self: CheckedConnections, host: str, port: int) -> list[Address]:
        return [IPv4Address("127.0.0.9"), IPv4Address("127.0.0.1")]

    monkeypatch.setattr(CheckedConnections, "resolve", two)
    async with listening(HELLO) as listener, guarded(GuardedHttp(LOOPBACK)) as http:
        assert await fetch(http, f"http://two.example:{listener.port}/") == b"hello"


async def test_a_redirect_is_an_answer_and_not_followed() -> None:
    reply = b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n"
    async with listening(reply) as listener, guarded(GuardedHttp(LOOPBACK)) as http:
        async with http.send("GET", listener.url, (), timeout_seconds=5) as response:
            assert response.status == 302
        assert len(listener.heads) == 1


async def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(variable, "http://127.0.0.1:9")
    async with listening(HELLO) as listener, guarded(GuardedHttp(LOOPBACK)) as http:
        assert await fetch(http, listener.url) == b"hello"


async def test_headers_without_end_are_refused() -> None:
    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n")
        while True:
            writer.write(b"X-Filler: " + b"a" * 1000 + b"\r\n")
            await writer.drain()

    async with listening(endless) as listener, guarded(GuardedHttp(LOOPBACK)) as http:
        with pytest.raises(IntegrationUnavailable):
            await fetch(http, listener.url)


async def test_long_headers_are_refused() -> None:
    reply = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-Long: " + b"a" * 70_000 + b"\r\n\r\n"
    async with listening(reply) as listener, guarded(GuardedHttp(LOOPBACK)) as http:
        with pytest.raises(IntegrationUnavailable, match="headers"):
            await fetch(http, listener.url)


@pytest.mark.parametrize(
    "reply",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n",
    ],
)
async def test_an_answer_that_is_not_whole_is_an_error(reply: bytes) -> None:
    async def broken(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(reply)

    async with listening(broken) as listener, guarded(GuardedHttp(LOOPBACK)) as http:
        with pytest.raises(IntegrationUnavailable, match=r"127\.0\.0\.1"):
            await fetch(http, listener.url)


@pytest.mark.parametrize("before", [b"", b"HTTP/1.1 200 OK\r\n", HELLO[:-2]])
async def test_a_silent_target_is_given_up_at_every_stage(before: bytes) -> None:
    silent = asyncio.Event()

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(before)
        await silent.wait()

    async with listening(behave) as listener, guarded(GuardedHttp(LOOPBACK)) as http:
        with pytest.raises(IntegrationUnavailable, match="in time"):
            await fetch(http, listener.url, seconds=0.2)
        silent.set()


async def test_a_target_that_dribbles_is_given_up_too() -> None:
    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while True:
            writer.write(b".")
            await writer.drain()
            await asyncio.sleep(0.02)

    async with listening(behave) as listener, guarded(GuardedHttp(LOOPBACK)) as http:
        with pytest.raises(IntegrationUnavailable, match="in time"):
            await fetch(http, listener.url, seconds=0.3)


async def test_a_slow_reader_is_not_the_fault_of_the_target() -> None:
    async with (
        listening(HELLO) as listener,
        guarded(GuardedHttp(LOOPBACK)) as http,
        http.send("GET", listener.url, (), timeout_seconds=0.5) as response,
    ):
        await asyncio.sleep(0.6)
        assert b"".join([chunk async for chunk in response]) == b"hello"


async def test_an_answer_that_nobody_reads_leaves_no_connection_behind() -> None:
    reply = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"
    async with listening(reply) as listener, guarded(GuardedHttp(LOOPBACK)) as http:
        for _ in range(3):
            async with http.send("GET", listener.url, (), timeout_seconds=5) as response:
                assert response.status == 200
        assert listener.connections == 3


async def test_nothing_is_sent_for_a_request_that_http_cannot_carry() -> None:
    async with listening(HELLO) as listener, guarded(GuardedHttp(LOOPBACK)) as http:
        for method, headers in (
            ("GET", [(b"X-A", b"1\r\nX-B: 2")]),
            ("GET", [(b"X A", b"1")]),
            ("GET / HTTP/1.1\r\nX: ", []),
            ("CONNECT", []),
        ):
            with pytest.raises(IntegrationRefused):
                async with http.send(method, listener.url, headers, timeout_seconds=5):
                    pass
        assert listener.heads == []


async def test_a_name_that_does_not_exist_and_a_closed_port_are_unavailable() -> None:
    async with listening(HELLO) as listener:
        port = listener.port
    async with guarded(GuardedHttp(LOOPBACK)) as http:
        with pytest.raises(IntegrationUnavailable, match="resolved"):
            await fetch(http, "http://no-such-name.invalid/")
        with pytest.raises(IntegrationUnavailable, match="reached"):
            await fetch(http, f"http://127.0.0.1:{port}/")


def _certificate(folder: Path, name: str) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate_file, key_file = folder / "certificate.pem", folder / "key.pem"
    certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return certificate_file, key_file


async def test_tls_is_verified_against_the_name_and_sends_it_as_sni(tmp_path: Path) -> None:
    certificate, key = _certificate(tmp_path, "localhost")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    names: list[str | None] = []
    tls.sni_callback = lambda _socket, name, _context: names.append(name)
    async with listening(HELLO, tls) as listener:
        async with guarded(GuardedHttp(LOOPBACK, ca_bundle=certificate)) as http:
            assert await fetch(http, f"https://localhost:{listener.port}/") == b"hello"
            with pytest.raises(IntegrationUnavailable, match=r"(?i)certificate"):
                await fetch(http, f"https://127.0.0.1:{listener.port}/")
        async with guarded(GuardedHttp(LOOPBACK)) as http:
            with pytest.raises(IntegrationUnavailable, match=r"(?i)certificate"):
                await fetch(http, f"https://localhost:{listener.port}/")
    assert names[0] == "localhost"


async def test_a_ca_bundle_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    async with guarded(GuardedHttp(LOOPBACK, ca_bundle=tmp_path / "missing.pem")) as http:
        with pytest.raises(IntegrationUnavailable, match=r"missing\.pem"):
            await fetch(http, "https://127.0.0.1:1/")
