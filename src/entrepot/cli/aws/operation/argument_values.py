"""From what stands on the command line to values as the API has them: JSON, shorthand, lists, scalars."""

from __future__ import annotations

from entrepot.client.client_errors import ClientError, ParameterError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from entrepot.client.command_line_model import Shape

_COMPLEX = frozenset({"structure", "list", "map"})


def read_value(flag: str, given: Any, shape: Shape, environ: Mapping[str, str]) -> Any:
    """The value of an option: `given` is what stands after it, or what is in the file that it names.

    Raises `ParameterError` for what cannot be read at all, and `ValueError` for a number that is none.
    Whether the value fits the model is for validation.
    """
    if _is_shorthand(given, shape):
        return _read_shorthand(flag, given, shape, environ)
    return _unpack(flag, given, shape)


def _is_shorthand(given: Any, shape: Shape) -> bool:
    """Whether the option takes shorthand and the value does not look like JSON."""
    item = shape.item
    if shape.kind not in _COMPLEX or (shape.kind == "list" and (item is None or item.kind not in _COMPLEX)):
        return False
    first = given[0] if given and isinstance(given, list) else given
    return not (isinstance(first, str) and first.strip().startswith(("[", "{")))


def _read_shorthand(flag: str, given: Any, shape: Shape, environ: Mapping[str, str]) -> Any:
    from entrepot.cli.aws.operation.paramfile import FileNotRead
    from entrepot.cli.aws.operation.shorthand import ShorthandError, fit_to_model, parse_shorthand

    try:
        if isinstance(given, list):
            parsed: Any = [parse_shorthand(one, environ) for one in given]
        else:
            parsed = parse_shorthand(given, environ)
        fit_to_model(parsed, shape)
    except ShorthandError as error:
        raise ParameterError(f"Error parsing parameter '{flag}': {error.message}") from None
    except FileNotRead as error:
        # In the AWS CLI nobody reckons with a file that is missing here, and it ends with 255.
        raise ClientError(str(error)) from None
    return parsed


def _unpack(flag: str, given: Any, shape: Shape) -> Any:
    if shape.kind in {"structure", "map"}:
        if given.lstrip().startswith("{"):
            return _read_json(flag, given)
        raise ParameterError(f"Error parsing parameter '{flag}': Invalid JSON:\n{given}")
    if shape.kind == "list":
        return _unpack_list(flag, given, shape)
    if shape.kind == "integer":
        return int(given)
    if shape.kind == "double":
        return float(given)
    if shape.kind == "boolean":
        return bool(given) and str(given).lower() != "false"
    return given


def _unpack_list(flag: str, given: Any, shape: Shape) -> Any:
    """A list is JSON, or its items one after the other."""
    text = given[0] if isinstance(given, list) and len(given) == 1 else given
    if isinstance(text, str) and text.lstrip().startswith("["):
        return _read_json(flag, text)
    if isinstance(text, str) and not isinstance(given, list) and not text.strip():
        raise ClientError(f"Error parsing parameter '{flag}': the file is empty.")
    item = shape.item
    if item is None:
        return given
    # A text that comes from a file and is no JSON is taken apart letter by letter: so it is in the AWS CLI.
    try:
        return [_unpack(flag, one, item) for one in given]
    except (TypeError, ValueError):
        raise ParameterError(f"Error parsing parameter '{flag}': {given[0]}") from None


def _read_json(flag: str, text: str) -> Any:
    from entrepot.cli.aws.operation.json_text import read_json

    try:
        return read_json(text)
    except ValueError as error:
        raise ParameterError(
            f"Error parsing parameter '{flag}': Invalid JSON: {error}\nJSON received: {text}"
        ) from None
