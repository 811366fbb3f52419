from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.domain.identifiers import (
    ACCOUNT_ID_PATTERN,
    asset_store_key,
    derived_asset_id,
    identifier,
    upload_store_key,
)

REAL = re.compile(r"[0-9a-f]{32}")


@given(st.binary(min_size=16, max_size=16))
def test_an_identifier_is_32_hex_digits_that_hold_the_bytes(random_bytes: bytes) -> None:
    made = identifier(random_bytes)
    assert REAL.fullmatch(made)
    assert bytes.fromhex(made) == random_bytes


@pytest.mark.parametrize("size", [0, 15, 17])
def test_an_identifier_is_made_of_16_bytes_and_no_other_number(size: int) -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        identifier(bytes(size))


def test_a_derived_id_follows_from_job_and_item_alone() -> None:
    one = derived_asset_id("a" * 32, 1)
    assert REAL.fullmatch(one)
    assert one == derived_asset_id("a" * 32, 1)


@given(
    st.sets(
        st.tuples(st.text("0123456789abcdef", min_size=32, max_size=32), st.integers(0, 10_000)), max_size=50
    )
)
def test_derived_ids_differ_where_job_or_item_differ(origins: set[tuple[str, int]]) -> None:
    assert len({derived_asset_id(job_id, number) for job_id, number in origins}) == len(origins)


@pytest.mark.parametrize(
    "text", ["12345678901", "1234567890123", "12345678901x", "123456789012\n", "１２３４５６７８９０１２"]
)
def test_what_is_no_account_id_is_told_apart(text: str) -> None:
    assert not ACCOUNT_ID_PATTERN.match(text)
    assert ACCOUNT_ID_PATTERN.match("123456789012")


def test_store_keys_follow_from_ids_and_keep_uploads_apart_from_assets() -> None:
    asset_id = "ab" + "0" * 30
    key = asset_store_key(asset_id)
    assert re.fullmatch(r"assets/([0-9a-f]{2})/\1[0-9a-f]{30}", key)
    assert asset_store_key(asset_id) == key != asset_store_key("ac" + "0" * 30)
    assert asset_id not in key
    assert upload_store_key("cd" + "0" * 30) == "uploads/cd/cd" + "0" * 30
