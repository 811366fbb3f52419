"""SendApiAsset on the wire: which requests are calls, what of them arrives, and how answers go back."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.unit.sigv4.signed_requests import KEY, NOW, authenticator, refusal, signed
from tests.unit.wire.test_pipeline import Application, application

from entrepot.domain.api_call import ApiAnswer, ApiCall, Header
from entrepot.http.messages import HttpRequest, HttpResponse
from entrepot.wire.api_calls import is_for_an_api

NAMES: list[Header] = [
    (b"x-key", b"AKIAEXAMPLE"),
    (b"x-amzn-dataexchange-asset-id", b"a" * 32),
    (b"x-amzn-dataexchange-data-set-id", b"d" * 32),
    (b"x-amzn-dataexchange-revision-id", b"e" * 32),
]
API_HOST: Header = (b"host", b"api-fulfill.exchange.example")


class Chunks:
    def __init__(self, *chunks: bytes) -> None:
        self._chunks = chunks
        self.closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self._chunks:
            yield chunk

    async def aclose(self) -> None:
        self.closed = True


class Operation:
    """Keeps the calls, and gives one answer to all."""

    def __init__(self, status: int = 200, headers: tuple[Header, ...] = ()) -> None:
        self.calls: list[ApiCall] = []
        self.answer = ApiAnswer(status, headers, Chunks(b"a", b"b"))

    async def __call__(self, context: Any, call: ApiCall) -> ApiAnswer:
        self.calls.append(call)
        return self.answer


async def ask(
    there: Application,
    method: str,
    path: str,
    *headers: Header,
    query: bytes = b"",
    body: bytes = b"",
) -> HttpResponse:
    return await there.pipeline.handle(HttpRequest(method, path, query, [*NAMES, *headers], body))


async def called(method: str, path: str, *headers: Header, **rest: bytes) -> ApiCall:
    operation = Operation()
    response = await ask(application(SendApiAsset=operation), method, path, *headers, **rest)
    assert response.status == 200, response.body
    (call,) = operation.calls
    assert (call.asset_id, call.data_set_id, call.revision_id) == ("a" * 32, "d" * 32, "e" * 32)
    return call


async def test_an_sdk_s_request_says_all_in_headers() -> None:
    call = await called(
        "POST",
        "/v1",
        (b"host", b"127.0.0.1:8250"),
        (b"x-amzn-dataexchange-http-method", b"PUT"),
        (b"x-amzn-dataexchange-path", "/köln".encode()),
        query=b"b=2&a=1&a=%2F",
        body=b"\0\xff",
    )
    assert (call.method, call.path, call.query, call.body) == (
        "PUT",
        "/köln".encode(),
        b"b=2&a=1&a=%2F",
        b"\0\xff",
    )
    assert (b"x-amzn-dataexchange-http-method", b"PUT") in call.headers


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "HEAD", "PROPFIND"])
@pytest.mark.parametrize(
    ("path", "rest"),
    [
        ("/v1", b""),
        ("/v1/", b"/"),
        ("/v1/data-sets", b"/data-sets"),
        ("/v1/a%2Fb//c", b"/a%2Fb//c"),
        ("/v1/\xff", b"/\xff"),
    ],
)
async def test_at_the_host_of_apis_every_verb_and_path_is_a_call(method: str, path: str, rest: bytes) -> None:
    call = await called(method, path, API_HOST)
    assert (call.method, call.path) == (method, rest)


async def test_a_header_counts_for_more_than_the_url() -> None:
    named = (b"x-amzn-dataexchange-path", b"/b"), (b"x-amzn-dataexchange-http-method", b"PUT")
    call = await called("GET", "/v1/a", API_HOST, *named)
    assert (call.method, call.path) == ("PUT", b"/b")


@pytest.mark.parametrize(
    "host", [b"api-fulfill.a", b"API-Fulfill.localhost:8250", b"api-fulfill.127.0.0.1:1"]
)
def test_the_host_of_apis_begins_with_the_prefix(host: bytes) -> None:
    assert is_for_an_api(HttpRequest("GET", "/v1/x", b"", [(b"a", b"b"), (b"host", host)], b""))


@pytest.mark.parametrize("host", [b"a", b"api-fulfill", b"x.api-fulfill.a", b"api-fulfill-a", b""])
def test_no_other_host_is(host: bytes) -> None:
    assert not is_for_an_api(HttpRequest("GET", "/v1/x", b"", [(b"host", host)], b""))
    assert not is_for_an_api(HttpRequest("GET", "/v1/x", b"", [], b""))


@pytest.mark.parametrize("path", ["/", "/v2", "/v10/x", "/tags/x", "//v1"])
async def test_at_the_host_of_apis_there_is_nothing_else(path: str) -> None:
    there = application(SendApiAsset=Operation())
    response = await ask(there, "GET", path, API_HOST)
    assert response.status == 404


async def test_elsewhere_only_post_v1_is_a_call() -> None:
    there = application(SendApiAsset=Operation())
    assert (await ask(there, "GET", "/v1")).status == 400
    assert (await ask(there, "GET", "/v1/x")).status == 404


async def test_what_is_missing_is_listed() -> None:
    there = application(SendApiAsset=Operation())
    response = await there.pipeline.handle(HttpRequest("GET", "/v1/x", b"", [NAMES[0], API_HOST], b"\xff"))
    message = json.loads(response.body)["Message"]
    assert response.status == 400
    assert all(f"'{name}'" in message for name in ("assetId", "dataSetId", "revisionId"))


async def test_an_answer_streams_with_its_status_and_is_told_to_the_audit() -> None:
    operation = Operation(503, ((b"Content-Type", b"a/b"), (b"Content-Length", b"2"), (b"Connection", b"x")))
    there = application(SendApiAsset=operation)
    response = await ask(there, "GET", "/v1/x", API_HOST)
    assert response.stream is operation.answer.body
    assert (response.status, response.body) == (503, b"")
    assert response.headers[1:] == [(b"content-type", b"a/b"), (b"content-length", b"2")]
    (entry,) = there.audit.entries
    assert (entry.operation, entry.status, entry.error_code) == ("SendApiAsset", 503, None)


@pytest.mark.parametrize(
    ("asked", "named", "status", "declared", "length"),
    [
        ("GET", None, 200, b"5", b"5"),
        ("GET", None, 200, None, None),
        ("GET", None, 204, b"5", None),
        ("GET", None, 304, b"5", None),
        ("HEAD", None, 200, b"5", b"5"),
        ("HEAD", None, 200, None, None),
        ("HEAD", b"GET", 200, b"5", b"5"),
        ("POST", b"HEAD", 200, b"5", b"0"),
        ("POST", b"head", 200, None, b"0"),
    ],
)
async def test_the_length_is_that_of_what_comes(
    asked: str, named: bytes | None, status: int, declared: bytes | None, length: bytes | None
) -> None:
    operation = Operation(status, () if declared is None else ((b"Content-Length", declared),))
    headers = [API_HOST] if named is None else [API_HOST, (b"x-amzn-dataexchange-http-method", named)]
    response = await ask(application(SendApiAsset=operation), asked, "/v1", *headers)
    assert dict(response.headers).get(b"content-length") == length


async def test_what_says_which_api_is_called_must_be_signed() -> None:
    names = [(name.decode(), value.decode()) for name, value in NAMES[1:]]
    whole = signed(headers=[*names, ("x-amzn-dataexchange-path", "/a")])
    principal = await authenticator().authenticate(whole, NOW)
    assert principal.access_key_id == KEY.access_key_id
    later = signed(headers=names)
    added = [*later.headers, (b"x-amzn-dataexchange-path", b"/other")]
    forged = HttpRequest(later.method, later.raw_path, later.query_string, added, later.body)
    error = await refusal(forged)
    assert "'x-amzn-dataexchange-path' must be a 'SignedHeader'" in error.message
