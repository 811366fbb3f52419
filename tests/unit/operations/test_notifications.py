from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.servers.both_databases import on_both_databases
from tests.unit.operations.application import NOWHERE, START, Application
from tests.unit.operations.granting import STRANGER_ID, Exchange
from tests.unit.operations.receiving import told

from entrepot.database import notifications
from entrepot.domain.data_set import AssetType
from entrepot.domain.errors import AccessDenied, Conflict, ResourceNotFound, ResourceType, ValidationFailed
from entrepot.domain.event import NotificationType
from entrepot.model import shapes
from entrepot.operations.context import Context
from entrepot.operations.notifications import require_details, require_scope, send_data_set_notification

PAST, FUTURE = START.plus_seconds(-60), START.plus_seconds(3600)


@pytest.fixture
async def exchange(application: Application) -> Exchange:
    return await Exchange.opened(application)


async def send(context: Context, data_set_id: str, kind: str = "DATA_DELAY", **members: Any) -> None:
    request = {"DataSetId": data_set_id, "Type": kind, **members}
    await send_data_set_notification(context, shapes.convert(request, shapes.SendDataSetNotificationRequest))


async def notified(context: Context) -> list[dict[str, Any]]:
    return [detail["Notification"] for _, _, detail in await told(context) if "Notification" in detail]


@on_both_databases
async def test_everyone_who_has_the_data_set_is_told_word_for_word(exchange: Exchange) -> None:
    other = exchange.application.context(STRANGER_ID)
    mine, theirs = await exchange.entitle(), await exchange.grant(STRANGER_ID)
    await exchange.accept(theirs.arn, other)
    said = {"Comment": "Rows were missing.", "Details": {"DataUpdate": {"DataUpdatedAt": PAST.isoformat()}}}
    await send(exchange.provider, exchange.data_set_id, "DATA_UPDATE", **said)
    for context, granted in ((exchange.receiver, mine), (other, theirs)):
        ((kind, resources, detail),) = await told(context)
        assert kind == "Data Updated in Data Set"
        assert resources == (f"arn:aws:dataexchange:us-east-1::data-sets/{granted.data_set_id}",)
        assert detail["DataSet"] == {
            "Id": granted.data_set_id,
            "Name": "prices",
            "AssetType": "S3_SNAPSHOT",
        }
        assert detail["Notification"] == {"Type": "DATA_UPDATE", **said}


@pytest.mark.parametrize(
    ("kind", "detail_type", "details"),
    [
        ("DATA_DELAY", "Data Set Update Delayed", None),
        ("DATA_UPDATE", "Data Updated in Data Set", None),
        (
            "DEPRECATION",
            "Deprecation Planned for Data Set",
            {"Deprecation": {"DeprecationAt": FUTURE.isoformat()}},
        ),
        (
            "SCHEMA_CHANGE",
            "Schema Change Planned for Data Set",
            {
                "SchemaChange": {
                    "SchemaChangeAt": FUTURE.isoformat(),
                    "Changes": [{"Name": "price", "Type": "MODIFY", "Description": "in cents"}],
                }
            },
        ),
    ],
)
async def test_each_type_has_an_event_of_its_own(
    exchange: Exchange, kind: str, detail_type: str, details: dict[str, Any] | None
) -> None:
    await exchange.entitle()
    more = {} if details is None else {"Details": details}
    await send(exchange.provider, exchange.data_set_id, kind, **more)
    ((told_of, _, detail),) = await told(exchange.receiver)
    assert told_of == detail_type
    assert detail["Notification"] == {"Type": kind, **more}


async def test_only_the_owner_can_notify(exchange: Exchange) -> None:
    granted = await exchange.entitle()
    for context in (exchange.receiver, exchange.provider):
        with pytest.raises(AccessDenied):
            await send(context, granted.data_set_id)
    elsewhere = exchange.application.context(region="eu-west-1")
    unknown = [
        (exchange.provider, NOWHERE),
        (exchange.receiver, exchange.data_set_id),
        (exchange.application.context(STRANGER_ID), granted.data_set_id),
        (elsewhere, exchange.data_set_id),
    ]
    for context, data_set_id in unknown:
        with pytest.raises(ResourceNotFound) as caught:
            await send(context, data_set_id)
        assert caught.value.resource_type is ResourceType.DATA_SET
    assert await told(exchange.receiver) == []


