"""Following jobs: what is asked, what is survived, and what ends it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from entrepot.cli.jobs.outcome import exit_code_of
from entrepot.client.client_errors import NoCredentials, ServiceAnswer, TransportError
from entrepot.client.command_line_model import Operation
from entrepot.client.job_following import PATIENCE_SECONDS, Counts, Follower

Answer = dict[str, Any] | Exception


class Exchange:
    """Answers from two lists, the last one of each again and again, and writes down what it was asked."""

    def __init__(self, jobs: list[Answer], progress: list[Answer]) -> None:
        self.jobs = jobs
        self.progress = progress
        self.asked: list[str] = []

    def call(self, operation: Operation, parameters: dict[str, Any]) -> dict[str, Any]:
        self.asked.append(f"{operation.command} {parameters['JobId']}")
        return self._next(self.jobs)

    def get_json(self, path: str, name: str) -> dict[str, Any]:
        assert name == "GetProgress"
        self.asked.append(path)
        return self._next(self.progress)

    def _next(self, answers: list[Answer]) -> dict[str, Any]:
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def job(state: str) -> Answer:
    return {"Id": "a", "State": state}


def progress(done: int, state: str = "IN_PROGRESS") -> Answer:
    return {
        "JobId": "a",
        "State": state,
        "Items": 4,
        "ItemsDone": done,
        "Bytes": 400,
        "BytesDone": done * 100,
    }


def refused(status: int, code: str = "SomeException") -> Exception:
    return ServiceAnswer(code, "no", operation_name="GetJob", status=status)


def follower(
    exchange: Exchange,
    *ids: str,
    counts: bool = True,
    note: Callable[[str], None] = lambda _: None,
    clock: Callable[[], float] = lambda: 0.0,
) -> Follower:
    return Follower(exchange, ids or ("a",), wants_counts=counts, note=note, clock=clock)


def test_counts_come_with_the_state_in_one_question_until_the_job_has_ended() -> None:
    exchange = Exchange(
        [job("WAITING"), job("COMPLETED")],
        [{"JobId": "a", "State": "IN_PROGRESS"}, progress(1), {"JobId": "a", "State": "COMPLETED"}],
    )
    following = follower(exchange)
    seen = []
    while not following.all_ended:
        following.look()
        seen.append((following.jobs[0].state, following.jobs[0].counts))
    assert seen == [
        ("WAITING", None),
        ("IN_PROGRESS", None),
        ("IN_PROGRESS", Counts(4, 1, 400, 100)),
        ("COMPLETED", Counts(4, 4, 400, 400)),
    ]
    path = "/entrepot/jobs/a/progress"
    assert exchange.asked == ["get-job a", path, path, path, "get-job a"]


def test_what_a_job_waits_for_is_told_until_it_gets_on() -> None:
    waiting = progress(0) | {"Waiting": {"Since": "…", "Reason": "The bucket is away.", "NextTryAt": "…"}}
    nonsense = progress(0) | {"Waiting": ["The bucket is away."]}
    following = follower(Exchange([job("IN_PROGRESS")], [waiting, nonsense, waiting, progress(1)]))
    following.look()
    told = []
    for _ in range(4):
        following.look()
        told.append(following.jobs[0].waits_for)
    assert told == ["The bucket is away.", "", "The bucket is away.", ""]


@pytest.mark.parametrize("status", [403, 404, 405])
def test_where_nobody_counts_the_job_itself_is_asked_for_and_nothing_is_said(status: int) -> None:
    notes: list[str] = []
    exchange = Exchange([job("IN_PROGRESS"), job("IN_PROGRESS"), job("ERROR")], [refused(status)])
    following = follower(exchange, note=notes.append)
    for _ in range(3):
        following.look()
    assert exchange.asked == ["get-job a", "/entrepot/jobs/a/progress", "get-job a", "get-job a"]
    assert [one.state for one in following.ended] == ["ERROR"]
    assert notes == []


def test_a_server_that_is_away_is_waited_for_and_told_about_once() -> None:
    notes: list[str] = []
    gone = TransportError("Could not connect.")
    exchange = Exchange([job("IN_PROGRESS"), gone, gone, refused(503), job("COMPLETED")], [])
    following = follower(exchange, counts=False, note=notes.append)
    for _ in range(5):
        following.look()
    assert following.all_ended
    assert notes == ["Could not connect. Asking again.", "The exchange answers again."]


def test_patience_has_an_end() -> None:
    now = [0.0]
    exchange = Exchange([job("IN_PROGRESS"), TransportError("gone")], [])
    following = follower(exchange, counts=False, clock=lambda: now[0])
    following.look()
    following.look()
    now[0] = PATIENCE_SECONDS
    following.look()
    now[0] += 1
    with pytest.raises(TransportError):
        following.look()


@pytest.mark.parametrize("error", [TransportError("gone"), refused(503), refused(404), NoCredentials()])
def test_the_first_question_must_succeed(error: Exception) -> None:
    with pytest.raises(type(error)):
        follower(Exchange([error], [])).look()


@pytest.mark.parametrize("error", [refused(404), refused(403), NoCredentials()])
def test_what_will_not_pass_ends_it_at_once(error: Exception) -> None:
    following = follower(Exchange([job("IN_PROGRESS"), error], []), counts=False)
    following.look()
    with pytest.raises(type(error)):
        following.look()


@pytest.mark.parametrize("error", [refused(429), refused(400, "ThrottlingException"), refused(500)])
def test_an_overloaded_server_is_asked_again(error: Exception) -> None:
    following = follower(Exchange([job("IN_PROGRESS"), error, job("COMPLETED")], []), counts=False)
    for _ in range(3):
        following.look()
    assert following.all_ended


def test_one_job_that_cannot_be_asked_for_does_not_hold_up_the_others() -> None:
    exchange = Exchange([job("IN_PROGRESS"), job("IN_PROGRESS"), refused(500), job("COMPLETED")], [])
    following = follower(exchange, "a", "b", counts=False)
    following.look()
    following.look()
    assert [one.id for one in following.ended] == ["b"]


def test_a_job_that_is_named_twice_is_followed_once() -> None:
    exchange = Exchange([job("COMPLETED")], [])
    follower(exchange, "a", "b", "a").look()
    assert exchange.asked == ["get-job a", "get-job b"]


def test_ids_cannot_lead_to_another_path() -> None:
    exchange = Exchange([job("IN_PROGRESS")], [refused(404)])
    following = follower(exchange, "../x?y")
    following.look()
    following.look()
    assert exchange.asked[1] == "/entrepot/jobs/..%2Fx%3Fy/progress"


def test_pauses_grow_with_the_time_that_passed() -> None:
    now = [0.0]
    following = follower(Exchange([], []), clock=lambda: now[0])
    assert following.pause(2.0) == 0.1
    now[0] = 10
    assert following.pause(2.0) == 1.0
    now[0] = 1000
    assert following.pause(2.0) == 2.0


@pytest.mark.parametrize(
    ("states", "code"),
    [
        (["COMPLETED"], 0),
        (["COMPLETED", "CANCELLED"], 3),
        (["TIMED_OUT", "CANCELLED"], 4),
        (["TIMED_OUT", "ERROR", "COMPLETED"], 1),
    ],
)
def test_the_worst_state_decides_the_exit_code(states: list[str], code: int) -> None:
    assert exit_code_of(states) == code
