"""IMPORT_ASSET_FROM_API_GATEWAY_API: what CreateJob takes, and which documents become an asset."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import replace
from typing import Any

import pytest
from tests.jobs.harness import OTHER_SCOPE, Harness, Interrupted, interrupt_at

from entrepot.domain.data_set import AssetType
from entrepot.domain.errors import Conflict, ResourceNotFound, ValidationFailed
from entrepot.domain.identifiers import upload_store_key
from entrepot.domain.job import Job, JobErrorCode, JobState, JobType
from entrepot.domain.limits import Limit, Limits
from entrepot.domain.revision import Revision
from entrepot.jobs import import_asset_from_api_gateway_api
from entrepot.jobs.crash_points import CrashPoint
from entrepot.model import shapes

KIND = JobType.IMPORT_ASSET_FROM_API_GATEWAY_API
DOCUMENT = json.dumps(
    {"openapi": "3.0.3", "info": {"title": "Weather", "version": "1"}, "paths": {}}
).encode()


@pytest.fixture
async def revision(harness: Harness) -> Revision:
    return await harness.revision(await harness.data_set(AssetType.API_GATEWAY_API))


def details(revision: Revision, document: bytes = DOCUMENT, **members: Any) -> dict[str, Any]:
    request = {
        "ApiId": "weather",
        "ApiName": "Weather",
        "ApiSpecificationMd5Hash": base64.b64encode(hashlib.md5(document).digest()).decode(),
        "DataSetId": revision.data_set_id,
        "ProtocolType": "REST",
        "RevisionId": revision.id,
        "Stage": "prod",
    }
    return {"ImportAssetFromApiGatewayApi": request | members}


async def imported(
    harness: Harness, revision: Revision, document: bytes | None = DOCUMENT, **members: Any
) -> Job:
    job = await harness.create(KIND, details(revision, document or b"", **members), {"team": "a"})
    if document is not None:
        harness.own.put(upload_store_key(job.id), memoryview(document), len(document))
    return await harness.finish(job)


async def test_createjob_answers_where_the_document_goes(harness: Harness, revision: Revision) -> None:
    job_id, checked = await harness.check(KIND, details(revision, ApiKey="k", ApiDescription="d"))
    answered = checked.details.import_asset_from_api_gateway_api
    assert answered is not None
    assert upload_store_key(job_id) in answered.api_specification_upload_url
    assert (answered.api_key, answered.api_description, answered.stage) == ("k", "d", "prod")
    assert (checked.data_set_id, checked.revision_ids) == (revision.data_set_id, (revision.id,))


async def test_the_document_becomes_the_bytes_of_an_asset_that_is_the_api(
    harness: Harness, revision: Revision
) -> None:
    job = await imported(harness, revision, ApiKey="k-1", ApiDescription="# Weather")
    assert (job.state, job.errors) == (JobState.COMPLETED, ())
    (asset,) = await harness.assets(revision)
    assert (asset.name, asset.asset_type, asset.size_bytes) == (
        "Weather",
        AssetType.API_GATEWAY_API,
        len(DOCUMENT),
    )
    assert harness.content(asset) == DOCUMENT
    assert asset.details_json is not None
    api = shapes.decode(asset.details_json, shapes.AssetDetails).api_gateway_api_asset
    assert api == shapes.ApiGatewayApiAsset(
        api_description="# Weather",
        api_id="weather",
        api_key="k-1",
        api_name="Weather",
        protocol_type="REST",
        stage="prod",
    )
    assert await harness.nothing_is_left_of(job)


@pytest.mark.parametrize(
    "members",
    [
        {"ApiId": "a.evil.example/"},
        {"ApiId": "A"},
        {"ApiId": ""},
        {"ApiId": "a@b"},
        {"Stage": "prod/.."},
        {"Stage": ".."},
        {"Stage": ""},
        {"Stage": "a" * 129},
        {"ApiName": ""},
        {"ApiName": "a" * 1025},
        {"ApiKey": "a\r\nX-B: c"},
        {"ApiKey": ""},
        {"ApiKey": "ä"},
        {"ApiDescription": "a" * 16_349},
    ],
)
async def test_what_cannot_be_part_of_a_url_or_a_header_is_refused(
    harness: Harness, revision: Revision, members: dict[str, str]
) -> None:
    with pytest.raises(ValidationFailed, match=next(iter(members))):
        await harness.check(KIND, details(revision, **members))


async def test_the_revision_is_the_caller_s_own_open_and_of_apis(
    harness: Harness, revision: Revision
) -> None:
    with pytest.raises(ResourceNotFound):
        await harness.check(KIND, details(revision), OTHER_SCOPE)
    with pytest.raises(ValidationFailed, match="API_GATEWAY_API"):
        await harness.check(KIND, details(await harness.revision()))
    with pytest.raises(ValidationFailed, match="ImportAssetFromApiGatewayApi"):
        await harness.check(KIND, {})
    await harness.finalized(revision)
    with pytest.raises(Conflict):
        await harness.check(KIND, details(revision))


@pytest.mark.parametrize(
    ("document", "code", "told"),
    [
        (None, JobErrorCode.RESOURCE_NOT_FOUND_EXCEPTION, "Nothing was uploaded"),
        (b"{", JobErrorCode.VALIDATION_EXCEPTION, "not JSON"),
        (b'{"swagger": "2.0"}', JobErrorCode.VALIDATION_EXCEPTION, "oas30"),
        (b'{"openapi": "3.0.3", "paths": 1}', JobErrorCode.VALIDATION_EXCEPTION, "'info' is a required"),
    ],
)
async def test_a_document_that_nobody_can_read_makes_no_asset(
    harness: Harness, revision: Revision, document: bytes | None, code: JobErrorCode, told: str
) -> None:
    job = await imported(harness, revision, document)
    assert job.state is JobState.ERROR
    (error,) = job.errors
    assert error.code is code
    assert told in error.message
    assert "'Weather'" in error.message
    assert await harness.assets(revision) == []
    assert await harness.nothing_is_left_of(job)


async def test_another_document_than_was_announced_is_refused(harness: Harness, revision: Revision) -> None:
    job = await harness.create(KIND, details(revision))
    harness.own.put(upload_store_key(job.id), memoryview(DOCUMENT + b" "), len(DOCUMENT) + 1)
    ended = await harness.finish(job)
    assert (ended.state, ended.errors[0].code) == (JobState.ERROR, JobErrorCode.VALIDATION_EXCEPTION)
    assert "ApiSpecificationMd5Hash" in ended.errors[0].message


async def test_a_document_is_read_up_to_its_limit(
    harness: Harness, revision: Revision, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_asset_from_api_gateway_api, "LARGEST_DOCUMENT_BYTES", len(DOCUMENT))
    assert (await imported(harness, revision)).state is JobState.COMPLETED
    (error,) = (await imported(harness, revision, DOCUMENT + b" ")).errors
    assert f"may have {len(DOCUMENT)}" in error.message


async def test_a_revision_takes_as_many_apis_as_the_quota_says(harness: Harness, revision: Revision) -> None:
    few = replace(harness, limits=Limits({Limit.API_ASSETS_PER_REVISION: 1}))
    assert (await imported(few, revision)).state is JobState.COMPLETED
    (error,) = (await imported(few, revision)).errors
    assert error.code is JobErrorCode.SERVICE_QUOTA_EXCEEDED_EXCEPTION
    assert len(await harness.assets(revision)) == 1


@pytest.mark.parametrize("point", [CrashPoint.PLAN_RECORDED, CrashPoint.ITEM_MOVED, CrashPoint.INSIDE_FINISH])
async def test_an_import_that_is_interrupted_is_taken_up_again(
    harness: Harness, revision: Revision, point: CrashPoint
) -> None:
    job = await harness.create(KIND, details(revision))
    harness.own.put(upload_store_key(job.id), memoryview(DOCUMENT), len(DOCUMENT))
    run_id = await harness.start(job)
    with pytest.raises(Interrupted):
        await harness.runner(at=interrupt_at(point)).run(run_id)
    assert await harness.assets(revision) == []
    await harness.runner().run(await harness.taken_over(run_id))
    assert (await harness.job(job.id)).state is JobState.COMPLETED
    assert len(await harness.assets(revision)) == 1
