"""Whatever arrives on the wire is answered with a modelled error, never with a 500 and never with silence."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass
from typing import Any

import pytest
from tests.servers.exchanges import Exchange

SOME_ID = "0" * 32
SOME_ARN = f"arn%3Aaws%3Adataexchange%3Aus-east-1%3A123456789012%3Adata-sets%2F{SOME_ID}"
KILOBYTE = 1024


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    error: str
    body: dict[str, Any]


def ask(server: Exchange, method: str, path: str, body: bytes = b"", **headers: str) -> Answer:
    host = server.url.removeprefix("http://")
    connection = http.client.HTTPConnection(host, timeout=30)
    try:
        connection.request(method, path, body=body, headers=headers)
        response = connection.getresponse()
        content = response.read()
    finally:
        connection.close()
    assert response.headers["x-amzn-requestid"]
    return Answer(response.status, response.headers.get("x-amzn-errortype", ""), json.loads(content or b"{}"))


def create_data_set(**change: Any) -> bytes:
    return json.dumps({"Name": "n", "Description": "d", "AssetType": "S3_SNAPSHOT"} | change).encode()


def create_job(**change: Any) -> bytes:
    details = {"AssetSources": [{"Bucket": "b", "Key": "k"}], "DataSetId": SOME_ID, "RevisionId": SOME_ID}
    request = {"Type": "IMPORT_ASSETS_FROM_S3", "Details": {"ImportAssetsFromS3": details}}
    return json.dumps(request | change).encode()


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "error"),
    [
        ("POST", "/v1/data-sets", b"{", 400, "ValidationException"),
        ("POST", "/v1/data-sets", b"[]", 400, "ValidationException"),
        ("POST", "/v1/data-sets", b"", 400, "ValidationException"),
        ("POST", "/v1/data-sets", b"\xff\xfe", 400, "ValidationException"),
        ("POST", "/v1/data-sets", b'{"Name": "\\ud800"}', 400, "ValidationException"),
        ("POST", "/v1/data-sets", b'{"a":' * 5000 + b"1" + b"}" * 5000, 400, "ValidationException"),
        ("POST", "/v1/data-sets", create_data_set(Name=1, AssetType={}), 400, "ValidationException"),
        ("POST", "/v1/data-sets", create_data_set(Name="a\0b"), 400, "ValidationException"),
        ("POST", "/v1/data-sets", create_data_set(AssetType="FLOPPY"), 400, "ValidationException"),
        ("POST", "/v1/data-sets", create_data_set(Name="n" * 257), 400, "ValidationException"),
        ("POST", "/v1/data-sets", b"x" * (5 * KILOBYTE * KILOBYTE), 400, "ValidationException"),
        ("GET", f"/v1/data-sets/{SOME_ID}", b"", 404, "ResourceNotFoundException"),
        ("GET", "/v1/data-sets/x", b"", 400, "ValidationException"),
        ("GET", f"/v1/jobs/{SOME_ID}", b"", 404, "ResourceNotFoundException"),
        ("GET", "/v1/jobs/%00", b"", 400, "ValidationException"),
        ("GET", "/v1/jobs/%zz", b"", 400, "ValidationException"),
        ("GET", "/v1/jobs/", b"", 400, "ValidationException"),
        ("PATCH", f"/v1/jobs/{SOME_ID}", b"", 404, "ResourceNotFoundException"),
        ("GET", "/v1/jobs?maxResults=0", b"", 400, "ValidationException"),
        ("GET", "/v1/jobs?maxResults=201", b"", 400, "ValidationException"),
        ("GET", "/v1/jobs?maxResults=ten", b"", 400, "ValidationException"),
        ("GET", "/v1/jobs?nextToken=forged", b"", 400, "ValidationException"),
        ("GET", "/v1/data-sets?origin=STOLEN", b"", 400, "ValidationException"),
        ("POST", "/v1/jobs", create_job(), 404, "ResourceNotFoundException"),
        ("POST", "/v1/jobs", create_job(Type="IMPORT_EVERYTHING"), 400, "ValidationException"),
        ("POST", "/v1/jobs", create_job(Details={}), 400, "ValidationException"),
        ("POST", "/v1/jobs", create_job(Type="EXPORT_ASSETS_TO_S3"), 400, "ValidationException"),
        ("GET", "/tags/arn%3Aaws%3Anothing", b"", 400, "ValidationException"),
        ("GET", f"/tags/{SOME_ARN}", b"", 404, "ResourceNotFoundException"),
        ("GET", "/", b"", 404, "ResourceNotFoundException"),
        ("GET", "/v2/data-sets", b"", 404, "ResourceNotFoundException"),
        ("GET", "/v1/data-sets/../../etc/passwd", b"", 404, "ResourceNotFoundException"),
        ("PUT", "/v1/data-sets", b"", 400, "ValidationException"),
        ("PROPFIND", "/v1/data-sets", b"", 400, "ValidationException"),
        ("POST", "/v1/event-actions", b"{}", 400, "ValidationException"),
    ],
    ids=lambda value: ascii(value)[:40],
)  # fmt: skip
def test_what_is_wrong_is_answered_with_a_modelled_error(
    trusting_exchange: Exchange, method: str, path: str, body: bytes, status: int, error: str
) -> None:
    answer = ask(trusting_exchange, method, path, body)
    assert (answer.status, answer.error) == (status, error), answer.body
    assert answer.body["Message"]
    assert answer.body["message"] == answer.body["Message"]


def test_all_violations_of_a_request_are_told_in_one_message(trusting_exchange: Exchange) -> None:
    sources = [{"Key": "k"}, {"Bucket": "b"}]
    details = {"AssetSources": sources, "RevisionId": SOME_ID}
    body = json.dumps({"Type": "NONE", "Details": {"ImportAssetsFromS3": details}}).encode()
    message = ask(trusting_exchange, "POST", "/v1/jobs", body).body["Message"]
    assert message.startswith("4 validation errors detected: ")
    assert "'type'" in message
    for member in ("assetSources.1.member.bucket", "assetSources.2.member.key", "dataSetId"):
        assert f"'details.importAssetsFromS3.{member}'" in message


def test_an_error_names_the_resource_in_its_own_members(trusting_exchange: Exchange) -> None:
    body = ask(trusting_exchange, "GET", f"/v1/jobs/{SOME_ID}").body
    assert body["ResourceId"] == SOME_ID
    assert body["ResourceType"] == "JOB"
    assert SOME_ID in body["Message"]


def test_unknown_members_are_ignored(trusting_exchange: Exchange) -> None:
    body = {"Name": "n", "Description": "d", "AssetType": "S3_SNAPSHOT", "Flavour": "vanilla"}
    answer = ask(trusting_exchange, "POST", "/v1/data-sets", json.dumps(body).encode())
    assert answer.status == 201
    assert "Flavour" not in answer.body


def test_in_trust_mode_the_access_key_names_the_account(trusting_exchange: Exchange) -> None:
    def scoped(account: str, region: str) -> dict[str, str]:
        scope = f"{account}/20260101/{region}/dataexchange/aws4_request"
        return {"Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=00"}

    body = json.dumps({"Name": "mine", "Description": "d", "AssetType": "S3_SNAPSHOT"}).encode()
    made = ask(trusting_exchange, "POST", "/v1/data-sets", body, **scoped("111111111111", "eu-west-1")).body
    assert made["Arn"] == f"arn:aws:dataexchange:eu-west-1:111111111111:data-sets/{made['Id']}"
    path = f"/v1/data-sets/{made['Id']}"
    assert ask(trusting_exchange, "GET", path, **scoped("111111111111", "eu-west-1")).status == 200
    assert ask(trusting_exchange, "GET", path, **scoped("222222222222", "eu-west-1")).status == 404
    assert ask(trusting_exchange, "GET", path, **scoped("111111111111", "eu-west-2")).status == 404
    assert ask(trusting_exchange, "GET", path).status == 404


def test_without_a_valid_signature_nothing_is_answered(port: Any, client: Any) -> None:
    for path, headers, error in [
        ("/v1/jobs", {}, "MissingAuthenticationTokenException"),
        ("/v1/jobs", {"Authorization": "AWS4-HMAC-SHA256 nonsense"}, "IncompleteSignatureException"),
    ]:
        answer = ask(port.exchange, "GET", path, **headers)
        assert (answer.status, answer.error) == (403, error)
    stranger = client("dataexchange", secret="not the secret")
    with pytest.raises(stranger.exceptions.ClientError) as refused:
        stranger.list_jobs()
    assert refused.value.response["Error"]["Code"] == "InvalidSignatureException"
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
