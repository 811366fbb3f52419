from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.servers.both_databases import on_both_databases
from tests.unit.operations.application import NOWHERE, Application, present
from tests.unit.operations.granting import STRANGER_ID, Exchange
from tests.unit.operations.receiving import BUCKET, action, create, create_id, with_buckets
from tests.unit.operations.watched_buckets import WatchedBuckets

from entrepot.database import event_actions, tags
from entrepot.domain.data_set import AssetType
from entrepot.domain.errors import (
    InternalError,
    InvalidStoreRequest,
    ResourceNotFound,
    ResourceType,
    ServiceLimitExceeded,
    StoreAccessDenied,
    StoreUnavailable,
    ValidationFailed,
)
from entrepot.domain.job import Encryption
from entrepot.domain.limits import Limit
from entrepot.model import shapes
from entrepot.operations.context import Context
from entrepot.operations.event_actions import (
    create_event_action,
    delete_event_action,
    get_event_action,
    list_event_actions,
    update_event_action,
)
from entrepot.operations.tags import list_tags_for_resource, tag_resource, untag_resource
from entrepot.transfer.user_buckets import Access

KEY_ARN = "arn:aws:kms:us-east-1:222222222222:key/a"
PROBE = "_ADX-TEST-ACCOUNTID#222222222222"


@pytest.fixture
async def both(application: Application, tmp_path: Path) -> tuple[Exchange, WatchedBuckets]:
    return await with_buckets(application, tmp_path / "buckets")


@pytest.fixture
def exchange(both: tuple[Exchange, WatchedBuckets]) -> Exchange:
    return both[0]


@pytest.fixture
def buckets(both: tuple[Exchange, WatchedBuckets]) -> WatchedBuckets:
    return both[1]


@pytest.fixture
async def data_set_id(exchange: Exchange) -> str:
    """As the receiver knows it."""
    return (await exchange.entitle()).data_set_id


@pytest.fixture
def receiver(exchange: Exchange) -> Context:
    return exchange.receiver


async def get(context: Context, event_action_id: str) -> shapes.GetEventActionResponse:
    return await get_event_action(context, shapes.GetEventActionRequest(event_action_id=event_action_id))


async def update(
    context: Context, event_action_id: str, changed: shapes.Action | None
) -> shapes.UpdateEventActionResponse:
    request = shapes.UpdateEventActionRequest(event_action_id=event_action_id, action=changed)
    return await update_event_action(context, request)


async def delete(context: Context, event_action_id: str) -> None:
    await delete_event_action(context, shapes.DeleteEventActionRequest(event_action_id=event_action_id))


async def listed(context: Context, event_source_id: str | None = None) -> list[str]:
    request = shapes.ListEventActionsRequest(event_source_id=event_source_id, max_results=2)
    ids: list[str] = []
    while True:
        answer = await list_event_actions(context, request)
        ids += [entry.id for entry in answer.event_actions or ()]
        if answer.next_token is None:
            return ids
        request = shapes.ListEventActionsRequest(
            event_source_id=event_source_id, max_results=2, next_token=answer.next_token
        )


@on_both_databases
async def test_an_event_action_is_created_and_got_as_it_was_given(
    exchange: Exchange, receiver: Context, data_set_id: str
) -> None:
    wanted = action(pattern="in/${Asset.Name}", Type="aws:kms", KmsKeyArn=KEY_ARN)
    created = await create(receiver, data_set_id, wanted, team="research")
    now = exchange.application.clock()
    assert shapes.encode(created.action) == shapes.encode(wanted)
    assert created.arn == f"arn:aws:dataexchange:us-east-1:222222222222:event-actions/{created.id}"
    assert created.event == shapes.Event(revision_published=shapes.RevisionPublished(data_set_id=data_set_id))
    assert (created.created_at, created.updated_at) == (now, now)
    assert created.tags == {"team": "research"}
    assert shapes.encode(await get(receiver, present(created.id))) == shapes.encode(created)


