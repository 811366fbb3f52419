"""Which objects of a bucket an S3 data access asset shares, and how a listing of them is put together.

What is shared lies in the order of keys as a few spans side by side: all keys with one prefix, or one key. A
listing asks for a part of that order, and so comes down to listings inside of single spans, one after the
other. Nothing outside of the spans is ever asked for.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from entrepot.domain.bucket_permission import has_dot_segments

BEHIND = "\U0010ffff"
"""Behind a prefix: a text after which, of all keys that begin with the prefix, none that matters follows."""


@dataclass(frozen=True, slots=True)
class Span:
    """Keys side by side: one key, or all that begin with a prefix."""

    start: str
    is_key: bool = False

    def includes(self, key: str) -> bool:
        return key == self.start if self.is_key else key.startswith(self.start)

    def narrowed(self, prefix: str) -> Span | None:
        """Those of the keys that begin with the prefix; None where none can."""
        if self.start.startswith(prefix):
            return self
        return Span(prefix) if not self.is_key and prefix.startswith(self.start) else None

    def lies_before(self, position: str) -> bool:
        """Whether none of the keys follows the position."""
        if position < self.start:
            return False
        return self.is_key or not position.startswith(self.start)

    def rolled_up(self, prefix: str, delimiter: str) -> str | None:
        """The one common prefix that all of the keys have in a listing; None where they differ in theirs."""
        return common_prefix(self.start, prefix, delimiter)

    def is_grouped_like(self, prefix: str, delimiter: str) -> bool:
        """Whether listing below `start` finds the same common prefixes as listing below `prefix`.

        Not where a delimiter of several characters may begin inside of `start` and end behind it.
        """
        return not any(
            self.start[len(prefix) :].endswith(delimiter[:length]) for length in range(1, len(delimiter))
        )


@dataclass(frozen=True, slots=True)
class SharedObjects:
    """The keys and the prefixes that were named; neither means the whole bucket [C]."""

    keys: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()

    @property
    def are_all(self) -> bool:
        return not self.keys and not self.prefixes

    def include(self, key: str) -> bool:
        """Whether the object under the key is shared: named, and by a key that means the same everywhere.

        Some servers take `shared/../secret` for `secret`.
        """
        named = self.are_all or key in self.keys or any(key.startswith(prefix) for prefix in self.prefixes)
        return named and not has_dot_segments(key)

    def leads_to(self, key: str) -> bool:
        """Whether the key is that of a folder in which something is shared, as many clients see it."""
        folder = key if key.endswith("/") else key + "/"
        return any(place.startswith(folder) for place in (*self.keys, *self.prefixes))

    def may_include(self, prefix: str) -> bool:
        """Whether objects may be shared whose keys begin so; the last segment may be unfinished."""
        return not has_dot_segments(prefix.rpartition("/")[0]) if "/" in prefix else True

    def reach_below(self, prefix: str) -> bool:
        """Whether any key that begins so can be shared, be the object there or not."""
        found = (span.narrowed(prefix) for span in self.spans())
        return any(span is not None and self.may_include(span.start) for span in found)

    def spans(self) -> tuple[Span, ...]:
        """What is shared, in the order of keys, no key in two of them."""
        prefixes = _outermost(self.prefixes) if not self.are_all else [""]
        keys = {key for key in self.keys if not any(key.startswith(prefix) for prefix in prefixes)}
        spans = [*(Span(prefix) for prefix in prefixes), *(Span(key, is_key=True) for key in keys)]
        return tuple(sorted(spans, key=lambda span: span.start))


def common_prefix(key: str, prefix: str, delimiter: str) -> str | None:
    """What a key that begins with `prefix` is rolled up into: all up to the first delimiter behind it."""
    if not delimiter:
        return None
    found = key.find(delimiter, len(prefix))
    return None if found < 0 else key[: found + len(delimiter)]


def _outermost(prefixes: Iterable[str]) -> list[str]:
    """The prefixes without those that begin with another one."""
    outermost: list[str] = []
    for prefix in sorted(prefixes):
        if not outermost or not prefix.startswith(outermost[-1]):
            outermost.append(prefix)
    return outermost
