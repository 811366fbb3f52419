from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.cli.aws.completion.nested import nested_names, query_names
from entrepot.client.command_line_model import load_operation


def shorthand(command: str, member: str, typed: str) -> list[str]:
    shape = load_operation(command).input.members[member].shape
    return [one.value for one in nested_names(shape, typed) if one.value.startswith(typed)]


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("", ["ExportRevisionToS3={"]),
        ("Exp", ["ExportRevisionToS3={"]),
        ("ExportRevisionToS3={E", ["ExportRevisionToS3={Encryption={"]),
        (
            "ExportRevisionToS3={Encryption={Type=",
            ["ExportRevisionToS3={Encryption={Type=aws:kms", "ExportRevisionToS3={Encryption={Type=AES256"],
        ),
        (
            "ExportRevisionToS3={Encryption={Type=AES256},R",
            ["ExportRevisionToS3={Encryption={Type=AES256},RevisionDestination={"],
        ),
        ("ExportRevisionToS3={RevisionDestination={Bucket=b", []),
        ("Nothing={", []),
        ('{"Export', []),
    ],
)
def test_shorthand_goes_on_with_the_names_of_its_place(typed: str, expected: list[str]) -> None:
    assert shorthand("update-event-action", "Action", typed) == expected


def test_lists_of_structures_are_gone_into() -> None:
    typed = "ExportAssetsToS3={AssetDestinations=[{B"
    assert shorthand("create-job", "Details", typed) == ["ExportAssetsToS3={AssetDestinations=[{Bucket="]


@given(st.text("ExportRevisionToS3={},[]\"'Encryption Type:"))
def test_no_text_is_too_odd(typed: str) -> None:
    for command, member in (("create-job", "Details"), ("tag-resource", "Tags")):
        nested_names(load_operation(command).input.members[member].shape, typed)
    query_names(load_operation("list-jobs").output, typed)


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("", ["Jobs", "NextToken"]),
        ("Jo", ["Jobs"]),
        ("Jobs[].St", ["Jobs[].State"]),
        ("Jobs[0].Details.ImportAssetsFromS3.Dat", ["Jobs[0].Details.ImportAssetsFromS3.DataSetId"]),
        ("Jobs.St", []),
        ("Nothing.", []),
        ("length(Jobs) + ", []),
    ],
)
def test_a_query_goes_on_with_the_members_of_the_answer(typed: str, expected: list[str]) -> None:
    output = load_operation("list-jobs").output
    assert [one.value for one in query_names(output, typed) if one.value.startswith(typed)] == expected


def test_an_operation_without_an_answer_has_nothing_to_query() -> None:
    assert query_names(None, "") == []
