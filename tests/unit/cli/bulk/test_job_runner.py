from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from entrepot.cli.bulk.exchange_calls import Exchange
from entrepot.cli.bulk.failures import GivenUp, ItemFailed
from entrepot.cli.bulk.job_runner import JobRunner, Task
from entrepot.cli.bulk.run_summary import RunSummary
from entrepot.cli.jobs.progress_display import ProgressDisplay
from entrepot.client.client_errors import EndpointUnreachable, ServiceAnswer

LIMIT = 3


@dataclass
class Service:
    """Jobs that end after some looks; one client of it for all threads."""

    looks: int = 2
    limit: int = LIMIT
    outages: int = 0
    states: dict[str, str] = field(default_factory=dict)
    seen: dict[str, int] = field(default_factory=dict)
    final: dict[str, str] = field(default_factory=dict)
    most_at_once: int = 0
    calls: list[str] = field(default_factory=list)
    lock: Any = field(default_factory=threading.Lock)

    def call(self, operation: Any, parameters: dict[str, Any]) -> dict[str, Any]:
        with self.lock:
            self.calls.append(operation.command)
            return self._answer(operation.command, parameters)

    call_as_sent = call

    def _answer(self, command: str, parameters: dict[str, Any]) -> dict[str, Any]:
        if self.outages and len(self.calls) > 3:
            self.outages -= 1
            raise EndpointUnreachable("http://127.0.0.1")
        match command:
            case "create-job":
                job_id = f"job-{len(self.states)}"
                self.states[job_id] = "WAITING"
                self.final[job_id] = parameters["Details"].get("final", "COMPLETED")
                return {"Id": job_id}
            case "start-job":
                running = sum(state == "IN_PROGRESS" for state in self.states.values())
                if running >= self.limit:
                    raise ServiceAnswer("ConflictException", "full", operation_name="StartJob", status=409)
                self.states[parameters["JobId"]] = "IN_PROGRESS"
                self.most_at_once = max(self.most_at_once, running + 1)
                return {}
            case "get-job":
                return self._look(parameters["JobId"])
            case "list-jobs":
                newest = reversed(self.states)
                return {
                    "Jobs": [
                        self._look(job_id) for job_id in itertools.islice(newest, parameters["MaxResults"])
                    ]
                }
        raise AssertionError(command)

    def _look(self, job_id: str) -> dict[str, Any]:
        if self.states[job_id] == "IN_PROGRESS":
            self.seen[job_id] = self.seen.get(job_id, 0) + 1
            if self.seen[job_id] >= self.looks:
                self.states[job_id] = self.final[job_id]
        return {"Id": job_id, "State": self.states[job_id], "Type": "T", "Details": {}}

    def get_json(self, path: str, name: str) -> dict[str, Any]:
        raise OSError("no progress here")


@dataclass(eq=False)
class Work:
    """A task whose job ends as it is told."""

    exchange: Exchange
    done: list[Work]
    final: str = "COMPLETED"
    fails_to_prepare: bool = False
    replacement: Work | None = None
    job_id: str = ""
    is_running: bool = False
    assets: int = 1
    size_bytes: int = 10
    problems: list[object] = field(default_factory=list)

    def prepare(self) -> None:
        if self.fails_to_prepare:
            raise ItemFailed("unreadable")
        self.job_id = self.exchange.create_job("T", {"final": self.final})["Id"]

    def complete(self, job: Mapping[str, Any]) -> None:
        self.done.append(self)

    def fail(self, problem: Exception | Mapping[str, Any]) -> Sequence[Task]:
        self.problems.append(problem)
        return [self.replacement] if self.replacement else []


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def exchange(service: Service) -> Exchange:
    return Exchange(lambda: service)


def run(exchange: Exchange, tasks: Iterator[Work] | list[Work], concurrency: int = LIMIT) -> RunSummary:
    totals = RunSummary("test", ProgressDisplay(None, live=False))
    runner = JobRunner(exchange, "rev", totals, concurrency=concurrency, threads=4, doing="working")
    runner.run(tasks)
    return totals


