"""ListObjects, in both forms: the union of what is shared, in order, page by page.

    spans of the asset → narrowed to the prefix → each listed in the provider's bucket, or looked into once
                                                  where all of it is one common prefix

A page ends with a token that says in which span it ended and how far. It is sealed by an HMAC over whose
listing of what it is; and where it leads is looked up among the shared spans again, so that even a forged one
could lead nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Protocol

from entrepot.domain.shared_objects import BEHIND, SharedObjects, Span, common_prefix
from entrepot.stores.s3_view import PAGE, Page, PageObject

_REQUESTS = 24
"""To the provider, for one page. A listing that needs more ends its page early, as S3 may, too."""
_OBJECTS_ONLY = ""


class Pages(Protocol):
    """Lists a bucket: `S3View`."""

    def page(
        self,
        prefix: str,
        *,
        delimiter: str = "",
        after: str | None = None,
        token: str | None = None,
        limit: int = PAGE,
    ) -> Page:
        """One page; see `S3View.page`."""


@dataclass(frozen=True, slots=True)
class ListingRequest:
    prefix: str = ""
    delimiter: str = ""
    limit: int = PAGE


@dataclass(frozen=True, slots=True)
class Position:
    span: int = 0
    token: str | None = None
    """The provider's, for the next page inside of that span."""
    after: str | None = None
    """Where there is no token: only what follows this."""
    last_prefix: str | None = None
    """The common prefix that was listed last; what else is rolled up into it is not listed again."""


@dataclass(slots=True)
class ListedPage:
    objects: list[PageObject] = field(default_factory=list)
    common_prefixes: list[str] = field(default_factory=list)
    following: Position | None = None

    @property
    def count(self) -> int:
        return len(self.objects) + len(self.common_prefixes)

    @property
    def last_entry(self) -> str | None:
        ends = [each.key for each in self.objects[-1:]] + self.common_prefixes[-1:]
        return max(ends, default=None)


def start_position(request: ListingRequest, after: str | None) -> Position:
    """Where a listing begins that is to list only what follows `after`, be it a key or a common prefix."""
    if not after:
        return Position()
    if after.startswith(request.prefix) and common_prefix(after, request.prefix, request.delimiter) == after:
        return Position(after=after + BEHIND, last_prefix=after)
    return Position(after=after)


def list_shared(
    shared: SharedObjects, request: ListingRequest, position: Position, pages_at: Callable[[str], Pages]
) -> ListedPage:
    """One page of what is shared; `pages_at` opens the bucket for the keys that begin with a prefix.

    Blocks. Raises `StoreError`.
    """
    return _Lister(shared, request, position, pages_at).listed()


class _Lister:
    def __init__(
        self,
        shared: SharedObjects,
        request: ListingRequest,
        position: Position,
        pages_at: Callable[[str], Pages],
    ) -> None:
        self._spans = shared.spans()
        self._shared = shared
        self._request = request
        self._position = position
        self._pages_at = pages_at
        self._found = ListedPage()
        self._requests_left = _REQUESTS

    def listed(self) -> ListedPage:
        if self._request.limit == 0:
            return self._found
        while not self._is_full():
            span = self._go_to_span()
            if span is None:
                return self._found
            self._take_from(span)
        if self._anything_follows():
            self._found.following = self._position
        return self._found

    def _go_to_span(self) -> Span | None:
        """Goes on to the next span where anything may be found; None at the end of all."""
        while self._position.span < len(self._spans):
            span = self._spans[self._position.span].narrowed(self._request.prefix)
            after = self._position.after
            if (
                span is not None
                and self._shared.may_include(span.start)
                and not (after is not None and span.lies_before(after))
                and not self._is_rolled_up_already(span)
            ):
                return span
            self._next_span()
        return None

    def _anything_follows(self) -> bool:
        """Looks into what is left, so that no page promises another one that would be empty."""
        while (span := self._go_to_span()) is not None:
            if self._position.token is not None or self._requests_left <= 0 or self._any_in(span):
                return True
            self._next_span()
        return False

    def _is_rolled_up_already(self, span: Span) -> bool:
        rolled_up = span.rolled_up(self._request.prefix, self._request.delimiter)
        return rolled_up is not None and rolled_up == self._position.last_prefix

    def _is_full(self) -> bool:
        return self._found.count >= self._request.limit or self._requests_left <= 0

    @property
    def _room(self) -> int:
        return self._request.limit - self._found.count

    def _next_span(self) -> None:
        self._position = replace(self._position, span=self._position.span + 1, token=None)

    def _take_from(self, span: Span) -> None:
        request = self._request
        rolled_up = span.rolled_up(request.prefix, request.delimiter)
        if rolled_up is not None:
            if self._any_in(span):
                self._add_prefix(rolled_up)
            self._next_span()
        elif span.is_key:
            self._found.objects += self._key(span)
            self._next_span()
        elif span.is_grouped_like(request.prefix, request.delimiter):
            self._take_page(span)
        else:
            self._take_page_and_group(span)

    def _any_in(self, span: Span) -> bool:
        if span.is_key:
            return bool(self._key(span))
        limit, token = 1, self._position.token
        while self._requests_left > 0:
            page = self._page(span, limit=limit, token=token)
            if any(self._may_be_listed(each.key, span) for each in page.objects):
                return True
            if page.next_token is None:
                return False
            limit, token = PAGE, page.next_token
        return True  # for all that is known; the next page will tell

    def _key(self, span: Span) -> list[PageObject]:
        """The one object, if it is there: of all keys that begin with its key it is the first."""
        page = self._page(Span(span.start), limit=1)
        return [each for each in page.objects if self._may_be_listed(each.key, span)]

    def _take_page(self, span: Span) -> None:
        page = self._page(span, limit=self._room, delimiter=self._request.delimiter)
        self._found.objects += [each for each in page.objects if self._may_be_listed(each.key, span)]
        for prefix in page.common_prefixes:
            may_be_listed = prefix.startswith(span.start) and self._shared.may_include(prefix)
            if may_be_listed and prefix != self._position.last_prefix:
                self._add_prefix(prefix)
        if page.next_token is None:
            self._next_span()
        else:
            self._position = replace(self._position, token=page.next_token)

    def _take_page_and_group(self, span: Span) -> None:
        """Where the provider would group otherwise: a plain page, grouped here."""
        request = self._request
        page = self._page(span, limit=self._room)
        after = self._position.after
        for each in page.objects:
            prefix = common_prefix(each.key, request.prefix, request.delimiter)
            after = each.key if prefix is None else prefix + BEHIND
            if not self._may_be_listed(each.key, span):
                continue
            if prefix is None:
                self._found.objects.append(each)
            elif prefix != self._position.last_prefix:
                self._add_prefix(prefix)
        if page.next_token is None:
            self._next_span()
        else:
            token = None if page.objects else page.next_token
            self._position = replace(self._position, after=after, token=token)

    def _may_be_listed(self, key: str, span: Span) -> bool:
        """Whatever the endpoint answers: nothing is listed that could not be read."""
        return span.includes(key) and self._shared.include(key)

    def _add_prefix(self, prefix: str) -> None:
        self._found.common_prefixes.append(prefix)
        self._position = replace(self._position, last_prefix=prefix)

    def _page(
        self, span: Span, *, limit: int, delimiter: str = _OBJECTS_ONLY, token: str | None = None
    ) -> Page:
        self._requests_left -= 1
        after = self._position.after
        inside = after is not None and after.startswith(span.start)
        return self._pages_at(span.start).page(
            span.start,
            delimiter=delimiter,
            after=after if inside else None,
            token=token or self._position.token,
            limit=limit,
        )
