from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import pytest
from tests.servers.both_databases import BOTH_DATABASES
from tests.unit.operations.application import Application

from entrepot.domain.errors import ValidationFailed
from entrepot.model import shapes
from entrepot.operations.assets import delete_asset, list_revision_assets
from entrepot.operations.context import Context
from entrepot.operations.data_sets import delete_data_set, list_data_sets
from entrepot.operations.event_actions import list_event_actions
from entrepot.operations.jobs import list_jobs
from entrepot.operations.revisions import list_data_set_revisions

Call = Callable[[int | None, str | None], Awaitable[tuple[list[str], str | None]]]


@dataclass
class Shelf:
    """Seven of everything that can be listed; some of them made in the same millisecond."""

    context: Context
    data_set_id: str
    revision_id: str
    data_sets: list[str]
    revisions: list[str]
    assets: list[str]
    jobs: list[str]

    def calls(self, context: Context | None = None) -> dict[str, tuple[Call, list[str]]]:
        """Each list operation, with all ids that it should walk through."""
        context = context or self.context

        async def data_sets(size: int | None, token: str | None) -> tuple[list[str], str | None]:
            request = shapes.ListDataSetsRequest(max_results=size, next_token=token)
            answer = await list_data_sets(context, request)
            return ids(answer.data_sets), answer.next_token

        async def revisions(size: int | None, token: str | None) -> tuple[list[str], str | None]:
            request = shapes.ListDataSetRevisionsRequest(
                data_set_id=self.data_set_id, max_results=size, next_token=token
            )
            answer = await list_data_set_revisions(context, request)
            return ids(answer.revisions), answer.next_token

        async def assets(size: int | None, token: str | None) -> tuple[list[str], str | None]:
            request = shapes.ListRevisionAssetsRequest(
                data_set_id=self.data_set_id,
                revision_id=self.revision_id,
                max_results=size,
                next_token=token,
            )
            answer = await list_revision_assets(context, request)
            return ids(answer.assets), answer.next_token

        async def jobs(size: int | None, token: str | None) -> tuple[list[str], str | None]:
            request = shapes.ListJobsRequest(data_set_id=self.data_set_id, max_results=size, next_token=token)
            answer = await list_jobs(context, request)
            return ids(answer.jobs), answer.next_token

        return {
            "data sets": (data_sets, self.data_sets),
            "revisions": (revisions, self.revisions),
            "assets": (assets, self.assets),
            "jobs": (jobs, self.jobs),
        }


Entry = shapes.DataSetEntry | shapes.RevisionEntry | shapes.AssetEntry | shapes.JobEntry
KINDS = ["data sets", "revisions", "assets", "jobs"]


def ids(entries: Sequence[Entry] | None) -> list[str]:
    assert entries is not None
    return [entry.id for entry in entries]


@pytest.fixture(params=BOTH_DATABASES)
def database_kind(request: pytest.FixtureRequest) -> str:
    kind: str = request.param
    return kind


@pytest.fixture
async def shelf(application: Application, context: Context) -> Shelf:
    data_sets = []
    for number in range(7):
        data_sets.append(await application.data_set(context))
        application.clock.advance(number % 2)
    data_set_id, revisions, jobs = data_sets[0], [], []
    for number in range(7):
        revisions.append(await application.revision(context, data_set_id))
        jobs.append(await application.job(context, data_set_id, revisions[0]))
        application.clock.advance(number % 2)
    names = ["b", "a", "b", "ä", "", "a/b", "a"]
    assets = await application.assets(context, data_set_id, revisions[0], names)
    return Shelf(context, data_set_id, revisions[0], data_sets, revisions, assets, jobs)


async def walk(call: Call, size: int | None) -> list[list[str]]:
    pages: list[list[str]] = []
    token: str | None = None
    while token is not None or not pages:
        page, token = await call(size, token)
        pages.append(page)
    return pages


@pytest.mark.parametrize("kind", KINDS)
async def test_a_walk_meets_everything_once_in_the_order_of_one_page(shelf: Shelf, kind: str) -> None:
    call, everything = shelf.calls()[kind]
    whole, end = await call(200, None)
    assert sorted(whole) == sorted(everything)
    assert end is None
    for size, sizes in ((1, [1] * 7), (3, [3, 3, 1]), (7, [7]), (None, [7])):
        pages = await walk(call, size)
        assert [len(page) for page in pages] == sizes
        assert [identifier for page in pages for identifier in page] == whole


@pytest.mark.parametrize("kind", KINDS)
async def test_the_size_of_a_page_may_change_on_the_way(shelf: Shelf, kind: str) -> None:
    call, everything = shelf.calls()[kind]
    first, token = await call(2, None)
    rest, end = await call(None, token)
    assert sorted(first + rest) == sorted(everything)
    assert end is None


