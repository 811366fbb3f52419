from __future__ import annotations

import json
from pathlib import Path

import pytest

from entrepot.cli.aws.operation.run import run

NOWHERE = "http://127.0.0.1:9"


@pytest.fixture(autouse=True)
def environment_of_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No AWS settings at all, no data directory, and a home that is empty."""
    import os

    for name in [name for name in os.environ if name.startswith(("AWS_", "ENTREPOT_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("ENTREPOT_DATA_DIR", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return tmp_path


def configured(home: Path, text: str) -> None:
    (home / ".aws").mkdir()
    (home / ".aws" / "config").write_text(text)


def told(capsys: pytest.CaptureFixture[str]) -> str:
    captured = capsys.readouterr()
    assert captured.out == ""
    return captured.err


def test_a_usage_error_shows_how_it_is_used_and_where_help_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["get-job"]) == 252
    assert told(capsys) == (
        "\nusage: entrepot get-job [--option value ...]\n\n"
        "  entrepot get-job help    its options, each explained, and an example\n\n"
        "entrepot: error: the following arguments are required: --job-id\n\n"
    )


def test_unknown_options_come_after_what_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["get-job", "--bogus"]) == 252
    assert "required: --job-id" in told(capsys)
    assert run(["get-job", "--job-id", "x", "--bogus", "y", "z"]) == 252
    assert told(capsys).endswith("an example\n\nUnknown options: --bogus, z, y\n\n")


def test_a_slip_of_the_fingers_is_answered_with_operations_and_commands(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["get-jobs"]) == 252
    message = told(capsys)
    assert "argument operation: Invalid choice, valid choices are:" in message
    assert message.endswith("Invalid choice: 'get-jobs', maybe you meant:\n\n  * get-job\n\n")
    assert run(["publsh"]) == 252
    message = told(capsys)
    assert message.endswith("  * publish\n\n")
    assert "publish " not in message


ORDER: list[tuple[list[str], str, int, str]] = [
    # Each line has the mistake of the next one too, and reports its own.
    (["--profile", "--output", "xml"], "[default", 252, "argument --profile: expected one argument"),
    (["--output", "xml", "--query", "["], "[default", 255, "Unable to parse config file"),
    (["--cli-auto-prompt", "--no-cli-auto-prompt", "--output", "xml"], "", 252, "Both --cli-auto-prompt and"),
    (["--output", "xml", "--query", "["], "", 252, "argument --output"),
    (["--query", "[", "--endpoint-url", "x"], "", 252, "Bad value for --query"),
    (["--endpoint-url", "x", "--cli-read-timeout", "y"], "", 252, "scheme is missing"),
    (["--cli-read-timeout", "y"], "[default]\ncli_timestamp_format = x", 255, "invalid literal for int()"),
    ([], "[default]\ncli_timestamp_format = x\ncli_binary_format = y", 253, "Unknown cli_timestamp_format"),
    (["nope"], "[default]\ncli_binary_format = y", 255, "'y'"),
    (["nope"], "", 252, "argument operation: Invalid choice"),
    (["list-jobs", "--page-size", "x", "--bogus"], "", 252, "argument --page-size: invalid int value: 'x'"),
    (["list-jobs", "--no-paginate", "--max-items", "1", "--bogus"], "", 252, "Unknown options: --bogus"),
    (
        ["list-jobs", "--no-paginate", "--max-items", "1", "--data-set-id", "file://absent"],
        "",
        252,
        "Cannot specify --no-paginate along with pagination arguments: --max-items",
    ),
    (
        ["list-jobs", "--data-set-id", "file://absent", "--cli-input-json", "x"],
        "",
        252,
        "Unable to load paramfile",
    ),
    (["get-job", "--cli-input-json", "x", "--generate-cli-skeleton"], "", 252, "Invalid JSON received."),
    (["get-job", "--cli-input-json", '{"X": 1}'], "", 253, "You must specify a region."),
    (["get-job", "--cli-input-json", '{"X": 1}', "--region", "r"], "", 252, "Parameter validation failed:"),
    (["get-job", "--job-id", "x", "--region", "r"], "", 253, "Unable to locate credentials."),
]


@pytest.mark.parametrize(("arguments", "config", "status", "message"), ORDER)
def test_mistakes_are_noticed_in_the_order_of_the_steps(
    arguments: list[str],
    config: str,
    status: int,
    message: str,
    environment_of_nobody: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    configured(environment_of_nobody, config)
    assert run(arguments) == status
    assert message in told(capsys)


def test_a_skeleton_needs_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["get-job", "--generate-cli-skeleton", "--profile", "absent", "--query", "x"]) == 0
    assert capsys.readouterr().out == '{\n    "JobId": ""\n}\n'
    assert run(["get-job", "--generate-cli-skeleton", "yaml-input"]) == 0
    assert capsys.readouterr().out.startswith("JobId: ''  # [REQUIRED]")


def test_a_sample_answer_checks_the_parameters_and_is_shown_as_an_answer(
    capsys: pytest.CaptureFixture[str],
) -> None:
    given = ["get-job", "--job-id", "x", "--generate-cli-skeleton", "output"]
    assert run(given) == 0
    captured = capsys.readouterr().out
    assert captured.startswith('{\n    "Arn": "arn:aws:dataexchange:')
    job = json.loads(captured)
    assert run([*given, "--query", "Id", "--output", "text"]) == 0
    assert capsys.readouterr().out == f"{job['Id']}\n"
    assert run([*given, "--cli-input-json", '{"X": 1}']) == 252
    assert "Unknown parameter in input" in told(capsys)


def test_the_version_is_this_programs(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["get-job", "--version"]) == 0
    assert capsys.readouterr().out.startswith("entrepot/")


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["get-job", "help"], 0),
        (["--output", "text", "get-job", "help"], 0),
        (["get-job", "--job-id", "x", "help"], 0),
        (["get-job", "--help"], 252),
        (["get-job", "--job-id", "x", "-h"], 252),
    ],
)
def test_help_is_shown_where_people_look_for_it(
    arguments: list[str], status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == status
    captured = capsys.readouterr()
    assert "--job-id" in captured.out
    assert captured.err == ""


def test_debug_shows_steps_and_no_secrets(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKID")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "verysecret")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    arguments = ["get-job", "--job-id", "x", "--debug", "--region", "r", "--endpoint-url", NOWHERE]
    assert run(arguments) == 255
    message = told(capsys)
    assert "DEBUG" in message
    assert f'Could not connect to the endpoint URL: "{NOWHERE}/v1/jobs/x"' in message
    assert "Traceback" in message
    assert "verysecret" not in message


def test_a_warning_comes_with_items_that_are_none(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["list-jobs", "--max-items", "0"]) == 253
    assert told(capsys).startswith("warning: Non-positive values for --max-items may result in undefined")


def test_paging_by_hand_switches_pages_off(capsys: pytest.CaptureFixture[str]) -> None:
    given = ["list-jobs", "--region", "r", "--max-items", "5", "--cli-input-json", '{"MaxResults": 5}']
    assert run(given) == 252
    assert 'Unknown parameter in input: "PaginationConfig"' in told(capsys)
    assert run(["list-jobs", "--max-results", "5", "--page-size", "5"]) == 252
    assert "along with pagination arguments: --page-size" in told(capsys)


ERROR_FORMATS = [
    ("legacy", "\nentrepot: [ERROR]: Error parsing parameter 'cli-input-json': Invalid JSON received.\n"),
    (
        "enhanced",
        "\nentrepot: [ERROR]: An error occurred (ParamValidation): "
        "Error parsing parameter 'cli-input-json': Invalid JSON received.\n",
    ),
    (
        "json",
        '{\n    "Code": "ParamValidation",\n'
        '    "Message": "Error parsing parameter \'cli-input-json\': Invalid JSON received."\n}\n',
    ),
    ("text", "ParamValidation\tError parsing parameter 'cli-input-json': Invalid JSON received.\n"),
]


@pytest.mark.parametrize(("error_format", "expected"), ERROR_FORMATS)
def test_errors_have_the_form_that_is_asked_for(
    error_format: str, expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["get-job", "--cli-input-json", "x", "--cli-error-format", error_format]) == 252
    assert told(capsys) == expected
