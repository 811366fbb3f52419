"""`entrepot` does to the byte what the AWS CLI was recorded to do: outputs, exit status, requests."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.parity.case import Case, read_cases
from tests.parity.comparison import differences
from tests.parity.running import run
from tests.parity.stub_servers import StubServers, open_stub_servers

CASES = [
    case
    for name in ("cases.jsonl", "further_cases.jsonl", "other_operations.jsonl")
    for case in read_cases(name)
]
WORKING = [case for case in CASES if not case.waits]
WAITING = [case for case in CASES if case.waits]


@pytest.mark.parametrize("case", WORKING, ids=[case.id for case in WORKING])
def test_a_command_does_what_was_recorded(case: Case, command: list[str], stub_servers: StubServers) -> None:
    lines = differences(case, run(case, command, stub_servers))
    assert not lines, "\n".join(lines)


def test_commands_that_wait_do_what_was_recorded(command: list[str], tmp_path: Path) -> None:
    """All at once: they sit out timeouts and pauses between retries."""

    def at_a_stand_of_its_own(case: Case) -> list[str]:
        folder = tmp_path / case.id
        folder.mkdir(parents=True)
        with open_stub_servers(folder) as stub_servers:
            return differences(case, run(case, command, stub_servers))

    with ThreadPoolExecutor(16) as pool:
        lines = [line for found in pool.map(at_a_stand_of_its_own, WAITING) for line in found]
    assert not lines, "\n".join(lines)
