"""What the exchange answers, botocore reads back as it was, for every operation and every error."""

from __future__ import annotations

import pytest
from tests.conformance.botocore_side import SERVICE, received, received_error
from tests.conformance.examples import MODEL, OPERATIONS, example, wire_form

from entrepot.domain.errors import (
    AccessDenied,
    AuthenticationFailed,
    Conflict,
    InternalError,
    ResourceNotFound,
    ResourceType,
    ServiceError,
    ServiceLimitExceeded,
    Throttled,
    ValidationFailed,
)
from entrepot.model import shapes
from entrepot.model.service_model import Kind, Location, Operation
from entrepot.wire.responses import Serializer, error_response

REQUEST_ID = "7a62c49f-347e-4fc4-9331-6e8e1b1f0d7c"
WITH_OUTPUT = [o for o in OPERATIONS if o.output is not None and MODEL.shapes[o.output].members]
WITHOUT_OUTPUT = [o for o in OPERATIONS if o not in WITH_OUTPUT]


@pytest.mark.parametrize("full", [False, True], ids=["minimal", "full"])
@pytest.mark.parametrize("operation", WITH_OUTPUT, ids=lambda operation: operation.name)
def test_what_is_answered_botocore_reads_back_as_it_was(operation: Operation, full: bool) -> None:
    assert operation.output is not None
    shape = MODEL.shapes[operation.output]
    expected = example(shape, full=full)
    result = shapes.convert(wire_form(shape, expected), shapes.structure(shape.name))
    response = Serializer(operation, MODEL).serialize(result, REQUEST_ID)
    parsed = received(operation.name, response)
    metadata = parsed.pop("ResponseMetadata")
    assert response.status == SERVICE.operation_model(operation.name).http["responseCode"]
    assert metadata["HTTPStatusCode"] == response.status
    assert metadata["RequestId"] == REQUEST_ID
    for member in shape.members:
        if member.location is Location.HEADERS:  # botocore puts every header there, ours among them
            assert parsed.pop(member.name).items() >= expected.pop(member.name, {}).items()
        elif member.location is Location.PAYLOAD:  # a body that is absent is an empty one
            expected.setdefault(member.name, "")
    assert parsed == expected


@pytest.mark.parametrize("operation", WITHOUT_OUTPUT, ids=lambda operation: operation.name)
def test_an_operation_without_output_answers_with_nothing(operation: Operation) -> None:
    response = Serializer(operation, MODEL).serialize(None, REQUEST_ID)
    assert response.body == b""
    assert b"content-type" not in dict(response.headers)
    assert received(operation.name, response)["ResponseMetadata"]["HTTPStatusCode"] in (202, 204)


ERRORS: list[tuple[ServiceError, dict[str, object]]] = [
    (AccessDenied("no"), {}),
    (InternalError("no"), {}),
    (Throttled("no"), {}),
    (ValidationFailed("no"), {}),
    (ValidationFailed("no", exception_cause="S3AccessDenied"), {"ExceptionCause": "S3AccessDenied"}),
    (
        ResourceNotFound("no", resource_id="x", resource_type=ResourceType.JOB),
        {"ResourceId": "x", "ResourceType": "JOB"},
    ),
    (ResourceNotFound("no", resource_id=None, resource_type=None), {}),
    (
        Conflict("no", resource_id="x", resource_type=ResourceType.REVISION),
        {"ResourceId": "x", "ResourceType": "REVISION"},
    ),
    (
        ServiceLimitExceeded("no", limit_name="Data sets per account", limit_value=3000),
        {"LimitName": "Data sets per account", "LimitValue": 3000.0},
    ),
]


@pytest.mark.parametrize(("error", "members"), ERRORS, ids=lambda value: type(value).__name__)
def test_botocore_reads_an_error_with_its_members(error: ServiceError, members: dict[str, object]) -> None:
    response = error_response(error, REQUEST_ID)
    code, message, parsed = received_error("CreateJob", response)
    assert code == error.code
    assert message == "no"
    assert parsed == {"Message": "no"} | members
    shape = SERVICE.shape_for_error_code(code)
    assert response.status == shape.metadata["error"]["httpStatusCode"]


def test_every_error_of_the_model_is_one_of_ours() -> None:
    ours = {type(error).__name__: error.code for error, _ in ERRORS}.values()
    assert set(ours) == {shape.name for shape in MODEL.shapes.values() if shape.is_error}


def test_a_refused_signature_is_read_under_its_own_code() -> None:
    error = AuthenticationFailed("InvalidSignatureException", "The signature is wrong.")
    parsed = received("GetJob", error_response(error, REQUEST_ID))
    assert parsed["Error"] == {"Code": "InvalidSignatureException", "Message": "The signature is wrong."}
    assert parsed["ResponseMetadata"]["HTTPStatusCode"] == 403


def test_a_whole_number_is_written_without_a_fraction() -> None:
    size = shapes.S3SnapshotAsset(size=12)
    response = Serializer(MODEL.operations["GetAsset"], MODEL).serialize(
        shapes.GetAssetResponse(asset_details=shapes.AssetDetails(s3_snapshot_asset=size)), REQUEST_ID
    )
    assert response.body == b'{"AssetDetails":{"S3SnapshotAsset":{"Size":12}}}'
    assert MODEL.shapes["__doubleMin0"].kind is Kind.DOUBLE
