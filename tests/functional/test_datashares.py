"""Datashares between accounts of a running exchange: tables of a PostgreSQL, and shares of Redshift."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from botocore.exceptions import ClientError
from tests.datashares.conftest import owner_database, owners_server
from tests.datashares.owner_database import OwnerDatabase, logged_in
from tests.functional import flow
from tests.functional.accounts import Account, new_account, run_entrepot
from tests.functional.flow import until
from tests.servers.exchanges import Exchange
from tests.servers.redshift import add_share as add_warehouse
from tests.servers.redshift import consumers_of

from entrepot.domain.datashare import DatabaseLogin

__all__ = ["owner_database", "owners_server"]

PATIENCE_SECONDS = 60.0
NAMESPACE = "86b5169f-01dc-4a6f-9fbb-e2e24359e9a8"


@dataclass(frozen=True)
class Fair:
    server: Exchange
    provider: Account
    receiver: Account


@pytest.fixture(scope="module")
def fair(sigv4_exchange: Exchange) -> Iterator[Fair]:
    accounts = [new_account(sigv4_exchange, name) for name in ("provider", "receiver")]
    yield Fair(sigv4_exchange, *accounts)
    for account in accounts:
        account.client.close()


@dataclass(frozen=True)
class Granted:
    """A grant of a data set with one share, accepted."""

    data_set_id: str
    revision_id: str
    grant_arn: str
    entitled_asset_id: str


def import_share(account: Account, arn: str) -> tuple[str, str, dict[str, Any]]:
    """Data set, revision, and the job that has ended."""
    adx = account.client
    data_set = adx.create_data_set(AssetType="REDSHIFT_DATA_SHARE", Name="tables", Description="live")["Id"]
    revision = adx.create_revision(DataSetId=data_set)["Id"]
    details = {"AssetSources": [{"DataShareArn": arn}], "DataSetId": data_set, "RevisionId": revision}
    job = adx.create_job(
        Type="IMPORT_ASSETS_FROM_REDSHIFT_DATA_SHARES",
        Details={"ImportAssetsFromRedshiftDataShares": details},
    )["Id"]
    adx.start_job(JobId=job)
    until(lambda: adx.get_job(JobId=job)["State"] not in {"WAITING", "IN_PROGRESS"})
    return data_set, revision, adx.get_job(JobId=job)


def grant_share(fair: Fair, arn: str, **options: Any) -> Granted:
    provider, receiver = fair.provider.client, fair.receiver.client
    data_set, revision, job = import_share(fair.provider, arn)
    assert job["State"] == "COMPLETED", job
    provider.update_revision(DataSetId=data_set, RevisionId=revision, Finalized=True)
    grant = provider.create_data_grant(
        Name="tables",
        GrantDistributionScope="NONE",
        ReceiverPrincipal=fair.receiver.id,
        SourceDataSetId=data_set,
        **options,
    )
    receiver.accept_data_grant(DataGrantArn=grant["Arn"])
    entitled = grant["DataSetId"]
    (seen,) = receiver.list_data_set_revisions(DataSetId=entitled)["Revisions"]
    (asset,) = receiver.list_revision_assets(DataSetId=entitled, RevisionId=seen["Id"])["Assets"]
    assert asset["AssetDetails"] == {"RedshiftDataShareAsset": {"Arn": arn}}
    return Granted(data_set, revision, grant["Arn"], asset["Id"])


def add_share(fair: Fair, owner_database: OwnerDatabase, name: str, *options: str) -> str:
    """Registers tables of the shop; the ARN."""
    line = ("datashare", "add", name, "--account", fair.provider.id, "--database", "-", "--schema", "sales")
    added: dict[str, str] = run_entrepot(fair.server, *line, *options, stdin=f"{owner_database.url}\n")
    assert added["Arn"].startswith(f"arn:aws:redshift:us-east-1:{fair.provider.id}:datashare:")
    assert added["Arn"].endswith(f"/{name}")
    return added["Arn"]


def credentials(account: Account, asset_id: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "entrepot", "datashare", "credentials", asset_id]
    return subprocess.run(line, env=account.environ(), capture_output=True, text=True, check=False)


def login_of(account: Account, asset_id: str, ends_at: datetime | None = None) -> DatabaseLogin:
    """What the account is handed, once there is something, and before that time."""
    deadline = ends_at or datetime.now(UTC) + timedelta(seconds=PATIENCE_SECONDS)
    while (asked := credentials(account, asset_id)).returncode != 0:
        assert datetime.now(UTC) < deadline, asked.stderr
    answer = json.loads(asked.stdout)
    return DatabaseLogin(
        answer["Host"],
        answer["Port"],
        answer["Database"],
        answer["Schema"],
        answer["User"],
        answer["Password"],
        answer.get("ExpiresAt"),
    )


def is_over(login: DatabaseLogin) -> bool:
    try:
        with logged_in(login):
            return False
    except psycopg.OperationalError:
        return True


def test_tables_are_shared_granted_read_and_taken_back(fair: Fair, owner_database: OwnerDatabase) -> None:
    arn = add_share(fair, owner_database, "to be revoked", "--table", "orders")
    granted = grant_share(fair, arn)
    login = login_of(fair.receiver, granted.entitled_asset_id)
    with logged_in(login) as connection:
        assert connection.execute("SELECT count(*) FROM sales.orders").fetchone() == (2,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT * FROM sales.costs")
        rotated = login_of(fair.receiver, granted.entitled_asset_id)
        assert rotated.password != login.password
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
    for account, asset_id in ((fair.provider, granted.entitled_asset_id), (fair.receiver, "0" * 32)):
        refused = credentials(account, asset_id)
        assert refused.returncode == 254
        assert "ResourceNotFoundException" in refused.stderr
    fair.provider.client.revoke_revision(
        DataSetId=granted.data_set_id, RevisionId=granted.revision_id, RevocationComment="it was wrong"
    )
    assert credentials(fair.receiver, granted.entitled_asset_id).returncode == 254
    until(lambda: is_over(rotated))


def test_the_end_of_a_grant_ends_the_login_by_itself(fair: Fair, owner_database: OwnerDatabase) -> None:
    arn = add_share(fair, owner_database, "for a while")
    with ExitStack() as stack:

        def log_in(ends_at: datetime) -> tuple[DatabaseLogin, psycopg.Connection]:
            granted = grant_share(fair, arn, EndsAt=ends_at)
            login = login_of(fair.receiver, granted.entitled_asset_id, ends_at)
            assert login.expires_at is not None
            try:
                return login, stack.enter_context(logged_in(login))
            except psycopg.OperationalError as error:
                raise LookupError("it is over already") from error

        login, connection = flow.before_the_end(log_in, seconds=4)

        def session_is_over() -> bool:
            try:
                connection.execute("SELECT 1")
            except psycopg.OperationalError:
                return True
            return False

        until(session_is_over)
    until(lambda: owner_database.value("SELECT count(*) FROM pg_roles WHERE rolname = %s", login.user) == 0)


def test_a_share_that_is_removed_is_told_to_receivers_and_leaves_no_role(
    fair: Fair, owner_database: OwnerDatabase
) -> None:
    arn = add_share(fair, owner_database, "to be removed")
    granted = grant_share(fair, arn)
    login = login_of(fair.receiver, granted.entitled_asset_id)
    listed = run_entrepot(fair.server, "datashare", "list")["Datashares"]
    (share,) = [share for share in listed if share["Arn"] == arn]
    assert share["Receivers"] == [{"AccountId": fair.receiver.id, "Role": login.user, "State": "GIVEN"}]
    assert "postgresql://" not in json.dumps(listed)
    assert run_entrepot(fair.server, "datashare", "remove", "to be removed")["Status"] == "Removed"
    assert owner_database.value("SELECT count(*) FROM pg_roles WHERE rolname = %s", login.user) == 0
    fair.receiver.awaited_event(arn, "Redshift Data Share Access Lost")
    _, _, job = import_share(fair.provider, arn)
    assert [error["Code"] for error in job["Errors"]] == ["RESOURCE_NOT_FOUND_EXCEPTION"]


def test_a_share_of_redshift_is_authorised_for_the_receiver_and_deauthorised(fair: Fair) -> None:
    arn = f"arn:aws:redshift:us-east-1:{fair.provider.id}:datashare:{NAMESPACE}/warehouse"
    redshift = fair.server.redshift_url
    add_warehouse(redshift, arn)
    granted = grant_share(fair, arn)
    until(lambda: consumers_of(redshift, arn).get(fair.receiver.id) == "AUTHORIZED")
    assert "Amazon Redshift" in credentials(fair.receiver, granted.entitled_asset_id).stderr
    fair.provider.client.delete_data_grant(DataGrantId=granted.grant_arn)
    until(lambda: consumers_of(redshift, arn).get(fair.receiver.id) == "DEAUTHORIZED")


def test_nobody_shares_what_is_another_accounts(fair: Fair, owner_database: OwnerDatabase) -> None:
    arn = add_share(fair, owner_database, "mine alone")
    warehouse = f"arn:aws:redshift:us-east-1:{fair.provider.id}:datashare:{NAMESPACE}/mine"
    add_warehouse(fair.server.redshift_url, warehouse)
    codes = []
    for foreign in (arn, warehouse):
        _, _, job = import_share(fair.receiver, foreign)
        codes += [error["Code"] for error in job["Errors"]]
    assert codes == ["RESOURCE_NOT_FOUND_EXCEPTION", "ACCESS_DENIED_EXCEPTION"]
    with pytest.raises(ClientError, match="is in Region"):
        import_share(fair.provider, arn.replace("us-east-1", "eu-west-1"))
