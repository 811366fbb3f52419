"""SendApiAsset: who may call, what the API is told, and what is answered where it does not answer."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

import pytest
from tests.unit.operations.application import NOWHERE, Application, present
from tests.unit.operations.granting import RECEIVER_ID, STRANGER_ID, Exchange

from entrepot.database import assets
from entrepot.domain.api_call import CALLS_PER_SECOND, ApiAnswer, ApiCall, ApiRequest
from entrepot.domain.api_endpoint import ApiEndpoints, ApiTarget
from entrepot.domain.asset import Asset
from entrepot.domain.data_set import AssetType
from entrepot.domain.errors import (
    AccessDenied,
    IntegrationError,
    IntegrationUnavailable,
    InternalError,
    ResourceNotFound,
    ResourceType,
    TargetForbidden,
    Throttled,
    ValidationFailed,
)
from entrepot.domain.identifiers import asset_store_key
from entrepot.domain.scope import Scope
from entrepot.domain.timestamp import Timestamp
from entrepot.entitlements.visibility.assets import all_of_revision
from entrepot.model import shapes
from entrepot.operations.api_assets import send_api_asset
from entrepot.operations.assets import get_asset
from entrepot.operations.context import CallRate, Context
from entrepot.operations.data_sets import create_data_set
from entrepot.operations.revisions import create_revision, list_data_set_revisions


class Nothing:
    """An empty body."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        return
        yield

    async def aclose(self) -> None:
        pass


@dataclass
class Apis:
    """APIs that keep what they are asked."""

    endpoints: ApiEndpoints = field(default_factory=ApiEndpoints)
    asked: list[ApiRequest] = field(default_factory=list)
    trouble: IntegrationError | None = None

    def target(self, api_id: str, stage: str, owner: Scope) -> ApiTarget | None:
        return self.endpoints.find(api_id, stage, owner)

    async def send(self, request: ApiRequest) -> ApiAnswer:
        if self.trouble is not None:
            raise self.trouble
        self.asked.append(request)
        return ApiAnswer(299, [(b"x-a", b"1")], Nothing())


@dataclass(frozen=True)
class Place:
    exchange: Exchange
    apis: Apis
    asset_id: str

    @property
    def provider(self) -> Context:
        return self.exchange.provider

    @property
    def receiver(self) -> Context:
        return self.exchange.receiver

    def call(self, **members: object) -> ApiCall:
        return replace(
            ApiCall(self.exchange.data_set_id, self.exchange.revision_id, self.asset_id, "GET", b"/a", b""),
            **members,  # type: ignore[arg-type]
        )

    async def entitled_call(self) -> ApiCall:
        """What the receiver would send."""
        granted = await self.exchange.entitle()
        data_set_id = present(granted.data_set_id)
        return await self.through(data_set_id)

    async def through(self, data_set_id: str) -> ApiCall:
        listed = await list_data_set_revisions(
            self.receiver, shapes.ListDataSetRevisionsRequest(data_set_id=data_set_id)
        )
        revision_id = present(present(listed.revisions)[0].id)
        application = self.exchange.application
        (asset,) = await all_of_revision(
            application.database, self.receiver.scope, data_set_id, revision_id, application.clock()
        )
        return self.call(data_set_id=data_set_id, revision_id=revision_id, asset_id=asset.id)


@pytest.fixture
async def place(application: Application) -> Place:
    apis = Apis()
    application = replace(application, services=replace(application.services, api_calls=apis))
    provider = application.context()
    data_set_id = present(
        (
            await create_data_set(
                provider,
                shapes.CreateDataSetRequest(asset_type="API_GATEWAY_API", description="d", name="APIs"),
            )
        ).id
    )
    revision_id = present(
        (await create_revision(provider, shapes.CreateRevisionRequest(data_set_id=data_set_id))).id
    )
    asset = api_asset(application, provider.scope, data_set_id, revision_id)
    await assets.insert_many(application.database, [asset])
    exchange = Exchange(
        application, provider, application.context(RECEIVER_ID), data_set_id, revision_id, [asset.id]
    )
    await exchange.finalize(revision_id)
    return Place(exchange, apis, asset.id)


