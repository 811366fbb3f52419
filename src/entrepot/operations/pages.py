"""Listings, page by page.

A NextToken holds the position of the last entry that was shown, so that the next page begins right behind it
whatever was made or deleted meanwhile. It is bound to the operation, the caller's account and Region, and the
filters; MaxResults may change from page to page.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from entrepot.domain.errors import ValidationFailed
from entrepot.operations.context import Context
from entrepot.operations.page_tokens import PageTokens

Entry = TypeVar("Entry")


class ListRequest(Protocol):
    """The members that every list operation's request has."""

    @property
    def max_results(self) -> int | None: ...

    @property
    def next_token(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class Page(Generic[Entry]):
    entries: Sequence[Entry]
    next_token: str | None
    """None on the last page."""


@dataclass(frozen=True, slots=True)
class Listing:
    """One call of a list operation: where it begins, and how much it shows."""

    size: int
    position: tuple[str | int, ...] | None
    """The place of the last entry of the page before; None at the beginning."""
    _binding: str
    _tokens: PageTokens

    @classmethod
    def of(cls, context: Context, operation: str, request: ListRequest, *filters: str | None) -> Listing:
        """Raises `ValidationFailed` when the token is none of this operation with these filters."""
        services, scope = context.services, context.scope
        binding = json.dumps([operation, scope.partition, scope.region, scope.account_id, *filters])
        token = request.next_token
        position = None if token is None else services.page_tokens.decode(binding, token)
        return cls(request.max_results or services.default_page_size, position, binding, services.page_tokens)

    @property
    def fetch(self) -> int:
        """How many rows to read: one more than is shown tells whether there is a next page."""
        return self.size + 1

    @property
    def after_moment(self) -> tuple[int, str] | None:
        """The position in a listing by time: milliseconds and id."""
        match self.position:
            case None:
                return None
            case (int(milliseconds), str(identifier)):
                return milliseconds, identifier
        raise _foreign_position()

    @property
    def after_name(self) -> tuple[str, str] | None:
        """The position in a listing by name: name and id."""
        match self.position:
            case None:
                return None
            case (str(name), str(identifier)):
                return name, identifier
        raise _foreign_position()

    def page(self, rows: Sequence[Entry], place: Callable[[Entry], tuple[str | int, ...]]) -> Page[Entry]:
        """The page made of the `fetch` rows that were read; `place` says where an entry stands."""
        if len(rows) <= self.size:
            return Page(rows, None)
        shown = rows[: self.size]
        return Page(shown, self._tokens.encode(self._binding, place(shown[-1])))


def _foreign_position() -> ValidationFailed:
    return ValidationFailed("NextToken is not valid for this listing; begin again without it.")
