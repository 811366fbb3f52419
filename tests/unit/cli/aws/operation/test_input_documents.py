from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from entrepot.cli.aws.operation.parameters import add_input_document
from entrepot.client.client_errors import ClientError, ParameterError


def added(json_text: str | None = None, yaml_text: str | None = None, **parameters: Any) -> dict[str, Any]:
    add_input_document(parameters, json_text, yaml_text, {})
    return parameters


def test_options_override_what_a_document_says() -> None:
    assert added('{"A": 1, "B": 2}', A=3) == {"A": 3, "B": 2}
    assert added(None, "A: 1\nB: 2", A=3) == {"A": 3, "B": 2}


def test_documents_come_from_files_too(tmp_path: Path) -> None:
    (tmp_path / "in").write_text('{"A": 1}')
    assert added(f"file://{tmp_path}/in") == {"A": 1}
    assert added(f"fileb://{tmp_path}/in") == {"A": 1}
    assert added(None, f"file://{tmp_path}/in") == {"A": 1}
    with pytest.raises(ClientError, match="Unable to load paramfile"):
        added("file://absent")


def test_yaml_is_yaml_1_2() -> None:
    document = (
        "a: yes\nb: 0123\nc: 0x10\nd: 2020-01-01\ne: 2020-01-01 10:00:00 +2\nf: [2020-01-01T00:00:00Z]\n"
    )
    assert added(None, document) == {
        "a": "yes",
        "b": 123,
        "c": 16,
        "d": date(2020, 1, 1),
        "e": datetime(2020, 1, 1, 8, 0),  # noqa: DTZ001 - the library's habit
        "f": [datetime(2020, 1, 1)],  # noqa: DTZ001
    }


def test_a_document_may_contain_itself() -> None:
    itself = added(None, "a: &x [*x]")["a"]
    assert itself[0] is itself


@pytest.mark.parametrize(
    ("json_text", "yaml_text", "told"),
    [
        ("oops", "oops: [", "Only one --cli-input- parameter may be specified."),
        ("oops", None, "Error parsing parameter 'cli-input-json': Invalid JSON received."),
        ("\ufeff{}", None, "Error parsing parameter 'cli-input-json': Invalid JSON received."),
        (None, "a: [", "Error parsing parameter 'cli-input-yaml': Invalid YAML received."),
        (None, "a: 1\na: 2", "Error parsing parameter 'cli-input-yaml': Invalid YAML received."),
        (None, "a: 1\n---\nb: 2", "Error parsing parameter 'cli-input-yaml': Invalid YAML received."),
        (
            "[1]",
            None,
            "Error parsing parameter '--cli-input-json': Invalid type: expecting map, "
            "received <class 'list'>",
        ),
        (
            None,
            "",
            "Error parsing parameter '--cli-input-yaml': Invalid type: expecting map, "
            "received <class 'NoneType'>",
        ),
    ],
)
def test_what_is_wrong_with_a_document_is_told(
    json_text: str | None, yaml_text: str | None, told: str
) -> None:
    with pytest.raises(ParameterError) as caught:
        added(json_text, yaml_text)
    assert caught.value.message == told
