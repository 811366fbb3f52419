from __future__ import annotations

from enum import StrEnum

import pytest

from entrepot.domain.data_set import AssetType, Origin
from entrepot.domain.errors import ResourceType, ServiceError
from entrepot.domain.job import JobErrorCode, JobState, JobType
from entrepot.model.loader import load_model


@pytest.mark.parametrize(
    ("ours", "shape"),
    [
        (AssetType, "AssetType"),
        (Origin, "Origin"),
        (ResourceType, "ResourceType"),
        (JobErrorCode, "Code"),
        (JobState, "State"),
        (JobType, "Type"),
    ],
)
def test_an_enum_has_exactly_the_values_of_the_model(ours: type[StrEnum], shape: str) -> None:
    assert {member.value for member in ours} == set(load_model().shapes[shape].enum)
    assert all(member.name == member.value for member in ours)


def test_the_errors_of_the_api_are_those_of_the_model() -> None:
    modelled = {name for name, shape in load_model().shapes.items() if shape.is_error}
    ours = {error.code for error in every_error(ServiceError) if "code" in vars(error)}
    assert ours == modelled


def every_error(root: type[ServiceError]) -> list[type[ServiceError]]:
    return [error for child in root.__subclasses__() for error in (child, *every_error(child))]
