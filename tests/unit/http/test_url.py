"""Where a request goes, by the endpoint's URL."""

from __future__ import annotations

from urllib.parse import urlsplit

import botocore.awsrequest
import pytest

from entrepot.http.url import parse_endpoint, request_url

BASES = [
    "http://127.0.0.1:8250",
    "https://dataexchange.eu-west-1.amazonaws.com",
    "HTTP://LocalHost:80/",
    "https://exchange.test/prefix",
    "https://exchange.test/prefix/",
    "http://[::1]:8250",
    "http://[2001:db8::1]",
    "http://name:word@exchange.test:8250/a",
    "http://exchange.test/?a=b",
    "http://exchange.test/x?a=b&c=d",
    "http://exchange.test:",
]


@pytest.mark.parametrize("prefix", [None, "api."])
@pytest.mark.parametrize("query", [None, "", "a=b", "n=1&m=%2F"])
@pytest.mark.parametrize("base", BASES)
def test_a_url_is_put_together_as_botocore_does_it(base: str, query: str | None, prefix: str | None) -> None:
    if prefix and "[" in base:
        prefix = None  # no name can stand before an address, and some versions of Python refuse it
    pieces = {"url_path": "/v1/jobs/a%2Fb", "query_string": {}, "headers": {}, "host_prefix": prefix}
    botocore.awsrequest.prepare_request_dict(pieces, endpoint_url=base)
    expected = pieces["url"]
    if query is not None:
        expected += ("&" if "?" in expected else "?") + query
    url = request_url(base, "/v1/jobs/a%2Fb", query, prefix)
    assert url.text == expected
    parts = urlsplit(expected)
    assert (url.path, url.query) == (parts.path, parts.query)
    assert url.endpoint.scheme == parts.scheme
    assert url.endpoint.host == parts.hostname
    assert url.endpoint.port == (parts.port or (80 if parts.scheme == "http" else 443))
    assert url.target == parts.path + (f"?{parts.query}" if parts.query else "")


@pytest.mark.parametrize(
    ("base", "authority"),
    [
        ("http://exchange.test:80", "exchange.test"),
        ("https://exchange.test:80", "exchange.test:80"),
        ("https://exchange.test:443", "exchange.test"),
        ("http://[::1]:8250", "[::1]:8250"),
        ("http://[::1]:80", "[::1]"),
        ("http://a:b@Exchange.Test", "exchange.test"),
    ],
)
def test_the_host_header_leaves_out_what_goes_without_saying(base: str, authority: str) -> None:
    assert parse_endpoint(base).authority == authority


@pytest.mark.parametrize("port", ["abc", "99999", "-1"])
def test_a_port_that_is_none_is_an_error(port: str) -> None:
    with pytest.raises(ValueError, match="Port"):
        parse_endpoint(f"http://exchange.test:{port}")


def test_what_cannot_stand_in_a_request_line_is_encoded() -> None:
    assert request_url("http://exchange.test/a b?ü=1", "/v1", None).target == "/a%20b/v1?%C3%BC=1"
