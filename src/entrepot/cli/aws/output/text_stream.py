"""Where the formats write to. Only type checkers import this."""

from __future__ import annotations

from typing import Protocol


class TextStream(Protocol):
    """Standard output, the pager, or what stands for them."""

    def write(self, text: str, /) -> object:
        """Take a text. Raises OSError where nobody takes it, UnicodeEncodeError for half a pair."""
        ...

    def flush(self) -> None:
        """Pass on what was held back. Raises OSError."""
        ...
