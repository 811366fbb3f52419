"""What of a call reaches an API: nothing of a path leads out of its stage, nothing of a header is forged."""

from __future__ import annotations

import posixpath
import re
from urllib.parse import quote, unquote_to_bytes, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.domain.api_call import (
    HEADER_PREFIX,
    METHODS,
    answer_headers,
    api_headers,
    api_method,
    api_path,
    api_query,
)
from entrepot.domain.errors import ValidationFailed

BASE = "https://api.example/prod"
HOSTILE = st.lists(
    st.sampled_from(
        [
            *(
                "..",
                ".",
                "/",
                "//",
                "\\",
                "%2e",
                "%2E%2e",
                "%2f",
                "%5c",
                "%252e",
                "%25",
                "%",
                "%c0%ae",
                "..;x",
            ),
            *("a", "é", ";", "@", ":", "?", "#", "\r\n", "\0", " ", "http:", "evil.example", "%00", "%0d%0a"),
        ]
    ),
    max_size=8,
).map("".join)


@pytest.mark.parametrize(
    ("path", "sent"),
    [
        (b"", ""),
        (b"/", "/"),
        (b"a", "/a"),
        (b"/a", "/a"),
        (b"/a/b/", "/a/b/"),
        (b"/a%20b", "/a%20b"),
        (b"/a b", "/a%20b"),
        ("/köln".encode(), "/k%C3%B6ln"),
        (b"/100%", "/100%25"),
        (b"/a%2Fb", "/a%2Fb"),
        (b"/a:b@c;d=1,2!$&'()*+~", "/a:b@c;d=1,2!$&'()*+~"),
        (b"/...", "/..."),
        (b"/.well-known/x", "/.well-known/x"),
        (b"/a%3Fb%23c", "/a%3Fb%23c"),
        (b"/http:", "/http:"),
    ],
)
def test_a_path_stays_as_it_is(path: bytes, sent: str) -> None:
    assert api_path(path) == sent


@pytest.mark.parametrize(
    "path",
    [
        b"..",
        b"/..",
        b"/a/../b",
        b"/a/..",
        b"/.",
        b"/a/./b",
        b"/%2e%2e/b",
        b"/%2E./b",
        b"/a%2f..%2fb",
        b"/a%2f%2e%2e%2fb",
        b"/%252e%252e/b",
        b"/%25252e%25252e/b",
        b"/..%3bx/b",
        b"/..;x=1/b",
        b"/..%20/b",
        b"//evil.example/",
        b"///",
        b"/a//b",
        b"/%2fevil.example",
        b"http://evil.example/",
        b"/a\\b",
        b"/..%5cb",
        b"/a%0d%0aHost:%20evil",
        b"/a\r\nb",
        b"/a%00",
        b"/a\x7f",
        b"/%c0%ae%c0%ae/b",
        b"/\xff",
        b"/a?b",
        b"/a#b",
        b"/" + b"a" * 9000,
        b"/%" + b"25" * 12 + b"2e",
    ],
)
def test_what_could_lead_elsewhere_is_refused(path: bytes) -> None:
    with pytest.raises(ValidationFailed):
        api_path(path)


@given(st.one_of(HOSTILE.map(str.encode), st.binary(max_size=40)))
def test_no_path_leaves_the_stage_or_the_host(path: bytes) -> None:
    try:
        sent = api_path(path)
    except ValidationFailed:
        return
    assert re.fullmatch(r"(/[!-~]*)?", sent)
    parts = urlsplit(BASE + sent)
    assert (parts.netloc, parts.query, parts.fragment) == ("api.example", "", "")
    read = parts.path.encode()
    for _ in range(10):  # however often somebody decodes it, and tidies it up
        tidied = posixpath.normpath(read.replace(b"\\", b"/"))
        assert tidied == b"/prod" or tidied.startswith(b"/prod/")
        assert b"//" not in read
        read = unquote_to_bytes(read)


@given(st.text(alphabet=st.characters(exclude_characters="/\\?#%;", exclude_categories=["C"]), min_size=1))
def test_every_ordinary_segment_arrives(segment: str) -> None:
    if segment.strip() in {".", ".."}:
        return
    assert api_path(f"/{segment}".encode()) == "/" + quote(segment, safe="!$&'()*+,:=@~")
    assert unquote_to_bytes(api_path(f"/{segment}".encode())[1:]).decode() == segment


@pytest.mark.parametrize(
    ("query", "sent"),
    [
        (b"", ""),
        (b"b=2&a=1&a=%2F+%20&c", "b=2&a=1&a=%2F+%20&c"),
        (b"a=b#c d\xff", "a=b%23c%20d%FF"),
        (b"X-Amz-Date=1&a=2", "X-Amz-Date=1&a=2"),
        (
            b"a=1&X-Amz-Algorithm=x&X-Amz-Credential=y&X-Amz-Date=1&X-Amz-Expires=9&X-Amz-SignedHeaders=host"
            b"&X-Amz-Security-Token=t&b=2&X-Amz-Signature=z",
            "a=1&b=2",
        ),
    ],
)
def test_a_query_stays_as_it_is_without_a_signature(query: bytes, sent: str) -> None:
    assert api_query(query) == sent


@given(st.binary(max_size=50))
def test_a_query_is_always_one(query: bytes) -> None:
    sent = api_query(query)
    parts = urlsplit(f"{BASE}?{sent}")
    assert (parts.netloc, parts.path, parts.query) == ("api.example", "/prod", sent)
    assert unquote_to_bytes(sent) == unquote_to_bytes(query)


def test_methods_are_those_of_api_gateway_in_any_case() -> None:
    assert [api_method(name.lower()) for name in METHODS] == list(METHODS)
    for name in ("CONNECT", "TRACE", "PROPFIND", "", "GET / HTTP/1.1\r\n", "ANY"):
        with pytest.raises(ValidationFailed):
            api_method(name)


