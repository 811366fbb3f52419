"""Every constraint of every input of the model, at its boundaries and violated once."""

from __future__ import annotations

import pytest
from tests.conformance.examples import MODEL, OPERATIONS, changes, example, wire_form

from entrepot.domain.errors import ValidationFailed
from entrepot.model.service_model import Operation
from entrepot.wire.parser import Parsed
from entrepot.wire.validator import Validator


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_each_constraint_is_enforced_where_it_stands_and_not_beyond(operation: Operation) -> None:
    shape = MODEL.shapes[operation.input]
    validator = Validator(operation.input, MODEL)
    valid = wire_form(shape, example(shape, full=True))
    validator.validate(Parsed(valid, doubtful=True))
    for change in changes(operation):
        values = change.applied_to(valid)
        if change.accepted:
            validator.validate(Parsed(values, doubtful=True))
            continue
        with pytest.raises(ValidationFailed) as refused:
            validator.validate(Parsed(values, doubtful=False))
        assert (
            f"at '{change.name}' failed to satisfy constraint: {change.constraint}" in refused.value.message
        )
        assert str(refused.value).count("failed to satisfy") <= 2, str(change)


def test_constraints_are_found_in_numbers() -> None:
    found = [change for operation in OPERATIONS for change in changes(operation)]
    assert len([change for change in found if not change.accepted]) > 500
