from __future__ import annotations

import json
import re
from datetime import datetime
from typing import Any

import pytest
from ruamel.yaml import YAML

from entrepot.cli.aws.operation.skeleton import input_skeleton, sample_answer, yaml_input_skeleton
from entrepot.client.command_line_model import Shape, commands, load_operation


def test_an_input_has_every_member() -> None:
    skeleton = json.loads(input_skeleton(load_operation("create-data-grant")))
    assert skeleton == {
        "Name": "",
        "GrantDistributionScope": "AWS_ORGANIZATION",
        "ReceiverPrincipal": "",
        "SourceDataSetId": "",
        "EndsAt": "1970-01-01T00:00:00",
        "Description": "",
        "Tags": {"KeyName": ""},
    }
    assert input_skeleton(load_operation("get-job")) == '{\n    "JobId": ""\n}\n'


def test_yaml_says_what_each_member_is() -> None:
    assert yaml_input_skeleton(load_operation("update-revision")) == (
        "Comment: ''  # An optional comment about the revision.\n"
        "DataSetId: '' # [REQUIRED] The unique identifier for a data set.\n"
        "Finalized: true # Finalizing a revision tells AWS Data Exchange that your changes to the assets "
        "in the revision are complete.\n"
        "RevisionId: '' # [REQUIRED] The unique identifier for a revision.\n"
    )


def test_yaml_nests() -> None:
    lines = yaml_input_skeleton(load_operation("create-job")).splitlines()
    bare = [line.partition("  #")[0].partition(" #")[0] for line in lines]
    start = bare.index("  ExportAssetsToS3:")
    assert bare[start : start + 6] == [
        "  ExportAssetsToS3:",
        "    AssetDestinations:",
        "    - AssetId: ''",
        "      Bucket: ''",
        "      Key: ''",
        "    DataSetId: ''",
    ]


@pytest.mark.parametrize("command", commands())
def test_both_forms_say_the_same(command: str) -> None:
    operation = load_operation(command)
    from_yaml = YAML(typ="safe", pure=True).load(yaml_input_skeleton(operation))
    as_json = json.dumps(from_yaml, indent=4, default=datetime.isoformat)
    assert f"{as_json}\n" == input_skeleton(operation)


@pytest.mark.parametrize("command", commands())
def test_a_sample_answer_keeps_the_rules_of_the_model(command: str) -> None:
    operation = load_operation(command)
    answer = sample_answer(operation)
    if operation.output is None:
        assert answer == {}
    else:
        assert_fits(answer, operation.output, command)


def assert_fits(value: Any, shape: Shape, where: str) -> None:
    """The answer has every member, each as the model wants it."""
    if shape.kind == "structure":
        assert list(value) == list(shape.members), where
        for name, member in shape.members.items():
            assert_fits(value[name], member.shape, f"{where}.{name}")
    elif shape.item is not None:
        items = value if shape.kind == "list" else list(value.values())
        assert items, where
        for item in items:
            assert_fits(item, shape.item, f"{where}[]")
    elif shape.kind == "string":
        assert value, where
        assert not shape.enum or value in shape.enum, where
        assert (shape.minimum or 0) <= len(value) <= (shape.maximum or 10**6), where
        assert shape.pattern is None or re.fullmatch(shape.pattern, value), where
    elif shape.kind == "timestamp":
        assert datetime.fromisoformat(value).tzinfo is not None, where
    else:
        assert isinstance(value, {"integer": int, "double": float, "boolean": bool}[shape.kind]), where


def test_ids_in_an_answer_belong_together() -> None:
    job = sample_answer(load_operation("get-job"))
    assert job["Arn"].endswith(f":jobs/{job['Id']}")
    asset = sample_answer(load_operation("get-asset"))
    assert asset["Arn"].endswith(
        f":data-sets/{asset['DataSetId']}/revisions/{asset['RevisionId']}/assets/{asset['Id']}"
    )
