"""Calls: signed, sent, tried again where that may help, read."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from tests.servers.scripted_http import Scripted, ScriptedServer, answer, scripted_server
from tests.unit.client.botocore_oracle import operation_of

from entrepot.client.client import Client
from entrepot.client.client_errors import (
    ClientError,
    ConnectionClosed,
    EndpointUnreachable,
    NoCredentials,
    ParameterError,
    ServiceAnswer,
    UnreadableAnswer,
)
from entrepot.client.credentials import Credentials
from entrepot.client.pagination import pages
from entrepot.client.target import Target
from entrepot.sigv4.signature_parameters import Credentials as WholeCredentials
from entrepot.sigv4.signer import Signer

GET_JOB = operation_of("GetJob")
LIST_JOBS = operation_of("ListJobs")
JOB = {"JobId": "a b"}
OK = answer(200, b'{"State": "WAITING", "Id": "1", "CreatedAt": "2023-01-17T18:53:30.871Z", "New": 1}')
READ = {"CreatedAt": "2023-01-17T18:53:30.871000+00:00", "Id": "1", "State": "WAITING"}
TROUBLE = answer(500, b'{"Message": "Again."}', [("x-amzn-errortype", "InternalServerException")])
THROTTLED = answer(429, b'{"Message": "Slow."}', [("x-amzn-errortype", "ThrottlingException")])
REFUSED = answer(400, b'{"Message": "No."}', [("x-amzn-errortype", "ValidationException:http://x")])
KEYS = Credentials("AKIA", "secret", "token")


class Waits(list[float]):
    """Sleeps no time, and notes how long it should have."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)


@contextmanager
def exchange(
    *script: Scripted | bytes, keys: Credentials | None = KEYS, **settings: Any
) -> Iterator[tuple[ScriptedServer, Client]]:
    """A scripted server and a client of it; `settings` are the target's, or the client's."""
    options = {name: settings.pop(name) for name in ("timestamps", "log", "sleep") if name in settings}
    with scripted_server(*script) as server:
        target = Target(server.url, "eu-west-1", keys)
        for name, value in settings.items():
            setattr(target, name, value)
        client = Client(target, **{"sleep": Waits(), **options})
        try:
            yield server, client
        finally:
            client.close()


def test_an_answer_is_the_models_members_in_the_models_order() -> None:
    with exchange(OK) as (_, client):
        assert list(client.call(GET_JOB, JOB).items()) == list(READ.items())


def test_timestamps_can_be_had_as_they_were_sent() -> None:
    with exchange(OK, timestamps="wire") as (_, client):
        assert client.call(GET_JOB, JOB)["CreatedAt"] == "2023-01-17T18:53:30.871Z"


def test_a_request_is_signed_in_the_name_of_the_keys() -> None:
    with exchange(OK) as (server, client):
        client.call(
            operation_of("CreateDataSet"), {"AssetType": "S3_SNAPSHOT", "Name": "n", "Description": "d"}
        )
    received = server.requests[0]
    signed = [(name, received.headers[name]) for name in ("host", "content-type")]
    signer = Signer(WholeCredentials("AKIA", "secret", "token"), region="eu-west-1", service="dataexchange")
    import hashlib

    expected = signer.sign_headers(
        "POST",
        "/v1/data-sets",
        "",
        signed,
        payload_hash=hashlib.sha256(received.body).hexdigest(),
        timestamp=received.headers["x-amz-date"],
    )
    assert {name: received.headers[name] for name, _ in expected} == dict(expected)
    assert received.headers["content-length"] == str(len(received.body))
    assert received.headers["user-agent"].startswith("entrepot/")
    assert json.loads(received.body) == {"AssetType": "S3_SNAPSHOT", "Name": "n", "Description": "d"}


def test_unsigned_requests_have_no_signature() -> None:
    with exchange(OK, keys=None, sign=False) as (server, client):
        client.call(GET_JOB, JOB)
    assert "authorization" not in server.requests[0].headers


def test_without_keys_nothing_is_sent() -> None:
    with exchange(OK, keys=None) as (server, client), pytest.raises(NoCredentials):
        client.call(GET_JOB, JOB)
    assert server.requests == []