def headers_of(*headers: tuple[bytes, bytes], api_key: str | None = None) -> list[tuple[bytes, bytes]]:
    return api_headers(headers, api_key=api_key, added=[(b"x-amz-source-account", b"true")])


def test_what_is_the_exchange_s_or_the_connection_s_does_not_go_on() -> None:
    ours = [(b"x-amz-source-account", b"true")]
    names = (
        b"authorization host content-length transfer-encoding connection keep-alive te trailer upgrade "
        b"expect proxy-authorization proxy-connection x-amz-date x-amz-security-token x-amz-source-account "
        b"x-amzn-dataexchange-asset-id x-amzn-trace-id x_amz_source_account x-amz_source-account "
        b"X-AMZ-Source-Account forwarded via x-forwarded-for x_forwarded_for x-real-ip"
    )
    for name in names.split():
        assert headers_of((name, b"forged")) == ours, name


def test_other_headers_go_on_and_prefixed_ones_under_their_own_names() -> None:
    assert headers_of(
        (b"accept", b"a"),
        (b"cookie", b"c=1"),
        (b"cookie", b"d=2"),
        (b"x-units", b"imperial"),
        (HEADER_PREFIX + b"x-units", b"metric"),
        (HEADER_PREFIX + b"authorization", b"Bearer t"),
        (b"authorization", b"AWS4-HMAC-SHA256 ..."),
    ) == [
        (b"accept", b"a"),
        (b"cookie", b"c=1"),
        (b"cookie", b"d=2"),
        (b"x-units", b"metric"),
        (b"authorization", b"Bearer t"),
        (b"x-amz-source-account", b"true"),
    ]


@pytest.mark.parametrize(
    "name",
    [
        b"",
        b"a b",
        b"a:b",
        b"host",
        b"content-length",
        b"transfer-encoding",
        b"connection",
        b"x-amz-source-account",
        b"x_amz_source_account",
        b"x-amzn-dataexchange-header-x",
        b"X-Amz-Security-Token",
    ],
)
def test_a_prefix_does_not_give_a_name_that_is_not_the_caller_s(name: bytes) -> None:
    with pytest.raises(ValidationFailed, match="x-amzn-dataexchange-header-"):
        headers_of((HEADER_PREFIX + name, b"x"))


def test_the_asset_s_key_is_the_only_one_where_it_has_one() -> None:
    forged = [(b"x-api-key", b"mine"), (b"x_api_key", b"mine"), (HEADER_PREFIX + b"X-Api-Key", b"mine")]
    assert headers_of(*forged, api_key="k") == [(b"x-api-key", b"k"), (b"x-amz-source-account", b"true")]
    assert headers_of((b"x-api-key", b"mine"))[0] == (b"x-api-key", b"mine")


def test_what_connection_names_is_about_the_connection() -> None:
    sent = headers_of(
        (b"connection", b"close, X-Hop"), (b"x-hop", b"1"), (b"x_hop", b"2"), (b"x-other", b"3"), api_key="k"
    )
    assert [name for name, _ in sent] == [b"x-other", b"x-api-key", b"x-amz-source-account"]
    # It cannot take away what the exchange says.
    named = (b"connection", b"x-api-key, x-amz-source-account")
    assert headers_of(named, api_key="k") == [(b"x-api-key", b"k"), (b"x-amz-source-account", b"true")]


def test_aws_chunked_was_undone_here() -> None:
    assert headers_of((b"content-encoding", b"aws-chunked"))[:-1] == []
    assert headers_of((b"content-encoding", b"aws-chunked, gzip"))[:-1] == [(b"content-encoding", b"gzip")]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                b"x-amz-source-account X_AMZ_SOURCE-ACCOUNT connection x-api-key X_Api-Key x-a host "
                b"authorization x-amzn-dataexchange-header-x-api-key "
                b"x-amzn-dataexchange-header-authorization".split()
            ),
            st.sampled_from([b"forged", b"x-api-key", b"x-amz-source-account", b"close"]),
        ),
        max_size=6,
    )
)
def test_whatever_is_sent_the_exchange_speaks_once_and_truly(headers: list[tuple[bytes, bytes]]) -> None:
    sent = api_headers(headers, api_key="k", added=[(b"x-amz-source-account", b"true")])
    by_name: dict[bytes, list[bytes]] = {}
    for name, value in sent:
        by_name.setdefault(name.lower().replace(b"_", b"-"), []).append(value)
    assert by_name[b"x-amz-source-account"] == [b"true"]
    assert by_name[b"x-api-key"] == [b"k"]
    assert b"host" not in by_name
    assert b"connection" not in by_name


def test_an_answer_s_headers_go_back_without_the_connection_s() -> None:
    assert answer_headers(
        [
            (b"Content-Type", b"a/b"),
            (b"Content-Length", b"3"),
            (b"Transfer-Encoding", b"chunked"),
            (b"Connection", b"close, X-Hop"),
            (b"X-Hop", b"1"),
            (b"Keep-Alive", b"timeout=5"),
            (b"Date", b"today"),
            (b"x-amzn-RequestId", b"theirs"),
            (b"x-amzn-ErrorType", b"ForbiddenException"),
            (b"Set-Cookie", b"a"),
            (b"Set-Cookie", b"b"),
        ]
    ) == [
        (b"content-type", b"a/b"),
        (b"x-amzn-remapped-x-amzn-requestid", b"theirs"),
        (b"x-amzn-errortype", b"ForbiddenException"),
        (b"set-cookie", b"a"),
        (b"set-cookie", b"b"),
    ]