async def test_an_absent_key_pattern_stays_absent_in_the_answers(receiver: Context, data_set_id: str) -> None:
    created = await create(receiver, data_set_id)
    answer = shapes.decode(
        shapes.encode(await get(receiver, present(created.id))), shapes.GetEventActionResponse
    )
    assert answer.action == action()
    assert answer.tags is None


async def test_what_is_not_entitled_is_refused(
    exchange: Exchange, buckets: WatchedBuckets, receiver: Context, data_set_id: str
) -> None:
    pending = (await exchange.grant()).data_set_id
    own = await exchange.application.data_set(receiver)
    refused = [
        (exchange.provider, exchange.data_set_id),  # owned
        (exchange.provider, data_set_id),  # the copy that the owner gave
        (receiver, own),
        (receiver, exchange.data_set_id),  # the original
        (receiver, pending),
        (receiver, NOWHERE),
        (exchange.application.context(STRANGER_ID), data_set_id),
        (exchange.application.context("222222222222", "eu-west-1"), data_set_id),
    ]
    for context, named in refused:
        with pytest.raises(ValidationFailed, match="none that this account is entitled to") as caught:
            await create(context, named)
        assert caught.value.exception_cause is None
    assert buckets.opened == []


async def test_only_files_can_be_exported(exchange: Exchange, receiver: Context) -> None:
    application, provider = exchange.application, exchange.provider
    api_id = await application.data_set(provider, asset_type=AssetType.API_GATEWAY_API)
    revision_id = await application.revision(provider, api_id)
    await application.assets(provider, api_id, revision_id)
    of_api = Exchange(application, provider, receiver, api_id, revision_id, [])
    await of_api.finalize(revision_id)
    with pytest.raises(ValidationFailed, match="holds assets of type API_GATEWAY_API"):
        await create(receiver, (await of_api.entitle()).data_set_id)


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (shapes.Action(), "ExportRevisionToS3"),
        (action(bucket=""), "Bucket is empty"),
        (action(pattern="same"), "gives every asset the same key"),
        (action(pattern=""), "gives every asset the same key"),
        (action(pattern="${Asset.Nam}"), "unknown reference"),
        (action(pattern="${Asset.Name"), "closing brace"),
        (action(Type="aws:kms"), "KmsKeyArn"),
        (action(Type="AES256", KmsKeyArn=KEY_ARN), "KmsKeyArn"),
    ],
)
async def test_an_action_that_no_job_could_do_is_refused(
    buckets: WatchedBuckets, receiver: Context, data_set_id: str, wanted: shapes.Action, message: str
) -> None:
    created = await create_id(receiver, data_set_id)
    buckets.opened.clear()
    with pytest.raises(ValidationFailed, match=message):
        await create(receiver, data_set_id, wanted)
    with pytest.raises(ValidationFailed, match=message):
        await update(receiver, created, wanted)
    assert buckets.opened == []
    assert await listed(receiver) == [created]


async def test_an_event_without_a_revision_published_is_refused(receiver: Context) -> None:
    with pytest.raises(ValidationFailed, match="RevisionPublished"):
        await create_event_action(
            receiver, shapes.CreateEventActionRequest(action=action(), event=shapes.Event())
        )


@pytest.mark.parametrize(
    ("pattern", "beginning"),
    [
        (None, ""),
        ("${Asset.Id}", ""),
        ("incoming/${Revision.Id}/${Asset.Name}", "incoming/"),
        ("in-${Asset.Name}", "in-"),
    ],
)
async def test_the_bucket_is_tried_where_exports_go_and_left_as_it_was(
    buckets: WatchedBuckets, receiver: Context, data_set_id: str, pattern: str | None, beginning: str
) -> None:
    key = beginning + PROBE
    created = await create_id(receiver, data_set_id, action(pattern=pattern))
    assert buckets.opened == [("222222222222", BUCKET, key, Access.WRITE)]
    assert buckets.written == [(BUCKET, key, None)]
    assert buckets.keys(BUCKET) == []
    await update(receiver, created, action(pattern=pattern, Type="aws:kms", KmsKeyArn=KEY_ARN))
    assert buckets.written[1:] == [(BUCKET, key, Encryption("aws:kms", KEY_ARN))]
    assert buckets.keys(BUCKET) == []


