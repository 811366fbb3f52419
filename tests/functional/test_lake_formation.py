"""A provider's tables reach a receiver by their LF-tags, between accounts, and are taken away again.

boto3 against a running exchange, which reaches Lake Formation, Glue and STS on moto.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.functional import flow
from tests.functional.clients import client
from tests.servers.exchanges import Exchange
from tests.servers.lake_formation import Catalog, Grants, catalog_of

PROVIDER, RECEIVER = "111122223333", "444455556666"
KIND = "IMPORT_ASSETS_FROM_LAKE_FORMATION_TAG_POLICY"
PATIENCE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Place:
    """The exchange, both accounts on it, and the provider's data catalogue."""

    server: Exchange
    provider: Any
    receiver: Any
    catalog: Catalog

    def import_policy(self, place: dict[str, str], **members: Any) -> dict[str, Any]:
        return flow.run_job(
            self.provider, KIND, ImportAssetsFromLakeFormationTagPolicy=self.request(place, **members)
        )

    def request(self, place: dict[str, str], **members: Any) -> dict[str, Any]:
        named = {"CatalogId": PROVIDER, "RoleArn": self.catalog.role_arn}
        return {**named, **place, **members}

    def open_revision(self) -> dict[str, str]:
        data_set = self.provider.create_data_set(
            AssetType="LAKE_FORMATION_DATA_PERMISSION", Name="Lake", Description="Tables"
        )
        revision = self.provider.create_revision(DataSetId=data_set["Id"])
        return {"DataSetId": data_set["Id"], "RevisionId": revision["Id"]}

    def finalize(self, place: dict[str, str]) -> None:
        self.provider.update_revision(**place, Finalized=True)

    def grant(self, place: dict[str, str], **members: Any) -> dict[str, Any]:
        """An accepted data grant."""
        granted: dict[str, Any] = self.provider.create_data_grant(
            Name="lake",
            GrantDistributionScope="NONE",
            ReceiverPrincipal=RECEIVER,
            SourceDataSetId=place["DataSetId"],
            **members,
        )
        self.receiver.accept_data_grant(DataGrantArn=granted["Arn"])
        return granted

    def expect_grants(self, key: str, expected: Grants, before: datetime | None = None) -> None:
        """Waits until Lake Formation says so."""
        deadline = before or datetime.now(UTC) + timedelta(seconds=PATIENCE_SECONDS)
        while (found := self.catalog.grants(key)) != expected:
            assert datetime.now(UTC) < deadline, f"{found}; {self.server.log.read_text()}"
            time.sleep(0.05)


@pytest.fixture(scope="module")
def place(trusting_exchange: Exchange, moto_url: str) -> Iterator[Place]:
    with ExitStack() as stack:
        catalog = stack.enter_context(catalog_of(PROVIDER, moto_url))
        provider, receiver = (
            client("dataexchange", trusting_exchange.url, account_id, "any")
            for account_id in (PROVIDER, RECEIVER)
        )
        stack.callback(provider.close)
        stack.callback(receiver.close)
        yield Place(trusting_exchange, provider, receiver, catalog)


def tables(key: str, *permissions: str) -> dict[str, Any]:
    expression = [{"TagKey": key, "TagValues": ["gold"]}]
    return {"Expression": expression, "Permissions": list(permissions or ("DESCRIBE",))}


def shared_tables(place: Place) -> tuple[str, dict[str, str]]:
    """A new LF-tag, and a finalized revision that shares the tables which bear it."""
    key = place.catalog.tag("gold")
    where = place.open_revision()
    job = place.import_policy(where, Table=tables(key))
    assert job["State"] == "COMPLETED", job.get("Errors")
    place.finalize(where)
    return key, where


