"""Checks parameters against the model before anything is sent, and reports all that is wrong at once.

Only what the AWS CLI checks: that required members are there and no unknown ones, types, and least sizes.
Patterns, longest lengths and enumerations are left to the service.
"""

from __future__ import annotations

from entrepot.client.client_errors import ClientError, ParameterError
from entrepot.client.timestamp import is_timestamp

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from entrepot.client.command_line_model import Shape

_TYPES: dict[str, tuple[type, ...]] = {
    "structure": (dict,),
    "map": (dict,),
    "list": (list, tuple),
    "string": (str,),
    "integer": (int,),
    "double": (float, int),
    "boolean": (bool,),
}


def validate(parameters: Mapping[str, Any], shape: Shape) -> None:
    """Checks an operation's parameters against its input.

    Raises `ParameterError` with a line for each violation, in the order of the parameters.
    """
    report: list[str] = []
    _check(shape, parameters, "", report)
    if report:
        raise ParameterError("\n".join(["Parameter validation failed:", *report]))


def _check(shape: Shape, value: Any, name: str, report: list[str]) -> None:
    if shape.kind == "timestamp":
        _check_timestamp(value, name, report)
        return
    if not _has_type(shape.kind, value):
        valid = [str(each) for each in _types(shape.kind)]
        report.append(_invalid_type(name, value, valid))
        return
    inner = _INNER_CHECKS.get(shape.kind)
    if inner is not None:
        inner(shape, value, name, report)


def _types(kind: str) -> tuple[type, ...]:
    if kind != "double":
        return _TYPES[kind]
    from decimal import Decimal

    return float, Decimal, int


def _has_type(kind: str, value: Any) -> bool:
    return isinstance(value, _TYPES[kind]) or (kind == "double" and isinstance(value, _types(kind)))


def _invalid_type(name: str, value: Any, valid: list[str]) -> str:
    return (
        f"Invalid type for parameter {_shown(name)}, value: {value}, type: {type(value)}, "
        f"valid types: {', '.join(valid)}"
    )


def _shown(name: str) -> str:
    """`.Details.X` as `Details.X`, and the whole of the parameters as `input`."""
    return name.removeprefix(".") or "input"


def _check_structure(shape: Shape, value: Any, name: str, report: list[str]) -> None:
    members = shape.members
    report += [
        f'Missing required parameter in {_shown(name)}: "{member.name}"'
        for member in members.values()
        if member.required and member.name not in value
    ]
    known = []
    for key in value:
        if key in members:
            known.append(key)
        else:
            report.append(
                f'Unknown parameter in {_shown(name)}: "{key}", must be one of: {", ".join(members)}'
            )
    for key in known:
        _check(members[key].shape, value[key], f"{name}.{key}", report)


def _check_list(shape: Shape, value: Any, name: str, report: list[str]) -> None:
    _check_length(shape, value, name, report)
    assert shape.item is not None  # noqa: S101 - the model's own consistency
    for index, item in enumerate(value):
        _check(shape.item, item, f"{name}[{index}]", report)


def _check_map(shape: Shape, value: Any, name: str, report: list[str]) -> None:
    assert shape.item is not None  # noqa: S101
    for key, item in value.items():
        if not isinstance(key, str):
            report.append(_invalid_type(f"{name} (key: {key})", key, [str(str)]))
        _check(shape.item, item, f"{name}.{key}", report)


def _check_length(shape: Shape, value: Any, name: str, report: list[str]) -> None:
    if shape.minimum is not None and len(value) < shape.minimum:
        report.append(
            f"Invalid length for parameter {_shown(name)}, value: {len(value)}, "
            f"valid min length: {shape.minimum}"
        )


def _check_number(shape: Shape, value: Any, name: str, report: list[str]) -> None:
    if shape.minimum is not None and value < shape.minimum:
        report.append(
            f"Invalid value for parameter {_shown(name)}, value: {value}, valid min value: {shape.minimum}"
        )


def _check_timestamp(value: Any, name: str, report: list[str]) -> None:
    try:
        fits = is_timestamp(value)
    except (RuntimeError, OverflowError) as error:
        raise ClientError(str(error)) from error
    if not fits:
        from datetime import datetime

        report.append(_invalid_type(name, value, [str(datetime), "timestamp-string"]))


_INNER_CHECKS: dict[str, Callable[[Shape, Any, str, list[str]], None]] = {
    "structure": _check_structure,
    "list": _check_list,
    "map": _check_map,
    "string": _check_length,
    "integer": _check_number,
    "double": _check_number,
}
