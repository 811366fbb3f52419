from __future__ import annotations

import os
import urllib.request
from unittest.mock import patch
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.http.url import proxy_for

NAMES = st.sampled_from(
    ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "Https_Proxy", "no_proxy", "NO_PROXY"]
)
VALUES = st.sampled_from(
    ["", "http://p:1", "http://q", "*", "localhost", ".b.example", "b.example:80, localhost:1", "B.EXAMPLE"]
)
URLS = st.sampled_from(
    [
        "http://localhost:1",
        "https://a.b.example",
        "http://b.example:80/x",
        "https://127.0.0.1:2",
        "http://[::1]:1",
    ]
)


@given(st.dictionaries(NAMES, VALUES), URLS)
def test_a_proxy_is_the_one_that_python_itself_would_take(environ: dict[str, str], url: str) -> None:
    with patch.dict(os.environ, environ, clear=True):
        parts = urlsplit(url)
        bypass = urllib.request.proxy_bypass(parts.netloc)
        python = None if bypass else urllib.request.getproxies().get(parts.scheme)
    ours = proxy_for(parts.scheme, parts.netloc, environ)
    assert (ours or "").removeprefix("http://") == (python or "").removeprefix("http://")


@pytest.mark.parametrize(
    ("given_proxy", "proxy"),
    [
        ("p:1", "http://p:1"),
        ("//p", "http://p"),
        ("https://p", "https://p"),
        ("socks5://p", "http://socks5://p"),
    ],
)
def test_a_proxy_without_a_scheme_is_reached_by_http(given_proxy: str, proxy: str) -> None:
    assert proxy_for("https", "host", {"HTTPS_PROXY": given_proxy}) == proxy


def test_a_cgi_program_does_not_take_its_proxy_from_a_header() -> None:
    environ = {"REQUEST_METHOD": "GET", "HTTP_PROXY": "http://evil", "HTTPS_PROXY": "http://good"}
    assert proxy_for("http", "host", environ) is None
    assert proxy_for("https", "host", environ) == "http://good"
