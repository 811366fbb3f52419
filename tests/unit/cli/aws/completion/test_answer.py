from __future__ import annotations

import subprocess
import sys

import pytest

from entrepot.cli.aws.completion.answer import run

HEAVY = {
    "botocore",
    "msgspec",
    "prompt_toolkit",
    "sqlalchemy",
    "argparse",
    "http.client",
    "typing",
    "pathlib",
}


def test_candidates_are_printed_one_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bash", "--breaks", " =:", "--", "entrepot get-job --output=t"]) == 0
    assert capsys.readouterr().out == "text \ntable \n"


def test_variables_of_the_shell_are_known(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bash", "--variable", "OP=get-job", "--variable", "EMPTY=", "--", "entrepot $OP --job"]) == 0
    assert capsys.readouterr().out == "--job-id \n"


def test_what_is_set_before_the_program_counts(
    capsys: pytest.CaptureFixture[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    config = tmp_path_factory.mktemp("aws") / "config"
    config.write_text("[profile blue]\nregion = x\n")
    files = f"AWS_SHARED_CREDENTIALS_FILE=/dev/null AWS_CONFIG_FILE={config}"
    line = f"{files} /usr/bin/entrepot get-job --profile b"
    assert run(["fish", "--", line]) == 0
    assert capsys.readouterr().out == "blue\n"


@pytest.mark.parametrize(
    "arguments",
    [[], ["bash"], ["bash", "--", "X=1"], ["bash", "--", "entrepot nothing here"]],
)
def test_what_makes_no_sense_is_met_with_silence(
    arguments: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ENTREPOT_DEBUG", raising=False)
    assert run(arguments) == 0
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    "line", ["entrepot ", "entrepot get-job --", "entrepot get-job --output ", "entrepot watch --"]
)
def test_an_answer_without_a_server_needs_nothing_heavy(line: str) -> None:
    code = (
        "import sys; from entrepot.cli.aws.completion.answer import run;"
        "run(['bash', '--', sys.argv[1]]); print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code, line], capture_output=True, text=True, check=True)
    assert done.stdout
    assert HEAVY.isdisjoint(done.stderr.split())
