"""What botocore sends, the exchange reads back as it was, for every operation."""

from __future__ import annotations

from typing import Any

import pytest
from tests.conformance.botocore_side import sent
from tests.conformance.examples import AWKWARD_TEXT, MODEL, OPERATIONS, example, wire_form

from entrepot.http.messages import HttpRequest
from entrepot.model import shapes
from entrepot.model.service_model import Operation
from entrepot.wire.parser import Parser
from entrepot.wire.router import Router
from entrepot.wire.validator import Validator

ROUTER = Router(MODEL.operations.values())


def read(request: HttpRequest) -> tuple[str, Any]:
    route = ROUTER.route(request.method, request.raw_path)
    parsed = Parser(route.operation, MODEL).parse(request, route.parameters)
    return route.operation.name, Validator(route.operation.input, MODEL).validate(parsed)


@pytest.mark.parametrize("full", [False, True], ids=["minimal", "full"])
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_what_botocore_sends_is_read_back_as_it_was(operation: Operation, full: bool) -> None:
    shape = MODEL.shapes[operation.input]
    parameters = example(shape, full=full)
    name, value = read(sent(operation.name, parameters))
    assert name == operation.name
    assert value == shapes.convert(wire_form(shape, parameters), shapes.structure(shape.name))


def test_a_request_with_everything_is_read_member_by_member() -> None:
    details = {
        "AssetSources": [{"Bucket": "b", "Key": AWKWARD_TEXT}],
        "DataSetId": "d" * 32,
        "RevisionId": "r" * 32,
    }
    tags = [{"Key": "k", "Value": "v"}]
    _, value = read(
        sent(
            "CreateJob",
            {
                "Type": "IMPORT_ASSETS_FROM_S3",
                "Details": {"ImportAssetsFromS3": details},
                "AssetConfiguration": {"Tags": tags},
            },
        )
    )
    assert value == shapes.CreateJobRequest(
        type="IMPORT_ASSETS_FROM_S3",
        details=shapes.RequestDetails(
            import_assets_from_s3=shapes.ImportAssetsFromS3RequestDetails(
                asset_sources=[shapes.AssetSourceEntry(bucket="b", key=AWKWARD_TEXT)],
                data_set_id="d" * 32,
                revision_id="r" * 32,
            )
        ),
        asset_configuration=shapes.AssetConfiguration(tags=[shapes.Tag(key="k", value="v")]),
    )


def test_there_are_37_operations() -> None:
    assert len(OPERATIONS) == 37
