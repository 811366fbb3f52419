"""`entrepot get-job`: wall time, CPU time, peak memory, beside `aws dataexchange get-job` and a bare script.

All three ask the same server for the same job, in turn, and each round is compared within itself: so a
machine that is busy for a while is busy for all of them.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from bench.exchange_with_a_job import REGION, Exchange, exchange_with_a_job
from bench.measuring import median, table

HERE = Path(__file__).parent
BIN = Path(sys.executable).parent
NUMBERS = 3
"""Wall seconds, CPU seconds, peak MiB."""


@dataclass(frozen=True, slots=True)
class Program:
    """One way to ask for the job, and what each run of it took."""

    name: str
    command: tuple[str, ...]
    environ: dict[str, str]
    runs: list[tuple[float, ...]] = field(default_factory=list)

    def run(self, output: Path) -> str:
        """Runs it once, remembers what it took, and returns what it printed."""
        command = [sys.executable, "-I", "-S", str(HERE / "launcher.py"), str(output), *self.command]
        ran = subprocess.run(command, env=self.environ, capture_output=True, text=True, check=True)
        wall, cpu, peak, code = (float(number) for number in ran.stdout.split())
        if code:
            raise RuntimeError(f"{self.name} ended with {code:.0f}: {ran.stderr}")
        self.runs.append((wall, cpu, peak / 1024))
        return output.read_text(encoding="utf-8")


def run(folder: Path, quick: bool) -> str:
    """Both places for keys, one table."""
    rounds = 5 if quick else 40
    with exchange_with_a_job(folder) as exchange:
        return "\n\n".join(
            f"{title}\n\n{_compare(programs, folder, rounds)}"
            for title, programs in (
                ("Keys and region in the environment:", _programs(exchange, _environ(exchange))),
                ("Keys and region in `~/.aws`:", _programs(exchange, _files(exchange, folder))),
            )
        )


def _compare(programs: list[Program], folder: Path, rounds: int) -> str:
    outputs = [json.loads(program.run(folder / "output")) for program in programs]
    if any(output["Id"] != outputs[0]["Id"] for output in outputs):
        raise RuntimeError("not all programs printed the same job")
    for program in programs:
        program.runs.clear()  # that was to warm the caches
    for _ in range(rounds):
        for program in programs:
            program.run(folder / "output")
    ours = programs[0]
    rows: list[list[object]] = []
    for program in programs:
        wall, cpu, peak = (median([one[number] for one in program.runs]) for number in range(NUMBERS))
        ratios = [
            median([mine[number] / its[number] for mine, its in zip(ours.runs, program.runs, strict=True)])
            for number in range(NUMBERS)
        ]
        shown = ["" if program is ours else f"{ratio:.2f}" for ratio in ratios]
        rows.append([program.name, wall * 1000, shown[0], cpu * 1000, shown[1], peak, shown[2]])
    head = ["program", "wall, ms", "ours / it", "CPU, ms", "ours / it", "peak, MiB", "ours / it"]
    return table(head, rows)


def _programs(exchange: Exchange, environ: dict[str, str]) -> list[Program]:
    arguments = ("get-job", "--job-id", exchange.job_id, "--endpoint-url", exchange.url)
    programs = [Program("entrepot get-job", (str(BIN / "entrepot"), *arguments), environ)]
    aws = _aws_cli()
    if aws is None:
        print("  AWS CLI version 2 is not installed (Debian: apt-get install awscli)", file=sys.stderr)
    else:
        path, version = aws
        programs.append(Program(f"aws {version}", (path, "dataexchange", *arguments), environ))
    bare = (sys.executable, str(HERE / "bare_get_job.py"), "127.0.0.1", str(exchange.port), exchange.job_id)
    programs.append(Program("bare script", bare, environ | _keys(exchange)))
    return programs


def _aws_cli() -> tuple[str, str] | None:
    for candidate in ("/usr/bin/aws", shutil.which("aws")):
        if candidate is not None and Path(candidate).exists():
            ran = subprocess.run([candidate, "--version"], capture_output=True, text=True, check=False)
            if ran.stdout.startswith("aws-cli/2"):
                return candidate, ran.stdout.split()[0].partition("/")[2]
    return None


def _plain() -> dict[str, str]:
    """This machine's environment without what would lead any of the programs elsewhere."""
    kept = {"PATH", "LANG", "LC_ALL", "TERM"}
    return {name: value for name, value in os.environ.items() if name in kept}


def _keys(exchange: Exchange) -> dict[str, str]:
    return {
        "AWS_ACCESS_KEY_ID": exchange.access_key_id,
        "AWS_SECRET_ACCESS_KEY": exchange.secret_access_key,
    }


def _environ(exchange: Exchange) -> dict[str, str]:
    return _plain() | _keys(exchange) | {"AWS_DEFAULT_REGION": REGION, "HOME": "/nonexistent"}


def _files(exchange: Exchange, folder: Path) -> dict[str, str]:
    aws = folder / "home" / ".aws"
    aws.mkdir(parents=True)
    (aws / "config").write_text(f"[default]\nregion = {REGION}\noutput = json\n", encoding="utf-8")
    keys = [f"{name.lower()} = {value}\n" for name, value in _keys(exchange).items()]
    (aws / "credentials").write_text("[default]\n" + "".join(keys), encoding="utf-8")
    return _plain() | {"HOME": str(aws.parent)}
