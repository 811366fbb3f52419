"""The factory of clients, and what becomes of errors, against a server that answers as told."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from tests.servers.scripted_http import Scripted, ScriptedServer, answer, scripted_server

from entrepot.domain.errors import IntegrationNotConfigured, IntegrationRefused, IntegrationUnavailable
from entrepot.integrations import aws as aws_module
from entrepot.integrations.assumed_role import SECONDS_LEFT, SESSION_SECONDS, AssumedRoles, LentRole
from entrepot.integrations.aws import AwsOptions, AwsService, AwsServices, answers_of, call
from entrepot.settings.options import OPTIONS
from entrepot.sigv4.signature_parameters import Credentials

KEY = Credentials("AKIDSERVER", "secret")
REGION = "eu-west-1"
ROLE = LentRole("arn:aws:iam::111122223333:role/exchange", "111122223333")


def services(url: str | None, *names: AwsService, key: Credentials | None = KEY) -> AwsServices:
    return AwsServices(AwsOptions(dict.fromkeys(names, url), key))


def refusal(status: int, code: str, message: str = "as scripted") -> bytes:
    return answer(
        status,
        json.dumps({"__type": code, "message": message}).encode(),
        [("content-type", "application/x-amz-json-1.1"), ("x-amzn-errortype", code)],
    )


def ask(server: ScriptedServer) -> dict[str, Any]:
    aws = services(server.url, AwsService.KMS)
    try:
        return call(AwsService.KMS, aws.client(AwsService.KMS, REGION).list_keys, Limit=1)
    finally:
        aws.close()


def credential(server: ScriptedServer, number: int) -> str:
    return server.requests[number].headers["authorization"].partition("Credential=")[2].partition("/")[0]


@pytest.mark.parametrize("service", AwsService)
def test_each_service_has_a_setting_that_is_named_where_it_is_missing(service: AwsService) -> None:
    assert service.setting in {name for option in OPTIONS for name in option.variables}
    aws = services(None)
    assert not aws.is_configured(service)
    with pytest.raises(IntegrationNotConfigured, match=service.setting) as caught:
        aws.client(service, REGION)
    assert service.full_name in caught.value.message


def test_a_client_is_made_once_for_each_service_and_region_whoever_asks() -> None:
    aws = services("http://127.0.0.1:9", AwsService.KMS, AwsService.STS)
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: aws.client(AwsService.KMS, REGION), range(32)))
    assert len(set(map(id, made))) == 1
    assert aws.client(AwsService.KMS, "us-east-1") is not made[0]
    assert aws.client(AwsService.STS, REGION) is not made[0]
    aws.close()


def test_regions_without_end_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aws_module, "CLIENTS_KEPT", 2)
    aws = services("http://127.0.0.1:9", AwsService.STS)
    first = aws.client(AwsService.STS, "r-1")
    aws.client(AwsService.STS, "r-2")
    assert aws.client(AwsService.STS, "r-1") is first, "what is used stays"
    aws.client(AwsService.STS, "r-3")
    assert aws.client(AwsService.STS, "r-1") is first
    aws.client(AwsService.STS, "r-4")
    aws.client(AwsService.STS, "r-5")
    assert aws.client(AwsService.STS, "r-1") is not first
    aws.close()


def test_requests_are_signed_by_the_server_for_the_region_that_is_asked_for() -> None:
    with scripted_server(answer(200, b'{"Keys": []}')) as server:
        assert ask(server)["Keys"] == []
    assert f"Credential={KEY.access_key_id}/" in server.requests[0].headers["authorization"]
    assert f"/{REGION}/kms/aws4_request" in server.requests[0].headers["authorization"]


def test_awss_own_endpoint_is_that_of_the_region_whatever_the_environment_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:8250")
    aws = services(None, AwsService.LAKE_FORMATION)
    client = aws.client(AwsService.LAKE_FORMATION, REGION)
    assert client.meta.endpoint_url == "https://lakeformation.eu-west-1.amazonaws.com"
    aws.close()


@pytest.mark.parametrize("region", ["evil.example/", "a.b", "-x", "x y"])
def test_a_region_that_would_lead_elsewhere_is_refused(region: str) -> None:
    aws = services(None, AwsService.KMS)
    with pytest.raises(IntegrationRefused, match="cannot be called"):
        aws.client(AwsService.KMS, region)


@pytest.mark.parametrize(
    ("raw", "kind", "words"),
    [
        (refusal(400, "NotFoundException", "no such thing."), IntegrationRefused, "no such thing)"),
        (refusal(400, "AccessDeniedException"), IntegrationRefused, "Allow kms:ListKeys"),
        (refusal(403, "InvalidSignatureException"), IntegrationRefused, "Check the AWS credentials"),
        (refusal(400, "UnrecognizedClientException"), IntegrationRefused, "Check the AWS credentials"),
        (refusal(400, "ConcurrentModificationException"), IntegrationUnavailable, "try again later"),
    ],
)
def test_an_answer_that_refuses_names_service_and_action(
    raw: bytes, kind: type[IntegrationRefused | IntegrationUnavailable], words: str
) -> None:
    with scripted_server(raw) as server, pytest.raises(kind) as caught:
        ask(server)
    assert "AWS KMS" in caught.value.message
    assert words in caught.value.message
    assert "secret" not in caught.value.message


def test_a_refusal_keeps_the_services_own_code_and_says_whether_who_asks_was_denied() -> None:
    with (
        scripted_server(refusal(400, "NotFoundException")) as server,
        pytest.raises(IntegrationRefused) as caught,
    ):
        ask(server)
    assert (caught.value.code, caught.value.denied) == ("NotFoundException", False)
    with (
        scripted_server(refusal(400, "AccessDeniedException")) as server,
        pytest.raises(IntegrationRefused) as caught,
    ):
        ask(server)
    assert (caught.value.code, caught.value.denied) == ("AccessDeniedException", True)


@pytest.mark.parametrize("status", [500, 503])
def test_a_failure_is_tried_again_and_then_unavailable(status: int) -> None:
    failing = pytest.raises(IntegrationUnavailable, match="AWS KMS failed at ListKeys")
    with scripted_server(*[refusal(status, "InternalServiceException")] * 4) as server, failing:
        ask(server)
    assert len(server.requests) == aws_module.ATTEMPTS
    with scripted_server(refusal(status, "X"), answer(200, b"{}")) as server:
        ask(server)


def test_a_service_that_is_not_there_is_unavailable_and_its_address_stays_in_the_log() -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
        aws = services(f"http://127.0.0.1:{port}", AwsService.KMS)
        with pytest.raises(IntegrationUnavailable, match="AWS KMS cannot be reached") as caught:
            call(AwsService.KMS, aws.client(AwsService.KMS, REGION).list_keys)
        aws.close()
    assert str(port) not in caught.value.message
    assert str(port) in str(caught.value.__cause__)


def test_a_service_that_hangs_up_or_falls_silent_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aws_module, "READ_SECONDS", 0.2)
    with scripted_server() as server, pytest.raises(IntegrationUnavailable):
        ask(server)
    silent = aws_module.ATTEMPTS * [Scripted(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", silent=True)]
    with scripted_server(*silent) as server, pytest.raises(IntegrationUnavailable):
        ask(server)


def test_a_server_without_credentials_says_what_to_set(
    monkeypatch: pytest.MonkeyPatch, no_aws_credentials: None
) -> None:
    aws = services("http://127.0.0.1:9", AwsService.KMS, key=None)
    with pytest.raises(IntegrationRefused, match="AWS_ACCESS_KEY_ID") as caught:
        call(AwsService.KMS, aws.client(AwsService.KMS, REGION).list_keys)
    assert caught.value.denied
    aws.close()


def test_a_profile_that_does_not_exist_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody-has-this")
    with pytest.raises(IntegrationRefused, match="nobody-has-this"):
        services("http://127.0.0.1:9", AwsService.KMS).client(AwsService.KMS, REGION)


def test_errors_of_ours_pass_through_unchanged() -> None:
    with pytest.raises(ZeroDivisionError), answers_of(AwsService.KMS):
        raise ZeroDivisionError


def assumed(key_id: str) -> bytes:
    return answer(
        200,
        f"""<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult>
        <Credentials><AccessKeyId>{key_id}</AccessKeyId><SecretAccessKey>s</SecretAccessKey>
        <SessionToken>t</SessionToken><Expiration>2030-01-01T00:00:00Z</Expiration></Credentials>
        </AssumeRoleResult></AssumeRoleResponse>""".encode(),
        [("content-type", "text/xml")],
    )


@pytest.fixture
def roles_on() -> Callable[[ScriptedServer], tuple[AssumedRoles, list[float]]]:
    def make(server: ScriptedServer) -> tuple[AssumedRoles, list[float]]:
        time = [0.0]
        aws = services(server.url, AwsService.STS, AwsService.KMS)
        return AssumedRoles(aws, lambda: time[0]), time

    return make


def test_a_lent_role_is_assumed_in_the_name_of_the_account_that_lends_it_until_its_session_ends(
    roles_on: Callable[[ScriptedServer], tuple[AssumedRoles, list[float]]],
) -> None:
    script = [
        assumed("ASIAONE"),
        answer(200, b"{}"),
        answer(200, b"{}"),
        assumed("ASIATWO"),
        answer(200, b"{}"),
    ]
    with scripted_server(*script) as server:
        roles, time = roles_on(server)

        def call_it() -> None:
            client = roles.client(ROLE, AwsService.KMS, REGION)
            call(AwsService.KMS, client.list_keys)
            client.close()

        call_it()
        time[0] = SESSION_SECONDS - SECONDS_LEFT - 1.0
        call_it()
        time[0] += 1.0
        call_it()
    assert credential(server, 0) == KEY.access_key_id
    assert [credential(server, number) for number in (1, 2, 4)] == ["ASIAONE", "ASIAONE", "ASIATWO"]
    assert b"ExternalId=111122223333" in server.requests[0].body
    assert b"RoleSessionName=entrepot-111122223333" in server.requests[0].body


def test_a_role_that_cannot_be_assumed_is_a_refusal_of_sts(
    roles_on: Callable[[ScriptedServer], tuple[AssumedRoles, list[float]]],
) -> None:
    error = b"<Error><Code>AccessDenied</Code><Message>not for you</Message></Error>"
    body = b"<ErrorResponse>" + error + b"</ErrorResponse>"
    with scripted_server(answer(403, body, [("content-type", "text/xml")])) as server:
        roles, _ = roles_on(server)
        with pytest.raises(
            IntegrationRefused, match=r"AWS STS refused AssumeRole .*Allow sts:AssumeRole"
        ) as caught:
            roles.client(ROLE, AwsService.KMS, REGION)
    assert caught.value.denied


def test_without_sts_the_server_acts_in_its_own_name() -> None:
    aws = services("http://127.0.0.1:9", AwsService.KMS)
    client = AssumedRoles(aws).client(ROLE, AwsService.KMS, REGION)
    assert client is aws.client(AwsService.KMS, REGION)
    aws.close()


def test_botocore_is_not_loaded_before_a_client_is_needed() -> None:
    code = (
        "import sys, pathlib; from entrepot.wiring.integrations import make_aws_services, make_integrations; "
        "from entrepot.settings.settings import Settings; "
        "s = Settings(pathlib.Path('/'), lake_formation_endpoint_url='aws', sts_endpoint_url='aws'); "
        "outside = make_integrations(make_aws_services(s)); assert outside.lake_formation is not None; "
        "print('botocore' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "False\n"