def test_parameters_are_checked_before_keys_are_looked_for() -> None:
    with exchange(OK, keys=None) as (server, client), pytest.raises(ParameterError):
        client.call(GET_JOB, {})
    assert server.requests == []


def test_parameters_go_unchecked_where_the_profile_says_so() -> None:
    with exchange(OK, validate_parameters=False) as (server, client):
        client.call(GET_JOB, {"JobId": 5})
        with pytest.raises(ClientError):
            client.call(GET_JOB, {"Unknown": 5})
    assert server.requests[0].line == "GET /v1/jobs/5 HTTP/1.1"


@pytest.mark.parametrize(
    "failed", [TROUBLE, THROTTLED, Scripted(hang_up=True), Scripted(b"XX\r\n\r\n", hang_up=True)]
)
@pytest.mark.parametrize("mode", ["standard", "adaptive"])
def test_what_may_pass_is_tried_again_with_a_new_signature(failed: Scripted | bytes, mode: str) -> None:
    waits = Waits()
    with exchange(failed, failed, OK, retry_mode=mode, sleep=waits) as (server, client):
        if mode == "adaptive":
            client._rate._sleep = lambda seconds: _forward(client, seconds)  # type: ignore[union-attr]
        assert client.call(GET_JOB, JOB) == READ
    assert len(server.requests) == 3
    assert waits[0] <= 1
    assert waits[-1] <= 2


def _forward(client: Client, seconds: float) -> None:
    rate = client._rate
    assert rate is not None
    rate._filled_at -= seconds


@pytest.mark.parametrize(
    ("script", "attempts", "message"),
    [
        ([REFUSED], 3, "(ValidationException) when calling the GetJob operation: No."),
        (
            [REFUSED],
            1,
            "(ValidationException) when calling the GetJob operation (reached max retries: 0): No.",
        ),
        (
            [TROUBLE, TROUBLE],
            2,
            "(InternalServerException) when calling the GetJob operation (reached max retries: 1): Again.",
        ),
        (
            [TROUBLE, TROUBLE, REFUSED],
            3,
            "(ValidationException) when calling the GetJob operation (reached max retries: 2): No.",
        ),
        ([answer(302, b"", [("Location", "/")])], 3, "(302) when calling the GetJob operation: "),
    ],
)
def test_an_error_answer_says_how_often_it_was_tried(
    script: list[bytes], attempts: int, message: str
) -> None:
    with exchange(*script, max_attempts=attempts) as (server, client):
        with pytest.raises(ServiceAnswer) as raised:
            client.call(GET_JOB, JOB)
        assert raised.value.message == f"An error occurred {message}"
        assert len(server.requests) == len(script)


def test_no_answer_at_all_is_told_after_the_last_try() -> None:
    with exchange(*[Scripted(hang_up=True)] * 3) as (server, client):
        with pytest.raises(ConnectionClosed):
            client.call(GET_JOB, JOB)
        assert len(server.requests) == 3


def test_an_error_that_cannot_be_read_is_not_tried_again() -> None:
    with exchange(answer(500, b"[1]"), OK) as (server, client):
        with pytest.raises(UnreadableAnswer):
            client.call(GET_JOB, JOB)
        assert len(server.requests) == 1


def test_a_call_of_an_api_goes_to_a_host_of_its_own() -> None:
    parameters = {"AssetId": "a", "DataSetId": "d", "RevisionId": "r", "QueryStringParameters": {"k": "v"}}
    client = Client(Target("http://exchange.invalid:1", "us-east-1", KEYS), sleep=Waits())
    with pytest.raises(EndpointUnreachable, match=r'"http://api-fulfill\.exchange\.invalid:1/v1\?k=v"'):
        client.call(operation_of("SendApiAsset"), parameters)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_where_no_such_host_can_be_found_the_call_goes_to_the_endpoint_itself(host: str) -> None:
    with exchange(OK) as (server, _):
        client = Client(Target(f"http://{host}:{server.port}", "us-east-1", KEYS), sleep=Waits())
        client.call(operation_of("SendApiAsset"), {"AssetId": "a", "DataSetId": "d", "RevisionId": "r"})
        client.close()
    assert server.requests[0].line == "POST /v1 HTTP/1.1"
    assert server.requests[0].headers["host"] == f"{host}:{server.port}"


