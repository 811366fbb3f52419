"""`entrepot` does to the byte what the AWS CLI was recorded to do: outputs, exit status, requests."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.parity.case import Case, read_cases
from tests.parity.comparison import differences
from tests.parity.running import run
from tests.parity.stub_servers import StubServers, open_stub_servers
from tests.parity.warm_program import WarmProgram

CASES = [
    case
    for name in ("cases.jsonl", "further_cases.jsonl", "other_operations.jsonl")
    for case in read_cases(name)
]
WAITING = [case for case in CASES if case.waits]


def _asks_for_a_new_interpreter(case: Case) -> bool:
    """Whether the run depends on how an interpreter starts or on how it is ended."""
    return bool(case.special) or any(name.startswith(("PYTHON", "LC_", "LANG")) for name in case.env)


def _cases_of_new_interpreters() -> list[Case]:
    """The cases that ask for one, and the first of every kind: of each operation, output format and concern."""
    first_of_kind = {case.id.partition("/")[0]: case for case in reversed(CASES) if not case.waits}
    return [
        case
        for case in CASES
        if not case.waits and (case in first_of_kind.values() or _asks_for_a_new_interpreter(case))
    ]


STARTED = _cases_of_new_interpreters()
FORKED = [case for case in CASES if case not in STARTED and not case.waits]


def _ids(cases: list[Case]) -> list[str]:
    return [case.id for case in cases]


@pytest.mark.parametrize("case", STARTED, ids=_ids(STARTED))
def test_a_new_interpreter_does_what_was_recorded(case: Case, command: list[str], stub_servers: StubServers) -> None:
    lines = differences(case, run(case, command, stub_servers))
    assert not lines, "\n".join(lines)


@pytest.mark.parametrize("case", FORKED, ids=_ids(FORKED))
def test_a_command_does_what_was_recorded(
    case: Case, command: list[str], stand: Stand, warm: WarmProgram | None
) -> None:
    lines = differences(case, run(case, command, stand, warm))
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
