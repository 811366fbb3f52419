"""What AwsLakeFormation asks, and how it takes what moto never answers; the rest is tested on moto."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from tests.servers.scripted_http import ScriptedServer, answer, scripted_server

from entrepot.domain.errors import IntegrationRefused, IntegrationUnavailable
from entrepot.domain.lake_formation import LFCatalog, LFResourceType, LFTag, LFTagPolicy
from entrepot.domain.scope import Scope
from entrepot.integrations.assumed_role import AssumedRoles
from entrepot.integrations.aws import AwsOptions, AwsService, AwsServices
from entrepot.integrations.lake_formation import AwsLakeFormation
from entrepot.sigv4.signature_parameters import Credentials

ACCOUNT, RECEIVER = "111122223333", "444455556666"
CATALOG = LFCatalog(Scope(ACCOUNT, "eu-west-1"), ACCOUNT, f"arn:aws:iam::{ACCOUNT}:role/exchange")
POLICY = LFTagPolicy(CATALOG, LFResourceType.TABLE, (LFTag("env", ("prod", "test")),), ("DESCRIBE", "SELECT"))
DONE = answer(200, b"{}")

Opening = Callable[..., tuple[AwsLakeFormation, ScriptedServer]]


def refusal(code: str, message: str) -> bytes:
    return answer(400, json.dumps({"Message": message}).encode(), [("x-amzn-errortype", code)])


def tag(*values: str) -> bytes:
    return answer(200, json.dumps({"CatalogId": ACCOUNT, "TagKey": "env", "TagValues": values}).encode())


@pytest.fixture
def opened() -> Iterator[Opening]:
    """Lake Formation, and the services named, on one server that plays the script."""
    with ExitStack() as stack:

        def open_on(*script: bytes, beside: tuple[AwsService, ...] = ()) -> Any:
            server = stack.enter_context(scripted_server(*script))
            endpoints = dict.fromkeys((AwsService.LAKE_FORMATION, *beside), server.url)
            aws = AwsServices(AwsOptions(endpoints, Credentials("AKID", "secret")))
            stack.callback(aws.close)
            return AwsLakeFormation(aws, AssumedRoles(aws)), server

        yield open_on


def body(server: ScriptedServer, number: int = 0) -> dict[str, Any]:
    sent: dict[str, Any] = json.loads(server.requests[number].body)
    return sent


async def test_a_grant_names_catalogue_receiver_policy_and_permissions(opened: Opening) -> None:
    lake_formation, server = opened(DONE, DONE)
    await lake_formation.grant(POLICY, RECEIVER)
    await lake_formation.revoke(POLICY, RECEIVER)
    expected = {
        "CatalogId": ACCOUNT,
        "Principal": {"DataLakePrincipalIdentifier": RECEIVER},
        "Resource": {
            "LFTagPolicy": {
                "CatalogId": ACCOUNT,
                "ResourceType": "TABLE",
                "Expression": [{"TagKey": "env", "TagValues": ["prod", "test"]}],
            }
        },
        "Permissions": ["DESCRIBE", "SELECT"],
        "PermissionsWithGrantOption": ["DESCRIBE", "SELECT"],
    }
    assert [body(server, 0), body(server, 1)] == [expected, expected]
    assert [request.line for request in server.requests] == [
        "POST /GrantPermissions HTTP/1.1",
        "POST /RevokePermissions HTTP/1.1",
    ]


@pytest.mark.parametrize(
    "refused",
    [
        refusal("EntityNotFoundException", "Tag or tag value does not exist."),
        refusal("InvalidInputException", "No permissions revoked. Grantee does not have: [SELECT]"),
    ],
)
async def test_taking_back_what_is_not_there_is_fine(opened: Opening, refused: bytes) -> None:
    lake_formation, _ = opened(refused)
    await lake_formation.revoke(POLICY, RECEIVER)


@pytest.mark.parametrize(
    "refused",
    [
        refusal("InvalidInputException", "Catalog id is malformed."),
        refusal("AccessDeniedException", "Insufficient Lake Formation permission(s)"),
    ],
)
async def test_what_could_not_be_taken_back_is_not_passed_over(opened: Opening, refused: bytes) -> None:
    lake_formation, _ = opened(refused)
    with pytest.raises(IntegrationRefused, match="AWS Lake Formation refused RevokePermissions"):
        await lake_formation.revoke(POLICY, RECEIVER)


async def test_a_grant_of_tags_that_are_gone_is_refused(opened: Opening) -> None:
    lake_formation, _ = opened(refusal("EntityNotFoundException", "Tag or tag value does not exist."))
    with pytest.raises(IntegrationRefused, match="GrantPermissions"):
        await lake_formation.grant(POLICY, RECEIVER)


async def test_a_change_at_the_same_time_is_worth_another_try(opened: Opening) -> None:
    lake_formation, _ = opened(refusal("ConcurrentModificationException", "busy"))
    with pytest.raises(IntegrationUnavailable):
        await lake_formation.grant(POLICY, RECEIVER)


async def test_tags_are_looked_for_in_the_owners_catalogue(opened: Opening) -> None:
    lake_formation, server = opened(tag("prod"), refusal("EntityNotFoundException", "no tag"))
    expression = [LFTag("env", ("prod", "dev")), LFTag("team", ("a",))]
    assert await lake_formation.missing(CATALOG, expression) == [
        "LF-tag 'env' has no value 'dev'",
        "there is no LF-tag 'team'",
    ]
    assert body(server) == {"CatalogId": ACCOUNT, "TagKey": "env"}
    assert body(server, 1) == {"CatalogId": ACCOUNT, "TagKey": "team"}
    assert "/eu-west-1/lakeformation/aws4_request" in server.requests[0].headers["authorization"]


async def test_a_refusal_to_show_a_tag_is_not_taken_for_its_absence(opened: Opening) -> None:
    lake_formation, _ = opened(refusal("AccessDeniedException", "not yours"))
    with pytest.raises(IntegrationRefused, match="Allow lakeformation:GetLFTag"):
        await lake_formation.missing(CATALOG, POLICY.expression)


async def test_where_glue_is_configured_it_must_show_the_catalogue(opened: Opening) -> None:
    lake_formation, server = opened(
        tag("prod", "test"), refusal("AccessDeniedException", "no"), beside=(AwsService.GLUE,)
    )
    with pytest.raises(IntegrationRefused, match="AWS Glue refused GetDatabases"):
        await lake_formation.missing(CATALOG, POLICY.expression)
    assert body(server, 1) == {"CatalogId": ACCOUNT, "MaxResults": 1}