def test_all_jobs_are_run_and_never_more_at_once_than_allowed(service: Service, exchange: Exchange) -> None:
    done: list[Work] = []
    totals = run(exchange, [Work(exchange, done) for _ in range(20)])
    assert len(done) == 20
    assert set(service.states.values()) == {"COMPLETED"}
    assert service.most_at_once <= LIMIT
    assert (totals.jobs, totals.assets_done, totals.bytes_done) == (20, 20, 200)


def test_places_that_others_have_taken_are_waited_for(service: Service, exchange: Exchange) -> None:
    service.limit = 1
    done: list[Work] = []
    run(exchange, [Work(exchange, done) for _ in range(4)])
    assert len(done) == 4
    assert service.calls.count("create-job") == 4


def test_jobs_are_followed_by_lists_and_not_one_by_one(service: Service, exchange: Exchange) -> None:
    service.limit = 10
    run(exchange, [Work(exchange, []) for _ in range(30)], concurrency=10)
    assert service.calls.count("get-job") < service.calls.count("list-jobs")


def test_what_fails_is_told_to_its_task_and_the_others_go_on(exchange: Exchange) -> None:
    done: list[Work] = []
    bad = [Work(exchange, done, final="ERROR"), Work(exchange, done, fails_to_prepare=True)]
    run(exchange, [bad[0], Work(exchange, done), bad[1], Work(exchange, done)])
    assert len(done) == 2
    (job,) = bad[0].problems
    assert isinstance(job, dict) and job["State"] == "ERROR"
    assert isinstance(bad[1].problems[0], ItemFailed)


def test_what_a_task_asks_for_in_its_place_is_run(exchange: Exchange) -> None:
    done: list[Work] = []
    second = Work(exchange, done)
    run(exchange, [Work(exchange, done, final="ERROR", replacement=second)])
    assert done == [second]


def test_a_job_that_runs_already_is_only_followed(service: Service, exchange: Exchange) -> None:
    service.states["job-0"], service.final["job-0"] = "IN_PROGRESS", "COMPLETED"
    done: list[Work] = []
    run(exchange, [Work(exchange, done, job_id="job-0", is_running=True)])
    assert len(done) == 1
    assert "start-job" not in service.calls


def test_an_exchange_that_is_away_for_a_moment_is_waited_for(service: Service, exchange: Exchange) -> None:
    service.outages = 4
    done: list[Work] = []
    run(exchange, [Work(exchange, done) for _ in range(5)])
    assert len(done) == 5


def test_an_exchange_that_stays_away_ends_the_run(service: Service) -> None:
    service.outages = 10_000
    exchange = Exchange(lambda: service, patience_seconds=0.2)
    with pytest.raises(EndpointUnreachable):
        run(exchange, [Work(exchange, []) for _ in range(50)])


def test_when_everything_fails_the_rest_is_not_tried(service: Service, exchange: Exchange) -> None:
    works = [Work(exchange, [], fails_to_prepare=True) for _ in range(1000)]
    with pytest.raises(GivenUp, match="50 attempts failed and none succeeded, the last because unreadable"):
        run(exchange, works)
    assert sum(bool(work.problems) for work in works) < 60


def test_no_job_is_made_while_there_is_enough_to_complete(service: Service, exchange: Exchange) -> None:
    slow = threading.Event()

    class SlowWork(Work):
        def complete(self, job: Mapping[str, Any]) -> None:
            slow.wait(1.0)
            super().complete(job)

    done: list[Work] = []
    made: list[int] = []

    def works() -> Iterator[Work]:
        for number in range(100):
            made.append(number - len(done))
            if number == 60:
                slow.set()
            yield SlowWork(exchange, done)

    threading.Timer(0.1, slow.set).start()
    run(exchange, works())
    assert len(done) == 100
    assert max(made) < 30