def not_allowed(buckets: WatchedBuckets) -> None:
    buckets.not_allowed = StoreAccessDenied("Account 222222222222 may not write to it.", bucket=BUCKET)


def policy(buckets: WatchedBuckets) -> None:
    buckets.put_fails = StoreAccessDenied("403", bucket=BUCKET)


def no_bucket(buckets: WatchedBuckets) -> None:
    (buckets.folder / BUCKET).rename(buckets.folder / "another")


def bad_request(buckets: WatchedBuckets) -> None:
    buckets.put_fails = InvalidStoreRequest("400", bucket=BUCKET)


@pytest.mark.parametrize(
    ("spoil", "cause"),
    [
        (not_allowed, "S3AccessDenied"),
        (policy, "InsufficientS3BucketPolicy"),
        (no_bucket, "S3AccessDenied"),
        (bad_request, None),
    ],
)
async def test_a_bucket_that_cannot_be_written_to_is_refused_with_its_cause(
    buckets: WatchedBuckets,
    receiver: Context,
    data_set_id: str,
    spoil: Callable[[WatchedBuckets], None],
    cause: str | None,
) -> None:
    created = await create_id(receiver, data_set_id)
    spoil(buckets)
    for attempt in (create(receiver, data_set_id), update(receiver, created, action(pattern="${Asset.Id}"))):
        with pytest.raises(ValidationFailed) as caught:
            await attempt
        assert caught.value.exception_cause == cause
    assert await listed(receiver) == [created]
    assert shapes.encode((await get(receiver, created)).action) == shapes.encode(action())


async def test_a_bucket_that_is_out_of_reach_is_nobody_s_mistake(
    buckets: WatchedBuckets, receiver: Context, data_set_id: str
) -> None:
    buckets.put_fails = StoreUnavailable("S3 does not answer.", bucket=BUCKET)
    with pytest.raises(InternalError, match="try again"):
        await create(receiver, data_set_id)


