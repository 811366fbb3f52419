"""The bytes of one file as a reader."""

from __future__ import annotations

import os
from types import TracebackType
from typing import Self

from entrepot.domain.errors import StoreUnavailable


class LocalReader:
    """A range of one file. The file stays readable when its key is deleted or overwritten meanwhile."""

    def __init__(self, descriptor: int, offset: int, size_bytes: int, etag: str, name: str) -> None:
        self.size_bytes = size_bytes
        self.etag = etag
        self._descriptor: int | None = descriptor
        self._offset = offset
        self._position = 0
        self._name = name

    def fileno(self) -> int:
        """The open file, for those who let the kernel send it."""
        if self._descriptor is None:
            raise ValueError("the reader is closed")
        return self._descriptor

    @property
    def offset(self) -> int:
        return self._offset

    def readinto(self, buffer: memoryview) -> int:
        """Fills the front of `buffer`; 0 at the end. Raises `StoreUnavailable` where bytes are missing."""
        left = self.size_bytes - self._position
        if left <= 0 or not buffer or self._descriptor is None:
            return 0
        try:
            count = os.preadv(self._descriptor, [buffer[:left]], self._offset + self._position)
        except OSError as error:
            raise StoreUnavailable(
                f"Reading {self._name} failed: {error.strerror}. Check the disk."
            ) from error
        if count == 0:
            raise StoreUnavailable(f"{self._name} is shorter than it was: {left:,} bytes are missing.")
        self._position += count
        return count

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
