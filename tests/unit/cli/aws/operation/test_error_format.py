from __future__ import annotations

import json

import pytest

from entrepot.cli.aws.operation.error_format import show_error
from entrepot.client.client_errors import ClientError, ServiceAnswer, UnknownOptions


def missing(code: str = "ResourceNotFoundException", **members: object) -> ServiceAnswer:
    body = json.dumps({"Message": "gone", **members}).encode()
    return ServiceAnswer(code, "gone", operation_name="GetJob", status=404, body=body)


def shown(error: ClientError, error_format: str, capsys: pytest.CaptureFixture[str]) -> str:
    show_error(error, error.message, error_format, "off")
    captured = capsys.readouterr()
    assert captured.out == ""
    return captured.err


def test_further_members_of_the_model_follow_the_message(capsys: pytest.CaptureFixture[str]) -> None:
    error = missing(ResourceId="x", ResourceType="JOB", Secret="s")
    assert shown(error, "enhanced", capsys) == (
        "\nentrepot: [ERROR]: An error occurred (ResourceNotFoundException) when calling the GetJob "
        "operation: gone\n\nAdditional error details:\nResourceId: x\nResourceType: JOB\n"
    )


def test_they_are_data_in_the_other_formats(capsys: pytest.CaptureFixture[str]) -> None:
    assert json.loads(shown(missing(ResourceId="x"), "json", capsys)) == {
        "Message": "gone",
        "Code": "ResourceNotFoundException",
        "ResourceId": "x",
    }
    assert "ResourceId: x\n" in shown(missing(ResourceId="x"), "yaml", capsys)


def test_a_name_space_is_not_part_of_a_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert "(ValidationException)" in shown(missing("com.amazonaws#ValidationException"), "enhanced", capsys)


def test_what_is_too_long_for_a_line_is_only_named(capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(missing(ResourceId=[1, 2], ResourceType={"a": 1}), "enhanced", capsys)
    assert 'ResourceId: [1, 2]\nResourceType: <complex value>\nUse "--cli-error-format json"' in text


@pytest.mark.parametrize("error_format", ["legacy", "enhanced", "json"])
def test_what_has_no_code_is_plain(error_format: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(ClientError("no luck "), error_format, capsys) == "\nentrepot: [ERROR]: no luck\n"
    unknown = UnknownOptions("Unknown options: --x", usage="usage: u\n")
    assert shown(unknown, error_format, capsys) == "\nusage: u\n\nentrepot: [ERROR]: Unknown options: --x\n"


def test_an_answer_that_is_no_object_has_no_members(capsys: pytest.CaptureFixture[str]) -> None:
    error = ServiceAnswer("ConflictException", "t", operation_name="StartJob", status=409, body=b"<html>")
    assert "Additional" not in shown(error, "enhanced", capsys)
