"""A request and a response as the pipeline sees them: plain values, whatever server carries them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from entrepot.domain.api_call import ByteStream

Header = tuple[bytes, bytes]
"""Name and value; names are lower-case."""


@dataclass(frozen=True, slots=True)
class HttpRequest:
    method: str
    raw_path: str
    """As it was sent: percent-encoding is not undone, so that `%2F` inside a segment stays apart from `/`."""
    query_string: bytes
    """What follows `?`, undecoded."""
    headers: Sequence[Header]
    body: bytes


class HttpResponse(NamedTuple):
    """One response. A body without `content-type` does not occur; an empty body has none."""

    status: int
    headers: Sequence[Header]
    body: bytes
    stream: ByteStream | None = None
    """In place of `body`: chunks that are passed on as they come. Whoever sends it closes it. `headers` then
    have the length where it is known."""
