"""A run: so many requests to an exchange, by several accounts at once, each answer looked at."""

from __future__ import annotations

import json
import random
import statistics
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.chaos.processes import children, command_line
from tests.chaos.progress import told_now_and_then
from tests.fuzz.belongings import Belongings
from tests.fuzz.checks import wrong_in
from tests.fuzz.requests import Call, next_call
from tests.fuzz.sending import Answer, Request, Sender
from tests.servers.exchanges import Exchange

LEAST_SHARE_OF_SUCCESS = 0.5
GROWTH_MIB = 24.0
"""So much more memory than in the first quarter after the warm-up the last quarter may take, in MiB.

That is what caches and fragmentation come to; a leak of one kibibyte a request is 60 MiB in 100,000 requests.
"""
_WARM_UP = 0.1
"""The share of the samples of memory that is left aside: modules and caches are loaded."""
_LEAST_SAMPLES = 40
_MOST_VIOLATIONS = 100


@dataclass(slots=True)
class Tally:
    """What all threads of a run count together."""

    statuses: dict[str, Counter[str]] = field(default_factory=dict)
    """Of each operation, by class: `2xx`."""
    violations: list[dict[str, Any]] = field(default_factory=list)
    count: int = 0
    successes: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def line(self) -> str:
        latest = f", the latest: {self.violations[-1]['Wrong']}" if self.violations else ""
        return f"{self.count} requests, {len(self.violations)} violations{latest}"

    def add(self, request: Request, answer: Answer, wrong: Sequence[str]) -> None:
        status_class = f"{answer.status // 100}xx" if answer.status else "none"
        with self._lock:
            self.statuses.setdefault(request.what, Counter())[status_class] += 1
            self.count += 1
            self.successes += status_class == "2xx"
            if len(self.violations) < _MOST_VIOLATIONS:
                self.violations += [{"Wrong": text, "Request": request.told()} for text in wrong]


def fuzz(exchange: Exchange, accounts: Sequence[Belongings], requests: int, seed: int) -> dict[str, Any]:
    """The summary of a run, `Violations` among it."""
    tally, began_at = Tally(), time.monotonic()
    with _sampled_memory(exchange.pid) as memory, told_now_and_then(tally.line):
        threads = [
            threading.Thread(target=_work, args=(exchange.url, number, accounts, tally, requests, seed))
            for number in range(len(accounts))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    seconds = time.monotonic() - began_at
    share = tally.successes / max(1, tally.count)
    violations: list[Any] = [*tally.violations, *_growth(memory)]
    if tally.count < requests:
        violations.append(f"{tally.count} of {requests} requests were made: a thread has failed")
    if share < LEAST_SHARE_OF_SUCCESS:
        violations.append(f"only {share:.0%} of the requests succeeded")
    return {
        "Seed": seed,
        "Requests": tally.count,
        "Seconds": round(seconds),
        "RequestsPerSecond": round(tally.count / seconds),
        "Succeeded": round(share, 3),
        "Statuses": sum(tally.statuses.values(), Counter()),
        "Operations": {what: tally.statuses[what] for what in sorted(tally.statuses)},
        "MemoryMiB": {name: _quarters(samples) for name, samples in sorted(memory.items())},
        "Violations": violations,
    }


def _work(
    url: str, number: int, accounts: Sequence[Belongings], tally: Tally, requests: int, seed: int
) -> None:
    mine = accounts[number]
    others = [each for each in accounts if each is not mine]
    choose = random.Random(f"{seed} {number}")
    sender = Sender(url)
    for _ in range(number, requests, len(accounts)):
        call = next_call(mine, others, choose)
        answer = sender.send(call.request)
        wrong = list(wrong_in(call.request, answer, mine.known))
        if answer.status < 300 and call.asked and not call.request.refused:
            _learn(mine, call, answer)
        tally.add(call.request, answer, wrong)
    sender.close()


def _learn(mine: Belongings, call: Call, answer: Answer) -> None:
    operation, asked = call.request.what, call.asked
    if operation.startswith("Delete"):
        mine.forget(asked.get("AssetId") or asked.get("RevisionId") or next(iter(asked.values())))
    elif operation in {"StartJob", "CancelJob"}:
        mine.forget(asked["JobId"])
    elif operation.startswith("signed URL"):
        mine.learn(operation, asked, {})
    elif answer.body and operation != "SendApiAsset":
        with suppress(ValueError):  # what the checks have found already
            mine.learn(operation, asked, json.loads(answer.body))


# What the run leaves in the log, and in memory


def tracebacks(log: Path) -> Iterator[str]:
    """What the server did not foresee, as its log has it."""
    text = log.read_text("utf-8", "replace")
    for part in text.split("Traceback (most recent call last)")[1:_MOST_VIOLATIONS]:
        yield f"a traceback in the server's log: {part[:3000]}"


@contextmanager
def _sampled_memory(server: int) -> Iterator[dict[str, list[float]]]:
    """Resident memory of the server and of its workers in MiB, each half second."""
    samples: dict[str, list[float]] = {}
    ended = threading.Event()
    processes = {"server": server} | {
        f"worker {pid}": pid for pid in children(server) if "worker" in command_line(pid)
    }

    def sample() -> None:
        while not ended.wait(0.5):
            for name, pid in processes.items():
                with suppress(OSError):
                    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
                    samples.setdefault(name, []).append(pages * 4096 / 2**20)

    thread = threading.Thread(target=sample, daemon=True)
    thread.start()
    yield samples
    ended.set()
    thread.join()


def _quarters(samples: Sequence[float]) -> list[float]:
    """The median of each quarter of the samples after the warm-up."""
    warm = samples[int(len(samples) * _WARM_UP) :]
    size = len(warm) // 4
    if not size:
        return []
    return [round(statistics.median(warm[number * size : (number + 1) * size]), 1) for number in range(4)]


def _growth(memory: dict[str, list[float]]) -> Iterator[str]:
    """Where memory is not flat. Short runs say nothing about it."""
    for name, samples in memory.items():
        if len(samples) >= _LEAST_SAMPLES:
            quarters = _quarters(samples)
            if quarters[-1] - quarters[0] > GROWTH_MIB:
                yield f"the memory of the {name} grows: {quarters} MiB"
