from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.domain.access_point import EXCHANGE_ACCOUNT_ID, access_point_alias
from entrepot.http.messages import HttpRequest
from entrepot.s3_gateway.s3_errors import ObjectRefused
from entrepot.s3_gateway.s3_request import S3Call, S3Operation, understood

DATA_SET, ASSET = "8d494cba5e4720e5f6072e280daf70a8", "8550cfab16b444a794402f2c3f11eae1"
ALIAS = access_point_alias(DATA_SET, ASSET)
LABEL = f"8550cfab-16b4-44a7-9440-2f2c3f11eae1-{EXCHANGE_ACCOUNT_ID}"


def call(method: str, path: str, query: str = "", host: str = "127.0.0.1:8250") -> S3Call:
    return understood(HttpRequest(method, path, query.encode(), [(b"host", host.encode())], b""))


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20))
def test_the_key_is_what_the_client_named_in_path_and_in_virtual_host_style(key: str) -> None:
    path = quote(key, safe="/~")
    assert call("GET", f"/{ALIAS}/{path}").key == key
    assert call("GET", f"/{path}", host=f"{ALIAS}.exchange.test").key == key


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("a//b", "a//b"), ("/a", "/a"), ("a%2Fb", "a/b"), ("a+b", "a+b"), ("a%20b", "a b"),
        ("a%2520b", "a%20b"), ("a/../b", "a/../b"), ("a/%2e%2e/b", "a/../b"), ("dir/", "dir/"),
        ("%C3%BC", "ü"),
    ],
)  # fmt: skip
def test_keys_are_decoded_once_and_never_normalised(path: str, key: str) -> None:
    assert call("GET", f"/{ALIAS}/{path}").key == key


def test_a_key_that_is_no_utf_8_is_refused() -> None:
    with pytest.raises(ObjectRefused, match="URI"):
        call("GET", f"/{ALIAS}/%ff")


def test_the_bucket_is_the_first_segment_or_the_first_label() -> None:
    for seen in (
        call("GET", f"/{ALIAS}/key"),
        call("GET", "/key", host=f"{ALIAS}.exchange.test"),
        call("GET", "/key", host=f"{ALIAS.upper()}.exchange.test:443"),
    ):
        assert (seen.bucket, seen.key, seen.alias) == (ALIAS, "key", (DATA_SET, ASSET))
    by_arn = call("GET", f"/{ALIAS}/key", host=f"{LABEL}.exchange.test")
    assert (by_arn.access_point, by_arn.alias, by_arn.key) == (ASSET, None, f"{ALIAS}/key")
    other = call("GET", "/bucket/key", host="bucket.exchange.test")
    assert (other.bucket, other.alias, other.access_point) == ("bucket", None, None)


@pytest.mark.parametrize(
    ("method", "path", "query", "operation"),
    [
        ("GET", f"/{ALIAS}/key", "", S3Operation.GET_OBJECT),
        ("GET", f"/{ALIAS}/key", "x-id=GetObject&unknown=1", S3Operation.GET_OBJECT),
        ("HEAD", f"/{ALIAS}/key", "", S3Operation.HEAD_OBJECT),
        ("GET", f"/{ALIAS}", "list-type=2", S3Operation.LIST_OBJECTS_V2),
        ("GET", f"/{ALIAS}/", "list-type=2", S3Operation.LIST_OBJECTS_V2),
        ("GET", f"/{ALIAS}", "", S3Operation.LIST_OBJECTS),
        ("GET", f"/{ALIAS}", "location", S3Operation.GET_BUCKET_LOCATION),
        ("HEAD", f"/{ALIAS}", "", S3Operation.HEAD_BUCKET),
    ],
)
def test_what_can_be_asked(method: str, path: str, query: str, operation: S3Operation) -> None:
    assert call(method, path, query).operation is operation


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE", "PATCH", "OPTIONS", "COPY"])
def test_whatever_is_not_reading_is_not_looked_at(method: str) -> None:
    assert call(method, f"/{ALIAS}/key").operation is S3Operation.OTHER
    assert call(method, f"/{ALIAS}").operation is S3Operation.OTHER


@pytest.mark.parametrize(
    "query",
    ["acl", "versionId=1", "uploads", "tagging=", "torrent", "policy", "versions", "uploadId=x", "select"],
)  # fmt: skip
def test_subresources_are_none_of_it(query: str) -> None:
    assert call("GET", f"/{ALIAS}/key", query).operation is S3Operation.OTHER
    assert call("GET", f"/{ALIAS}", query).operation is S3Operation.OTHER


def test_without_a_bucket_nothing_can_be_asked() -> None:
    assert call("GET", "/").operation is S3Operation.OTHER
    assert call("GET", "//key").operation is S3Operation.OTHER


def test_a_query_without_end_is_refused() -> None:
    with pytest.raises(ObjectRefused, match="query"):
        call("GET", f"/{ALIAS}", "&".join(f"a{number}=1" for number in range(1000)))
