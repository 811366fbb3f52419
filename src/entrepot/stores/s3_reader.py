"""The bytes of an S3 object as they arrive, taken up again where a connection breaks."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Self

from entrepot.domain.errors import StoreUnavailable
from entrepot.domain.object_headers import NO_HEADERS, ObjectHeaders
from entrepot.http.answer import Answer, ConnectionFailed

_BREAKS = 5


class S3Reader:
    """Reads `size_bytes` of one object.

    A connection that breaks is replaced by a request for the rest, pinned to the same ETag, up to five times
    in a row without a byte. So the bytes are those of one version of the object, or `ObjectChanged` is
    raised.
    """

    def __init__(
        self, answer: Answer | None, size_bytes: int, etag: str, resume: Callable[[int], Answer], name: str
    ) -> None:
        self.size_bytes = size_bytes
        self.etag = etag
        self.headers = NO_HEADERS if answer is None else ObjectHeaders.of(answer.headers)
        self._answer = answer
        self._resume = resume
        self._name = name
        self._position = 0
        self._closed = False
        self._breaks = 0

    def readinto(self, buffer: memoryview) -> int:
        """Fills the front of `buffer`; 0 at the end. Raises a `StoreError` where the rest cannot be had."""
        while self._position < self.size_bytes and buffer and not self._closed:
            try:
                if self._answer is None:
                    self._answer = self._resume(self._position)
                count = self._answer.readinto(buffer[: self.size_bytes - self._position])
                if count == 0:
                    raise ConnectionFailed("the answer is shorter than it said")  # noqa: TRY301 - it broke
            except ConnectionFailed as failure:
                self._let_go()
                self._breaks += 1
                if self._breaks > _BREAKS:
                    raise StoreUnavailable(
                        f"Reading {self._name} broke off at byte {self._position:,} of {self.size_bytes:,}: "
                        f"{failure}. Try again later."
                    ) from failure
                continue
            self._position += count
            self._breaks = 0
            return count
        if self._position >= self.size_bytes:
            self._let_go()
        return 0

    def abort(self) -> None:
        """Ends the connection while another thread may be reading from it: that one is let go at once."""
        self._closed = True
        answer = self._answer
        if answer is not None:
            answer.abort()

    def close(self) -> None:
        self._closed = True
        self._let_go()

    def _let_go(self) -> None:
        if self._answer is not None:
            self._answer.close()
            self._answer = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
