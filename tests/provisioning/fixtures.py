"""A small world: an owner's live assets, grants to receivers, a service outside, and a clock that stands."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field, replace

from tests.databases.rows import an_id, asset, at, data_set, revision
from tests.grants import a_grant

from entrepot.database import assets, data_grants, data_sets, revisions
from entrepot.database.connection import Database
from entrepot.domain.data_grant import DataGrant, MaskedKind
from entrepot.domain.data_set import AssetType
from entrepot.domain.errors import IntegrationUnavailable
from entrepot.domain.scope import Scope
from entrepot.domain.timestamp import Timestamp
from entrepot.entitlements.provisioning.provisioners import Entry, Given
from entrepot.entitlements.provisioning.reconciler import Reconciler
from entrepot.model import shapes

OWNER = Scope("111111111111", "us-east-1")
RECEIVER = "222222222222"
KIND = AssetType.REDSHIFT_DATA_SHARE


def share_arn(name: str) -> str:
    return f"arn:aws:redshift:us-east-1:111111111111:datashare:86b5169f-01dc-4a6f-9fbb-e2e24359e9a8/{name}"


@dataclass
class ExternalService:
    """What receivers can reach outside; several workers' keepers share it."""

    shared: bool
    """Whether it knows receivers alone, like Amazon Redshift, or each entry by itself, like a role."""
    reachable: set[tuple[str, ...]] = field(default_factory=set)
    calls: Counter[str] = field(default_factory=Counter)

    def key(self, entry: Entry) -> tuple[str, ...]:
        if self.shared:
            return entry.receiver_id, arn_of(entry)
        return entry.receiver_id, arn_of(entry), entry.grant_id, entry.asset_id


def arn_of(entry: Entry) -> str:
    assert entry.details.redshift_data_share_asset is not None
    return entry.details.redshift_data_share_asset.arn


@dataclass
class FakeProvisioner:
    """Gives in the service above; fails, hangs or dies where a test says so."""

    service: ExternalService
    asset_type: AssetType = KIND
    renewed_after_seconds: float | None = None
    broken: set[str] = field(default_factory=set)
    """Names of shares whose calls fail."""
    hangs_after: set[str] = field(default_factory=set)
    """Names of shares whose calls take effect and are then never heard of."""
    hangs_before: set[str] = field(default_factory=set)
    """Names of shares whose calls wait for `wakes` before they do anything."""
    wakes: asyncio.Event = field(default_factory=asyncio.Event)
    given: list[Given | None] = field(default_factory=list)
    """What `withdraw` was handed."""

    def is_shared(self, entry: Entry) -> bool:
        return self.service.shared

    async def give(self, entry: Entry) -> Given | None:
        await self._called("give", entry)
        self.service.reachable.add(self.service.key(entry))
        await self._after(entry)
        return {"Note": entry.asset_id}

    async def withdraw(self, entry: Entry, given: Given | None) -> None:
        self.given.append(given)
        await self._called("withdraw", entry)
        self.service.reachable.discard(self.service.key(entry))
        await self._after(entry)

    async def _called(self, what: str, entry: Entry) -> None:
        name = arn_of(entry).rpartition("/")[2]
        self.service.calls[f"{what} {name}"] += 1
        await asyncio.sleep(0)
        if name in self.hangs_before:
            await self.wakes.wait()
        if name in self.broken:
            raise IntegrationUnavailable(f"the service of {name} is down")

    async def _after(self, entry: Entry) -> None:
        if arn_of(entry).rpartition("/")[2] in self.hangs_after:
            await asyncio.Event().wait()


class Fixtures:
    """Writes into the database what operations and jobs would write."""

    def __init__(self, database: Database, *, shared: bool = False) -> None:
        self.database = database
        self.now = at(0)
        self.service = ExternalService(shared)
        self.provisioner = FakeProvisioner(self.service)

    def clock(self) -> Timestamp:
        return self.now

    def passes(self, seconds: float) -> None:
        self.now = self.now.plus_seconds(seconds)

    def reconciler(
        self,
        *,
        provisioner: FakeProvisioner | None = None,
        database: Database | None = None,
        call_seconds: float = 5.0,
    ) -> Reconciler:
        return Reconciler(
            database or self.database,
            [provisioner or self.provisioner],
            self.clock,
            call_seconds=call_seconds,
        )

    async def share(
        self,
        name: str = "sales",
        *,
        owner: Scope = OWNER,
        data_set_name: str = "ds",
        revision_name: str | None = None,
        finalized: bool = True,
        arn: str | None = None,
    ) -> None:
        """A data set, and in it a revision of its own with one live asset."""
        the_set = data_set(data_set_name, scope=owner, asset_type=KIND)
        if await data_sets.get(self.database, owner, the_set.id) is None:
            await data_sets.insert(self.database, the_set)
        the_revision = revision(
            revision_name or name, scope=owner, data_set_id=the_set.id, finalized=finalized
        )
        if await revisions.get(self.database, owner, the_set.id, the_revision.id) is None:
            await revisions.insert(self.database, the_revision)
        details = shapes.AssetDetails(
            redshift_data_share_asset=shapes.RedshiftDataShareAsset(arn=arn or share_arn(name))
        )
        live = asset(
            name,
            id=an_id(f"{data_set_name} {name}"),
            scope=owner,
            data_set_id=the_set.id,
            revision_id=the_revision.id,
            asset_type=KIND,
            size_bytes=0,
            store_key="",
            store_etag="",
            checksum=None,
            details_json=shapes.encode(details),
        )
        await assets.insert_many(self.database, [live])

    async def grant(
        self,
        name: str = "a grant",
        *,
        owner: Scope = OWNER,
        receiver: str = RECEIVER,
        data_set_name: str = "ds",
        accepted: bool = True,
        ends_at: Timestamp | None = None,
    ) -> DataGrant:
        granted = a_grant(
            self.now,
            scope=owner,
            id=an_id(name),
            receiver_id=receiver,
            source_data_set_id=an_id(data_set_name),
            data_set_id=an_id(f"entitled by {name}"),
            id_mask=an_id(f"mask of {name}"),
            name=name,
            asset_type=KIND,
            data_set_name=data_set_name,
            ends_at=ends_at,
            accepted_at=self.now if accepted else None,
        )
        await data_grants.insert(self.database, granted)
        return granted

    async def revoke(self, name: str, *, owner: Scope = OWNER, data_set_name: str = "ds") -> None:
        found = await revisions.get(self.database, owner, an_id(data_set_name), an_id(name))
        assert found is not None
        await revisions.save(
            self.database, replace(found, revocation_comment="it was wrong", revoked_at=self.now)
        )

    async def finalize(self, name: str, *, finalized: bool = True, data_set_name: str = "ds") -> None:
        found = await revisions.get(self.database, OWNER, an_id(data_set_name), an_id(name))
        assert found is not None
        await revisions.save(self.database, replace(found, finalized=finalized, updated_at=self.now))

    def reachable(self, receiver: str = RECEIVER) -> list[str]:
        """The names of the shares that a receiver reaches outside, one for each way."""
        return sorted(key[1].rpartition("/")[2] for key in self.service.reachable if key[0] == receiver)


def masked_asset(grant: DataGrant, data_set_name: str, name: str) -> str:
    return grant.masked(MaskedKind.ASSET, an_id(f"{data_set_name} {name}"))
