"""Whole inputs: `--cli-input-json` and `--cli-input-yaml`. Other options override what they say."""

from __future__ import annotations

from entrepot.cli.aws.operation.parameters import FileNotRead, load_paramfile
from entrepot.client.client_errors import ClientError, ParameterError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


def add_input_document(
    parameters: dict[str, Any], json_text: str | None, yaml_text: str | None, environ: Mapping[str, str]
) -> None:
    """Adds what a document says and `parameters` do not say yet.

    The texts may name files. Raises `ParameterError`, and `ClientError` where a YAML document has names that
    are no texts.
    """
    if json_text is None and yaml_text is None:
        return
    if json_text is not None and yaml_text is not None:
        raise ParameterError("Only one --cli-input- parameter may be specified.")
    if json_text is not None:
        flag, document = "--cli-input-json", _read_json(_content(json_text, environ))
    else:
        flag, document = "--cli-input-yaml", _read_yaml(_content(yaml_text, environ))
    if not isinstance(document, dict):
        raise ParameterError(
            f"Error parsing parameter '{flag}': Invalid type: expecting map, received {type(document)}"
        )
    if not all(isinstance(name, str) for name in document):
        raise ClientError("keywords must be strings")
    for name, value in document.items():
        parameters.setdefault(name, value)


def _content(given: str | None, environ: Mapping[str, str]) -> str | bytes | None:
    try:
        content = load_paramfile(given, environ)
    except FileNotRead as error:
        # It could be read a moment ago, when all options were; the AWS CLI says so without more ado.
        raise ClientError(str(error)) from None
    return given if content is None else content


def _read_json(text: Any) -> object:
    import json

    try:
        return json.loads(text)
    except ValueError:
        raise ParameterError("Error parsing parameter 'cli-input-json': Invalid JSON received.") from None


def _read_yaml(text: Any) -> object:
    """YAML 1.2, one document; dates become dates, and times the time in UTC."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        return _in_utc(YAML(typ="safe", pure=True).load(text))
    except YAMLError:
        raise ParameterError("Error parsing parameter 'cli-input-yaml': Invalid YAML received.") from None


def _in_utc(value: Any, seen: set[int] | None = None) -> Any:
    """Takes the zone from times, as the AWS CLI's older YAML library does. A document may contain itself."""
    from datetime import UTC, datetime

    seen = set() if seen is None else seen
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC).replace(tzinfo=None)
    if isinstance(value, (list, dict)) and id(value) not in seen:
        seen.add(id(value))
        for place, item in list(value.items() if isinstance(value, dict) else enumerate(value)):
            value[place] = _in_utc(item, seen)
    return value
