from __future__ import annotations

import pytest

from entrepot.client.command_line_model import Model, commands, load_operation
from entrepot.model import write_command_line_model
from entrepot.model.loader import load_model
from entrepot.model.service_model import snake_case


def test_the_compact_model_is_current() -> None:
    assert write_command_line_model.COMPACT.read_text() == write_command_line_model.render(), (
        "run `python -m entrepot.model.write_command_line_model`"
    )


def test_every_operation_of_the_service_is_a_command() -> None:
    assert set(commands()) == {snake_case(name).replace("_", "-") for name in load_model().operations}
    assert list(commands()) == sorted(commands())


@pytest.mark.parametrize("command", commands())
def test_an_operation_is_what_the_whole_model_says(command: str) -> None:
    compact, whole = load_operation(command), load_model()
    operation = whole.operations[compact.name]
    assert (compact.method, compact.path, compact.host_prefix) == (
        operation.method,
        operation.path,
        operation.host_prefix,
    )
    members = {
        member.name: (member.required, str(member.location), member.key)
        for member in whole.shapes[operation.input].members
        if member.name not in write_command_line_model.NEWER.get(operation.input, ())
    }
    keys = {
        name: (member.required, member.location, member.key if member.location == "body" else name)
        for name, member in compact.input.members.items()
    }
    assert keys == members
    assert list(keys) == list(members), "in the model's order"


def test_what_is_left_out_exists_in_the_newer_model() -> None:
    shapes = load_model().shapes
    for shape, members in write_command_line_model.NEWER.items():
        assert members <= {member.name for member in shapes[shape].members}


def test_what_the_edition_does_not_know_is_not_in_an_answer() -> None:
    output = load_operation("get-job").output
    assert output is not None
    assert "AssetConfiguration" not in output.members
    assert list(output.members) == [
        "Arn",
        "CreatedAt",
        "Details",
        "Errors",
        "Id",
        "State",
        "Type",
        "UpdatedAt",
    ]


def test_lists_know_what_comes_in_pages() -> None:
    paged = {command: load_operation(command).pagination for command in commands()}
    assert {name: pages.result_key for name, pages in paged.items() if pages is not None} == {
        "list-data-grants": "DataGrantSummaries",
        "list-data-set-revisions": "Revisions",
        "list-data-sets": "DataSets",
        "list-event-actions": "EventActions",
        "list-jobs": "Jobs",
        "list-received-data-grants": "DataGrantSummaries",
        "list-revision-assets": "Assets",
    }


def test_shapes_lead_to_their_parts() -> None:
    model = Model.load()
    details = model.operation("create-job").input.members["Details"].shape
    sources = details.members["ImportAssetsFromS3"].shape.members["AssetSources"].shape
    assert sources.kind == "list"
    assert sources.item is not None
    assert sources.item.members["Bucket"].required
    assert model.shape("Type").enum[0] == "IMPORT_ASSETS_FROM_S3"
    assert model.operation("send-data-set-notification").input.members["ClientToken"].is_token


def test_an_unknown_operation_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        load_operation("get-jobs")
