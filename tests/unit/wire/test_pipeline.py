from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from entrepot.domain.errors import (
    AuthenticationFailed,
    Conflict,
    DatabaseUnavailable,
    ResourceType,
    StoreUnavailable,
)
from entrepot.domain.scope import Scope
from entrepot.domain.timestamp import Timestamp
from entrepot.http.messages import HttpRequest, HttpResponse
from entrepot.model import shapes
from entrepot.model.loader import load_model
from entrepot.sigv4.verification import Principal
from entrepot.wire.pipeline import (
    BODY_LIMIT_BYTES,
    BODY_LIMITS_BYTES,
    LARGEST_BODY_BYTES,
    AuditEntry,
    LogAuditSink,
    Pipeline,
)

NOW = Timestamp.parse("2030-01-02T03:04:05Z")
SCOPE = Scope("123456789012", "eu-west-1")
JOB_ID = "0" * 32
RANDOM = bytes(range(16))
REQUEST_ID = "00010203-0405-0607-0809-0a0b0c0d0e0f"

Operation = Callable[[Any, Any], Awaitable[Any]]


class Doorkeeper:
    """An authenticator that knows one way in: a header `x-key`."""

    async def look_at_head(self, request: HttpRequest, now: Timestamp) -> bool:
        await self.authenticate(request, now)
        return b"x-unproven" not in dict(request.headers)

    async def authenticate(self, request: HttpRequest, now: Timestamp) -> Principal:
        assert now == NOW
        headers = dict(request.headers)
        key = headers.get(b"x-key")
        if key is None:
            raise AuthenticationFailed("MissingAuthenticationTokenException", "Who are you?")
        return Principal(SCOPE, key.decode(), headers.get(b"x-service", b"dataexchange").decode())


@dataclass
class Notebook:
    """An audit sink that keeps what it is given."""

    entries: list[AuditEntry] = field(default_factory=list)

    def record(self, entry: AuditEntry) -> None:
        self.entries.append(entry)


@dataclass
class Application:
    """A pipeline whose operations all answer with nothing, but for those that a test gives."""

    audit: Notebook
    calls: list[tuple[Any, Any]]
    pipeline: Pipeline

    async def ask(
        self, method: str, path: str, body: bytes = b"", *, query: bytes = b"", signed: bool = True
    ) -> HttpResponse:
        headers = [(b"x-key", b"AKIAEXAMPLE")] if signed else []
        return await self.pipeline.handle(HttpRequest(method, path, query, headers, body))


def application(**given: Operation) -> Application:
    calls: list[tuple[Any, Any]] = []

    async def nothing(context: Any, request: Any) -> None:
        calls.append((context, request))

    audit = Notebook()
    pipeline = Pipeline(
        {name: given.get(name, nothing) for name in load_model().operations},
        authenticator=Doorkeeper(),
        make_context=lambda scope, request_id: (scope, request_id),
        clock=lambda: NOW,
        audit=audit,
        random_bytes=lambda size: RANDOM[:size],
    )
    return Application(audit, calls, pipeline)


def failing(error: Exception) -> Operation:
    async def fail(context: Any, request: Any) -> None:
        raise error

    return fail


def told(response: HttpResponse) -> tuple[int, str, str]:
    headers = dict(response.headers)
    assert headers[b"x-amzn-requestid"] == REQUEST_ID.encode()
    return response.status, headers[b"x-amzn-errortype"].decode(), json.loads(response.body)["Message"]


@pytest.mark.parametrize("service", [b"s3", b"sqs", b""])
async def test_a_request_that_is_signed_for_another_service_is_refused(service: bytes) -> None:
    there = application()
    headers = [(b"x-key", b"AKIAEXAMPLE"), (b"x-service", service)]
    request = HttpRequest("GET", f"/v1/jobs/{JOB_ID}", b"", headers, b"")
    assert told(await there.pipeline.handle(request)) == (
        403,
        "InvalidSignatureException",
        "Credential should be scoped to correct service: 'dataexchange'.",
    )
    assert there.calls == []


async def test_a_request_goes_through_all_stages() -> None:
    async def get_job(context: Any, request: shapes.GetJobRequest) -> shapes.GetJobResponse:
        assert context == (SCOPE, REQUEST_ID)
        return shapes.GetJobResponse(id=request.job_id, created_at=NOW)

    exchange = application(GetJob=get_job)
    response = await exchange.ask("GET", f"/v1/jobs/{JOB_ID}")
    assert response.status == 200
    assert (b"x-amzn-requestid", REQUEST_ID.encode()) in response.headers
    assert json.loads(response.body) == {"CreatedAt": "2030-01-02T03:04:05.000Z", "Id": JOB_ID}
    [entry] = exchange.audit.entries
    assert entry.duration_us >= 0
    assert entry == AuditEntry(
        at=NOW,
        request_id=REQUEST_ID,
        account_id="123456789012",
        access_key_id="AKIAEXAMPLE",
        operation="GetJob",
        status=200,
        error_code=None,
        duration_us=entry.duration_us,
    )


