from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.domain.errors import ValidationFailed
from entrepot.domain.tags import MAX_TAGS, from_pairs, merged, require_valid

characters = st.characters(categories=["L", "N", "Z"], include_characters="_.:/=+-@")
keys = st.text(characters, min_size=1, max_size=128).filter(lambda key: not key.lower().startswith("aws:"))
tags = st.dictionaries(keys, st.text(characters, max_size=256), max_size=20)


@given(tags)
def test_keys_of_1_to_128_and_values_of_0_to_256_characters_are_good(given_tags: dict[str, str]) -> None:
    require_valid(given_tags)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("", "v", "0 characters"), ("k" * 129, "v", "129 characters"), ("k", "v" * 257, "257 characters"),
        ("aws:owner", "v", "reserved"), ("AWS:owner", "v", "reserved"), ("aws:", "", "reserved"),
    ],
)  # fmt: skip
def test_a_tag_that_breaks_a_rule_is_refused(key: str, value: str, message: str) -> None:
    with pytest.raises(ValidationFailed, match=message):
        require_valid({"good": "one", key: value})


@pytest.mark.parametrize("key", ["aws", "awsome", "my:aws:key", "𠮷" * 128])
def test_only_the_prefix_is_reserved_and_characters_are_counted_not_bytes(key: str) -> None:
    require_valid({key: "𠮷" * 256})


@pytest.mark.parametrize(
    "text", ["a\nb", "a\n", "\t", "<b>", ">", "a&b", "\0", "\x7f", "\u202e", '"', "a;b", "a\\b", "😀"]
)
def test_a_tag_has_letters_digits_spaces_and_a_few_signs_alone(text: str) -> None:
    for bad in ({"key": text}, {text: "value"}):
        with pytest.raises(ValidationFailed, match="tags have letters, digits, spaces"):
            require_valid(bad)


@pytest.mark.parametrize("text", ["größe 1", "价格", "a_b.c:d/e=f+g-h@i", "\N{NO-BREAK SPACE}", "Ⅷ²"])
def test_letters_and_digits_are_those_of_every_script(text: str) -> None:
    require_valid({text: text})


def test_a_tag_that_is_there_does_not_keep_others_away() -> None:
    assert merged({"old": "<a>"}, {"new": "b"}) == {"old": "<a>", "new": "b"}


def test_fifty_tags_are_good_and_fifty_one_are_not() -> None:
    require_valid({str(number): "" for number in range(MAX_TAGS)})
    with pytest.raises(ValidationFailed, match="at most 50"):
        require_valid({str(number): "" for number in range(MAX_TAGS + 1)})


@given(tags, tags)
def test_merging_replaces_by_key_and_keeps_the_rest(present: dict[str, str], added: dict[str, str]) -> None:
    result = merged(present, added)
    assert all(result[key] == value for key, value in added.items())
    assert all(result[key] == value for key, value in present.items() if key not in added)
    assert result.keys() == present.keys() | added.keys()


def test_merging_counts_what_is_there_but_not_what_is_replaced() -> None:
    full = {str(number): "" for number in range(MAX_TAGS)}
    assert merged(full, {"0": "new"})["0"] == "new"
    with pytest.raises(ValidationFailed, match="at most 50"):
        merged(full, {"one more": ""})


def test_pairs_become_tags() -> None:
    assert from_pairs([("a", "1"), ("b", "")]) == {"a": "1", "b": ""}
    assert from_pairs([]) == {}


def test_a_key_that_occurs_twice_is_refused_even_with_the_same_value() -> None:
    with pytest.raises(ValidationFailed, match="'a' occurs twice"):
        from_pairs([("a", "1"), ("b", "2"), ("a", "1")])