async def test_a_data_set_that_nobody_has_says_so_in_the_words_that_clients_look_for(
    exchange: Exchange,
) -> None:
    await exchange.grant()  # pending
    ending = exchange.application.clock().plus_seconds(10)
    await exchange.entitle(ends_at=ending)
    exchange.application.clock.advance(10_000)
    with pytest.raises(ValidationFailed, match=r"granted to nobody.*not configured for AWS Marketplace"):
        await send(exchange.provider, exchange.data_set_id, ClientToken="a")
    assert await told(exchange.receiver) == []


@on_both_databases
async def test_the_same_token_with_the_same_request_is_told_once(exchange: Exchange) -> None:
    granted = await exchange.entitle()
    end = exchange.application.clock().plus_seconds(5).isoformat()
    details = {"Deprecation": {"DeprecationAt": end}}

    async def repeat(token: str | None) -> None:
        more = {} if token is None else {"ClientToken": token}
        await send(exchange.provider, exchange.data_set_id, "DEPRECATION", Details=details, **more)

    await asyncio.gather(*(repeat("a") for _ in range(4)))
    await repeat("b")
    await repeat(None)
    await repeat(None)
    assert len(await notified(exchange.receiver)) == 4
    exchange.application.clock.advance(10_000)
    await exchange.take_back(granted.id)
    await repeat("a")  # what was done stays done, though it could not be done any more
    with pytest.raises(ValidationFailed):
        await repeat("c")
    assert len(await notified(exchange.receiver)) == 4


@on_both_databases
async def test_the_same_token_with_another_request_is_a_conflict(exchange: Exchange) -> None:
    await exchange.entitle()
    await send(exchange.provider, exchange.data_set_id, ClientToken="a", Comment="one")
    another = await exchange.application.data_set(exchange.provider)
    for data_set_id, comment in ((exchange.data_set_id, "two"), (another, "one")):
        with pytest.raises(Conflict, match="ClientToken a") as caught:
            await send(exchange.provider, data_set_id, ClientToken="a", Comment=comment)
        assert caught.value.resource_id == data_set_id
        assert caught.value.resource_type is ResourceType.DATA_SET
    assert [said["Comment"] for said in await notified(exchange.receiver)] == ["one"]


async def test_tokens_are_those_of_one_account_and_region(exchange: Exchange) -> None:
    await exchange.entitle()
    await send(exchange.provider, exchange.data_set_id, ClientToken="a")
    database = exchange.application.database
    assert await notifications.sent_under(database, exchange.provider.scope, "a") is not None
    for elsewhere in (exchange.receiver, exchange.application.context(region="eu-west-1")):
        assert await notifications.sent_under(database, elsewhere.scope, "a") is None


