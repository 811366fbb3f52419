"""Which keys a permission covers: no spelling of a key reaches what lies beside its prefix."""

from __future__ import annotations

import posixpath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.domain.bucket_permission import (
    Access,
    BucketPermission,
    bucket_problem,
    covering,
    prefix_problem,
)
from entrepot.domain.timestamp import Timestamp

KEYS = st.lists(st.sampled_from(["a", "b", "ab", ".", "..", "", "a b", "é", "%2e%2e"]), max_size=6).map(
    "/".join
)
PREFIXES = KEYS.filter(lambda prefix: prefix_problem(prefix) is None)


def permission(prefix: str = "", *, read: bool = True, write: bool = True) -> BucketPermission:
    return BucketPermission("1" * 12, "bucket", prefix, read, write, None, None, None, Timestamp(0))


@pytest.mark.parametrize(
    ("prefix", "key", "covered"),
    [
        ("", "anything", True),
        ("", "", True),
        ("a/", "a/b", True),
        ("a/", "a/", True),
        ("a/", "a", False),
        ("a/", "ab", False),
        ("a/", "ab/c", False),
        ("a", "ab", True),  # letter by letter, as S3's own prefixes
        ("ab", "a", False),
        ("a/", "", False),
        ("a/", "A/b", False),
        ("a/", "/a/b", False),
        ("a/", "./a/b", False),
        ("a/", "b/../a/c", False),
        ("a/", "a/../b", False),
        ("a/", "a/..", False),
        ("a/", "a/./b", False),
        ("a/", "a/b..c/.d", True),
        ("a/", "a/...", True),
        ("", "a/../b", True),
        ("", "a/../../b", False),
        ("", "../b", False),
        ("", "/../b", False),
        ("", "a//../../b", False),
        ("", "..", False),
    ],
)
def test_a_key_is_covered_where_it_begins_with_the_prefix_however_a_server_reads_it(
    prefix: str, key: str, covered: bool
) -> None:
    assert permission(prefix).covers(key) is covered


@given(PREFIXES, KEYS)
def test_what_is_covered_stays_covered_when_a_server_resolves_dots(prefix: str, key: str) -> None:
    if permission(prefix).covers(key):
        resolved = posixpath.normpath("/bucket/" + key)
        assert (resolved + "/").startswith("/bucket/")
        assert key.startswith(prefix)
        assert (resolved + "/").startswith("/bucket/" + prefix.rstrip("/"))


@given(PREFIXES, KEYS, KEYS)
def test_a_prefix_is_covered_only_where_every_plain_key_under_it_is(prefix: str, key: str, rest: str) -> None:
    if permission(prefix).covers(key) and not {".", ".."} & set((key + rest).split("/")):
        assert permission(prefix).covers(key + rest)


def test_the_longest_prefix_that_allows_it_is_the_one_to_go_by() -> None:
    every = [permission(""), permission("a/"), permission("a/b/", write=False)]
    assert covering(every, "a/b/c", Access.READ) == every[2]
    assert covering(every, "a/b/c", Access.WRITE) == every[1]
    assert covering(every, "c", Access.WRITE) == every[0]
    assert covering(every[1:], "c", Access.READ) is None
    assert covering(every[1:], "a", Access.READ) is None
    assert covering([], "c", Access.READ) is None


def test_reading_is_not_writing() -> None:
    assert covering([permission(write=False)], "a", Access.WRITE) is None
    assert covering([permission(read=False)], "a", Access.READ) is None


def test_permissions_for_parts_of_a_prefix_do_not_add_up_to_it() -> None:
    parts = [permission("a/b"), permission("a/c")]
    assert covering(parts, "a/", Access.READ) is None


@pytest.mark.parametrize("prefix", ["/a", "a//b", "a/../b/", "./", "..", "x" * 1025, "a\nb"])
def test_a_prefix_that_servers_may_read_in_two_ways_is_none(prefix: str) -> None:
    assert prefix_problem(prefix) is not None


@pytest.mark.parametrize("prefix", ["", "a", "a/", "a/b.c", "a..b/", "größe/", "x" * 1024])
def test_others_are(prefix: str) -> None:
    assert prefix_problem(prefix) is None


@pytest.mark.parametrize("name", ["", "s3://a", "a/b", "..", "-a", "a b", "x" * 256, "a:b"])
def test_what_cannot_be_the_name_of_a_bucket_is_said(name: str) -> None:
    assert bucket_problem(name)


@pytest.mark.parametrize("name", ["prices", "my.bucket-1", "OLD_bucket"])
def test_what_can_is_taken(name: str) -> None:
    assert bucket_problem(name) is None


def test_credentials_are_not_shown_not_even_sealed() -> None:
    sealed = BucketPermission("1" * 12, "b", "", True, True, None, None, "1:sealed", Timestamp(0))
    assert "sealed" not in repr(sealed)
    assert sealed.has_own_place
    assert not permission().has_own_place
