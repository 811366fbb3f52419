"""The rules of the house that a linter does not know."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "src" / "entrepot").rglob("*.py"))
EVERYTHING_WRITTEN = sorted(
    ROOT / name
    for name in subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.splitlines()
    if (ROOT / name).is_file() and (ROOT / name) != Path(__file__)
)  # fmt: skip

FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "misc"}
MAY_READ_THE_ENVIRONMENT = {
    "settings/environment.py",  # the only reader
    "server/child.py",  # hands it on to the server it starts
}

HEAVY = {"boto3", "botocore", "alembic", "psycopg", "cryptography.x509", "pandas", "awscrt"}


def _name(path: Path) -> str:
    return path.relative_to(ROOT / "src" / "entrepot").as_posix()


def test_no_file_is_named_for_nothing() -> None:
    """Such a file becomes a drawer for whatever has no place."""
    assert [_name(path) for path in SOURCES if path.stem in FORBIDDEN_NAMES] == []


def test_only_the_settings_read_the_environment() -> None:
    readers = {_name(path) for path in SOURCES if re.search(r"\bos\.(environ|getenv)\b", path.read_text())}
    assert readers <= MAY_READ_THE_ENVIRONMENT


def test_lock_files_name_versions_and_no_place() -> None:
    for lock in (ROOT / "requirements").glob("*.txt"):
        for line in lock.read_text().splitlines():
            assert re.fullmatch(r"[A-Za-z0-9._-]+==[^ /]+( ; .+)?", line), f"{lock.name}: {line}"


def test_the_demo_and_the_runtime_lock_what_the_tests_were_run_with() -> None:
    def pins(name: str) -> set[str]:
        lines = (ROOT / "requirements" / f"{name}.txt").read_text().splitlines()
        return {line.partition(" ;")[0] for line in lines}

    assert pins("runtime") <= pins("demo") <= pins("development")


def test_what_is_pinned_names_no_address() -> None:
    names = {"package-lock.json", ".npmrc", "pyproject.toml"}
    pinned = [path for path in EVERYTHING_WRITTEN if path.name in names or path.parent.name == "requirements"]
    assert len(pinned) >= 6
    assert [path.name for path in pinned if "://" in path.read_text()] == []


def test_what_answers_requests_starts_without_heavy_modules() -> None:
    """One new interpreter for all three: none of them needs one."""
    modules = "entrepot.cli.main, entrepot.model.shapes, entrepot.operations.registry"
    code = f"import sys, {modules}; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert HEAVY.isdisjoint(loaded)