def api_asset(application: Application, scope: Scope, data_set_id: str, revision_id: str) -> Asset:
    asset_id = application.services.new_identifier()
    api = shapes.ApiGatewayApiAsset(
        api_id="abc", api_key="k-1", api_name="Weather", protocol_type="REST", stage="prod"
    )
    return Asset(
        scope=scope,
        data_set_id=data_set_id,
        revision_id=revision_id,
        id=asset_id,
        asset_type=AssetType.API_GATEWAY_API,
        name="Weather",
        created_at=application.clock(),
        updated_at=application.clock(),
        size_bytes=10,
        store_key=asset_store_key(asset_id),
        store_etag="etag",
        checksum=None,
        details_json=shapes.encode(shapes.AssetDetails(api_gateway_api_asset=api)),
    )


async def test_the_owner_calls_its_own_api(place: Place) -> None:
    call = place.call(method="post", path=b"/a b", query=b"q=1", headers=[(b"accept", b"x")], body=b"\0\xff")
    answer = await send_api_asset(place.provider, call)
    assert (answer.status, answer.headers) == (299, [(b"x-a", b"1")])
    (asked,) = place.apis.asked
    assert asked.target.url == "https://abc.execute-api.us-east-1.amazonaws.com/prod"
    assert (asked.method, asked.path, asked.query, asked.body) == ("POST", "/a%20b", "q=1", b"\0\xff")
    told = dict(asked.headers)
    assert (told[b"accept"], told[b"x-api-key"]) == (b"x", b"k-1")
    assert told[b"x-amz-dataexchange-subscription-metadata"] == b"{}"


async def test_a_receiver_calls_by_its_own_names_and_the_api_hears_the_owner_s(place: Place) -> None:
    call = await place.entitled_call()
    assert call.asset_id != place.asset_id
    await send_api_asset(place.receiver, call)
    told = {name.decode(): value.decode() for name, value in place.apis.asked[0].headers}
    metadata = json.loads(told.pop("x-amz-dataexchange-subscription-metadata"))
    assert told == {
        "x-api-key": "k-1",
        "x-amz-source-account": "111111111111",
        "x-amz-source-arn": "arn:aws:dataexchange:us-east-1:111111111111:data-sets/"
        f"{place.exchange.data_set_id}/revisions/{place.exchange.revision_id}/assets/{place.asset_id}",
        "x-amzn-dataexchange-data-set-id": place.exchange.data_set_id,
        "x-amzn-dataexchange-revision-id": place.exchange.revision_id,
        "x-amzn-dataexchange-asset-id": place.asset_id,
        "x-amzn-dataexchange-requester-account-id": RECEIVER_ID,
    }
    assert metadata["DataGrantArn"].startswith("arn:aws:dataexchange:us-east-1:111111111111:data-grants/")


async def test_nobody_else_calls_it_by_anybody_s_names(place: Place) -> None:
    entitled = await place.entitled_call()
    stranger = place.exchange.application.context(STRANGER_ID)
    elsewhere = place.exchange.application.context(region="eu-west-1")
    for context, call in (
        (stranger, place.call()),
        (stranger, entitled),
        (elsewhere, place.call()),
        (place.receiver, place.call()),
        (place.provider, place.call(asset_id=NOWHERE)),
        (place.receiver, replace(entitled, asset_id=place.asset_id)),
        (place.receiver, replace(entitled, revision_id=place.exchange.revision_id)),
    ):
        with pytest.raises(ResourceNotFound):
            await send_api_asset(context, call)
    assert place.apis.asked == []


async def test_a_call_is_possible_for_as_long_as_the_grant_lasts(place: Place) -> None:
    clock = place.exchange.application.clock
    granted = await place.exchange.grant(ends_at=clock().plus_seconds(60))
    data_set_id = present(granted.data_set_id)
    await place.exchange.accept(present(granted.arn))
    call = await place.through(data_set_id)
    await send_api_asset(place.receiver, call)
    clock.advance(60_000)
    with pytest.raises(ResourceNotFound) as caught:
        await send_api_asset(place.receiver, call)
    assert caught.value.resource_type is ResourceType.DATA_SET


async def test_a_revoked_revision_is_called_by_its_owner_alone(place: Place) -> None:
    call = await place.entitled_call()
    await place.exchange.revoke(place.exchange.revision_id, "wrong numbers")
    with pytest.raises(AccessDenied, match="wrong numbers"):
        await send_api_asset(place.receiver, call)
    await send_api_asset(place.provider, place.call())


