"""One call of an API asset, as values: what came from the caller, what goes to the API, what it answers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from entrepot.domain.api_endpoint import ApiTarget

Header = tuple[bytes, bytes]
"""Name and value, as they are on the wire."""

LARGEST_PAYLOAD_BYTES = 10 * 1024 * 1024
"""Of a call, and of its answer [C]: 10 MB, counted as API Gateway does."""
LONGEST_ANSWER_SECONDS = 29.0
"""How long an API may keep the exchange waiting [G]: API Gateway's own limit."""
CALLS_PER_SECOND = 10
"""Of one imported API, by everybody together [C]."""


@dataclass(frozen=True, slots=True)
class ApiCall:
    """What a caller sends through an API asset."""

    data_set_id: str
    revision_id: str
    asset_id: str
    method: str
    path: bytes
    """Below the API's stage, as it was sent; empty where the stage itself is called."""
    query: bytes
    """As it was sent; a signature of the caller's is still in it."""
    headers: Sequence[Header] = ()
    """All of them, those for the exchange too; names are lower-case."""
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class ApiRequest:
    """What goes to the API. The API key is among the headers, so they are not shown."""

    target: ApiTarget
    method: str
    path: str
    """Below the target's URL: empty, or with a slash in front; percent-encoded."""
    query: str
    headers: Sequence[Header] = field(repr=False)
    body: bytes = field(repr=False)


class ByteStream(Protocol):
    """Bytes that come in chunks, once; whoever holds it closes it."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        """The chunks; raises an `EntrepotError` where they end too early."""
        ...

    async def aclose(self) -> None:
        """Ends it, read or not; harmless when repeated."""
        ...


@dataclass(frozen=True, slots=True)
class ApiAnswer:
    """What the API answers: any status, success or not."""

    status: int
    headers: Sequence[Header]
    """As they came."""
    body: ByteStream
