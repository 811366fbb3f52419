from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from entrepot.domain.errors import ValidationFailed
from entrepot.operations.page_tokens import PageTokens

TOKENS = PageTokens(b"a secret of thirty-two bytes....")
TEXT = st.text(st.characters(exclude_categories=["Cs"]))
POSITIONS = st.lists(st.one_of(TEXT, st.integers(-(2**63), 2**63 - 1)), max_size=4)


@given(TEXT, POSITIONS)
def test_a_position_survives_its_token(binding: str, position: list[str | int]) -> None:
    token = TOKENS.encode(binding, position)
    assert token.replace("-", "").replace("_", "").isalnum()
    assert TOKENS.decode(binding, token) == tuple(position)


@given(TEXT, POSITIONS, st.data())
def test_any_flipped_bit_is_refused(binding: str, position: list[str | int], data: st.DataObject) -> None:
    token = bytearray(TOKENS.encode(binding, position).encode())
    place = data.draw(st.integers(0, len(token) - 1))
    token[place] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(ValidationFailed, match="NextToken"):
        TOKENS.decode(binding, token.decode("latin-1"))


@given(TEXT, TEXT, POSITIONS)
def test_a_token_serves_only_the_query_it_was_made_for(
    binding: str, other: str, position: list[str | int]
) -> None:
    assume(binding != other)
    token = TOKENS.encode(binding, position)
    with pytest.raises(ValidationFailed, match="NextToken"):
        TOKENS.decode(other, token)


@given(st.text())
def test_any_text_that_is_no_token_is_refused(text: str) -> None:
    with pytest.raises(ValidationFailed, match="NextToken"):
        TOKENS.decode("ListJobs", text)


@pytest.mark.parametrize("change", ["{}=", "{}==", " {}", "{}\n", "{}A", "{}!"])
def test_a_token_has_one_spelling(change: str) -> None:
    token = TOKENS.encode("ListJobs", ["a", 1])
    with pytest.raises(ValidationFailed, match="NextToken"):
        TOKENS.decode("ListJobs", change.format(token))


def test_a_token_of_another_exchange_is_refused() -> None:
    token = PageTokens(b"another secret").encode("ListJobs", ["a"])
    with pytest.raises(ValidationFailed, match="NextToken"):
        TOKENS.decode("ListJobs", token)