async def test_an_operation_gets_its_context_and_its_request() -> None:
    exchange = application()
    assert (await exchange.ask("PATCH", f"/v1/jobs/{JOB_ID}")).status == 202
    assert exchange.calls == [((SCOPE, REQUEST_ID), shapes.StartJobRequest(job_id=JOB_ID))]


async def test_an_operation_gets_what_a_chunked_body_carries() -> None:
    async def create(context: Any, request: shapes.CreateDataSetRequest) -> shapes.CreateDataSetResponse:
        return shapes.CreateDataSetResponse(name=request.name, description=request.description)

    exchange = application(CreateDataSet=create)
    content = b'{"Name": "n", "Description": "d", "AssetType": "S3_SNAPSHOT"}'
    body = b"%x\r\n%b\r\n%x\r\n%b\r\n0\r\n\r\n" % (9, content[:9], len(content) - 9, content[9:])
    headers = [
        (b"x-key", b"AKIAEXAMPLE"),
        (b"content-encoding", b"aws-chunked"),
        (b"x-amz-content-sha256", b"STREAMING-UNSIGNED-PAYLOAD-TRAILER"),
        (b"x-amz-decoded-content-length", b"%d" % len(content)),
    ]
    response = await exchange.pipeline.handle(HttpRequest("POST", "/v1/data-sets", b"", headers, body))
    assert response.status == 201, response.body
    assert json.loads(response.body) == {"Name": "n", "Description": "d"}


async def test_a_path_that_does_not_exist_is_answered_before_anyone_asks_who_it_is() -> None:
    exchange = application()
    status, code, message = told(await exchange.ask("GET", "/v2/jobs", signed=False))
    assert (status, code) == (404, "ResourceNotFoundException")
    assert "GET /v2/jobs" in message
    [entry] = exchange.audit.entries
    assert (entry.operation, entry.account_id, entry.error_code) == (None, None, "ResourceNotFoundException")


async def test_a_wrong_verb_is_a_validation_error_with_the_right_ones() -> None:
    response = await application().ask("PUT", "/v1/jobs", signed=False)
    assert told(response)[:2] == (400, "ValidationException")
    assert (b"allow", b"POST, GET") in response.headers


async def test_a_stranger_learns_nothing_of_what_is_wrong_with_the_request() -> None:
    exchange = application()
    refused = told(await exchange.ask("POST", "/v1/jobs", b"{", signed=False))
    assert refused == (403, "MissingAuthenticationTokenException", "Who are you?")
    [entry] = exchange.audit.entries
    assert (entry.operation, entry.account_id) == ("CreateJob", None)
    assert exchange.calls == []


async def test_an_invalid_request_never_reaches_its_operation() -> None:
    exchange = application()
    status, code, message = told(await exchange.ask("GET", "/v1/jobs", query=b"maxResults=500"))
    assert (status, code) == (400, "ValidationException")
    assert "'maxResults'" in message
    assert exchange.calls == []
    assert exchange.audit.entries[0].access_key_id == "AKIAEXAMPLE"


@pytest.mark.parametrize(
    ("path", "limit"),
    [("/v1/data-sets", BODY_LIMIT_BYTES), ("/v1", BODY_LIMITS_BYTES["SendApiAsset"])],
)
async def test_a_body_too_large_is_refused_before_it_is_hashed(path: str, limit: int) -> None:
    status, code, message = told(await application().ask("POST", path, b" " * (limit + 1), signed=False))
    assert (status, code) == (400, "ValidationException")
    assert str(limit) in message
    assert told(await application().ask("POST", path, b" " * limit, signed=False))[0] == 403
    assert limit <= LARGEST_BODY_BYTES


@dataclass
class Awaited:
    """A long body, and how it was asked for."""

    content: bytes | None
    announced_bytes: int = 0
    asked: list[tuple[int, bool]] = field(default_factory=list)

    def exceeds(self, limit_bytes: int) -> bool:
        return self.announced_bytes > limit_bytes

    async def whole(self, limit_bytes: int, *, is_known: bool) -> bytes | None:
        self.asked.append((limit_bytes, is_known))
        return self.content


