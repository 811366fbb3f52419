"""Which Region a bucket is in, as its server says."""

from __future__ import annotations

import pytest
from tests.servers.scripted_http import answer, error
from tests.stores.scripted_bucket import playing


def test_the_region_is_what_head_bucket_says() -> None:
    with playing(answer(200, headers=[("x-amz-bucket-region", "eu-west-1")])) as (store, _):
        assert store.region() == "eu-west-1"


@pytest.mark.parametrize("named", ["", "US", "a\x1b[2Jb", "x" * 64])
def test_what_cannot_be_a_region_is_none(named: str) -> None:
    with playing(answer(200, headers=[("x-amz-bucket-region", named)])) as (store, _):
        assert store.region() is None


def test_a_server_that_says_none_or_refuses_leaves_it_open() -> None:
    for script in (answer(200), error(403, "AccessDenied")):
        with playing(script) as (store, _):
            assert store.region() is None
