from __future__ import annotations

from typing import Any

import pytest

from entrepot.cli.aws.help.operation_page import json_syntax, list_syntax, operation_page, shorthand_syntax
from entrepot.cli.aws.help.texts import GLOBAL_OPTIONS
from entrepot.cli.aws.operation.options import OperationOptions, global_options
from entrepot.client.command_line_model import Shape, commands, load_operation
from entrepot.model.document import read_document

SECTIONS = ["NAME", "DESCRIPTION", "SYNOPSIS", "OPTIONS", "GLOBAL OPTIONS", "EXAMPLES", "OUTPUT"]


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return read_document()


def sections(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    title = ""
    for line in text.splitlines():
        if line and not line.startswith(" "):
            title = line
            found[title] = ""
        else:
            found[title] += f"{line}\n"
    return found


def names_within(shape: Shape) -> set[str]:
    inner = [member.shape for member in shape.members.values()] + ([shape.item] if shape.item else [])
    return {name for each in inner for name in names_within(each)} | set(shape.members)


@pytest.mark.parametrize("command", commands())
def test_a_page_has_all_sections_and_fits_eighty_columns(command: str, document: dict[str, Any]) -> None:
    text = operation_page(load_operation(command), document).render(80, bold=False)
    assert list(sections(text)) == SECTIONS
    too_wide = [line for line in text.splitlines() if len(line) > 80]
    assert all(len(line.split()) == 1 for line in too_wide), "only an address may be wider"
    assert "<" not in text.replace("<value>", ""), "no markup is left"


@pytest.mark.parametrize("command", commands())
def test_every_option_that_is_understood_is_explained(command: str, document: dict[str, Any]) -> None:
    operation = load_operation(command)
    page = sections(operation_page(operation, document).render(80, bold=False))
    hidden = {"--max-results", "--next-token"} if operation.pagination else set()
    for option in OperationOptions(operation).all:
        shown = option.flag not in hidden
        assert (option.flag in page["SYNOPSIS"]) == shown
        assert (option.flag in page["OPTIONS"]) == shown
        if option.required:
            assert f"\n      {option.flag} <value>\n" in page["SYNOPSIS"]
    for option in global_options():
        assert (f"[{option.flag}" in page["SYNOPSIS"]) != option.unlisted
        if option.unlisted:
            continue
        assert f"\n    {option.flag} (" in f"\n{page['GLOBAL OPTIONS']}"


@pytest.mark.parametrize("command", commands())
def test_every_member_of_input_and_output_is_named(command: str, document: dict[str, Any]) -> None:
    operation = load_operation(command)
    page = sections(operation_page(operation, document).render(80, bold=False))
    for member in operation.input.members.values():
        for name in names_within(member.shape):
            assert f"{name} -> (" in page["OPTIONS"]
    if operation.output is None:
        assert page["OUTPUT"].strip() == "None"
    else:
        for name in names_within(operation.output):
            assert f"{name} -> (" in page["OUTPUT"]


def test_choices_are_those_that_are_accepted() -> None:
    texts = {f"--{option.name}": option.values for option in GLOBAL_OPTIONS}
    for option in global_options():
        assert option.unlisted or texts[option.flag] == option.choices


def test_what_the_edition_does_not_know_is_not_shown(document: dict[str, Any]) -> None:
    text = operation_page(load_operation("get-job"), document).render(80, bold=False)
    assert "AssetConfiguration" not in text
    assert "AssetConfiguration" in document["shapes"]["GetJobResponse"]["members"]


def test_get_job_reads_like_this(document: dict[str, Any]) -> None:
    text = operation_page(load_operation("get-job"), document).render(80, bold=False)
    assert text.startswith(
        "NAME\n    get-job - what a job does, its state and its errors\n\n"
        "DESCRIPTION\n    This operation returns information about a job.\n"
    )
    assert "\nOPTIONS\n    --job-id (string)\n        The unique identifier for a job.\n" in text
    assert "\n    Details -> (structure)\n        Details about the job.\n" in text


def test_lists_explain_their_pages(document: dict[str, Any]) -> None:
    text = operation_page(load_operation("list-jobs"), document).render(80, bold=False)
    assert "list-jobs is a paginated operation" in text
    assert "    [--starting-token <value>]\n" in text


def test_shorthand_is_shown_where_it_is_short() -> None:
    tags = load_operation("tag-resource").input.members["Tags"].shape
    assert shorthand_syntax(tags) == "KeyName1=string,KeyName2=string"
    assert json_syntax(tags) == ['{"string": "string"', "  ...}"]
    event = load_operation("create-event-action").input.members["Event"].shape
    assert shorthand_syntax(event) == "RevisionPublished={DataSetId=string}"
    details = load_operation("create-job").input.members["Details"].shape
    assert shorthand_syntax(details) is None


def test_a_list_of_words_is_words() -> None:
    keys = load_operation("untag-resource").input.members["TagKeys"].shape
    assert list_syntax(keys) == '"string" "string" ...'
    assert shorthand_syntax(keys) is None


def test_the_json_of_a_structure_names_choices() -> None:
    action = load_operation("update-event-action").input.members["Action"].shape
    assert '      "Type": "aws:kms"|"AES256"' in json_syntax(action)
