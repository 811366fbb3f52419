"""`entrepot` does to the byte what the AWS CLI was recorded to do: outputs, exit status, requests."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.parity.case import Case, read_cases
from tests.parity.comparison import differences
from tests.parity.running import run
from tests.parity.stub_servers import StubServers, open_stub_servers
from tests.servers.warm_program import WarmProgram

CASES = [
    case
    for name in ("cases.jsonl", "further_cases.jsonl", "other_operations.jsonl")
    for case in read_cases(name)
]
WAITING = [case for case in CASES if case.waits]
# Of each operation, output format and other concern: the first part of the ids.
FIRST_OF_A_KIND = {case.id.partition("/")[0]: case.id for case in reversed(CASES) if not case.waits}


def _needs_a_new_interpreter(case: Case) -> bool:
    """Whether it is the first of its kind, or depends on how an interpreter starts or is ended."""
    of_the_start = any(name.startswith(("PYTHON", "LC_", "LANG")) for name in case.env)
    return of_the_start or bool(case.special) or case.id in FIRST_OF_A_KIND.values()


STARTED = [case for case in CASES if not case.waits and _needs_a_new_interpreter(case)]
FORKED = [case for case in CASES if not case.waits and not _needs_a_new_interpreter(case)]


def _ids(cases: list[Case]) -> list[str]:
    return [case.id for case in cases]


@pytest.mark.parametrize("case", STARTED, ids=_ids(STARTED))
def test_a_new_interpreter_does_what_was_recorded(
    case: Case, command: list[str], stub_servers: StubServers
) -> None:
    lines = differences(case, run(case, command, stub_servers))
    assert not lines, "\n".join(lines)


@pytest.mark.parametrize("case", FORKED, ids=_ids(FORKED))
def test_a_command_does_what_was_recorded(
    case: Case, command: list[str], stub_servers: StubServers, warm: WarmProgram | None
) -> None:
    lines = differences(case, run(case, command, stub_servers, warm))
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
