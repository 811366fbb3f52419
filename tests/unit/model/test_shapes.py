from __future__ import annotations

from typing import Any

import msgspec
import pytest

from entrepot.domain.job import JobState
from entrepot.domain.timestamp import Timestamp
from entrepot.model import shapes
from entrepot.model.loader import load_model
from entrepot.model.service_model import Kind
from entrepot.model.stub import STUB, render

ID = "0" * 32
MOMENT = Timestamp.parse("2019-10-11T14:12:24.640Z")


def test_the_stub_is_what_its_generator_writes() -> None:
    assert STUB.read_text(encoding="utf-8") == render(load_model()), "run: python -m entrepot.model.stub"


def test_every_structure_of_the_model_is_a_class_here() -> None:
    for shape in load_model().shapes.values():
        if shape.kind is Kind.STRUCTURE:
            compiled: Any = getattr(shapes, shape.name)
            assert compiled is shapes.structure(shape.name)
            assert compiled.__struct_fields__ == tuple(member.python_name for member in shape.members)
            assert compiled.__module__ == "entrepot.model.shapes"


def test_absent_members_are_left_out_and_null_ones_are_absent() -> None:
    response = shapes.GetJobResponse(id=ID, state=JobState.WAITING, created_at=MOMENT)
    encoded = shapes.encode(response)
    assert encoded == b'{"CreatedAt":"2019-10-11T14:12:24.640Z","Id":"%s","State":"WAITING"}' % ID.encode()
    assert shapes.decode(encoded, shapes.GetJobResponse) == response
    assert shapes.convert({"Comment": None, "DataSetId": ID}, shapes.CreateRevisionRequest).comment is None


def test_false_zero_and_empty_values_are_values() -> None:
    assert shapes.encode(
        shapes.UpdateRevisionRequest(data_set_id=ID, revision_id=ID, finalized=False, comment="")
    ) == (b'{"Comment":"","DataSetId":"%s","Finalized":false,"RevisionId":"%s"}' % (ID.encode(), ID.encode()))
    assert shapes.encode(shapes.GetDataSetResponse(tags={})) == b'{"Tags":{}}'


def test_unknown_members_are_ignored() -> None:
    assert shapes.decode(b'{"Key":"k","Value":"v","Colour":"red"}', shapes.Tag) == shapes.Tag(
        key="k", value="v"
    )


def test_values_are_frozen() -> None:
    tag: Any = shapes.Tag(key="k", value="v")
    with pytest.raises(AttributeError):
        tag.key = "other"


@pytest.mark.parametrize(
    "content",
    [b'{"Size":12}', b'{"Size":12.5}', b'{"Size":9007199254740993}'],
)
def test_numbers_come_out_as_they_went_in(content: bytes) -> None:
    assert shapes.encode(shapes.decode(content, shapes.S3SnapshotAsset)) == content


@pytest.mark.parametrize(
    ("content", "member"),
    [
        (b'{"Value":"v"}', "Key"),
        (b'{"Key":null,"Value":"v"}', r"\$.Key"),
        (b'{"Key":1,"Value":"v"}', r"\$.Key"),
    ],
)
def test_decoding_enforces_the_model(content: bytes, member: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=member):
        shapes.decode(content, shapes.Tag)


@pytest.mark.parametrize("moment", ['"yesterday"', "{}", "true", "[]", "1e308", '"2019-02-30T00:00:00Z"'])
def test_what_is_no_timestamp_is_refused(moment: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=r"\$.CreatedAt"):
        shapes.decode(f'{{"CreatedAt":{moment}}}', shapes.GetJobResponse)


def test_timestamps_may_be_text_or_epoch_seconds() -> None:
    for moment in ('"2019-10-11T14:12:24.640Z"', '"2019-10-11T16:12:24.640+02:00"', "1570803144.64"):
        assert shapes.decode(f'{{"CreatedAt":{moment}}}', shapes.GetJobResponse).created_at == MOMENT


def test_what_is_encoded_already_is_copied() -> None:
    details = shapes.encoded(b'{"ImportAssetsFromS3":{}}')
    assert shapes.encode(shapes.GetJobResponse(details=details)) == b'{"Details":{"ImportAssetsFromS3":{}}}'


def test_a_value_without_a_form_on_the_wire_is_refused() -> None:
    with pytest.raises(NotImplementedError, match="object"):
        shapes.encode({"x": object()})
