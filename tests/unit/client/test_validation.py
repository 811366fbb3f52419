"""Parameters are judged as botocore judges them, in the same words and order."""

from __future__ import annotations

from typing import Any

import botocore.validate
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.unit.client.botocore_oracle import FEW, OPERATIONS, SERVICE, operation_of, spoilt, valid

from entrepot.client.client_errors import ClientError, ParameterError
from entrepot.client.command_line_model import Operation
from entrepot.client.validation import validate

_VALIDATOR = botocore.validate.ParamValidator()


def _report(parameters: Any, operation: Operation) -> str:
    try:
        validate(parameters, operation.input)
    except ParameterError as error:
        return error.message.removeprefix("Parameter validation failed:\n")
    return ""


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.command)
@FEW
@given(data=st.data())
def test_what_is_wrong_is_told_as_botocore_tells_it(operation: Operation, data: st.DataObject) -> None:
    parameters = data.draw(spoilt(operation.input))
    report = _VALIDATOR.validate(parameters, SERVICE.operation_model(operation.name).input_shape)
    assert _report(parameters, operation) == report.generate_report()


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.command)
@FEW
@given(data=st.data())
def test_what_is_right_passes(operation: Operation, data: st.DataObject) -> None:
    assert _report(data.draw(valid(operation.input)), operation) == ""


def test_everything_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(ParameterError) as raised:
        validate({"Job": "x", "Other": 1}, operation_of("GetJob").input)
    assert raised.value.message == (
        "Parameter validation failed:\n"
        'Missing required parameter in input: "JobId"\n'
        'Unknown parameter in input: "Job", must be one of: JobId\n'
        'Unknown parameter in input: "Other", must be one of: JobId'
    )


@example("2030-01-01")
@example("yesterday")
@example("")
@example("2030-13-01T00:00:00Z")
@given(st.text(max_size=25) | st.integers(-(10**9), 10**9) | st.none() | st.lists(st.none()))
def test_moments_are_what_botocore_takes_for_moments(value: object) -> None:
    operation = operation_of("CreateDataGrant")
    name = {"EndsAt": value, "GrantDistributionScope": "NONE", "Name": "n", "ReceiverPrincipal": "1" * 12}
    name["SourceDataSetId"] = "s"
    report = _VALIDATOR.validate(name, SERVICE.operation_model(operation.name).input_shape)
    assert _report(name, operation) == report.generate_report()


def test_a_moment_that_no_clock_can_hold_is_an_error_of_its_own() -> None:
    with pytest.raises(ClientError, match="int too large to convert to float"):
        validate({"EndsAt": 10**400}, operation_of("CreateDataGrant").input)
