"""Against a server that answers by script; the functional tests ask a real one."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from tests.servers.scripted_http import Scripted, ScriptedServer, answer, scripted_server

from entrepot.cli.aws.completion.live import LiveIds

PLENTY_SECONDS = 30.0
JOBS = {
    "Jobs": [
        {
            "Id": "1" * 32,
            "State": "WAITING",
            "Type": "EXPORT_ASSETS_TO_S3",
            "CreatedAt": "2026-01-02T03:04:05Z",
        },
        {
            "Id": "2" * 32,
            "State": "COMPLETED",
            "Type": "EXPORT_ASSETS_TO_S3",
            "CreatedAt": "2026-01-02T03:04:05Z",
        },
    ]
}


def listing(content: dict[str, Any], status: int = 200) -> bytes:
    return answer(status, json.dumps(content).encode(), [("Content-Type", "application/json")])


def ids_from(
    server: ScriptedServer, member: str, command: str = "get-x", limit: float = PLENTY_SECONDS, **known: str
) -> list[tuple[str, str]]:
    environ = {
        "AWS_ENDPOINT_URL": server.url,
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    }
    found = LiveIds(environ, limit_seconds=limit).ids(member, command, known, {})
    return [(one.value, one.meaning) for one in found]


def test_jobs_are_told_by_state_and_kind() -> None:
    with scripted_server(listing(JOBS)) as server:
        assert ids_from(server, "JobId", "get-job") == [
            ("1" * 32, "WAITING EXPORT_ASSETS_TO_S3, 2026-01-02 03:04"),
            ("2" * 32, "COMPLETED EXPORT_ASSETS_TO_S3, 2026-01-02 03:04"),
        ]


@pytest.mark.parametrize(("command", "expected"), [("start-job", ["1" * 32]), ("cancel-job", ["1" * 32])])
def test_only_jobs_that_can_be_started_are_offered_for_that(command: str, expected: list[str]) -> None:
    with scripted_server(listing(JOBS)) as server:
        assert [job for job, _ in ids_from(server, "JobId", command)] == expected


def test_pages_are_followed() -> None:
    first = {
        "EventActions": [{"Id": "a", "Event": {"RevisionPublished": {"DataSetId": "d"}}}],
        "NextToken": "t",
    }
    with scripted_server(listing(first), listing({"EventActions": [{"Id": "b"}]})) as server:
        assert ids_from(server, "EventActionId") == [
            ("a", "revisions of d"),
            ("b", "revisions of a data set"),
        ]
        assert "nextToken=t" in server.requests[1].line


@pytest.mark.parametrize(
    ("member", "path", "expected"),
    [
        ("DataGrantId", "GET /v1/data-grants?", "i"),
        ("DataGrantArn", "GET /v1/received-data-grants?", "a"),
    ],
)
def test_grants_are_found_by_who_gave_them(member: str, path: str, expected: str) -> None:
    content = {"DataGrantSummaries": [{"Id": "i", "Arn": "a", "Name": "To Bergen"}]}
    with scripted_server(listing(content)) as server:
        assert ids_from(server, member) == [(expected, "To Bergen")]
        assert server.requests[0].line.startswith(path)


def test_revisions_have_tags_too() -> None:
    content = {"Revisions": [{"Arn": "arn:x:data-sets/d/revisions/r"}]}
    with scripted_server(listing(content)) as server:
        environ = {"AWS_REGION": "us-east-1", "AWS_CONFIG_FILE": "/dev/null", "AWS_ENDPOINT_URL": server.url}
        given: dict[str, list[str]] = {"--no-sign-request": []}
        live = LiveIds(environ, limit_seconds=PLENTY_SECONDS)
        found = live.ids("ResourceArn", "tag-resource", {}, given, "arn:x:data-sets/d/")
        assert [one.value for one in found] == ["arn:x:data-sets/d/revisions/r"]
        assert server.requests[0].line.startswith("GET /v1/data-sets/d/revisions?")


def test_what_must_be_known_first_is_not_asked_without() -> None:
    with scripted_server() as server:
        assert ids_from(server, "RevisionId") == []
        assert ids_from(server, "AssetId", DataSetId="d") == []
        assert ids_from(server, "Comment") == []
        assert server.requests == []


def test_revisions_and_assets_are_those_of_what_is_given() -> None:
    revisions = {
        "Revisions": [{"Id": "r", "Finalized": True, "Comment": "May"}, {"Id": "s", "Revoked": True}]
    }
    with scripted_server(listing(revisions), listing({"Assets": [{"Id": "a", "Name": "n"}]})) as server:
        assert [one for one, _ in ids_from(server, "RevisionId", DataSetId="d")] == ["r", "s"]
        assert ids_from(server, "AssetId", DataSetId="d", RevisionId="r") == [("a", "n")]
        assert server.requests[0].line.startswith("GET /v1/data-sets/d/revisions?")
        assert server.requests[1].line.startswith("GET /v1/data-sets/d/revisions/r/assets?")


@pytest.mark.parametrize(
    "script",
    [
        [listing({"Message": "no"}, 403)],
        [answer(200, b"no JSON at all")],
        [listing({"Jobs": [{"State": "WAITING"}]})],
        [Scripted(hang_up=True)],
    ],
    ids=["refused", "nonsense", "no id", "hung up"],
)
def test_failures_are_silence(script: list[Scripted | bytes], capfd: pytest.CaptureFixture[str]) -> None:
    with scripted_server(*script) as server:
        assert ids_from(server, "JobId") == []
    assert capfd.readouterr() == ("", "")


def test_a_server_that_says_nothing_is_not_waited_for() -> None:
    with scripted_server(Scripted(silent=True)) as server:
        started = time.monotonic()
        assert ids_from(server, "JobId", limit=0.05) == []
        assert time.monotonic() - started < PLENTY_SECONDS


def test_without_configuration_there_is_nothing(tmp_path: Path) -> None:
    environ = {
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        "ENTREPOT_DATA_DIR": str(tmp_path),
    }
    assert LiveIds(environ, limit_seconds=PLENTY_SECONDS).ids("JobId", "get-job", {}, {}) == []


def test_an_answer_is_remembered_for_a_moment() -> None:
    with scripted_server(listing(JOBS)) as server:
        environ = {
            "AWS_REGION": "us-east-1",
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        }
        live = LiveIds(environ, limit_seconds=PLENTY_SECONDS)
        given: dict[str, list[str]] = {"--endpoint-url": [server.url], "--no-sign-request": []}
        first = live.ids("JobId", "get-job", {}, given)
        assert live.ids("JobId", "get-job", {}, given) == first
        assert len(server.requests) == 1
        assert "authorization" not in {name.lower() for name in server.requests[0].headers}