def test_pages_are_followed_over_one_connection() -> None:
    first = answer(200, b'{"Jobs": [{"Id": "1"}], "NextToken": "t/1"}')
    with exchange(first, answer(200, b'{"Jobs": [{"Id": "2"}]}')) as (server, client):
        listing = pages(client, LIST_JOBS, {"DataSetId": "d"}, page_size=1)
        assert listing.full_result() == {"Jobs": [{"Id": "1"}, {"Id": "2"}]}
    assert [(request.line, request.connection) for request in server.requests] == [
        ("GET /v1/jobs?dataSetId=d&maxResults=1 HTTP/1.1", 1),
        ("GET /v1/jobs?dataSetId=d&maxResults=1&nextToken=t%2F1 HTTP/1.1", 1),
    ]


def test_a_token_that_names_other_parameters_is_checked_like_them() -> None:
    with (
        exchange(OK) as (_, client),
        pytest.raises(ParameterError, match='Unknown parameter in input: "Evil"'),
    ):
        pages(client, LIST_JOBS, {}, starting_token="eyJFdmlsIjogMX0=").full_result()


def test_json_outside_of_the_api_is_had_by_the_same_way() -> None:
    with exchange(TROUBLE, answer(200, b'{"bytes": 5}'), answer(200, b"[]")) as (server, client):
        assert client.get_json("/entrepot/jobs/1/progress", "GetProgress") == {"bytes": 5}
        with pytest.raises(UnreadableAnswer, match="The answer to GetProgress is no JSON object"):
            client.get_json("/entrepot/jobs/1/progress", "GetProgress")
    assert server.requests[1].line == "GET /entrepot/jobs/1/progress HTTP/1.1"
    assert "authorization" in server.requests[1].headers


def test_the_log_tells_what_happens_and_no_secret() -> None:
    lines: list[str] = []
    keys = Credentials("AKIA", "the secret", "the session's token")
    parameters = {
        "AssetId": "a",
        "DataSetId": "d",
        "RevisionId": "r",
        "QueryStringParameters": {"api_key": "hidden query"},
        "RequestHeaders": {"Authorization": "hidden header"},
    }
    with exchange(TROUBLE, OK, OK, keys=keys, log=lines.append) as (server, client):
        client.call(GET_JOB, {"JobId": "x"})
        client.call(operation_of("SendApiAsset"), parameters)
    assert f"GET {server.url}/v1/jobs/x" in lines
    assert "200 Scripted, " in "\n".join(lines)
    assert any(line.startswith("attempt 1 of 3 failed; next in ") for line in lines)
    for secret in ("the secret", "session", "hidden", server.requests[0].headers["authorization"][-64:]):
        assert secret not in "\n".join(lines)


HEAVY = {
    "asyncio", "botocore", "dataclasses", "datetime", "dateutil", "email", "http.client",
    "inspect", "logging", "pathlib", "random", "ssl", "tempfile", "typing", "urllib.parse", "uuid",
}  # fmt: skip


def test_a_call_that_succeeds_imports_nothing_heavy() -> None:
    with scripted_server(OK) as server:
        program = (
            f"import sys; sys.path[:] = {sys.path!r}\n"
            "from entrepot.client.client import Client\n"
            "from entrepot.client.credentials import Credentials\n"
            "from entrepot.client.command_line_model import load_operation\n"
            "class Target:\n"
            f"    endpoint_url, region, signing_name = {server.url!r}, 'us-east-1', 'dataexchange'\n"
            "    verify, connect_timeout, read_timeout, proxy_url, tcp_keepalive = True, 9, 9, None, False\n"
            "    max_attempts, retry_mode, validate_parameters = 3, 'standard', True\n"
            "    def signing_credentials(self): return Credentials('a', 'b')\n"
            "print(Client(Target()).call(load_operation('get-job'), {'JobId': 'x'})['CreatedAt'])\n"
            f"assert not {HEAVY!r} & sys.modules.keys(), {HEAVY!r} & sys.modules.keys()\n"
        )
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, check=False
        )
    assert (done.stdout, done.stderr) == ("2023-01-17T18:53:30.871000+00:00\n", "")