async def test_a_bucket_that_is_slow_is_not_waited_for_for_ever(
    buckets: WatchedBuckets, receiver: Context, data_set_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered = threading.Event()
    monkeypatch.setattr("entrepot.operations.event_actions.PROBE_SECONDS", 0.05)
    monkeypatch.setattr(buckets, "before_put", answered.wait)
    with pytest.raises(InternalError, match="longer than"):
        await create(receiver, data_set_id)
    answered.set()
    assert await listed(receiver) == []


async def test_what_cannot_be_removed_again_stays(
    buckets: WatchedBuckets, receiver: Context, data_set_id: str
) -> None:
    buckets.delete_fails = StoreAccessDenied("403", bucket=BUCKET)
    await create(receiver, data_set_id)
    assert buckets.keys(BUCKET) == [PROBE]


@on_both_databases
async def test_an_update_replaces_the_action_and_nothing_else(
    exchange: Exchange, receiver: Context, data_set_id: str
) -> None:
    created = await create(receiver, data_set_id, team="research")
    moment = exchange.application.clock.advance(5)
    changed = action(pattern="${Asset.Id}")
    updated = await update(receiver, present(created.id), changed)
    assert shapes.encode(updated.action) == shapes.encode(changed)
    assert (updated.created_at, updated.updated_at) == (created.created_at, moment)
    assert (updated.arn, updated.event) == (created.arn, created.event)
    assert (await get(receiver, present(created.id))).tags == {"team": "research"}


async def test_an_update_with_nothing_new_changes_nothing(
    exchange: Exchange, buckets: WatchedBuckets, receiver: Context, data_set_id: str
) -> None:
    created = await create(receiver, data_set_id)
    exchange.application.clock.advance(5)
    for same in (None, action()):
        assert (await update(receiver, present(created.id), same)).updated_at == created.updated_at
    assert len(buckets.written) == 2  # an action that was given is tried again


@on_both_databases
async def test_a_deleted_event_action_is_gone_with_its_tags(
    application: Application, exchange: Exchange, receiver: Context, data_set_id: str
) -> None:
    created = await create(receiver, data_set_id, team="research")
    await delete(receiver, present(created.id))
    assert await tags.get(application.database, receiver.scope, present(created.arn)) == {}
    for attempt in (get, delete):
        with pytest.raises(ResourceNotFound) as caught:
            await attempt(receiver, present(created.id))
        assert (caught.value.resource_id, caught.value.resource_type) == (
            created.id,
            ResourceType.EVENT_ACTION,
        )


@on_both_databases
async def test_the_list_is_newest_first_and_of_one_data_set_if_so_asked(
    exchange: Exchange, receiver: Context, data_set_id: str
) -> None:
    other = (await exchange.entitle()).data_set_id
    made: list[tuple[str, str]] = []
    for source in (data_set_id, other, data_set_id, data_set_id, other):
        exchange.application.clock.advance()
        made.insert(0, (await create_id(receiver, source), source))
    assert await listed(receiver) == [event_action_id for event_action_id, _ in made]
    assert await listed(receiver, other) == [made[0][0], made[3][0]]
    assert await listed(receiver, NOWHERE) == []


async def test_a_token_of_one_filter_is_refused_by_another(
    exchange: Exchange, receiver: Context, data_set_id: str
) -> None:
    for _ in range(2):
        await create(receiver, data_set_id)
    page = await list_event_actions(receiver, shapes.ListEventActionsRequest(max_results=1))
    with pytest.raises(ValidationFailed, match="NextToken"):
        await list_event_actions(
            receiver,
            shapes.ListEventActionsRequest(event_source_id=data_set_id, next_token=page.next_token),
        )


@on_both_databases
async def test_a_data_set_and_an_account_have_so_many_and_no_more(
    exchange: Exchange, buckets: WatchedBuckets, receiver: Context
) -> None:
    limits = {Limit.EVENT_ACTIONS_PER_DATA_SET: 2, Limit.EVENT_ACTIONS_PER_ACCOUNT: 3}
    context = exchange.application.with_limits(limits).context(receiver.scope.account_id)
    first, second = [(await exchange.entitle()).data_set_id for _ in range(2)]
    for source in (first, first, second):
        await create(context, source)
    tried = len(buckets.written)
    for source, limit, value in (
        (first, "Auto export event actions per data set", 2.0),
        (second, "Event actions per account", 3.0),
    ):
        with pytest.raises(ServiceLimitExceeded) as caught:
            await create(context, source)
        assert (caught.value.limit_name, caught.value.limit_value) == (limit, value)
    assert len(buckets.written) == tried
    await delete(context, (await listed(context, first))[0])
    await create(context, second)


@on_both_databases
async def test_of_many_at_once_no_more_are_made_than_there_may_be(
    exchange: Exchange, receiver: Context, data_set_id: str
) -> None:
    results = await asyncio.gather(*(create(receiver, data_set_id) for _ in range(8)), return_exceptions=True)
    assert sum(isinstance(result, ServiceLimitExceeded) for result in results) == 3
    assert len(await listed(receiver, data_set_id)) == 5


@on_both_databases
async def test_after_the_end_of_the_grant_it_can_be_seen_and_deleted_but_not_changed(
    exchange: Exchange, receiver: Context
) -> None:
    end = exchange.application.clock().plus_seconds(10)
    ending, revoked = await exchange.entitle(ends_at=end), await exchange.entitle()
    made = [await create_id(receiver, grant.data_set_id) for grant in (ending, revoked)]
    await exchange.take_back(revoked.id)
    exchange.application.clock.advance(10_000)
    for event_action_id, grant in zip(made, (ending, revoked), strict=True):
        with pytest.raises(ValidationFailed, match="entitled"):
            await update(receiver, event_action_id, action(pattern="${Asset.Id}"))
        with pytest.raises(ValidationFailed, match="entitled"):
            await create(receiver, grant.data_set_id)
        assert (await get(receiver, event_action_id)).id == event_action_id
        await delete(receiver, event_action_id)
    assert await listed(receiver) == []


@on_both_databases
async def test_a_grant_that_is_taken_back_while_the_bucket_is_tried_leaves_no_event_action(
    exchange: Exchange, buckets: WatchedBuckets, receiver: Context
) -> None:
    granted = await exchange.entitle()
    of_account = buckets.of_account

    async def taking_back(account_id: str) -> object:
        await exchange.take_back(granted.id)
        return await of_account(account_id)

    buckets.of_account = taking_back  # type: ignore[method-assign, assignment]
    with pytest.raises(ValidationFailed, match="entitled"):
        await create(receiver, granted.data_set_id)
    assert await event_actions.count(exchange.application.database, receiver.scope) == 0


@on_both_databases
async def test_event_actions_of_others_do_not_exist(
    exchange: Exchange, receiver: Context, data_set_id: str
) -> None:
    created = await create(receiver, data_set_id, team="research")
    identifier, arn = present(created.id), present(created.arn)
    strangers = [
        exchange.provider,
        exchange.application.context(STRANGER_ID),
        exchange.application.context(receiver.scope.account_id, "eu-west-1"),
    ]
    for stranger in strangers:
        attempts = [
            get(stranger, identifier),
            update(stranger, identifier, action(pattern="${Asset.Id}")),
            update(stranger, identifier, None),
            delete(stranger, identifier),
            tag_resource(stranger, shapes.TagResourceRequest(resource_arn=arn, tags={"a": "b"})),
            untag_resource(stranger, shapes.UntagResourceRequest(resource_arn=arn, tag_keys=["team"])),
            list_tags_for_resource(stranger, shapes.ListTagsForResourceRequest(resource_arn=arn)),
        ]
        for attempt in attempts:
            with pytest.raises(ResourceNotFound) as caught:
                await attempt
            assert caught.value.resource_type is ResourceType.EVENT_ACTION
        assert await listed(stranger) == []
        assert await listed(stranger, data_set_id) == []
    assert shapes.encode(await get(receiver, identifier)) == shapes.encode(created)


async def test_it_is_tagged_by_its_arn(receiver: Context, data_set_id: str) -> None:
    created = await create(receiver, data_set_id, team="research")
    arn = present(created.arn)
    await tag_resource(receiver, shapes.TagResourceRequest(resource_arn=arn, tags={"a": "1"}))
    await untag_resource(receiver, shapes.UntagResourceRequest(resource_arn=arn, tag_keys=["team"]))
    found = await list_tags_for_resource(receiver, shapes.ListTagsForResourceRequest(resource_arn=arn))
    assert found.tags == {"a": "1"}
    assert (await get(receiver, present(created.id))).tags == {"a": "1"}
    missing = arn.replace(present(created.id), NOWHERE)
    with pytest.raises(ResourceNotFound):
        await tag_resource(receiver, shapes.TagResourceRequest(resource_arn=missing, tags={"a": "1"}))


async def test_bad_tags_are_refused_before_anything_else(
    buckets: WatchedBuckets, receiver: Context, data_set_id: str
) -> None:
    with pytest.raises(ValidationFailed, match="aws:"):
        await create(receiver, data_set_id, **{"aws:x": "1"})
    assert buckets.opened == []
