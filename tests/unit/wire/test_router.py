from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.domain.errors import ResourceNotFound
from entrepot.model.loader import load_model
from entrepot.wire.router import MethodNotAllowed, Router

ROUTER = Router(load_model().operations.values())
ARN = "arn:aws:dataexchange:us-east-1:123456789012:data-sets/abc/revisions/def"
GRANT_ARN = "arn:aws:dataexchange:us-east-1:123456789012:data-grants/" + "0" * 32


@pytest.mark.parametrize(
    ("method", "path", "operation", "parameters"),
    [
        ("GET", "/v1/jobs", "ListJobs", {}),
        ("GET", "/v1/jobs/x", "GetJob", {"JobId": "x"}),
        ("PATCH", "/v1/jobs/x", "StartJob", {"JobId": "x"}),
        ("DELETE", "/v1/jobs/x", "CancelJob", {"JobId": "x"}),
        ("POST", "/v1", "SendApiAsset", {}),
        (
            "POST",
            "/v1/data-sets/d/revisions/r/revoke",
            "RevokeRevision",
            {"DataSetId": "d", "RevisionId": "r"},
        ),
        (
            "GET",
            "/v1/data-sets/d/revisions/r/assets/a",
            "GetAsset",
            {"DataSetId": "d", "RevisionId": "r", "AssetId": "a"},
        ),
        ("GET", "/v1/jobs/", "GetJob", {"JobId": ""}),
        ("GET", "/v1/data-sets//revisions", "ListDataSetRevisions", {"DataSetId": ""}),
        ("GET", "/v1/jobs/a%2Fb%20%C3%A9+", "GetJob", {"JobId": "a/b é+"}),
        ("GET", "/v1/jobs/%FF", "GetJob", {"JobId": "\udcff"}),
        ("GET", "/v1/jobs/%zz%", "GetJob", {"JobId": "%zz%"}),
    ],
)
def test_a_path_leads_to_its_operation(
    method: str, path: str, operation: str, parameters: dict[str, str]
) -> None:
    route = ROUTER.route(method, path)
    assert route.operation.name == operation
    assert route.parameters == parameters


@pytest.mark.parametrize("encoded", [True, False], ids=["one segment", "slashes as they are"])
@pytest.mark.parametrize(
    ("method", "before", "arn", "after", "operation", "member"),
    [
        ("GET", "/tags/", ARN, "", "ListTagsForResource", "ResourceArn"),
        ("DELETE", "/tags/", ARN, "", "UntagResource", "ResourceArn"),
        ("POST", "/v1/data-grants/", GRANT_ARN, "/accept", "AcceptDataGrant", "DataGrantArn"),
        ("GET", "/v1/data-grants/", GRANT_ARN, "", "GetDataGrant", "DataGrantId"),
        ("GET", "/v1/received-data-grants/", GRANT_ARN, "", "GetReceivedDataGrant", "DataGrantArn"),
    ],
)
def test_an_arn_arrives_whole(
    encoded: bool, method: str, before: str, arn: str, after: str, operation: str, member: str
) -> None:
    route = ROUTER.route(method, before + (quote(arn, safe="") if encoded else arn) + after)
    assert route.operation.name == operation
    assert route.parameters == {member: arn}


def test_an_arn_with_encoded_colons_may_have_plain_slashes() -> None:
    assert ROUTER.route("GET", "/tags/" + quote(ARN, safe="/")).parameters == {"ResourceArn": ARN}


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "//",
        "/v2/jobs",
        "/v1/",
        "/v1/jobs/a/b",
        "/v1/data-sets/../../etc/passwd",
        "/tags",
        "/tags/a/b",
        "v1",
    ],
)
def test_a_path_that_does_not_exist_is_not_found(path: str) -> None:
    with pytest.raises(ResourceNotFound) as refused:
        ROUTER.route("GET", path)
    assert "GET" in refused.value.message
    assert path in refused.value.message


def test_a_long_path_is_not_repeated_in_full() -> None:
    with pytest.raises(ResourceNotFound) as refused:
        ROUTER.route("GET", "/" + "x" * 10_000)
    assert len(refused.value.message) < 300


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/v1/jobs", ("GET", "POST")),
        ("HEAD", "/v1/jobs/x", ("DELETE", "GET", "PATCH")),
        ("BREW", "/v1", ("POST",)),
        ("get", "/v1/event-actions", ("GET", "POST")),
    ],
)
def test_a_wrong_verb_is_told_the_right_ones(method: str, path: str, allowed: tuple[str, ...]) -> None:
    with pytest.raises(MethodNotAllowed) as refused:
        ROUTER.route(method, path)
    assert tuple(sorted(refused.value.allowed)) == allowed
    for verb in (method, *allowed):
        assert verb in refused.value.message


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_survives_as_a_path_parameter(text: str) -> None:
    assert ROUTER.route("GET", "/v1/jobs/" + quote(text, safe="")).parameters == {"JobId": text}


@given(st.text(), st.text())
def test_no_path_breaks_the_router(method: str, path: str) -> None:
    with pytest.raises((ResourceNotFound, MethodNotAllowed)):
        ROUTER.route(method + "?", "/" + path)
