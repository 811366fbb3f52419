"""What a job type is: four questions that the runner asks, in this order.

    check     at CreateJob: may this job exist, and what does GetJob show of it?
    plan      once, after StartJob: which objects go from where to where?
    run_item  per object: move it
    finish    what becomes true when everything has moved, in one transaction

One module a job type answers them; `registry.py` lists the modules, `runner.py` asks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import msgspec

from entrepot.domain.asset import Asset
from entrepot.domain.job import ItemResult, Job, JobItem, JobType, MultipartCheckpoint
from entrepot.domain.limits import Limits
from entrepot.domain.scope import Scope
from entrepot.domain.timestamp import Timestamp
from entrepot.model import shapes

if TYPE_CHECKING:  # the API process checks jobs too, and must start without what moves bytes
    from entrepot.database.connection import Connection, Database
    from entrepot.integrations.protocols import Integrations
    from entrepot.transfer.signed_urls import SignedUrls
    from entrepot.transfer.transfer import Transfer
    from entrepot.transfer.user_buckets import AccountBuckets

Answer = TypeVar("Answer")
Clock = Callable[[], Timestamp]


@dataclass(frozen=True, slots=True)
class Creation:
    scope: Scope
    job_id: str
    """The id the job will have, so that an upload URL can be made before it exists."""
    now: Timestamp
    details: shapes.RequestDetails
    database: Connection
    limits: Limits
    signed_urls: SignedUrls


class OfRevision(Protocol):
    """Details of a job that is about one revision."""

    @property
    def data_set_id(self) -> str: ...

    @property
    def revision_id(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Checked:
    """A CreateJob request that was found good."""

    details: shapes.ResponseDetails
    data_set_id: str
    revision_ids: tuple[str, ...]
    """The revisions the job is about, for ListJobs."""

    @classmethod
    def of(cls, job_type: JobType, details: OfRevision) -> Checked:
        """`details` are what GetJob shows as the job type's own member of Details."""
        member: dict[str, Any] = {job_type.lower(): details}
        return cls(shapes.ResponseDetails(**member), details.data_set_id, (details.revision_id,))


@dataclass(frozen=True, slots=True)
class Run:
    job: Job
    details: shapes.ResponseDetails
    database: Database
    transfer: Transfer
    """Acts for the job's account: what that may not use, it cannot move."""
    buckets: AccountBuckets
    """For looking at buckets of the job's account by other means; opening one may be done in any thread."""
    integrations: Integrations
    limits: Limits
    signed_urls: SignedUrls
    clock: Clock


@dataclass(frozen=True, slots=True)
class Callbacks:
    """How an item tells how far it is. Both may be called from any thread that is not the event loop's."""

    on_bytes: Callable[[int], None]
    on_checkpoint: Callable[[MultipartCheckpoint | None], None]
    """The multipart upload is so far now; None: there is none any more. For an upload without parts it
    returns once that is recorded, and raises `JobLost` where it cannot be."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the one final transaction of a job writes, beside the job's new state."""

    assets: tuple[Asset, ...] = ()
    asset_tags: Mapping[str, str] | None = None
    details: shapes.ResponseDetails | None = None
    """Replaces the job's Details, where finishing adds something to them."""


class JobDefinition(Protocol):
    @property
    def type(self) -> JobType:
        """The type it defines."""

    def buckets(self, details: shapes.RequestDetails) -> set[str]:
        """The users' buckets that the job would read or write; none, if a type does not say otherwise."""
        return set()

    async def check(self, creation: Creation) -> Checked:
        """Decides about a CreateJob request; reads, and writes nothing.

        Raises `ValidationFailed`, `ResourceNotFound`, `Conflict` or `AccessDenied`.
        """

    async def plan(self, run: Run) -> tuple[JobItem, ...]:
        """Resolves every object the job is about, numbered from 0; an empty plan is fine.

        Moves nothing. Raises `JobFailed` that names all bad objects, not just the first one.
        """

    async def run_item(self, run: Run, item: JobItem, callbacks: Callbacks) -> ItemResult:
        """Moves one object and proves that it arrived; doing it twice does no more than doing it once.

        Raises a `StoreError`, or `JobFailed`. Never asked where a plan has no items.
        """
        raise ValueError(f"a job of type {run.job.type} moves no items")

    async def finish(self, run: Run, items: Sequence[JobItem]) -> Outcome:
        """What becomes true now that every item has its result; writes nothing itself. Raises `JobFailed`.

        Nothing beside the job's new state, if a type does not say otherwise.
        """
        return Outcome()

    def leftovers(self, job: Job) -> tuple[str, ...]:
        """Keys of the exchange's own store that nobody needs once the job has ended, however it ended."""
        return ()


def answer(kind: Callable[..., Answer], said: msgspec.Struct, **more: object) -> Answer:
    """An answer of the API with all members of `said`: of a request's details, or of an entry in a list."""
    return kind(**msgspec.structs.asdict(said), **more)