@on_both_databases
async def test_a_notification_that_fails_does_not_use_its_token(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    await exchange.entitle()

    async def fail(*_: object) -> None:
        raise RuntimeError("the process ends here")

    with monkeypatch.context() as patched:
        patched.setattr("entrepot.operations.notifications.record", fail)
        with pytest.raises(RuntimeError):
            await send(exchange.provider, exchange.data_set_id, ClientToken="a")
    await send(exchange.provider, exchange.data_set_id, ClientToken="a")
    assert len(await notified(exchange.receiver)) == 1


def deprecation(moment: str) -> dict[str, Any]:
    return {"Deprecation": {"DeprecationAt": moment}}


def schema_change(*changes: dict[str, str], at: str = FUTURE.isoformat()) -> dict[str, Any]:
    return {"SchemaChange": {"SchemaChangeAt": at, "Changes": list(changes)}}


def change(name: str = "a", description: str = "") -> dict[str, str]:
    return {"Name": name, "Type": "ADD", "Description": description}


UPDATED = {"DataUpdate": {"DataUpdatedAt": PAST.isoformat()}}


@pytest.mark.parametrize(
    ("kind", "details", "message"),
    [
        ("DATA_DELAY", UPDATED, "takes no Details"),
        ("DATA_DELAY", deprecation(FUTURE.isoformat()), "takes no Details"),
        ("DATA_UPDATE", deprecation(FUTURE.isoformat()), "takes Details.DataUpdate alone"),
        ("DATA_UPDATE", {"DataUpdate": {"DataUpdatedAt": FUTURE.isoformat()}}, "is in the future"),
        ("DEPRECATION", None, "needs Details.Deprecation"),
        ("DEPRECATION", {}, "needs Details.Deprecation"),
        ("DEPRECATION", UPDATED, "takes Details.Deprecation alone"),
        ("DEPRECATION", deprecation(PAST.isoformat()), "is not in the future"),
        ("DEPRECATION", deprecation(START.isoformat()), "is not in the future"),
        ("DEPRECATION", deprecation(FUTURE.isoformat()) | UPDATED, "leave DataUpdate out"),
        ("SCHEMA_CHANGE", None, "needs Details.SchemaChange"),
        ("SCHEMA_CHANGE", schema_change(at=PAST.isoformat()), "is not in the future"),
        ("SCHEMA_CHANGE", schema_change(*[change()] * 101), "it may have 100"),
        ("SCHEMA_CHANGE", schema_change(change("x" * 256)), "256 characters"),
        ("SCHEMA_CHANGE", schema_change(change(), change("")), r"Changes\[1\].Name has 0 characters"),
        ("SCHEMA_CHANGE", schema_change(change(description="x" * 513)), "513 characters"),
    ],
)
def test_details_that_do_not_fit_their_type_are_refused(
    kind: str, details: dict[str, Any] | None, message: str
) -> None:
    given = None if details is None else shapes.convert(details, shapes.NotificationDetails)
    with pytest.raises(ValidationFailed, match=message):
        require_details(NotificationType(kind), given, START)


@pytest.mark.parametrize(
    ("kind", "details"),
    [
        ("DATA_DELAY", None),
        ("DATA_DELAY", {}),
        ("DATA_UPDATE", None),
        ("DATA_UPDATE", {"DataUpdate": {}}),
        ("DATA_UPDATE", {"DataUpdate": {"DataUpdatedAt": START.isoformat()}}),
        ("SCHEMA_CHANGE", {"SchemaChange": {"SchemaChangeAt": FUTURE.isoformat()}}),
        ("SCHEMA_CHANGE", schema_change(*[change("x" * 255, "x" * 512)] * 100)),
    ],
)
def test_details_that_fit_their_type_are_taken(kind: str, details: dict[str, Any] | None) -> None:
    given = None if details is None else shapes.convert(details, shapes.NotificationDetails)
    require_details(NotificationType(kind), given, START)


SCOPES: dict[AssetType, dict[str, Any]] = {
    AssetType.LAKE_FORMATION_DATA_PERMISSION: {
        "LakeFormationTagPolicies": [{"Database": "sales", "Table": "orders"}]
    },
    AssetType.REDSHIFT_DATA_SHARE: {
        "RedshiftDataShares": [
            {"Arn": "arn:aws:redshift:us-east-1:111111111111:datashare:x/y", "Database": "dev"}
        ]
    },
    AssetType.S3_DATA_ACCESS: {"S3DataAccesses": [{"Keys": ["k"] * 50, "KeyPrefixes": ["p/"] * 50}]},
}


@pytest.mark.parametrize("asset_type", AssetType)
def test_a_scope_fits_one_type_of_assets_and_no_other(asset_type: AssetType) -> None:
    for of_type, scope in SCOPES.items():
        given = shapes.convert(scope, shapes.ScopeDetails)
        if of_type is asset_type:
            require_scope(asset_type, given)
        else:
            with pytest.raises(ValidationFailed, match=f"A data set of type {asset_type} takes"):
                require_scope(asset_type, given)


@pytest.mark.parametrize("asset_type", AssetType)
def test_a_scope_that_says_nothing_fits_all(asset_type: AssetType) -> None:
    for scope in (None, shapes.ScopeDetails(), shapes.ScopeDetails(s3_data_accesses=[])):
        require_scope(asset_type, scope)


@pytest.mark.parametrize("member", ["Keys", "KeyPrefixes"])
def test_more_than_fifty_keys_are_refused(member: str) -> None:
    scope = shapes.convert({"S3DataAccesses": [{}, {member: ["k"] * 51}]}, shapes.ScopeDetails)
    with pytest.raises(ValidationFailed, match=rf"S3DataAccesses\[1\].{member} has 51 entries"):
        require_scope(AssetType.S3_DATA_ACCESS, scope)


async def test_a_notification_that_breaks_a_rule_is_not_sent(exchange: Exchange) -> None:
    await exchange.entitle()
    for more in ({"Details": UPDATED}, {"Scope": SCOPES[AssetType.S3_DATA_ACCESS]}):
        with pytest.raises(ValidationFailed):
            await send(exchange.provider, exchange.data_set_id, ClientToken="a", **more)
    assert await told(exchange.receiver) == []
