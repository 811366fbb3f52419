"""Calls of APIs: where they go, when they are signed, and what of an answer is refused."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials

from entrepot.domain import api_call
from entrepot.domain.api_call import ApiAnswer, ApiRequest, Header
from entrepot.domain.api_endpoint import ApiEndpoints, ApiTarget
from entrepot.domain.errors import (
    IntegrationNotConfigured,
    IntegrationUnavailable,
    StoreAccessDenied,
    TargetForbidden,
)
from entrepot.domain.scope import Scope
from entrepot.integrations import api_calls
from entrepot.integrations.api_calls import GuardedApiCalls
from entrepot.integrations.guarded_http import GuardedHttp
from entrepot.sigv4.signature_parameters import Credentials

OWNER = Scope("111122223333", "us-east-1")
Behave = Callable[[bytes], bytes]


class NoCredentials:
    def get(self) -> Credentials:
        raise StoreAccessDenied("There are no credentials for S3.")

    def refresh(self, refused: Credentials) -> bool:
        return False


class Keys(NoCredentials):
    def get(self) -> Credentials:
        return Credentials("AKIA", "secret", "token")


@asynccontextmanager
async def api(reply: bytes) -> AsyncIterator[tuple[int, list[bytes]]]:
    """A server that answers every head with the reply, and hangs up; its port, and the heads."""
    heads: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(reply)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], heads
    finally:
        server.close()


@asynccontextmanager
async def calls(
    template: str = "http://127.0.0.1/", *, keys: NoCredentials | None = None
) -> AsyncIterator[GuardedApiCalls]:
    made = GuardedApiCalls(ApiEndpoints.parse(template), GuardedHttp(), keys or NoCredentials())
    try:
        yield made
    finally:
        await made.aclose()


def request(
    target: ApiTarget | None, path: str = "", query: str = "", headers: list[Header] | None = None
) -> ApiRequest:
    assert target is not None
    return ApiRequest(target, "GET", path, query, headers or [], b"")


async def body(answer: ApiAnswer) -> bytes:
    try:
        return b"".join([chunk async for chunk in answer.body])
    finally:
        await answer.body.aclose()


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@pytest.mark.parametrize(
    ("base", "path", "query", "line"),
    [
        ("", "", "", b"GET / HTTP/1.1"),
        ("", "/a", "b=c", b"GET /a?b=c HTTP/1.1"),
        ("/prod", "", "", b"GET /prod HTTP/1.1"),
        ("/prod", "/", "", b"GET /prod/ HTTP/1.1"),
        ("/prod", "/a%2Fb", "b=%20", b"GET /prod/a%2Fb?b=%20 HTTP/1.1"),
    ],
)
async def test_a_path_is_put_behind_the_stage(base: str, path: str, query: str, line: bytes) -> None:
    async with api(OK) as (port, heads), calls(f"http://127.0.0.1:{port}{base}") as made:
        answer = await made.send(request(made.target("a", "prod", OWNER), path, query))
        assert (answer.status, await body(answer)) == (200, b"ok")
    assert heads[0].split(b"\r\n")[0] == line
    assert b"authorization" not in heads[0].lower()


async def test_a_host_of_which_users_choose_a_part_must_be_public() -> None:
    async with api(OK) as (port, heads), calls(f"http://{{ApiId}}:{port}/{{Stage}}") as made:
        with pytest.raises(TargetForbidden):
            await made.send(request(made.target("localhost", "prod", OWNER)))
        assert heads == []


class Sent(Exception):
    """Carries what would have been sent to AWS."""


class Caught(GuardedHttp):
    def send(
        self, method: str, url: str, headers: list[Header], body: bytes = b"", **options: object
    ) -> object:  # type: ignore[override]
        raise Sent(method, url, headers, body, options)


async def test_a_call_of_api_gateway_is_signed_as_botocore_signs_it() -> None:
    made = GuardedApiCalls(ApiEndpoints(), Caught(), Keys())
    given = [(b"x-amz-source-account", b"111122223333"), (b"authorization", b"caller's"), (b"accept", b"a/b")]
    target = made.target("abc", "prod", OWNER)
    assert target is not None
    with pytest.raises(Sent) as caught:
        await made.send(ApiRequest(target, "POST", "/a%20b", "q=1&a=%20", given, b"body"))
    _, url, headers, _, options = caught.value.args
    assert (url, options["trusted"]) == (
        "https://abc.execute-api.us-east-1.amazonaws.com/prod/a%20b?q=1&a=%20",
        False,
    )
    told = {name.decode(): value.decode() for name, value in headers}
    assert [name for name, _ in headers].count(b"authorization") == 1
    assert told["x-amz-security-token"] == "token"
    expected = AWSRequest("POST", url, {"x-amz-source-account": "111122223333"}, b"body")
    auth = SigV4Auth(BotocoreCredentials("AKIA", "secret", "token"), "execute-api", "us-east-1")
    expected.context["timestamp"] = told["x-amz-date"]
    expected.headers["X-Amz-Date"] = told["x-amz-date"]
    expected.headers["X-Amz-Security-Token"] = "token"
    signature = auth.signature(auth.string_to_sign(expected, auth.canonical_request(expected)), expected)
    assert told["authorization"].endswith(f"Signature={signature}")


async def test_without_credentials_of_the_server_no_call_of_api_gateway_is_made() -> None:
    made = GuardedApiCalls(ApiEndpoints(), Caught(), NoCredentials())
    with pytest.raises(IntegrationNotConfigured, match="AWS_ACCESS_KEY_ID"):
        await made.send(request(made.target("abc", "prod", OWNER)))


@pytest.mark.parametrize(
    "reply",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n123456789",
        b"HTTP/1.1 700 What\r\nContent-Length: 0\r\n\r\n",
    ],
)
async def test_an_answer_that_cannot_go_on_is_none(reply: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_calls, "LARGEST_PAYLOAD_BYTES", 8)
    async with api(reply) as (port, _), calls(f"http://127.0.0.1:{port}") as made:
        with pytest.raises(IntegrationUnavailable):
            await made.send(request(made.target("a", "prod", OWNER)))


async def test_an_answer_of_unknown_length_is_cut_where_it_is_too_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(api_calls, "LARGEST_PAYLOAD_BYTES", 8)
    reply = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n5\r\n12345\r\n0\r\n\r\n"
    async with api(reply) as (port, _), calls(f"http://127.0.0.1:{port}") as made:
        answer = await made.send(request(made.target("a", "prod", OWNER)))
        with pytest.raises(IntegrationUnavailable, match="larger"):
            await body(answer)


async def test_an_answer_may_be_closed_unread() -> None:
    async with api(OK) as (port, _), calls(f"http://127.0.0.1:{port}") as made:
        answer = await made.send(request(made.target("a", "prod", OWNER)))
        await answer.body.aclose()
        await answer.body.aclose()


async def test_the_api_key_is_not_shown_by_a_request() -> None:
    shown = repr(request(ApiTarget("https://a.example", trusted=True), headers=[(b"x-api-key", b"hidden")]))
    assert "hidden" not in shown
    assert api_call.LARGEST_PAYLOAD_BYTES == 10_485_760
