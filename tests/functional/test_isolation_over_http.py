"""The isolation of accounts in a running exchange, where every request is signed: all operations, by boto3.

The same requests as in-process, from fewer sides. What is special here is the way in: keys decide who asks.
"""

from __future__ import annotations

import json
import re
import sqlite3
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import pytest
import pytest_asyncio
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from tests.functional.accounts import allow_bucket, new_account
from tests.functional.clients import client
from tests.functional.flow import import_by_signed_url
from tests.isolation.account_resources import BUCKET, Client, Refused
from tests.isolation.accounts import ELSEWHERE, HERE, OWNER, RECEIVER, STRANGER, SUPPLIER, Scene
from tests.isolation.checks import may_use_what_was_granted, sees_nothing
from tests.isolation.forms import MODEL, forms
from tests.servers.exchanges import Exchange as Running

pytestmark = pytest.mark.asyncio(loop_scope="module")

EVERYBODY = ((OWNER, HERE), (RECEIVER, HERE), (STRANGER, HERE), (OWNER, ELSEWHERE))
RESOURCES = ("data_sets", "revisions", "assets", "jobs", "data_grants", "event_actions", "tags")


@dataclass(frozen=True)
class Account:
    """A client of the SDK, as the tests of isolation call operations."""

    account_id: str
    region: str
    sdk: Any

    async def call(self, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = getattr(self.sdk, MODEL.operations[operation].python_name)(**request)
        except ClientError as error:
            members = {
                name: value
                for name, value in error.response.items()
                if name not in {"Error", "ResponseMetadata"}
            }
            raise Refused(error.response["Error"]["Code"], members) from error
        answer.pop("ResponseMetadata")
        return answer


async def put_asset(client: Client, place: Mapping[str, str], name: str) -> None:
    assert isinstance(client, Account)
    job = import_by_signed_url(client.sdk, dict(place), name, name.encode())
    assert job["State"] == "COMPLETED", job


@dataclass
class Exchange:
    """The server, and clients of its accounts by the numbers that the scene knows them by."""

    server: Running
    keys: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    """Account id, access key id and secret."""
    made: dict[tuple[str, str], Account] = field(default_factory=dict)

    def client_of(self, role: str, region: str = HERE) -> Account:
        if (role, region) not in self.made:
            account_id, access_key_id, secret = self.keys[role]
            options = {"region_name": region, "inject_host_prefix": False}
            sdk = client("dataexchange", self.server.url, access_key_id, secret, **options)
            self.made[role, region] = Account(account_id, region, sdk)
        return self.made[role, region]

    def ask(self, role: str, region: str, method: str, path: str) -> tuple[int, str]:
        """A signed request outside of the API of AWS: the status and the body."""
        _, access_key_id, secret = self.keys[role]
        request = AWSRequest(method, self.server.url + path)
        SigV4Auth(Credentials(access_key_id, secret), "dataexchange", region).add_auth(request)
        sent = urllib.request.Request(request.url, method=method, headers=dict(request.headers))
        try:
            with urllib.request.urlopen(sent) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def everything(self) -> dict[str, list[tuple[Any, ...]]]:
        """All rows of these accounts in the tables that hold resources."""
        accounts = ", ".join(f"'{account_id}'" for account_id, _, _ in self.keys.values())
        with closing(sqlite3.connect(self.server.data_dir / "entrepot.sqlite")) as connection:
            return {
                table: connection.execute(
                    f"SELECT * FROM {table} WHERE account_id IN ({accounts}) ORDER BY 1, 2, 3"
                ).fetchall()
                for table in RESOURCES
            }


@dataclass(frozen=True)
class FilledExchange:
    """An exchange, and what its accounts have there."""

    exchange: Exchange
    scene: Scene


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def filled(sigv4_exchange: Running) -> AsyncIterator[FilledExchange]:
    exchange = Exchange(sigv4_exchange)
    for role in (OWNER, RECEIVER, STRANGER, SUPPLIER):
        account = new_account(sigv4_exchange, role)
        account.client.close()
        exchange.keys[role] = account.id, account.access_key_id, account.secret_access_key
        allow_bucket(sigv4_exchange, account, BUCKET, "--write")

    async def end() -> None:
        """Nothing has to end here."""

    scene = await Scene.set(exchange.client_of, put_asset, ends_at="", end=end, everybody=EVERYBODY)
    yield FilledExchange(exchange, scene)
    for each in exchange.made.values():
        each.sdk.close()


async def test_what_is_not_the_callers_is_as_if_it_were_not(filled: FilledExchange) -> None:
    before = filled.exchange.everything()
    for operation in MODEL.operations.values():
        for form in forms(operation):
            for angle in filled.scene.strangers(filled.exchange.client_of):
                await sees_nothing(angle, form)
    assert filled.exchange.everything() == before


async def test_what_was_granted_is_read_and_exported_and_never_changed(filled: FilledExchange) -> None:
    for operation in MODEL.operations.values():
        for form in forms(operation):
            for angle in filled.scene.entitled(filled.exchange.client_of):
                await may_use_what_was_granted(angle, form)


async def test_what_aws_has_no_call_for_is_as_closed(filled: FilledExchange) -> None:
    exchange = filled.exchange
    owned, seen = filled.scene.resources[OWNER, HERE], filled.scene.granted[RECEIVER]
    for role, region in ((STRANGER, HERE), (RECEIVER, HERE), (OWNER, ELSEWHERE)):
        asked = [
            ("GET", f"/entrepot/jobs/{owned.job}/progress"),
            ("POST", f"/entrepot/datashares/{owned.asset}/credentials"),
            ("POST", f"/entrepot/datashares/{seen.asset}/credentials"),
        ]
        for method, path in asked:
            status, answer = exchange.ask(role, region, method, path)
            assert status in {400, 404}, (role, region, path, answer)
            nothing = exchange.ask(role, region, method, re.sub(r"[0-9a-f]{32}", "0" * 32, path))
            same = (status, re.sub(r"[0-9a-f]{32}", "0" * 32, answer))
            assert same == nothing, (role, region, path, answer)
            assert owned.account_id not in answer or (role, region) == (OWNER, ELSEWHERE)
    _, owners = exchange.ask(OWNER, HERE, "GET", "/entrepot/events?limit=1000")
    assert f"data-sets/{seen.data_set}" in owners  # that its grant was accepted
    assert f"data-sets/{seen.data_set}" not in exchange.ask(OWNER, ELSEWHERE, "GET", "/entrepot/events")[1]
    assert f"data-sets/{seen.data_set}" not in exchange.ask(STRANGER, HERE, "GET", "/entrepot/events")[1]
    cursor = json.loads(owners)["Cursor"]
    status, _ = exchange.ask(STRANGER, HERE, "GET", f"/entrepot/events?cursor={cursor}")
    assert status == 400


async def test_keys_decide_and_not_what_a_request_says_of_itself(filled: FilledExchange) -> None:
    exchange, owned = filled.exchange, filled.scene.resources[OWNER, HERE]
    stranger = exchange.client_of(STRANGER)

    def pretend(request: Any, **_: Any) -> None:
        request.headers["X-Amz-Account-Id"] = owned.account_id
        request.headers["Authorization-Account"] = owned.account_id

    events = stranger.sdk.meta.events
    events.register("before-sign.dataexchange.*", pretend)
    try:
        with pytest.raises(Refused) as caught:
            await stranger.call("GetDataSet", {"DataSetId": owned.data_set})
    finally:
        events.unregister("before-sign.dataexchange.*", pretend)
    assert caught.value.code == "ResourceNotFoundException"
    _, access_key_id, _ = exchange.keys[OWNER]
    _, _, secret = exchange.keys[STRANGER]
    forger = client("dataexchange", exchange.server.url, access_key_id, secret)
    with pytest.raises(ClientError) as refused:
        forger.get_data_set(DataSetId=owned.data_set)
    forger.close()
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
