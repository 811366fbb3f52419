"""Pages are followed and cut as botocore's paginator does it, and the tokens of either work in the other."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

import botocore.paginate
import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.client.client_errors import PaginationFailed
from entrepot.client.command_line_model import Pagination
from entrepot.client.pagination import Pages

PAGINATION = Pagination("Jobs")
Answers = list[dict[str, Any]]


class Service:
    """Gives out prepared pages: page N for the token `N`, the first without one. Notes what was asked."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self.asked: list[dict[str, Any]] = []

    def __call__(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        self.asked.append(dict(parameters))
        token = parameters.get("NextToken")
        number = int(token) if isinstance(token, str) and token.isdigit() else 0
        return json.loads(json.dumps(self._answers[number % len(self._answers)]))


def service_of(sizes: list[int | None]) -> Service:
    """A service with pages of so many items; None for a page without a list."""
    answers: Answers = []
    for number, size in enumerate(sizes):
        answer: dict[str, Any] = {} if size is None else {"Jobs": [f"{number}.{i}" for i in range(size)]}
        if number + 1 < len(sizes):
            answer["NextToken"] = str(number + 1)
        answers.append(answer)
    return Service(answers)


def _botocore_pages(service: Service, config: dict[str, Any]) -> botocore.paginate.PageIterator:
    description = {
        "input_token": "NextToken",
        "output_token": "NextToken",
        "limit_key": "MaxResults",
        "result_key": "Jobs",
    }
    paginator = botocore.paginate.Paginator(
        lambda **parameters: service(parameters), description, _Operation()
    )
    return paginator.paginate(PaginationConfig=config)


class _Operation:
    """What botocore's paginator asks an operation for."""

    class input_shape:  # noqa: N801 - botocore's name
        class _Integer:
            type_name = "integer"

        members = {"MaxResults": _Integer}  # noqa: RUF012


def _outcome(pages: Any) -> tuple[list[Any], str | None, str | None]:
    seen, failure = [], None
    try:
        seen.extend(pages)
    except Exception as error:  # noqa: BLE001 - the text is what the CLI prints
        failure = str(error)
    return seen, pages.resume_token, failure


SIZES = st.lists(st.none() | st.integers(0, 4), min_size=1, max_size=4)
STARTING_TOKENS = st.one_of(
    st.none(),
    st.sampled_from(["", "None", "1", "1___2", "None___1", "1___x", "a___b___c", "MTIz", "bnVsbA==", "W10="]),
    st.builds(
        lambda token, skipped: base64.b64encode(
            json.dumps({"NextToken": token, "boto_truncate_amount": skipped}).encode()
        ).decode(),
        st.none() | st.sampled_from(["0", "1", "2"]),
        st.integers(0, 5),
    ),
    st.just(base64.b64encode(b'{"NextToken": "1"}').decode()),
    st.just(base64.b64encode(b'{"Other": "1", "boto_truncate_amount": 1}').decode()),
)


@given(SIZES, st.none() | st.integers(-2, 12), STARTING_TOKENS, st.none() | st.integers(1, 3))
def test_pages_and_tokens_are_botocores(
    sizes: list[int | None], max_items: int | None, token: str | None, page_size: int | None
) -> None:
    theirs, ours = service_of(sizes), service_of(sizes)
    config = {"MaxItems": max_items, "StartingToken": token, "PageSize": page_size}
    parameters = {} if page_size is None else {"MaxResults": page_size}
    expected = _outcome(_botocore_pages(theirs, config))
    assert _outcome(Pages(ours, PAGINATION, parameters, max_items, token)) == expected
    assert ours.asked == theirs.asked


@given(SIZES, st.none() | st.integers(1, 12))
def test_the_whole_is_botocores(sizes: list[int | None], max_items: int | None) -> None:
    expected = _botocore_pages(service_of(sizes), {"MaxItems": max_items}).build_full_result()
    assert Pages(service_of(sizes), PAGINATION, {}, max_items, None).full_result() == expected


@given(st.lists(st.integers(0, 4), min_size=1, max_size=4), st.integers(1, 5))
def test_going_on_from_token_to_token_gives_every_item_once(sizes: list[int], max_items: int) -> None:
    items: list[str] = []
    token: str | None = None
    for _ in range(30):
        pages = Pages(service_of([*sizes]), PAGINATION, {}, max_items, token)
        items += [item for page in pages for item in page["Jobs"]]
        token = pages.resume_token
        if token is None:
            break
    assert items == [f"{number}.{i}" for number, size in enumerate(sizes) for i in range(size)]


def test_nothing_is_asked_for_before_somebody_looks() -> None:
    service = service_of([1])
    Pages(service, PAGINATION, {}, None, None)
    assert service.asked == []


def test_a_token_that_comes_twice_ends_it() -> None:
    service = Service([{"Jobs": [], "NextToken": "1"}, {"Jobs": [], "NextToken": "1"}])
    with pytest.raises(PaginationFailed, match="The same next token was received twice"):
        list(Pages(service, PAGINATION, {}, None, None))
