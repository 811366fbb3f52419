"""The comparison sees what differs: otherwise every case would pass."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.parity.case import Case, Outcome, read_cases
from tests.parity.comparison import differences
from tests.parity.running import run
from tests.parity.signatures import facts_of_signature
from tests.parity.stub_servers import StubServers


@pytest.fixture(scope="module")
def case() -> Case:
    """One that says something on every channel."""
    cases = {case.id: case for case in read_cases("cases.jsonl")}
    return cases["retry/err-validation-is-not-retried"]


@pytest.fixture(scope="module")
def outcome(case: Case, command: list[str], stub_servers: StubServers) -> Outcome:
    return run(case, command, stub_servers)


def test_the_same_is_the_same(case: Case, outcome: Outcome) -> None:
    assert differences(case, outcome) == []


@pytest.mark.parametrize(
    ("what", "value"),
    [
        ("exit", 255),
        ("stdout", "x"),
        ("stderr", "\nAn error occurred\n"),
        ("requests", []),
    ],
)
def test_another_expectation_fails(case: Case, outcome: Outcome, what: str, value: Any) -> None:
    changes = {what: value}
    other = replace(case, expected=replace(case.expected, **changes))
    assert any(what in line for line in differences(other, outcome))


def test_a_request_more_fails(case: Case, outcome: Outcome) -> None:
    once_more = replace(outcome, requests=outcome.requests * 2)
    assert differences(case, once_more)


def test_a_blank_more_fails(case: Case, outcome: Outcome) -> None:
    assert differences(case, replace(outcome, stderr=outcome.stderr.replace("(", " (")))


def test_what_must_be_found_is_looked_for(case: Case, outcome: Outcome) -> None:
    looking = replace(case, stderr_mode="contains", needles=("GetJob operation:  JobId",))
    assert differences(looking, outcome) == []
    assert differences(replace(looking, needles=("GetJobs",)), outcome)


def test_nothing_is_not_something(case: Case, outcome: Outcome) -> None:
    asking = replace(case, stderr_mode="nonempty")
    assert differences(asking, outcome) == []
    assert differences(asking, replace(outcome, stderr=""))


def test_a_wrong_secret_shows(case: Case, command: list[str], stub_servers: StubServers) -> None:
    pretending = replace(case, env={**case.env, "AWS_SECRET_ACCESS_KEY": "guessed"})
    assert [request["sig"] for request in run(pretending, command, stub_servers).requests] == ["bad"]


def test_a_signature_that_is_none_is_no_signature() -> None:
    headers = [("Host", "127.0.0.1"), ("X-Amz-Date", "20260101T000000Z")]
    claim = "AWS4-HMAC-SHA256 Credential=AKIAPARITYENV0000001/20260101/us-east-1/dataexchange/aws4_request"
    forged = ("Authorization", f"{claim}, SignedHeaders=host;x-amz-date, Signature={'0' * 64}")
    assert facts_of_signature("GET", "/v1/jobs", headers, b"") == {"sig": "none"}
    assert facts_of_signature("GET", "/v1/jobs", [*headers, forged], b"")["sig"] == "bad"
    assert facts_of_signature("GET", "/v1/jobs", [("Authorization", "Basic x")], b"") == {"sig": "unparsable"}
