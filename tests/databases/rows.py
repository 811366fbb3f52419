"""Values to write, with everything set that a test does not care about."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

from entrepot.database import assets, data_sets, jobs, revisions
from entrepot.database.connection import Connection
from entrepot.domain.asset import Asset, Checksum
from entrepot.domain.data_set import AssetType, DataSet
from entrepot.domain.identifiers import asset_store_key
from entrepot.domain.job import Job, JobItem, JobState, JobType, Location, RunId
from entrepot.domain.revision import Revision
from entrepot.domain.scope import Scope
from entrepot.domain.timestamp import Timestamp

SCOPE = Scope("123456789012", "us-east-1")
ELSEWHERE = (Scope("123456789012", "eu-west-1"), Scope("999999999999", "us-east-1"))
"""The same account in another Region, and another account in the same Region."""


def at(milliseconds: int) -> Timestamp:
    """A moment in 2024."""
    return Timestamp(1_704_067_200_000 + milliseconds)


def an_id(name: str) -> str:
    """The same identifier for the same name."""
    return hashlib.sha256(name.encode()).hexdigest()[:32]


def data_set(name: str = "a data set", **changes: Any) -> DataSet:
    """A data set whose id follows from its name."""
    plain = DataSet(SCOPE, an_id(name), AssetType.S3_SNAPSHOT, name, "about it", at(0), at(0))
    return replace(plain, **changes)


def revision(name: str = "a revision", **changes: Any) -> Revision:
    """A revision of the default data set."""
    plain = Revision(SCOPE, data_set().id, an_id(name), at(0), at(0), comment=name)
    return replace(plain, **changes)


def asset(name: str = "an asset", **changes: Any) -> Asset:
    """An asset of the default revision."""
    identifier = changes.pop("id", an_id(f"asset {name}"))
    plain = Asset(
        scope=SCOPE,
        data_set_id=data_set().id,
        revision_id=revision().id,
        id=identifier,
        asset_type=AssetType.S3_SNAPSHOT,
        name=name,
        created_at=at(0),
        updated_at=at(0),
        size_bytes=5 * 1024**3,
        store_key=asset_store_key(identifier),
        store_etag="an-etag",
        checksum=Checksum("CRC64NVME", "AAAAAAAAAAA="),
    )
    return replace(plain, **changes)


def job(name: str = "a job", **changes: Any) -> Job:
    """A job that waits, about the default revision."""
    plain = Job(
        scope=SCOPE,
        id=an_id(name),
        type=JobType.IMPORT_ASSETS_FROM_S3,
        state=JobState.WAITING,
        created_at=at(0),
        updated_at=at(0),
        details_json=b'{"ImportAssetsFromS3":{"Name":"na\xc3\xafve"}}',
        data_set_id=data_set().id,
        revision_ids=(revision().id,),
    )
    return replace(plain, **changes)


def item(number: int, **changes: Any) -> JobItem:
    """An item that moves an object from a bucket into the exchange's store."""
    plain = JobItem(
        number=number,
        name=f"item {number}",
        source=Location("a-bucket", f"a/key/{number}"),
        destination=Location(None, f"assets/{number}"),
        size_bytes=100 + number,
        source_etag="an-etag",
    )
    return replace(plain, **changes)


async def add_parents(c: Connection) -> None:
    """Writes the default data set and the default revision."""
    await data_sets.insert(c, data_set())
    await revisions.insert(c, revision())


async def add_assets(c: Connection, *names: str) -> list[Asset]:
    """Writes the default parents and assets of these names."""
    await add_parents(c)
    added = [asset(name) for name in names]
    await assets.insert_many(c, added)
    return added


async def add_running_job(c: Connection, name: str = "a job", **changes: Any) -> RunId:
    """Writes a job and starts it."""
    await jobs.insert(c, job(name, **changes))
    assert await jobs.start(c, an_id(name), now=at(1))
    return RunId(an_id(name), 1)
