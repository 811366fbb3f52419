from __future__ import annotations

from pathlib import Path

import pytest

from entrepot.cli.bulk.user_bucket import BucketPlace, read_place
from entrepot.client.client_errors import UsageError


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("s3://bucket", BucketPlace("bucket", "")),
        ("s3://bucket/", BucketPlace("bucket", "")),
        ("s3://bucket/a/b", BucketPlace("bucket", "a/b/")),
        ("s3://bucket/a/b/", BucketPlace("bucket", "a/b/")),
        ("s3://bucket//a", BucketPlace("bucket", "/a/")),
        ("folder", Path("folder")),
        ("./s3:/x", Path("s3:/x")),
    ],
)
def test_the_text_says_which_kind_of_place_is_meant(text: str, place: object) -> None:
    assert read_place(text) == place


@pytest.mark.parametrize("text", ["", "s3://", "s3:///key", "s3://b/\ud800"])
def test_what_is_no_place_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        read_place(text)


def test_a_place_below_another() -> None:
    assert str(BucketPlace("b", "").below("x").below("y")) == "s3://b/x/y/"