def test_accepted_policies_are_granted_in_lake_formation_and_withdrawn_with_the_data_grant(
    place: Place,
) -> None:
    key = place.catalog.tag("gold")
    where = place.open_revision()
    job = place.import_policy(where, Database=tables(key), Table=tables(key, "DESCRIBE", "SELECT"))
    assert job["State"] == "COMPLETED", job.get("Errors")
    assert job["Details"] == {
        "ImportAssetsFromLakeFormationTagPolicy": place.request(
            where, Database=tables(key), Table=tables(key, "DESCRIBE", "SELECT")
        )
    }
    owned = flow.assets(place.provider, where)
    assert {asset["Name"] for asset in owned} == {
        "Database(s) included in LF-tag policy",
        "Table(s) included in LF-tag policy",
    }
    place.finalize(where)
    assert place.catalog.grants(key) == []
    granted = place.grant(where)
    both, one = ("DESCRIBE", "SELECT"), ("DESCRIBE",)
    place.expect_grants(key, [(RECEIVER, "DATABASE", one, one), (RECEIVER, "TABLE", both, both)])
    (revision,) = place.receiver.list_data_set_revisions(DataSetId=granted["DataSetId"])["Revisions"]
    entitled = flow.assets(place.receiver, {"DataSetId": granted["DataSetId"], "RevisionId": revision["Id"]})
    assert [asset["Name"] for asset in entitled] == [asset["Name"] for asset in owned]
    seen = entitled[0]["AssetDetails"]["LakeFormationDataPermissionAsset"]
    assert seen["LakeFormationDataPermissionDetails"]["LFTagPolicy"]["CatalogId"] == PROVIDER
    place.provider.delete_data_grant(DataGrantId=granted["Id"])
    place.expect_grants(key, [])


def test_a_revoked_revision_takes_its_permissions_along(place: Place) -> None:
    key, where = shared_tables(place)
    place.grant(where)
    place.expect_grants(key, [(RECEIVER, "TABLE", ("DESCRIBE",), ("DESCRIBE",))])
    place.provider.revoke_revision(**where, RevocationComment="shared by mistake")
    place.expect_grants(key, [])


def test_permissions_end_when_the_data_grant_ends(place: Place) -> None:
    key, where = shared_tables(place)

    def granted(ends_at: datetime) -> None:
        place.grant(where, EndsAt=ends_at)
        place.expect_grants(key, [(RECEIVER, "TABLE", ("DESCRIBE",), ("DESCRIBE",))], ends_at)

    flow.before_the_end(granted)
    place.expect_grants(key, [])


def test_an_unknown_tag_ends_the_job_in_an_error_that_names_it(place: Place) -> None:
    where = place.open_revision()
    job = place.import_policy(where, Table=tables("no-such-tag"))
    (error,) = job["Errors"]
    assert (job["State"], error["Code"]) == ("ERROR", "VALIDATION_EXCEPTION")
    assert "there is no LF-tag 'no-such-tag'" in error["Message"]
    assert flow.assets(place.provider, where) == []


@pytest.fixture
def refused(place: Place) -> Callable[..., str]:
    """The code with which CreateJob refuses a request."""

    def ask(**members: Any) -> str:
        where = place.open_revision()
        request = place.request(where, **({"Table": tables("env")} | members))
        with pytest.raises(ClientError) as caught:
            place.provider.create_job(Type=KIND, Details={"ImportAssetsFromLakeFormationTagPolicy": request})
        code: str = caught.value.response["Error"]["Code"]
        return code

    return ask


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({"CatalogId": "11112222333x"}, "ValidationException"),
        ({"CatalogId": "1111222233334"}, "ValidationException"),
        ({"RoleArn": "arn:aws:iam::111122223333:user/somebody"}, "ValidationException"),
        ({"Table": {"Expression": [], "Permissions": ["DESCRIBE"]}}, "ValidationException"),
        ({"Table": tables("env", "DROP")}, "ValidationException"),
        ({"Database": tables("env", "SELECT")}, "ValidationException"),
        ({"CatalogId": RECEIVER}, "AccessDeniedException"),
        ({"RoleArn": f"arn:aws:iam::{RECEIVER}:role/exchange"}, "AccessDeniedException"),
    ],
)
def test_create_job_refuses_what_makes_no_sense_or_is_anothers(
    refused: Callable[..., str], members: dict[str, Any], code: str
) -> None:
    assert refused(**members) == code
