from __future__ import annotations

import inspect
import typing

import pytest

from entrepot.domain.api_call import ApiAnswer, ApiCall
from entrepot.model import shapes
from entrepot.model.loader import load_model
from entrepot.model.service_model import Operation
from entrepot.operations.context import Context
from entrepot.operations.registry import OPERATIONS

FORWARDING = {"SendApiAsset"}
"""They take and give what shapes cannot hold: other people's HTTP."""
MODELLED = list(load_model().operations.values())


def test_the_registry_has_exactly_the_operations_of_the_model() -> None:
    assert set(OPERATIONS) == set(load_model().operations)
    assert len(OPERATIONS) == 37


@pytest.mark.parametrize("operation", MODELLED, ids=lambda operation: operation.name)
def test_an_operation_s_function_has_its_name_takes_its_request_and_gives_its_response(
    operation: Operation,
) -> None:
    function = OPERATIONS[operation.name]
    assert inspect.iscoroutinefunction(function)
    assert function.__name__ == operation.python_name
    hints = typing.get_type_hints(function)
    returned = hints.pop("return")
    if operation.name in FORWARDING:
        assert ([*hints.values()], returned) == ([Context, ApiCall], ApiAnswer)
        return
    assert list(hints.values()) == [Context, shapes.structure(operation.input)]
    output = None if operation.output is None else shapes.structure(operation.output)
    if output is not None and output.__struct_fields__:
        assert returned is output
    else:
        assert returned is type(None)


@pytest.mark.parametrize("operation", MODELLED, ids=lambda operation: operation.name)
def test_an_operation_s_function_says_what_it_does(operation: Operation) -> None:
    assert inspect.getdoc(OPERATIONS[operation.name])
