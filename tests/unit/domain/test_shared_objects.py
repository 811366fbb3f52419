from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.domain.shared_objects import SharedObjects, Span, common_prefix

names = st.text("ab/.", max_size=5)
nonempty = st.text("ab/.", min_size=1, max_size=5)
shares = st.builds(
    SharedObjects,
    st.lists(nonempty, max_size=3).map(tuple),
    st.lists(nonempty, max_size=3).map(tuple),
)


@given(shares, names)
def test_a_key_is_shared_when_it_was_named_and_no_server_takes_it_for_another(
    shared: SharedObjects, key: str
) -> None:
    named = key in shared.keys or any(key.startswith(prefix) for prefix in shared.prefixes)
    whole = not shared.keys and not shared.prefixes
    plain = not {".", ".."} & set(key.split("/"))
    assert shared.include(key) == ((named or whole) and plain)


@given(shares, names)
def test_the_spans_are_what_was_named(shared: SharedObjects, key: str) -> None:
    named = key in shared.keys or any(key.startswith(prefix) for prefix in shared.prefixes)
    within = [span for span in shared.spans() if span.includes(key)]
    assert len(within) == (named or shared.are_all)


@given(shares, names, names)
def test_the_spans_lie_in_the_order_of_keys(shared: SharedObjects, one: str, other: str) -> None:
    spans = shared.spans()
    number = {key: [n for n, span in enumerate(spans) if span.includes(key)] for key in (one, other)}
    if number[one] and number[other] and number[one] != number[other]:
        assert (number[one] < number[other]) == (one < other)


@given(shares, names, names)
def test_narrowed_to_a_prefix_nothing_is_lost_and_nothing_won(
    shared: SharedObjects, prefix: str, key: str
) -> None:
    for span in shared.spans():
        narrowed = span.narrowed(prefix)
        expected = span.includes(key) and key.startswith(prefix)
        assert (narrowed is not None and narrowed.includes(key)) == expected


@given(st.builds(Span, names, st.booleans()), names, names)
def test_of_a_span_that_lies_before_a_position_no_key_follows_it(span: Span, key: str, position: str) -> None:
    if span.includes(key) and key > position:
        assert not span.lies_before(position)


@given(names, names, st.sampled_from(["/", "a", "b/", "ab"]))
def test_all_that_begins_with_a_common_prefix_is_rolled_up_into_it(
    key: str, prefix: str, delimiter: str
) -> None:
    found = common_prefix(prefix + key, prefix, delimiter)
    assert found == (prefix + key[: key.find(delimiter) + len(delimiter)] if delimiter in key else None)


def test_neither_keys_nor_prefixes_mean_the_whole_bucket() -> None:
    assert SharedObjects().spans() == (Span(""),)
    assert SharedObjects().include("any/key")


@pytest.mark.parametrize(
    "key", ["shared/../secret", "shared/./x", "shared/..", "../other/x", "shared/x/../../secret"]
)
def test_keys_that_servers_may_take_for_others_are_never_shared(key: str) -> None:
    assert not SharedObjects((key,), ("shared/",)).include(key)
    assert not SharedObjects().include(key)


@pytest.mark.parametrize("key", ["shared/..x", "shared/a..b/c", "shared//x", "shared/.hidden"])
def test_dots_that_are_no_segment_do_no_harm(key: str) -> None:
    assert SharedObjects(prefixes=("shared/",)).include(key)


@pytest.mark.parametrize(
    ("prefix", "may"), [("", True), ("a/.", True), ("a/..", True), ("a/../", False), ("./b", False)]
)
def test_below_a_segment_of_dots_nothing_is_shared(prefix: str, may: bool) -> None:
    assert SharedObjects().may_include(prefix) is may
