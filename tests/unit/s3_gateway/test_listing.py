"""Listings of what is shared, held against a model: sort, filter, group."""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.unit.s3_gateway.memory_bucket import MemoryBucket

from entrepot.domain.shared_objects import SharedObjects, common_prefix
from entrepot.s3_gateway.listing import (
    ListedPage,
    ListingRequest,
    Position,
    list_shared,
    start_position,
)

keys = st.text("ab/.", min_size=1, max_size=6)
shares = st.builds(
    SharedObjects,
    st.lists(keys, max_size=3).map(tuple),
    st.lists(st.text("ab/.", min_size=1, max_size=3), max_size=3).map(tuple),
)
requests = st.builds(
    ListingRequest,
    st.text("ab/.", max_size=3),
    st.sampled_from(["", "/", "a", "b/", "ab", "/a/"]),
    st.integers(1, 4),
)


def readable(entries: list[str], content: set[str], shared: SharedObjects) -> list[str]:
    """Without the common prefixes of nothing but keys with dots, which the provider counts and we do not."""
    return [
        entry for entry in entries if any(shared.include(key) and key.startswith(entry) for key in content)
    ]


def entries_of(page: ListedPage) -> list[str]:
    return sorted([*(each.key for each in page.objects), *page.common_prefixes])


def all_pages(
    bucket: MemoryBucket, shared: SharedObjects, request: ListingRequest, after: str = ""
) -> list[ListedPage]:
    pages, position = [], start_position(request, after)
    while True:
        page = list_shared(shared, request, position, lambda _: bucket)
        pages.append(page)
        if page.following is None:
            return pages
        assert page.count > 0
        position = page.following


def model(content: set[str], shared: SharedObjects, request: ListingRequest, after: str = "") -> list[str]:
    found: dict[str, None] = {}
    for key in sorted(content):
        if shared.include(key) and key.startswith(request.prefix) and key > after:
            entry = common_prefix(key, request.prefix, request.delimiter) or key
            if entry != after:
                found[entry] = None
    return list(found)


@settings(max_examples=150)
@given(st.sets(keys, max_size=25), shares, requests, st.integers(1, 5))
@example({"ab", "abb/"}, SharedObjects((), ("a",)), ListingRequest("", "b/", 1), 1)
@example({"/a", "/.", ".a"}, SharedObjects((), ("/", ".")), ListingRequest("", "", 1), 1)
def test_the_pages_of_a_listing_are_all_that_is_shared_in_order(
    content: set[str], shared: SharedObjects, request: ListingRequest, providers_page: int
) -> None:
    pages = all_pages(MemoryBucket(content, providers_page), shared, request)
    found = [entry for page in pages for entry in entries_of(page)]
    assert readable(found, content, shared) == model(content, shared, request)
    assert all(page.count <= request.limit for page in pages)


@settings(max_examples=100)
@given(st.sets(keys, max_size=25), shares, requests, st.text("ab/.", max_size=4))
def test_a_listing_goes_on_behind_a_given_key_or_common_prefix(
    content: set[str], shared: SharedObjects, request: ListingRequest, after: str
) -> None:
    pages = all_pages(MemoryBucket(content), shared, request, after)
    found = [entry for page in pages for entry in entries_of(page)]
    assert readable(found, content, shared) == model(content, shared, request, after)


@settings(max_examples=100)
@given(st.sets(keys, max_size=25), shares, requests)
def test_the_last_entry_of_a_page_is_where_the_old_form_goes_on(
    content: set[str], shared: SharedObjects, request: ListingRequest
) -> None:
    found: list[str] = []
    marker: str | None = ""
    while marker is not None:
        page = list_shared(shared, request, start_position(request, marker), lambda _: MemoryBucket(content))
        found += entries_of(page)
        marker = None if page.following is None else page.last_entry
    assert readable(found, content, shared) == model(content, shared, request)


@settings(max_examples=100)
@given(
    st.sets(keys, max_size=25),
    shares,
    requests,
    st.builds(
        Position,
        st.integers(0, 5),
        st.none() | st.sampled_from(["|", "a|", "b/|a/"]),
        st.none() | st.text("ab/.", max_size=4),
        st.none() | keys,
    ),
)
def test_wherever_a_listing_goes_on_it_shows_nothing_that_is_not_shared(
    content: set[str], shared: SharedObjects, request: ListingRequest, anywhere: Position
) -> None:
    bucket = MemoryBucket(content)
    page = list_shared(shared, request, anywhere, lambda _: bucket)
    assert all(shared.include(each.key) for each in page.objects)
    for prefix in page.common_prefixes:
        assert any(span.includes(key) for span in shared.spans() for key in content if key.startswith(prefix))
    assert all(any(span.narrowed(asked) for span in shared.spans()) for asked in bucket.asked)


@given(st.sets(keys, max_size=25), shares, requests)
def test_a_bucket_that_lists_more_than_it_was_asked_for_is_not_believed(
    content: set[str], shared: SharedObjects, request: ListingRequest
) -> None:
    class Careless(MemoryBucket):
        def page(self, prefix: str, **options: object) -> object:  # type: ignore[override]
            return super().page("", **(options | {"token": None, "after": None, "limit": 1000}))  # type: ignore[arg-type]

    page = list_shared(shared, request, Position(), lambda _: Careless(content))  # type: ignore[arg-type]
    assert all(shared.include(each.key) for each in page.objects)


def test_a_page_of_no_entries_is_the_last_one() -> None:
    bucket = MemoryBucket({"a", "b"})
    page = list_shared(SharedObjects(), ListingRequest(limit=0), Position(), lambda _: bucket)
    assert (page.count, page.following, bucket.asked) == (0, None, [])


def test_no_page_promises_another_one_that_would_be_empty() -> None:
    shared = SharedObjects(keys=("gone",), prefixes=("a/", "b/"))
    page = list_shared(shared, ListingRequest(limit=1), Position(), lambda _: MemoryBucket({"a/1", "c"}))
    assert (entries_of(page), page.following) == (["a/1"], None)


def test_one_page_asks_the_provider_a_bounded_number_of_times() -> None:
    bucket = MemoryBucket({f"a{number:03}b/x" for number in range(200)}, largest_page=1)
    request = ListingRequest("", "b/", 1000)
    page = list_shared(SharedObjects((), ("a",)), request, Position(), lambda _: bucket)
    assert len(bucket.asked) <= 24
    assert page.following is not None
    assert len(model(set(bucket.keys), SharedObjects((), ("a",)), request)) == 200
