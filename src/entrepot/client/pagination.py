"""Follows an operation's pages, as far as wanted, and makes the tokens by which a later call goes on.

A page is an answer, cut where only a part of it is wanted. The token for going on is made of the service's
token and of the number of items of its page that were had already: JSON in base64, as the AWS CLI makes it,
so that tokens of either program work in the other.
"""

from __future__ import annotations

import base64
import json

from entrepot.client.client_errors import PaginationFailed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any

    from entrepot.client.client import Client
    from entrepot.client.command_line_model import Operation, Pagination

    Page = dict[str, Any]
    Token = dict[str, Any]

_TRUNCATED = "boto_truncate_amount"
_OLD_SEPARATOR = "___"


def pages(
    client: Client,
    operation: Operation,
    parameters: Mapping[str, Any],
    *,
    max_items: int | None = None,
    starting_token: str | None = None,
    page_size: int | None = None,
) -> Pages:
    """The pages of an operation that has them; nothing is asked for before they are iterated over.

    `max_items` bounds the items of all pages together, `page_size` those that the service is asked for at
    once. `starting_token` is the `resume_token` of a former run, or one of the service's.
    """

    def fetch(changed: Mapping[str, Any]) -> Page:
        return client.call(operation, changed)

    assert operation.pagination is not None  # noqa: S101 - asked of operations with pages alone
    asked = dict(parameters)
    if page_size is not None:
        asked[operation.pagination.limit_key] = page_size
    return Pages(fetch, operation.pagination, asked, max_items, starting_token)


class Pages:
    """Pages to iterate over once; that raises what `Client.call` does, and `PaginationFailed`."""

    def __init__(
        self,
        fetch: Callable[[Mapping[str, Any]], Page],
        pagination: Pagination,
        parameters: dict[str, Any],
        max_items: int | None,
        starting_token: str | None,
    ) -> None:
        self._fetch = fetch
        self._input_token = pagination.input_token
        self._output_token = pagination.output_token
        self._parameters = parameters
        self._max_items = max_items
        self._starting_token = starting_token
        self.result_key = pagination.result_key
        """The member of a page that lists its items."""
        self.resume_token: str | None = None
        """What a later call goes on with, known when the pages have been iterated over; None at their end."""

    def full_result(self) -> Page:
        """All pages as one answer: the items, and the token for going on, if there is one, as `NextToken`."""
        result: Page = {}
        for page in self:
            items = page.get(self.result_key)
            if items is not None:
                result.setdefault(self.result_key, []).extend(items)
        if self.resume_token is not None:
            result["NextToken"] = self.resume_token
        return result

    def __iter__(self) -> Iterator[Page]:
        token: Token = {self._input_token: None}
        skipped = 0
        if self._starting_token is not None:
            token, skipped = self._parse_starting_token(self._starting_token)
            self._ask_for(token)
        last_token: Token | None = None
        total = 0
        while True:
            page = self._fetch(self._parameters)
            if last_token is None and self._starting_token is not None:
                page[self.result_key] = _after(page.get(self.result_key), skipped)
            items = page.get(self.result_key) or []
            too_many = 0 if self._max_items is None else total + len(items) - self._max_items
            if too_many > 0:
                kept = len(items) - too_many
                page[self.result_key] = items[:kept]
                token[_TRUNCATED] = kept + (skipped if last_token is None else 0)
                self.resume_token = self._encode(token)
                yield page
                return
            yield page
            total += len(items)
            token = {self._input_token: page.get(self._output_token) or None}
            if token[self._input_token] is None:
                return
            if total == self._max_items:
                self.resume_token = self._encode(token)
                return
            if token == last_token:
                raise PaginationFailed(
                    f"Error during pagination: The same next token was received twice: {token}"
                )
            self._ask_for(token)
            last_token = token

    def _ask_for(self, token: Token) -> None:
        for name, value in token.items():
            if value is not None and value != "None":
                self._parameters[name] = value
            else:
                self._parameters.pop(name, None)

    def _parse_starting_token(self, text: str) -> tuple[Token, int]:
        """The service's token, and how many items of its page to skip."""
        try:
            token = json.loads(base64.b64decode(text.encode()).decode())
        except ValueError:
            return self._parse_old_token(text)
        if isinstance(token, list):
            return self._parse_old_token(text)
        if not isinstance(token, dict):
            raise PaginationFailed(f"'{type(token).__name__}' object has no attribute 'pop'")
        skipped = token.pop(_TRUNCATED, 0)
        if not isinstance(skipped, int):
            raise PaginationFailed("slice indices must be integers or None or have an __index__ method")
        return token, skipped

    def _parse_old_token(self, text: str) -> tuple[Token, int]:
        """`TOKEN`, `None` for the first page, or either with `___NUMBER`: what old versions gave out."""
        parts, skipped = text.split(_OLD_SEPARATOR), 0
        if len(parts) == 2:
            try:
                skipped = int(parts[1])
            except ValueError:
                parts = [text]  # the service's own token happens to look like that
            else:
                parts = parts[:1]
        if len(parts) > 1:
            raise PaginationFailed(f"Bad starting token: {text}")
        return {self._input_token: None if parts[0] == "None" else parts[0]}, skipped

    def _encode(self, token: Token) -> str:
        if token.keys() - {_TRUNCATED} != {self._input_token}:
            raise PaginationFailed(f"Bad starting token: {token}")
        return base64.b64encode(json.dumps(token).encode()).decode()


def _after(items: Any, skipped: int) -> Any:
    return items[skipped:] if isinstance(items, list) else None
