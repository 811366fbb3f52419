"""Receivers have in Lake Formation what they are entitled to, and nothing else; moto plays the catalogue."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from secrets import token_hex

import pytest
from tests.databases.rows import an_id, asset, data_set, revision
from tests.provisioning.fixtures import OWNER, Fixtures
from tests.servers.lake_formation import Catalog, catalog_of, lake_formation_on

from entrepot.database import assets, data_grants, data_sets, external_access, revisions
from entrepot.database.connection import Database
from entrepot.domain.data_set import AssetType
from entrepot.domain.errors import IntegrationRefused
from entrepot.domain.external_access import AccessState
from entrepot.domain.lake_formation import LFCatalog, LFResourceType, LFTag, LFTagPolicy
from entrepot.entitlements.provisioning.provisioners import Entry, LakeFormationProvisioner, policy_of
from entrepot.entitlements.provisioning.reconciler import Reconciler
from entrepot.model import shapes

KIND = AssetType.LAKE_FORMATION_DATA_PERMISSION
RECEIVER, OTHER_RECEIVER = "222222222222", "333333333333"
ANY = ("DESCRIBE",)


@pytest.fixture(scope="module")
def catalog(moto_url: str) -> Iterator[Catalog]:
    with catalog_of(OWNER.account_id, moto_url) as opened:
        yield opened


def details_of(
    tag_key: str,
    permissions: tuple[str, ...] = ANY,
    *,
    of_databases: bool = False,
    role_arn: str = f"arn:aws:iam::{OWNER.account_id}:role/exchange",
) -> shapes.AssetDetails:
    expression = [shapes.LFTag(tag_key=tag_key, tag_values=["gold"])]
    resource = (
        shapes.LFResourceDetails(database=shapes.DatabaseLFTagPolicy(expression=expression))
        if of_databases
        else shapes.LFResourceDetails(table=shapes.TableLFTagPolicy(expression=expression))
    )
    policy = shapes.LFTagPolicyDetails(
        catalog_id=OWNER.account_id,
        resource_type="DATABASE" if of_databases else "TABLE",
        resource_details=resource,
    )
    return shapes.AssetDetails(
        lake_formation_data_permission_asset=shapes.LakeFormationDataPermissionAsset(
            lake_formation_data_permission_details=shapes.LakeFormationDataPermissionDetails(
                lf_tag_policy=policy
            ),
            lake_formation_data_permission_type="LFTagPolicy",
            permissions=list(permissions),
            role_arn=role_arn,
        )
    )


@dataclass(frozen=True)
class Lake:
    """A world whose data sets hold LF-tag policies."""

    fixtures: Fixtures
    reconciler: Reconciler

    async def share(self, data_set_name: str, *shared: shapes.AssetDetails) -> None:
        """A data set with one finalized revision that has these assets."""
        database = self.fixtures.database
        the_set = data_set(data_set_name, scope=OWNER, asset_type=KIND)
        the_revision = revision(data_set_name, scope=OWNER, data_set_id=the_set.id, finalized=True)
        await data_sets.insert(database, the_set)
        await revisions.insert(database, the_revision)
        made = [
            asset(
                id=an_id(f"{data_set_name} {number}"),
                scope=OWNER,
                data_set_id=the_set.id,
                revision_id=the_revision.id,
                asset_type=KIND,
                size_bytes=0,
                store_key="",
                store_etag="",
                checksum=None,
                details_json=shapes.encode(details),
            )
            for number, details in enumerate(shared)
        ]
        await assets.insert_many(database, made)

    async def grant(self, data_set_name: str, receiver: str = RECEIVER, **changes: object) -> str:
        """The id of an accepted grant of that data set."""
        name = token_hex(4)
        granted = await self.fixtures.grant(name, receiver=receiver, data_set_name=data_set_name, **changes)  # type: ignore[arg-type]
        return granted.id

    async def end(self, grant_id: str) -> None:
        await data_grants.delete(self.fixtures.database, OWNER, grant_id)


@pytest.fixture
def lake(database: Database, moto_url: str) -> Iterator[Lake]:
    fixtures = Fixtures(database)
    with lake_formation_on(moto_url) as lake_formation:
        yield Lake(fixtures, Reconciler(database, [LakeFormationProvisioner(lake_formation)], fixtures.clock))


async def test_a_receiver_is_granted_the_policies_and_may_pass_them_on_until_the_grant_is_deleted(
    lake: Lake, catalog: Catalog
) -> None:
    key = catalog.tag("gold")
    both = ("DESCRIBE", "SELECT")
    await lake.share("ds", details_of(key, of_databases=True), details_of(key, both))
    grant_id = await lake.grant("ds")
    await lake.reconciler.settle()
    assert catalog.grants(key) == [(RECEIVER, "DATABASE", ANY, ANY), (RECEIVER, "TABLE", both, both)]
    await lake.end(grant_id)
    await lake.reconciler.settle()
    assert catalog.grants(key) == []


async def test_access_ends_with_the_grant(lake: Lake, catalog: Catalog) -> None:
    key = catalog.tag("gold")
    await lake.share("ds", details_of(key))
    await lake.grant("ds", ends_at=lake.fixtures.now.plus_seconds(60))
    await lake.reconciler.settle()
    assert catalog.grants(key) == [(RECEIVER, "TABLE", ANY, ANY)]
    lake.fixtures.passes(61)
    await lake.reconciler.settle()
    assert catalog.grants(key) == []


async def test_a_policy_that_two_grants_give_is_taken_back_with_the_last(
    lake: Lake, catalog: Catalog
) -> None:
    key = catalog.tag("gold")
    await lake.share("one", details_of(key))
    await lake.share("two", details_of(key))
    first, second = await lake.grant("one"), await lake.grant("two")
    await lake.grant("two", OTHER_RECEIVER)
    await lake.reconciler.settle()
    await lake.end(first)
    await lake.reconciler.settle()
    assert catalog.grants(key) == [(RECEIVER, "TABLE", ANY, ANY), (OTHER_RECEIVER, "TABLE", ANY, ANY)]
    await lake.end(second)
    await lake.reconciler.settle()
    assert catalog.grants(key) == [(OTHER_RECEIVER, "TABLE", ANY, ANY)]


class AddingUp:
    """Lake Formation's way with permissions: one sum for each receiver and policy.

    moto's breaks where a sum of two permissions is granted again.
    """

    def __init__(self) -> None:
        self.held: dict[tuple[str, LFResourceType, tuple[LFTag, ...]], set[str]] = {}

    async def missing(self, catalog: LFCatalog, expression: Sequence[LFTag]) -> list[str]:
        return []

    async def grant(self, policy: LFTagPolicy, receiver_id: str) -> None:
        held = self.held.setdefault((receiver_id, policy.resource_type, policy.expression), set())
        held |= set(policy.permissions)

    async def revoke(self, policy: LFTagPolicy, receiver_id: str) -> None:
        held = self.held.setdefault((receiver_id, policy.resource_type, policy.expression), set())
        held -= set(policy.permissions)


async def test_where_permissions_overlap_what_remains_entitled_remains(lake: Lake) -> None:
    service = AddingUp()
    reconciler = Reconciler(lake.fixtures.database, [LakeFormationProvisioner(service)], lake.fixtures.clock)
    await lake.share("more", details_of("env", ("DESCRIBE", "SELECT")))
    await lake.share("less", details_of("env", ("DESCRIBE",)))
    more, less = await lake.grant("more"), await lake.grant("less")
    await reconciler.settle()
    assert list(service.held.values()) == [{"DESCRIBE", "SELECT"}]
    await lake.end(more)
    await reconciler.settle()
    assert list(service.held.values()) == [{"DESCRIBE"}]
    await lake.end(less)
    await reconciler.settle()
    assert list(service.held.values()) == [set()]


async def test_what_somebody_revoked_in_lake_formation_is_given_again(lake: Lake, catalog: Catalog) -> None:
    key = catalog.tag("gold")
    await lake.share("ds", details_of(key))
    await lake.grant("ds")
    await lake.reconciler.settle()
    catalog.client.revoke_permissions(
        CatalogId=OWNER.account_id,
        Principal={"DataLakePrincipalIdentifier": RECEIVER},
        Resource={
            "LFTagPolicy": {
                "CatalogId": OWNER.account_id,
                "ResourceType": "TABLE",
                "Expression": [{"TagKey": key, "TagValues": ["gold"]}],
            }
        },
        Permissions=["DESCRIBE"],
        PermissionsWithGrantOption=["DESCRIBE"],
    )
    assert catalog.grants(key) == []
    lake.fixtures.passes(LakeFormationProvisioner.renewed_after_seconds + 1)
    await lake.reconciler.settle()
    assert catalog.grants(key) == [(RECEIVER, "TABLE", ANY, ANY)]


async def test_while_lake_formation_is_away_the_row_says_so_and_it_is_tried_again(
    lake: Lake, catalog: Catalog, moto_url: str
) -> None:
    key = catalog.tag("gold")
    await lake.share("ds", details_of(key))
    grant_id = await lake.grant("ds")
    with lake_formation_on("http://127.0.0.1:9") as nowhere:
        await Reconciler(
            lake.fixtures.database, [LakeFormationProvisioner(nowhere)], lake.fixtures.clock
        ).settle()
    row = await external_access.get(lake.fixtures.database, grant_id, an_id("ds 0"))
    assert row is not None and row.state is AccessState.WANTED
    assert row.error is not None and "AWS STS cannot be reached" in row.error
    lake.fixtures.passes(600)
    await lake.reconciler.settle()
    assert catalog.grants(key) == [(RECEIVER, "TABLE", ANY, ANY)]


def entry(details: shapes.AssetDetails) -> Entry:
    return Entry(an_id("g"), an_id("a"), OWNER, RECEIVER, an_id("d"), an_id("e"), KIND, details)


def test_an_asset_says_its_policy() -> None:
    policy = policy_of(entry(details_of("env", ("SELECT",), of_databases=True)))
    assert policy.resource_type is LFResourceType.DATABASE
    assert policy.expression == (LFTag("env", ("gold",)),)
    assert (policy.catalog.owner, policy.catalog.catalog_id) == (OWNER, OWNER.account_id)
    assert policy.permissions == ("SELECT",)


def test_an_asset_without_a_policy_is_refused() -> None:
    with pytest.raises(IntegrationRefused, match="names no LF-tag policy"):
        policy_of(entry(shapes.AssetDetails()))
