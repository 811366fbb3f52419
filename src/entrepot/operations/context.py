"""What an operation is given beside its request: who asks, and what the exchange can do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from entrepot.database.connection import Database
from entrepot.domain.api_call import CALLS_PER_SECOND
from entrepot.domain.identifiers import identifier
from entrepot.domain.job import JobType
from entrepot.domain.limits import Limits
from entrepot.domain.scope import Scope
from entrepot.domain.timestamp import Timestamp
from entrepot.integrations.protocols import ApiCalls
from entrepot.jobs.definition import Clock, JobDefinition
from entrepot.operations.page_tokens import PageTokens
from entrepot.transfer.signed_urls import SignedUrls
from entrepot.transfer.user_buckets import Buckets

_MOST_KEYS = 4096


@dataclass(slots=True)
class _Bucket:
    left: float
    at_milliseconds: int


class CallRate:
    """A bucket for each key: a second's calls fit in, and it fills up again as time passes."""

    def __init__(self, per_second: int = CALLS_PER_SECOND) -> None:
        self._per_second = per_second
        self._buckets: dict[str, _Bucket] = {}

    def admits(self, key: str, now: Timestamp) -> bool:
        """Whether one more call may be made now, which then counts."""
        bucket = self._buckets.pop(key, None) or _Bucket(float(self._per_second), now.milliseconds)
        # A clock that was set back must not empty a bucket.
        passed = max(0, now.milliseconds - bucket.at_milliseconds)
        bucket.left = min(float(self._per_second), bucket.left + passed * self._per_second / 1000)
        bucket.at_milliseconds = now.milliseconds
        # The last that was used goes to the end, so the first is the one longest unused: it is full again.
        if len(self._buckets) >= _MOST_KEYS:
            del self._buckets[next(iter(self._buckets))]
        self._buckets[key] = bucket
        if bucket.left < 1:
            return False
        bucket.left -= 1
        return True


@dataclass(frozen=True, slots=True)
class Services:
    database: Database
    clock: Clock
    random_bytes: Callable[[int], bytes]
    limits: Limits
    page_tokens: PageTokens
    job_types: Mapping[JobType, JobDefinition]
    signed_urls: SignedUrls
    buckets: Buckets
    """Users' buckets; what is done with one blocks, and belongs into a thread."""
    api_calls: ApiCalls
    api_rate: CallRate = field(default_factory=CallRate)
    """How often each API may be called."""
    default_page_size: int = 100
    """How many entries a list answers when MaxResults is absent [G]."""

    def new_identifier(self) -> str:
        return identifier(self.random_bytes(16))


@dataclass(frozen=True, slots=True)
class Context:
    scope: Scope
    """The caller's account and Region: nothing outside of it is seen or changed."""
    request_id: str
    services: Services
