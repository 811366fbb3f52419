"""Which addresses and URLs a user may make this server call."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.domain.errors import TargetForbidden
from entrepot.integrations.network_addresses import Target, forbidden_meaning, require_allowed

FORBIDDEN = (
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "100.100.100.200",
    "100.127.255.255",
    "127.0.0.1",
    "127.8.9.10",
    "168.63.129.16",
    "169.254.169.254",
    "169.254.170.2",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.0.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "64:ff9b::7f00:1",
    "64:ff9b::808:808",
    "64:ff9b:1::a00:1",
    "100::1",
    "2001::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:a00:1::1",
    "3fff::1",
    "4000::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fd20:ce::254",
    "fe80::1",
    "fe80::1%1",
    "fec0::1",
    "ff02::1",
)
PUBLIC = (
    "1.1.1.1",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "128.0.0.0",
    "169.253.255.255",
    "172.15.255.255",
    "172.32.0.0",
    "192.167.255.255",
    "192.169.0.0",
    "223.255.255.255",
    "2001:4860:4860::8888",
    "2606:4700::1111",
    "2a00:1450:4001:81b::200e",
)


@pytest.mark.parametrize("address", FORBIDDEN)
def test_an_address_that_is_not_public_is_forbidden_and_the_message_says_why(address: str) -> None:
    assert forbidden_meaning(ip_address(address))
    with pytest.raises(TargetForbidden, match="ENTREPOT_ALLOWED_NETWORKS"):
        require_allowed("name.example", 443, [ip_address(address)], ())


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_may_be_called(address: str) -> None:
    assert forbidden_meaning(ip_address(address)) is None
    require_allowed("name.example", 443, [ip_address(address)], ())


@given(st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)))
def test_whatever_python_calls_private_is_forbidden(address: IPv4Address | IPv6Address) -> None:
    if address.is_private or address.is_multicast or address.is_reserved or address.is_link_local:
        assert forbidden_meaning(address) is not None


@given(st.ip_addresses(v=4), st.sampled_from(["::ffff:0:0", "64:ff9b::", "::"]))
def test_no_ipv4_address_can_be_reached_by_its_forms_in_ipv6(address: IPv4Address, prefix: str) -> None:
    assert forbidden_meaning(IPv6Address(int(IPv6Address(prefix)) + int(address))) is not None


@given(st.ip_addresses(v=4), st.integers(0, 2**80 - 1))
def test_nor_by_6to4(address: IPv4Address, rest: int) -> None:
    assert forbidden_meaning(IPv6Address((0x2002 << 112) | (int(address) << 80) | rest)) is not None


def test_one_private_address_among_public_ones_forbids_the_name() -> None:
    addresses = [ip_address("8.8.8.8"), ip_address("10.1.2.3"), ip_address("1.1.1.1")]
    with pytest.raises(TargetForbidden, match=r"10\.1\.2\.3"):
        require_allowed("name.example", 443, addresses, ())


def test_the_operator_allows_networks_and_nothing_beside_them() -> None:
    allowed = (ip_network("10.1.0.0/16"), ip_network("fd12::/16"))
    require_allowed("name.example", 25, [ip_address("10.1.2.3"), ip_address("fd12::1")], allowed)
    for other in ("10.2.0.1", "127.0.0.1", "::ffff:10.1.2.3", "fd13::1"):
        with pytest.raises(TargetForbidden):
            require_allowed("name.example", 443, [ip_address("10.1.2.3"), ip_address(other)], allowed)


@pytest.mark.parametrize("port", [1, 22, 25, 110, 445, 1023])
def test_only_ports_of_the_web_and_free_ones_can_be_called(port: int) -> None:
    with pytest.raises(TargetForbidden, match=f"Port {port}"):
        require_allowed("name.example", port, [ip_address("8.8.8.8")], ())


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://name.example", Target("https", "name.example", 443, "/")),
        ("HTTP://NAME.example:8080/a?b=c#d", Target("http", "name.example", 8080, "/a?b=c")),
        ("https://[2606:4700:0::1111]:8443/", Target("https", "2606:4700::1111", 8443, "/")),
        ("http://8.8.8.8/%2e%2e/a//b?x=%20&y", Target("http", "8.8.8.8", 80, "/%2e%2e/a//b?x=%20&y")),
        ("http://name.example?x", Target("http", "name.example", 80, "/?x")),
    ],
)
def test_a_url_is_taken_apart_and_its_path_left_as_it_is(url: str, target: Target) -> None:
    assert Target.parse(url) == target


@pytest.mark.parametrize(
    "url",
    [
        "",
        "name.example",
        "//name.example/",
        "ftp://name.example/",
        "file:///etc/passwd",
        "unix:///run/docker.sock",
        "http:///a",
        "http://user@name.example/",
        "http://user:password@name.example/",
        "http://name.example\\@10.0.0.1/",
        "http://name.example@10.0.0.1/",
        "http://name.example:0/",
        "http://name.example:65536/",
        "http://name.example:-1/",
        "http://name.example:8x/",
        "http://name example/",
        "http://name.example/a b",
        "http://name.example/\r\nHost: other",
        "http://name.example/\tb",
        "http://name.example/\u00fc",
        "http://n\u00e4me.example/",
        "http://[::1/",
        "http://[::1]x/",
        "http://[fe80::1%25eth0]/",
        "http://[v1.x]/",
        "http://name%2eexample/",
        "http://%31%32%37.0.0.1/",
        "http://name,example/",
        "http://-/",
    ],
)
def test_what_is_no_plain_web_url_is_refused(url: str) -> None:
    with pytest.raises(TargetForbidden):
        Target.parse(url)


@pytest.mark.parametrize(
    ("url", "authority"),
    [
        ("https://a.example/", "a.example"),
        ("https://a.example:443/", "a.example"),
        ("http://a.example:443/", "a.example:443"),
        ("https://[::1]/", "[::1]"),
        ("https://[::1]:80/", "[::1]:80"),
    ],
)
def test_the_host_header_has_the_port_only_where_it_is_not_the_usual_one(url: str, authority: str) -> None:
    assert Target.parse(url).authority == authority
