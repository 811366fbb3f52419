"""Where APIs are: a template or a table, and whose choice the host was."""

from __future__ import annotations

import json
import re

import pytest

from entrepot.domain.api_endpoint import API_ID, STAGE, ApiEndpoints, ApiTarget
from entrepot.domain.scope import Scope

OWNER = Scope("111122223333", "eu-west-1")


def test_by_default_an_api_is_one_of_api_gateway() -> None:
    target = ApiEndpoints().find("abc123", "prod", OWNER)
    assert target == ApiTarget("https://abc123.execute-api.eu-west-1.amazonaws.com/prod", trusted=False)
    assert target.signing_region == "eu-west-1"
    china = ApiEndpoints().find("abc123", "prod", Scope("1" * 12, "cn-north-1", "aws-cn"))
    assert china is not None
    assert china.url == "https://abc123.execute-api.cn-north-1.amazonaws.com.cn/prod"
    assert china.signing_region == "cn-north-1"


@pytest.mark.parametrize(
    ("template", "url", "trusted"),
    [
        ("http://10.0.0.5:8080/{ApiId}/{Stage}", "http://10.0.0.5:8080/abc/prod", True),
        ("http://gateway.internal/", "http://gateway.internal", True),
        ("https://{AccountId}.apis.internal/{ApiId}", "https://111122223333.apis.internal/abc", True),
        ("https://{ApiId}.apis.internal/{Stage}", "https://abc.apis.internal/prod", False),
        ("https://apis.{region}.internal/{ApiId}", "https://apis.eu-west-1.internal/abc", False),
    ],
)
def test_a_host_is_trusted_unless_users_choose_a_part_of_it(template: str, url: str, trusted: bool) -> None:
    assert ApiEndpoints.parse(template).find("abc", "prod", OWNER) == ApiTarget(url, trusted=trusted)


def test_a_table_knows_each_api_by_its_id_and_stage_and_perhaps_by_its_owner() -> None:
    endpoints = ApiEndpoints.parse(
        json.dumps(
            {
                "weather/prod": "http://127.0.0.1:9000/v2/",
                "prices/$default": {"Url": "https://prices.example", "Accounts": [OWNER.account_id]},
            }
        )
    )
    assert endpoints.find("weather", "prod", OWNER) == ApiTarget("http://127.0.0.1:9000/v2", trusted=True)
    assert endpoints.find("weather", "test", OWNER) is None
    assert endpoints.find("prices", "$default", OWNER) == ApiTarget("https://prices.example", trusted=True)
    assert endpoints.find("prices", "$default", Scope("9" * 12, "eu-west-1")) is None


def test_a_table_may_be_in_a_file() -> None:
    endpoints = ApiEndpoints.parse("/etc/apis.json", '{"a/b": "https://a.example"}')
    assert str(endpoints) == "/etc/apis.json"
    assert endpoints.find("a", "b", OWNER) == ApiTarget("https://a.example", trusted=True)


@pytest.mark.parametrize(
    "text",
    [
        "ftp://a.example/{ApiId}",
        "https://{Nope}.example",
        "https://{Stage}.example/{ApiId}",
        "https://user:password@a.example/",
        "https://a.example/?api={ApiId}",
        "https://a.example/#{ApiId}",
        "https://",
        "https://a b/",
        "https://{ApiId",
        "{",
        "{}",
        '{"weather": "https://a.example"}',
        '{"a/b": "a.example"}',
        '{"a/b": 7}',
        '{"a.b/c": "https://a.example"}',
        '{"a/b": {"Url": "https://a.example", "Accounts": "111122223333"}}',
        '{"a/b": {"Url": "https://a.example", "Accounts": ["1"]}}',
        '{"a/b": {"Url": "https://a.example", "accounts": []}}',
    ],
)
def test_what_cannot_be_used_is_refused_with_what_can(text: str) -> None:
    with pytest.raises(ValueError, match="execute-api"):
        ApiEndpoints.parse(text)


@pytest.mark.parametrize(
    ("url", "region"),
    [
        ("https://a.execute-api.us-east-1.amazonaws.com/prod", "us-east-1"),
        ("https://vpce-1-a.execute-api.us-east-1.vpce.amazonaws.com/prod", "us-east-1"),
        ("https://a.execute-api.cn-north-1.amazonaws.com.cn", "cn-north-1"),
        ("http://a.execute-api.us-east-1.amazonaws.com/prod", None),
        ("https://a.execute-api.us-east-1.amazonaws.com.evil.example/prod", None),
        ("https://evil.example/a.execute-api.us-east-1.amazonaws.com", None),
        ("https://execute-api.us-east-1.amazonaws.com.example", None),
        ("https://s3.us-east-1.amazonaws.com/", None),
    ],
)
def test_only_calls_of_api_gateway_are_signed(url: str, region: str | None) -> None:
    assert ApiTarget(url, trusted=True).signing_region == region


@pytest.mark.parametrize("name", ["a", "abc123", "weather-api", "a" * 63, "0"])
def test_an_api_id_is_one_label_of_a_host(name: str) -> None:
    assert API_ID.fullmatch(name)


@pytest.mark.parametrize(
    "name", ["", "A", "a.b", "a/b", "a:b", "a@b", "-a", "a-", "a" * 64, "a\n", "ä", "a%2e", "a b", "[a]"]
)
def test_nothing_else_is_an_api_id(name: str) -> None:
    assert not API_ID.fullmatch(name)


@pytest.mark.parametrize("name", ["", "a/b", "..", "a.b", "a?b", "a#b", "a%2f", "a b", "a\n", "é", "a" * 129])
def test_a_stage_is_one_plain_segment_of_a_path(name: str) -> None:
    assert STAGE.fullmatch("$default")
    assert STAGE.fullmatch("prod_2-A")
    assert not re.fullmatch(STAGE, name)
