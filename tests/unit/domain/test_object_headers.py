"""What is taken of the headers of an object, and how much of it."""

from __future__ import annotations

import pytest

from entrepot.domain.object_headers import (
    MOST_BYTES,
    OBJECT_HEADER_NAMES,
    ObjectHeaders,
    refused_value,
)

ALL = {
    "content-type": 'text/csv; charset="utf-8"',
    "content-encoding": "gzip",
    "content-language": "de, en",
    "content-disposition": "attachment; filename=\"a b.csv\"; filename*=UTF-8''%C3%BC.csv",
    "cache-control": "max-age=3600, no-transform",
}


def test_five_headers_belong_to_an_asset() -> None:
    assert tuple(ALL) == OBJECT_HEADER_NAMES
    headers = ObjectHeaders.of(ALL)
    assert dict(headers.named()) == ALL
    assert headers
    assert headers.content_language == "de, en"


@pytest.mark.parametrize(
    "name",
    [
        "x-amz-meta-owner", "x-amz-tagging", "x-amz-tagging-count", "x-amz-storage-class", "x-amz-acl",
        "x-amz-server-side-encryption", "x-amz-website-redirect-location", "x-amz-object-lock-mode",
        "expires", "etag", "last-modified", "content-md5", "content-length", "content-range", "set-cookie",
        "location", "refresh", "content-location", "link",
    ],
)  # fmt: skip
def test_nothing_else_does(name: str) -> None:
    headers = ObjectHeaders.of({name: "secret"})
    assert headers.named() == ()
    assert not headers


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("aws-chunked", None),
        ("aws-chunked,gzip", "gzip"),
        ("gzip, aws-chunked", "gzip"),
        ("AWS-Chunked", None),
        (" aws-chunked , br ,, gzip ", "br, gzip"),
        ("gzip,br", "gzip,br"),
        ("x-aws-chunked", "x-aws-chunked"),
    ],
)
def test_how_a_body_was_sent_is_no_encoding_of_the_object(sent: str, kept: str | None) -> None:
    assert ObjectHeaders.of({"content-encoding": sent}).content_encoding == kept


@pytest.mark.parametrize(
    "value",
    [
        "",
        "  ",
        "text/\ncsv",
        "text/csv\r\n x-folded: 1",
        "text\x00",
        "text/c\x7fsv",
        "a\tb",
        "text/ü",
        "日本語",
        "a" * 2049,
    ],
)
@pytest.mark.parametrize("name", OBJECT_HEADER_NAMES)
def test_a_value_that_s3_would_not_take_is_left_out_and_the_others_stay(name: str, value: str) -> None:
    headers = ObjectHeaders.of({**ALL, name: value})
    assert dict(headers.named()) == {other: ALL[other] for other in ALL if other != name}


def test_all_of_them_together_are_as_long_as_s3_takes() -> None:
    size = MOST_BYTES - len("cache-control") - len("content-type") - len("a/b")
    fits = {"content-type": "a/b", "cache-control": "x" * size}
    assert dict(ObjectHeaders.of(fits).named()) == fits
    assert dict(ObjectHeaders.of({**fits, "cache-control": "x" * (size + 1)}).named()) == {
        "content-type": "a/b"
    }


@pytest.mark.parametrize(
    ("value", "refused"), [("text/csv", False), (" text/csv ", False), ("", False), ("ü", True)]
)
def test_a_value_that_s3_would_not_take_is_named(value: str, refused: bool) -> None:
    assert refused_value({**ALL, "content-language": value, "x-other": "ü"}) == (
        "content-language" if refused else None
    )