@pytest.mark.parametrize("kind", KINDS)
async def test_a_token_is_good_again_and_again(shelf: Shelf, kind: str) -> None:
    call, _ = shelf.calls()[kind]
    _, token = await call(3, None)
    assert await call(3, token) == await call(3, token)


async def test_without_max_results_a_page_has_a_hundred_entries(
    application: Application, context: Context
) -> None:
    data_set_id = await application.data_set(context)
    revision_id = await application.revision(context, data_set_id)
    await application.assets(context, data_set_id, revision_id, [str(number) for number in range(101)])
    request = shapes.ListRevisionAssetsRequest(data_set_id=data_set_id, revision_id=revision_id)
    answer = await list_revision_assets(context, request)
    assert len(answer.assets or ()) == 100
    assert answer.next_token is not None


async def test_deletions_on_the_way_neither_skip_nor_repeat(application: Application, shelf: Shelf) -> None:
    call, everything = shelf.calls()["assets"]
    first, token = await call(3, None)
    for asset_id in (first[0], first[-1]):
        await delete_asset(
            shelf.context,
            shapes.DeleteAssetRequest(
                data_set_id=shelf.data_set_id, revision_id=shelf.revision_id, asset_id=asset_id
            ),
        )
    rest, _ = await call(200, token)
    assert sorted(first + rest) == sorted(everything)


async def test_what_is_made_on_the_way_does_not_shift_a_walk_from_the_newest(
    application: Application, shelf: Shelf
) -> None:
    call, everything = shelf.calls()["data sets"]
    first, token = await call(3, None)
    application.clock.advance()
    await application.data_set(shelf.context)
    await delete_data_set(shelf.context, shapes.DeleteDataSetRequest(data_set_id=first[-1]))
    rest, _ = await call(200, token)
    assert sorted(first + rest) == sorted(everything)


@pytest.mark.parametrize("token", ["", "x", "AAAA", "é"])
async def test_an_invented_token_is_refused(shelf: Shelf, token: str) -> None:
    for call, _ in shelf.calls().values():
        with pytest.raises(ValidationFailed, match="NextToken"):
            await call(None, token)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_token_of_another_list_account_or_region_is_refused(
    application: Application, shelf: Shelf, kind: str
) -> None:
    _, token = await shelf.calls()[kind][0](1, None)
    elsewhere = [call for other, (call, _) in shelf.calls().items() if other != kind]
    strangers = (application.context("222222222222"), application.context(region="eu-west-1"))
    elsewhere += [shelf.calls(context)[kind][0] for context in strangers]
    for call in elsewhere:
        with pytest.raises(ValidationFailed, match="NextToken"):
            await call(1, token)


async def test_a_token_of_another_operation_with_equal_filters_is_refused(shelf: Shelf) -> None:
    _, token = await shelf.calls()["revisions"][0](1, None)
    request = shapes.ListEventActionsRequest(event_source_id=shelf.data_set_id, next_token=token)
    with pytest.raises(ValidationFailed, match="NextToken"):
        await list_event_actions(shelf.context, request)


async def test_a_token_is_bound_to_the_filters(application: Application, shelf: Shelf) -> None:
    context = shelf.context
    filters = [(None, None), (shelf.data_set_id, None), (None, shelf.revision_id), (None, shelf.data_set_id)]
    for made_for in filters[:3]:
        data_set_id, revision_id = made_for
        request = shapes.ListJobsRequest(data_set_id=data_set_id, revision_id=revision_id, max_results=1)
        token = (await list_jobs(context, request)).next_token
        for used_with in filters:
            data_set_id, revision_id = used_with
            request = shapes.ListJobsRequest(
                data_set_id=data_set_id, revision_id=revision_id, next_token=token
            )
            if used_with == made_for:
                assert len((await list_jobs(context, request)).jobs or ()) == 6
            else:
                with pytest.raises(ValidationFailed, match="NextToken"):
                    await list_jobs(context, request)


async def test_the_default_origin_and_the_named_one_share_their_tokens(shelf: Shelf) -> None:
    first = await list_data_sets(shelf.context, shapes.ListDataSetsRequest(max_results=5))
    request = shapes.ListDataSetsRequest(origin="OWNED", next_token=first.next_token)
    assert len((await list_data_sets(shelf.context, request)).data_sets or ()) == 2
    entitled = shapes.ListDataSetsRequest(origin="ENTITLED", next_token=first.next_token)
    with pytest.raises(ValidationFailed, match="NextToken"):
        await list_data_sets(shelf.context, entitled)