@pytest.mark.parametrize("proven", [True, False])
async def test_a_long_body_is_read_after_its_head_and_with_the_limit_of_the_operation(proven: bool) -> None:
    there = application()
    headers = [(b"x-key", b"AKIAEXAMPLE"), *([] if proven else [(b"x-unproven", b"")])]
    request = HttpRequest("POST", "/v1/data-sets", b"", headers, b"")
    body = Awaited(b'{"Name": "n", "Description": "d", "AssetType": "S3_SNAPSHOT"}')
    await there.pipeline.handle(request, body)
    assert body.asked == [(BODY_LIMIT_BYTES, proven)]
    [(_, made)] = there.calls
    assert made.name == "n"
    status, code, message = told(await there.pipeline.handle(request, Awaited(None)))
    assert (status, code) == (400, "ValidationException")
    assert str(BODY_LIMIT_BYTES) in message


@pytest.mark.parametrize(("path", "status"), [("/v1/data-sets", 403), ("/v2/data-sets", 404)])
async def test_of_a_request_that_is_refused_by_its_head_no_long_body_is_read(path: str, status: int) -> None:
    body = Awaited(b"{}")
    response = await application().pipeline.handle(HttpRequest("POST", path, b"", [], b""), body)
    assert (response.status, body.asked) == (status, [])


async def test_a_long_body_that_is_announced_as_too_long_is_refused_before_anyone_asks_who_it_is() -> None:
    body = Awaited(None, BODY_LIMIT_BYTES + 1)
    request = HttpRequest("POST", "/v1/data-sets", b"", [], b"")
    assert told(await application().pipeline.handle(request, body))[:2] == (400, "ValidationException")
    assert body.asked == []


async def test_an_error_of_the_operation_is_answered_as_modelled() -> None:
    error = Conflict("It runs.", resource_id=JOB_ID, resource_type=ResourceType.JOB)
    response = await application(StartJob=failing(error)).ask("PATCH", f"/v1/jobs/{JOB_ID}")
    assert told(response) == (409, "ConflictException", "It runs.")
    assert json.loads(response.body)["ResourceId"] == JOB_ID


@pytest.mark.parametrize("error", [ZeroDivisionError("secret detail"), StoreUnavailable("secret detail")])
async def test_any_other_failure_is_an_internal_error_with_its_cause_in_the_log(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    exchange = application(GetJob=failing(error))
    response = await exchange.ask("GET", f"/v1/jobs/{JOB_ID}")
    status, code, message = told(response)
    assert (status, code) == (500, "InternalServerException")
    assert REQUEST_ID in message
    assert b"secret" not in response.body
    assert "secret detail" in caplog.text
    assert REQUEST_ID in caplog.text
    assert exchange.audit.entries[0].error_code == "InternalServerException"


async def test_a_database_that_is_away_is_an_internal_error_without_its_address(
    caplog: pytest.LogCaptureFixture,
) -> None:
    error = DatabaseUnavailable("postgresql://user@host is away")
    response = await application(GetJob=failing(error)).ask("GET", f"/v1/jobs/{JOB_ID}")
    assert told(response)[:2] == (500, "InternalServerException")
    assert b"postgresql" not in response.body
    assert "postgresql://user@host is away" in caplog.text
    assert "Traceback" not in caplog.text


async def test_a_result_that_cannot_be_written_is_an_internal_error(caplog: pytest.LogCaptureFixture) -> None:
    assert told(await application().ask("GET", f"/v1/jobs/{JOB_ID}"))[0] == 500
    assert "returned None" in caplog.text


def test_every_operation_must_have_a_function() -> None:
    with pytest.raises(KeyError, match="AcceptDataGrant"):
        Pipeline(
            {},
            authenticator=Doorkeeper(),
            make_context=lambda scope, request_id: None,
            clock=lambda: NOW,
            audit=Notebook(),
        )


def test_the_audit_log_has_one_line_for_each_request(caplog: pytest.LogCaptureFixture) -> None:
    entry = AuditEntry(NOW, REQUEST_ID, "123456789012", "AKIAEXAMPLE", "GetJob", 200, None, 321)
    with caplog.at_level(logging.WARNING, "entrepot.audit"):
        LogAuditSink().record(entry)
    assert caplog.messages == []
    with caplog.at_level(logging.INFO, "entrepot.audit"):
        LogAuditSink().record(entry)
    assert caplog.messages == [
        f"2030-01-02T03:04:05.000Z {REQUEST_ID} account=123456789012 key=AKIAEXAMPLE operation=GetJob "
        "status=200 error=None us=321"
    ]
