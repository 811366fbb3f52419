from __future__ import annotations

import pytest

from entrepot.model import shapes
from entrepot.model.loader import load_model
from entrepot.wire.responses import Serializer

MODEL = load_model()
REQUEST_ID = "7a62c49f-347e-4fc4-9331-6e8e1b1f0d7c"


def serializer(operation: str) -> Serializer:
    return Serializer(MODEL.operations[operation], MODEL)


def test_a_result_becomes_json_with_the_status_of_the_model() -> None:
    response = serializer("CreateDataSet").serialize(shapes.CreateDataSetResponse(name="n"), REQUEST_ID)
    assert response.status == 201
    assert response.body == b'{"Name":"n"}'
    assert dict(response.headers) == {
        b"x-amzn-requestid": REQUEST_ID.encode(),
        b"content-type": b"application/json",
    }


def test_the_tag_operations_write_small_tags() -> None:
    result = shapes.ListTagsForResourceResponse(tags={"k": "v"})
    assert serializer("ListTagsForResource").serialize(result, REQUEST_ID).body == b'{"tags":{"k":"v"}}'


@pytest.mark.parametrize("operation", ["DeleteDataSet", "StartJob"])
def test_without_output_there_is_neither_body_nor_content_type(operation: str) -> None:
    response = serializer(operation).serialize(None, REQUEST_ID)
    assert response.status == MODEL.operations[operation].status
    assert response.body == b""
    assert set(dict(response.headers)) == {b"x-amzn-requestid"}


def test_an_api_assets_answer_is_passed_on_but_for_what_belongs_to_this_connection() -> None:
    result = shapes.SendApiAssetResponse(
        body="é",
        response_headers={
            "Content-Type": "text/plain",
            "X-Mine": "1",
            "Content-Length": "9",
            "Connection": "close",
        },
    )
    response = serializer("SendApiAsset").serialize(result, REQUEST_ID)
    assert response.body == "é".encode()
    assert sorted(response.headers) == [
        (b"content-type", b"text/plain"),
        (b"x-amzn-requestid", REQUEST_ID.encode()),
        (b"x-mine", b"1"),
    ]


def test_a_header_cannot_smuggle_in_another() -> None:
    result = shapes.SendApiAssetResponse(response_headers={"x": "1\r\nset-cookie: a=b"})
    with pytest.raises(ValueError, match="line break"):
        serializer("SendApiAsset").serialize(result, REQUEST_ID)


def test_an_operation_that_forgets_its_result_is_found_out() -> None:
    with pytest.raises(TypeError, match="returned None"):
        serializer("GetJob").serialize(None, REQUEST_ID)
