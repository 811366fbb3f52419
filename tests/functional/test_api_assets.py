"""A provider's API is imported, granted and called: unmodified clients, a running exchange, a real API."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from tests.functional import flow, tools
from tests.functional.accounts import new_account
from tests.functional.called_apis import (
    API_HOST,
    DOCUMENT,
    PATIENCE_SECONDS,
    Place,
    caller,
    granted,
    import_api,
    raw,
    raw_once,
    send,
)
from tests.servers.exchanges import known
from tests.servers.http_api import pattern, running_api

from entrepot.testing import running_entrepot

MEBIBYTE = 1024 * 1024


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with running_api() as api:
        with socket.create_server(("127.0.0.1", 0)) as free:
            closed = free.getsockname()[1]
        table = {"weather/prod": f"{api.url}/prod", "dead/prod": f"http://127.0.0.1:{closed}/prod"}
        folder = tmp_path_factory.mktemp("apis")
        with running_entrepot(folder, environ={"ENTREPOT_API_ENDPOINT": json.dumps(table)}) as server:
            exchange = known(server)
            provider, receiver, stranger = (
                new_account(exchange, name) for name in ("provider", "receiver", "stranger")
            )
            owned = import_api(provider, api_key="k-123")
            provider.client.update_revision(
                DataSetId=owned["DataSetId"], RevisionId=owned["RevisionId"], Finalized=True
            )
            entitled = granted(provider, receiver, owned["DataSetId"])
            yield Place(exchange, api, provider, receiver, stranger, owned, entitled)
            for account in (provider, receiver, stranger):
                account.client.close()


def test_the_asset_says_what_it_is_and_gives_its_document_to_both(place: Place) -> None:
    own = place.provider.client.get_asset(**place.owned)
    theirs = place.receiver.client.get_asset(**place.entitled)
    assert (own["Name"], own["AssetType"]) == ("Weather", "API_GATEWAY_API")
    api = own["AssetDetails"]["ApiGatewayApiAsset"]
    url, expires_at = api.pop("ApiSpecificationDownloadUrl"), api.pop("ApiSpecificationDownloadUrlExpiresAt")
    assert api == {
        "ApiDescription": "# Weather",
        "ApiEndpoint": f"{place.api.url}/prod",
        "ApiId": "weather",
        "ApiKey": "k-123",
        "ApiName": "Weather",
        "ProtocolType": "REST",
        "Stage": "prod",
    }
    assert flow.get(url) == DOCUMENT
    assert 3000 < (expires_at - datetime.now(UTC)).total_seconds() <= 3600
    seen = theirs["AssetDetails"]["ApiGatewayApiAsset"]
    assert flow.get(seen["ApiSpecificationDownloadUrl"]) == DOCUMENT
    assert not seen.keys() & {"ApiKey", "ApiEndpoint"}


def test_boto3_calls_an_entitled_api(place: Place) -> None:
    client = caller(place.receiver)
    answer = send(
        client,
        place.entitled,
        Body="Grüße",
        Method="PUT",
        Path="/mirror",
        QueryStringParameters={"city": "Köln", "day": "1"},
        RequestHeaders={"X-Units": "metric", "Content-Type": "text/plain"},
    )
    client.close()
    assert answer["Body"] == "Grüße"
    assert answer["ResponseHeaders"]["x-amz-dataexchange-metering"] == "Calls=1"
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200
    asked = place.api.last
    assert (asked.method, asked.target) == ("PUT", "/prod/mirror?city=K%C3%B6ln&day=1")
    assert asked.body.decode() == "Grüße"
    assert asked.header("x-units") == "metric"
    assert asked.header("content-type") == "text/plain"
    assert asked.header("host") == urlsplit(place.api.url).netloc
    assert asked.header("x-api-key") == "k-123"
    assert asked.header("authorization") is None


def test_the_api_is_told_who_calls_by_the_names_its_owner_knows(place: Place) -> None:
    for account, ids in ((place.provider, place.owned), (place.receiver, place.entitled)):
        client = caller(account)
        send(client, ids, Method="GET", Path="mirror")
        client.close()
        told = {name: value for name, value in place.api.last.headers if name.startswith("x-amz")}
        metadata = json.loads(told.pop("x-amz-dataexchange-subscription-metadata"))
        assert told == {
            "x-amz-source-account": place.provider.id,
            "x-amz-source-arn": place.provider.client.get_asset(**place.owned)["Arn"],
            "x-amzn-dataexchange-asset-id": place.owned["AssetId"],
            "x-amzn-dataexchange-data-set-id": place.owned["DataSetId"],
            "x-amzn-dataexchange-revision-id": place.owned["RevisionId"],
            "x-amzn-dataexchange-requester-account-id": account.id,
        }
        assert metadata.keys() == (set() if account is place.provider else {"DataGrantArn"})


def test_bytes_pass_unchanged_both_ways_by_any_verb_and_path(place: Place) -> None:
    sent = pattern(100_000)
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        status, headers, body = raw(
            place.receiver,
            method,
            "/v1/mirror?b=2&a=1&a=%2F%20%2B",
            place.entitled,
            sent,
            {"Content-Type": "image/x"},
        )
        assert (status, headers["content-type"], body) == (200, "image/x", sent)
        assert (place.api.last.method, place.api.last.target) == (method, "/prod/mirror?b=2&a=1&a=%2F%20%2B")
        assert place.api.last.body == sent


def test_only_the_request_id_and_the_connection_are_not_the_api_s(place: Place) -> None:
    status, headers, body = raw(place.receiver, "GET", "/v1/status/418", place.entitled)
    assert (status, body) == (418, b'{"said": "by the API"}')
    assert headers["x-amzn-requestid"] != "the-api-s-own"
    assert headers["x-amzn-remapped-x-amzn-requestid"] == "the-api-s-own"
    assert headers["set-cookie"] == "a=1"
    assert "x-amzn-errortype" not in headers
    assert "x-internal" not in headers


def test_an_api_s_failure_is_an_sdk_s_error_with_its_status(place: Place) -> None:
    client = caller(place.receiver)
    with pytest.raises(ClientError) as caught:
        send(client, place.entitled, Method="GET", Path="/status/503")
    client.close()
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503


@pytest.mark.parametrize(
    ("verb", "method"), [("HEAD", None), ("HEAD", "GET"), ("POST", "HEAD"), ("GET", "HEAD")]
)
def test_head_has_no_body_whoever_says_it(place: Place, verb: str, method: str | None) -> None:
    headers = {} if method is None else {"x-amzn-dataexchange-http-method": method}
    status, answered, body = raw(place.receiver, verb, "/v1/bytes/1000", place.entitled, headers=headers)
    assert (status, body) == (200, b"")
    assert answered["content-length"] == ("1000" if verb == "HEAD" else "0")
    assert place.api.last.method == (method or verb)


@pytest.mark.parametrize("status", [204, 304])
def test_an_answer_without_a_body_has_no_length(place: Place, status: int) -> None:
    assert raw(place.receiver, "GET", f"/v1/status/{status}", place.entitled)[0] == status


def test_a_url_can_be_presigned_and_the_signature_stays_here(place: Place) -> None:
    status, _, body = raw(place.receiver, "GET", "/v1/bytes/10?a=1", place.entitled, presigned=True)
    assert (status, body) == (200, pattern(10))
    assert place.api.last.target == "/prod/bytes/10?a=1"


def test_who_holds_a_presigned_url_cannot_call_another_api_with_it(place: Place) -> None:
    request = AWSRequest("GET", f"http://{API_HOST}/v1/bytes/10")
    keys = Credentials(place.receiver.access_key_id, place.receiver.secret_access_key)
    SigV4QueryAuth(keys, "dataexchange", "us-east-1").add_auth(request)
    parts = urlsplit(request.url)
    connection = http.client.HTTPConnection("127.0.0.1", urlsplit(place.server.url).port)
    names = {
        "x-amzn-dataexchange-asset-id": place.entitled["AssetId"],
        "x-amzn-dataexchange-data-set-id": place.entitled["DataSetId"],
        "x-amzn-dataexchange-revision-id": place.entitled["RevisionId"],
        "Host": parts.netloc,
    }
    connection.request("GET", f"{parts.path}?{parts.query}", headers=names)
    answer = connection.getresponse()
    assert (answer.status, answer.headers["x-amzn-errortype"]) == (403, "InvalidSignatureException")
    answer.read()
    connection.close()


def test_ten_mebibytes_pass_and_no_byte_more(place: Place) -> None:
    whole = pattern(10 * MEBIBYTE)
    status, _, body = raw(place.receiver, "POST", "/v1/mirror", place.entitled, whole)
    assert (status, body == whole) == (200, True)
    status, headers, _ = raw(place.receiver, "POST", "/v1/mirror", place.entitled, whole + b"!")
    assert (status, headers["x-amzn-errortype"]) == (400, "ValidationException")
    assert raw(place.receiver, "GET", f"/v1/chunks/{10 * MEBIBYTE}", place.entitled)[2] == whole
    status, headers, _ = raw(place.receiver, "GET", f"/v1/bytes/{10 * MEBIBYTE + 1}", place.entitled)
    assert (status, headers["x-amzn-errortype"]) == (500, "InternalServerException")
    with pytest.raises(http.client.IncompleteRead):
        raw(place.receiver, "GET", f"/v1/chunks/{10 * MEBIBYTE + 1}", place.entitled)


def test_an_answer_that_ends_early_is_not_taken_for_a_whole_one(place: Place) -> None:
    with pytest.raises(http.client.IncompleteRead):
        raw(place.receiver, "GET", "/v1/cut", place.entitled)


def test_an_api_that_cannot_be_reached_is_named_and_its_address_told_to_its_owner_alone(
    place: Place,
) -> None:
    owned = import_api(place.provider, "dead")
    place.provider.client.update_revision(
        DataSetId=owned["DataSetId"], RevisionId=owned["RevisionId"], Finalized=True
    )
    entitled = granted(place.provider, place.receiver, owned["DataSetId"])
    for account, ids, told in ((place.provider, owned, True), (place.receiver, entitled, False)):
        client = caller(account)
        with pytest.raises(client.exceptions.InternalServerException) as caught:
            send(client, ids, Method="GET")
        client.close()
        message = caught.value.response["Error"]["Message"]
        assert "'Weather'" in message
        assert ("127.0.0.1" in message) is told


def test_nobody_else_finds_the_api(place: Place) -> None:
    before = len(place.api.asked)
    client = caller(place.stranger)
    for ids in (place.owned, place.entitled):
        with pytest.raises(client.exceptions.ResourceNotFoundException):
            send(client, ids, Method="GET", Path="mirror")
    client.close()
    client = caller(place.receiver)
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        send(client, place.owned, Method="GET", Path="mirror")
    client.close()
    assert len(place.api.asked) == before


def test_a_call_names_an_asset_and_is_signed_and_goes_below_v1(place: Place) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", urlsplit(place.server.url).port)
    connection.request("GET", "/v1/x", headers={"Host": API_HOST})
    answer = connection.getresponse()
    assert (answer.status, answer.headers["x-amzn-errortype"]) == (403, "MissingAuthenticationTokenException")
    answer.read()
    connection.close()
    request = AWSRequest("GET", f"http://{API_HOST}/v1/x")
    SigV4Auth(
        Credentials(place.receiver.access_key_id, place.receiver.secret_access_key),
        "dataexchange",
        "us-east-1",
    ).add_auth(request)
    connection.request("GET", "/v1/x", headers={**request.headers, "Host": API_HOST})
    answer = connection.getresponse()
    assert answer.status == 400
    message = json.loads(answer.read())["Message"]
    assert {"assetId", "dataSetId", "revisionId"} <= set(message.replace("'", " ").split())
    connection.close()
    assert raw(place.receiver, "GET", "/v2/mirror", place.entitled)[0] == 404
    assert raw(place.receiver, "TRACE", "/v1/mirror", place.entitled)[0] == 400


@pytest.mark.parametrize(
    "path",
    ["/../secret", "/a/../../secret", "/%2e%2e/secret", "/a%2f..%2f..%2fsecret", "/%252e%252e/x", "//evil"],
)
def test_no_path_leads_out_of_the_stage(place: Place, path: str) -> None:
    before = len(place.api.asked)
    client = caller(place.provider)
    with pytest.raises(client.exceptions.ValidationException):
        send(client, place.owned, Method="GET", Path=path)
    client.close()
    assert len(place.api.asked) == before


def test_no_header_lets_the_caller_be_somebody_else_or_go_elsewhere(place: Place) -> None:
    client = caller(place.receiver)
    for name in ("Host", "X-Amz-Source-Account", "x_amz_source_account", "Transfer-Encoding", "Connection"):
        with pytest.raises(client.exceptions.ValidationException):
            send(client, place.entitled, Method="GET", Path="mirror", RequestHeaders={name: "x"})
    client.close()
    status, _, _ = raw(
        place.receiver,
        "GET",
        "/v1/mirror",
        place.entitled,
        headers={
            "X-Amz-Source-Account": "forged",
            "X_Amz_Source_Account": "forged",
            "X-Amzn-Dataexchange-Requester-Account-Id": "forged",
            "X-Api-Key": "forged",
            "X-Forwarded-For": "forged",
            "Proxy-Authorization": "forged",
        },
    )
    assert status == 200
    assert "forged" not in str(place.api.last.headers)


def test_a_host_with_the_prefix_is_reached_by_an_unmodified_sdk(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve = socket.getaddrinfo

    def localhosts(host: Any, *rest: Any, **options: Any) -> Any:
        return resolve("127.0.0.1" if str(host).endswith(".localhost") else host, *rest, **options)

    monkeypatch.setattr(socket, "getaddrinfo", localhosts)
    port = urlsplit(place.server.url).port
    client = boto3.session.Session(place.receiver.access_key_id, place.receiver.secret_access_key).client(
        "dataexchange", endpoint_url=f"http://localhost:{port}", region_name="us-east-1"
    )
    answer = send(client, place.entitled, Path="mirror", Body="hello")
    client.close()
    assert answer["Body"] == "hello"
    assert place.api.last.method == "POST"


def options(ids: dict[str, str]) -> list[str]:
    return [
        "send-api-asset", "--asset-id", ids["AssetId"], "--data-set-id", ids["DataSetId"],
        "--revision-id", ids["RevisionId"], "--method", "PUT", "--path", "/mirror", "--body", "hello",
    ]  # fmt: skip


def test_entrepot_send_api_asset(place: Place) -> None:
    line = [sys.executable, "-m", "entrepot", *options(place.entitled)]
    ran = subprocess.run(line, env=place.receiver.environ(), capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout)["Body"] == "hello"
    assert place.api.last.target == "/prod/mirror"


def test_aws_dataexchange_send_api_asset(place: Place) -> None:
    port = urlsplit(place.server.url).port
    # No resolver is asked for api-fulfill.localhost where a proxy is: the exchange itself, as the others do.
    environ = place.receiver.environ() | {
        "HTTP_PROXY": place.server.url,
        "AWS_ENDPOINT_URL": "",
        "AWS_PAGER": "",
        "PATH": "/usr/bin:/bin",
    }
    ran = subprocess.run(
        [
            tools.aws_cli(),
            "dataexchange",
            *options(place.entitled),
            "--endpoint-url",
            f"http://localhost:{port}",
        ],
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout)["Body"] == "hello"


def test_the_javascript_sdk_calls_an_entitled_api(place: Place) -> None:
    given = {
        "endpoint": place.server.url,
        "accessKeyId": place.receiver.access_key_id,
        "secretAccessKey": place.receiver.secret_access_key,
        "call": {
            **place.entitled,
            "Method": "PUT",
            "Path": "/mirror",
            "Body": "Grüße",
            "QueryStringParameters": {"city": "Köln"},
            "RequestHeaders": {"X-Units": "metric"},
        },
    }
    line = [tools.node(), str(tools.JAVASCRIPT / "send_api_asset.mjs"), json.dumps(given)]
    ran = subprocess.run(line, capture_output=True, text=True, check=False, timeout=120)
    assert ran.returncode == 0, ran.stderr
    saw = json.loads(ran.stdout)
    assert (saw["body"], saw["headers"]["x-amz-dataexchange-metering"]) == ("Grüße", "Calls=1")
    assert place.api.last.target == "/prod/mirror?city=K%C3%B6ln"
    assert place.api.last.header("x-units") == "metric"


def test_ten_calls_a_second_and_then_patience(place: Place) -> None:
    def status(_: int) -> int:
        return raw_once(place.provider, "GET", "/v1/bytes/1", place.owned)[0]

    statuses: set[int] = set()
    deadline = time.monotonic() + PATIENCE_SECONDS
    with ThreadPoolExecutor(40) as threads:  # one after the other may be too slow
        while statuses != {200, 429}:
            assert time.monotonic() < deadline
            statuses.update(threads.map(status, range(40)))
    client = caller(place.provider, retries={"total_max_attempts": 10, "mode": "standard"})
    assert client.send_api_asset(**place.owned, Method="GET", Path="bytes/1")["Body"] == "\0"
    client.close()


def test_a_revoked_revision_is_the_owner_s_alone(place: Place) -> None:
    owned = import_api(place.provider)
    ids = {"DataSetId": owned["DataSetId"], "RevisionId": owned["RevisionId"]}
    open_client, client = caller(place.provider), caller(place.receiver)
    send(open_client, owned, Method="GET", Path="bytes/1")  # before it is finalized
    place.provider.client.update_revision(**ids, Finalized=True)
    entitled = granted(place.provider, place.receiver, owned["DataSetId"])
    send(client, entitled, Method="GET", Path="bytes/1")
    seen = place.receiver.client.get_asset(**entitled)["AssetDetails"]["ApiGatewayApiAsset"]
    url = seen["ApiSpecificationDownloadUrl"]
    assert flow.get(url) == DOCUMENT
    place.provider.client.revoke_revision(**ids, RevocationComment="wrong numbers")
    with pytest.raises(HTTPError, match="403"):
        flow.get(url)
    with pytest.raises(client.exceptions.AccessDeniedException, match="wrong numbers"):
        send(client, entitled, Method="GET", Path="bytes/1")
    send(open_client, owned, Method="GET", Path="bytes/1")
    grant = place.receiver.client.get_data_set(DataSetId=entitled["DataSetId"])
    arn = grant["OriginDetails"]["DataGrantId"]
    place.provider.client.delete_data_grant(DataGrantId=arn)
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        send(client, entitled, Method="GET", Path="bytes/1")
    open_client.close()
    client.close()


def test_every_call_is_counted_by_its_status_and_the_key_is_not_logged(place: Place) -> None:
    raw(place.receiver, "GET", "/v1/status/418", place.entitled)
    connection = http.client.HTTPConnection("127.0.0.1", urlsplit(place.server.url).port)
    connection.request("GET", "/metrics")
    metrics = connection.getresponse().read().decode()
    connection.close()
    assert 'entrepot_requests_total{operation="SendApiAsset",status="418"}' in metrics
    assert "k-123" not in place.server.log.read_text()
