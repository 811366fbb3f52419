"""In what a run differs from what was recorded."""

from __future__ import annotations

import difflib
import json
import re
import shlex
from collections.abc import Iterator

from tests.parity.case import Case, Mode, Outcome


def differences(case: Case, got: Outcome) -> list[str]:
    """Lines for a person to read; none when the run is as recorded."""
    lines = list(_differences(case, got))
    if not lines:
        return []
    told = {"env": case.env, "files": case.files, "stdin": case.stdin, "answers": case.answers}
    head = [f"{case.id}: {shlex.join(case.args)}"]
    head += [
        f"  {what}: {json.dumps(value, ensure_ascii=False)[:500]}" for what, value in told.items() if value
    ]
    return head + lines


def _differences(case: Case, got: Outcome) -> Iterator[str]:
    expected = case.expected
    if got.exit != expected.exit:
        yield f"  exit: expected {expected.exit}, got {got.exit}"
        if got.stderr == expected.stderr or case.stderr_mode != "exact":
            yield f"  stderr: {got.stderr[-500:]!r}"
    yield from _in_text("stdout", case.stdout_mode, expected.stdout, got.stdout, case.needles)
    yield from _in_text("stderr", case.stderr_mode, expected.stderr, got.stderr, case.needles)
    if case.compares_requests and got.requests != expected.requests:
        yield from _diff("requests", _readable(expected.requests), _readable(got.requests))


def _in_text(name: str, mode: Mode, expected: str, got: str, needles: tuple[str, ...]) -> Iterator[str]:
    match mode:
        case "exact" if got != expected:
            yield from _diff(name, expected, got)
        case "nonempty" if not got:
            yield f"  {name}: nothing"
        case "contains":
            flat = " ".join(re.sub(".\b", "", got).split())
            for needle in needles:
                if " ".join(needle.split()) not in flat:
                    yield f"  {name}: no {needle!r} in {got[:2000]!r}"


def _diff(name: str, expected: str, got: str) -> Iterator[str]:
    yield f"  {name}: - expected, + got"
    before, after = ([repr(line) for line in text.splitlines(keepends=True)] for text in (expected, got))
    lines = list(difflib.unified_diff(before, after, n=1, lineterm=""))[2:]
    yield from (f"    {line[:1000]}" for line in lines[:60])
    if len(lines) > 60:
        yield f"    … and {len(lines) - 60} more lines"


def _readable(requests: list[dict[str, object]]) -> str:
    return "\n".join(json.dumps(request, sort_keys=True, ensure_ascii=False) for request in requests)
