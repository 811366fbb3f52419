"""An exchange that believes everybody still does not answer other people's web pages."""

from __future__ import annotations

import socket

import pytest

from entrepot.domain.errors import ConfigurationError
from entrepot.server.process import listen, require_loopback
from entrepot.server.trusted_callers import TrustedCallers

ALIAS = f"{'a' * 52}-s3alias"
ACCESS_POINT = "01234567-89ab-cdef-0123-456789abcdef-123456789012"
LOCAL = TrustedCallers("127.0.0.1", "https://exchange.example:8443/base", on_network=False)
NETWORK = TrustedCallers("0.0.0.0", "http://localhost:8250", on_network=True)


def answers(callers: TrustedCallers, host: str | None, *origins: str) -> bool:
    headers = [] if host is None else [(b"host", host.encode("latin-1"))]
    headers += [(b"origin", origin.encode()) for origin in origins]
    return callers.refusal({"headers": headers}) is None


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST:8250",
        "localhost.:8250",
        "127.0.0.1:8250",
        "127.8.9.10",
        "[::1]:8250",
        "[::ffff:127.0.0.1]",
        "exchange.example",
        "exchange.example:443",
        "api-fulfill.localhost:8250",
        "api-fulfill.127.0.0.1:8250",
        "api-fulfill.exchange.example:8443",
        "anything.localhost",
        f"{ALIAS}.localhost:8250",
        f"{ALIAS}.exchange.example",
        f"{ACCESS_POINT}.127.0.0.1:8250",
        None,
    ],
)
def test_it_answers_under_its_own_names(host: str | None) -> None:
    assert answers(LOCAL, host)


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8250",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "exchange.example.evil.example",
        "notexchange.example",
        "api-fulfill.evil.example",
        "api-fulfill.api-fulfill.localhost.evil.example",
        f"{ALIAS}.evil.example",
        f"{ACCESS_POINT}.evil.example",
        "evil",
        "10.0.0.1:8250",
        "0.0.0.0:8250",
        "[::]",
        "[2001:db8::1]",
        "2130706433",
        "localhost:8250@evil.example",
        "evil.example:8250:localhost",
        "local\u00e9",
        "",
        ":8250",
        "[::1",
    ],
)
def test_it_answers_under_no_other_name(host: str) -> None:
    assert not answers(LOCAL, host)


def test_of_several_hosts_each_has_to_be_its_own() -> None:
    scope = {"headers": [(b"host", b"localhost"), (b"host", b"evil.example")]}
    assert LOCAL.refusal(scope) is not None


@pytest.mark.parametrize(
    ("host", "answered"),
    [
        ("10.0.0.1:8250", True),
        ("[fd00::1]:8250", True),
        ("exchange:8250", True),
        (f"{ALIAS}.exchange:8250", True),
        ("evil.example", False),
        ("0.0.0.0", False),
        ("localhost.evil.example", False),
    ],
)
def test_on_a_network_it_has_addresses_and_names_without_dots(host: str, answered: bool) -> None:
    assert answers(NETWORK, host) is answered


@pytest.mark.parametrize(
    ("host", "origin", "answered"),
    [
        ("localhost:8250", "http://localhost:8250", True),
        ("127.0.0.1:8250", "http://127.0.0.1:8250", True),
        ("localhost:8250", "https://exchange.example:8443", True),
        ("localhost:8250", "http://localhost:3000", False),
        ("localhost:8250", "http://127.0.0.1:8250", False),
        ("localhost:8250", "http://evil.example", False),
        ("localhost:8250", "http://localhost:8250.evil.example", False),
        ("localhost:8250", "null", False),
        ("localhost:8250", "", False),
        ("localhost:8250", "http://[", False),
        (None, "http://evil.example", False),
    ],
)
def test_a_page_of_another_origin_is_refused(host: str | None, origin: str, answered: bool) -> None:
    assert answers(LOCAL, host, origin) is answered
    assert answers(LOCAL, host, origin, "http://evil.example") is False


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_an_address_of_the_network_is_told_from_loopback(host: str) -> None:
    if host == "::" and not socket.has_ipv6:
        return
    with listen("127.0.0.1", 0) as local:
        require_loopback(local, "127.0.0.1")
    with (
        listen(host, 0) as open_to_all,
        pytest.raises(ConfigurationError, match="--trust-network"),
    ):
        require_loopback(open_to_all, host)
