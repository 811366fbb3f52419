"""Each promise of docs/guarantees.md names a test, and that test exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "guarantees.md").read_text()
NAMED = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?` \|$", PAGE, re.MULTILINE)


@pytest.mark.parametrize(("module", "name"), NAMED)
def test_what_proves_a_promise_exists(module: str, name: str) -> None:
    content = (ROOT / module).read_text()
    assert re.search(rf"^(async )?def {name or 'test_'}", content, re.MULTILINE)


def test_every_promise_names_one() -> None:
    rows = re.findall(r"^\| (?!promise|---)", PAGE, re.MULTILINE)
    assert len(rows) == len(NAMED) > 30