async def test_what_is_no_api_cannot_be_called(application: Application) -> None:
    exchange = await Exchange.opened(application)
    call = ApiCall(exchange.data_set_id, exchange.revision_id, exchange.asset_ids[0], "GET", b"", b"")
    with pytest.raises(ValidationFailed, match="S3_SNAPSHOT"):
        await send_api_asset(exchange.provider, call)


@pytest.mark.parametrize("members", [{"path": b"/.."}, {"method": "TRACE"}, {"path": b"//evil.example"}])
async def test_a_wrong_call_does_not_count_and_goes_nowhere(place: Place, members: dict[str, object]) -> None:
    for _ in range(CALLS_PER_SECOND + 1):
        with pytest.raises(ValidationFailed):
            await send_api_asset(place.provider, place.call(**members))
    assert place.apis.asked == []
    await send_api_asset(place.provider, place.call())


async def test_an_api_is_called_so_often_a_second_by_all_together(place: Place) -> None:
    entitled = await place.entitled_call()
    for number in range(CALLS_PER_SECOND):
        context, call = ((place.provider, place.call()), (place.receiver, entitled))[number % 2]
        await send_api_asset(context, call)
    for context, call in ((place.provider, place.call()), (place.receiver, entitled)):
        with pytest.raises(Throttled, match="10 times a second"):
            await send_api_asset(context, call)
    place.exchange.application.clock.advance(100)
    await send_api_asset(place.receiver, entitled)
    with pytest.raises(Throttled):
        await send_api_asset(place.provider, place.call())


@pytest.mark.parametrize(
    "trouble", [IntegrationUnavailable("10.0.0.5 cannot be reached"), TargetForbidden("10.0.0.5 is private")]
)
async def test_where_an_api_gives_no_answer_only_its_owner_hears_why(
    place: Place, trouble: IntegrationError
) -> None:
    call = await place.entitled_call()
    place.apis.trouble = trouble
    with pytest.raises(InternalError, match=r"10\.0\.0\.5"):
        await send_api_asset(place.provider, place.call())
    with pytest.raises(InternalError) as caught:
        await send_api_asset(place.receiver, call)
    assert caught.value.message == "The API 'Weather' gave no answer."


async def test_an_api_that_the_table_does_not_know_is_named_for_the_operator(place: Place) -> None:
    place.apis.endpoints = ApiEndpoints.parse('{"other/prod": "https://a.example"}')
    with pytest.raises(InternalError, match="abc/prod to ENTREPOT_API_ENDPOINT"):
        await send_api_asset(place.provider, place.call())


async def seen(context: Context, call: ApiCall) -> shapes.ApiGatewayApiAsset:
    answer = await get_asset(
        context,
        shapes.GetAssetRequest(
            data_set_id=call.data_set_id, revision_id=call.revision_id, asset_id=call.asset_id
        ),
    )
    return present(present(answer.asset_details).api_gateway_api_asset)


async def test_the_endpoint_that_is_shown_is_where_calls_go(place: Place) -> None:
    entitled = await place.entitled_call()
    aws = "https://abc.execute-api.us-east-1.amazonaws.com/prod"
    assert (await seen(place.provider, place.call())).api_endpoint == aws
    assert (await seen(place.receiver, entitled)).api_endpoint == aws
    place.apis.endpoints = ApiEndpoints.parse('{"abc/prod": "http://10.0.0.5/x"}')
    assert (await seen(place.provider, place.call())).api_endpoint == "http://10.0.0.5/x"
    assert (await seen(place.receiver, entitled)).api_endpoint is None
    assert (await seen(place.provider, place.call())).api_key == "k-1"
    assert (await seen(place.receiver, entitled)).api_key is None


def test_a_bucket_fills_up_and_does_not_overflow() -> None:
    rate = CallRate(per_second=2)
    at = Timestamp(1_000_000)
    assert [rate.admits("a", at) for _ in range(3)] == [True, True, False]
    assert rate.admits("b", at)
    assert [rate.admits("a", at.plus_seconds(3600)) for _ in range(3)] == [True, True, False]
    # A clock that is set back takes nothing away, and gives nothing.
    assert not rate.admits("a", at)
    assert rate.admits("a", at.plus_seconds(1))


def test_many_apis_take_no_more_memory() -> None:
    rate = CallRate()
    for number in range(10_000):
        assert rate.admits(str(number), Timestamp(1))
    assert len(rate._buckets) <= 4096
