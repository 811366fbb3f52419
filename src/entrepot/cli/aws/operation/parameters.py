"""Reads the parameters of a call from options, from files that they name, and from whole input documents."""

from __future__ import annotations

import json
import os.path
import sys

from entrepot.client.client_errors import ClientError, ParameterError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from entrepot.cli.aws.operation.options import OperationOptions
    from entrepot.client.command_line_model import Operation, Shape

TEXT = "file://"
BYTES = "fileb://"


class FileNotRead(Exception):
    """A file that a value names cannot be read; the text says which and why."""


def load_paramfile(value: object, environ: Mapping[str, str]) -> str | bytes | None:
    """What is in the file that `value` names; None where it names none.

    `~` and `$VARIABLES` in the path count. Text is decoded as `AWS_CLI_FILE_ENCODING` says, else as the
    locale says, and its ends of lines become `\\n`. Raises `FileNotRead`.
    """
    if not isinstance(value, str) or not value.startswith((TEXT, BYTES)):
        return None
    prefix = BYTES if value.startswith(BYTES) else TEXT
    path = os.path.expandvars(os.path.expanduser(value[len(prefix) :]))  # noqa: PTH111 - pathlib knows no $HOME
    try:
        if prefix == BYTES:
            with open(path, "rb") as binary:  # noqa: PTH123
                return binary.read()
        with open(path, encoding=_encoding(environ)) as file:  # noqa: PTH123
            return file.read()
    except UnicodeDecodeError:
        raise FileNotRead(
            f"Unable to load paramfile ({path}), text contents could not be decoded.  If this is a binary "
            "file, please use the fileb:// prefix instead of the file:// prefix."
        ) from None
    except OSError as error:
        raise FileNotRead(f"Unable to load paramfile {value}: {error}") from None


def load_option(flag: str, value: object, environ: Mapping[str, str]) -> object:
    """The value of an option, read from the file that it names, if it names one. Raises `ParameterError`.

    Of a list with one item that item may name the file, which is then the whole value.
    """
    single = value[0] if isinstance(value, list) and len(value) == 1 else value
    try:
        content = load_paramfile(single, environ)
    except FileNotRead as error:
        raise ParameterError(f"Error parsing parameter '{flag}': {error}") from None
    return value if content is None else content


def _encoding(environ: Mapping[str, str]) -> str:
    given = environ.get("AWS_CLI_FILE_ENCODING")
    if given is not None:
        return given
    import locale

    if locale.setlocale(locale.LC_CTYPE) in {"C", "POSIX"}:
        return "UTF-8"
    return locale.getpreferredencoding()


_COMPLEX = frozenset({"structure", "list", "map"})


def read_value(flag: str, given: Any, shape: Shape, environ: Mapping[str, str]) -> Any:
    """Reads the value of an option; `given` is its text, or the content of the file that it names.

    Raises `ParameterError`, and `ValueError` for a number that is none. The model is checked later.
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
    try:
        return read_json(text)
    except ValueError as error:
        raise ParameterError(
            f"Error parsing parameter '{flag}': Invalid JSON: {error}\nJSON received: {text}"
        ) from None


PAGING = "PaginationConfig"
"""The key under which what the paging options say travels among the parameters, as in botocore."""

_PAGING_OPTIONS = {"starting_token": "StartingToken", "page_size": "PageSize", "max_items": "MaxItems"}


def paginates(operation: Operation, values: Mapping[str, Any], *, wanted: bool) -> bool:
    """Whether pages are followed: a listing, and nobody pages by hand. Raises `ParameterError` for both."""
    if operation.pagination is None:
        return False
    if wanted and values["next_token"] is None and values["max_results"] is None:
        return True
    used = [f"--{name.replace('_', '-')}" for name in _PAGING_OPTIONS if values[name]]
    if used:
        raise ParameterError(
            f"Cannot specify --no-paginate along with pagination arguments: {', '.join(used)}"
        )
    return False


def read_parameters(
    options: OperationOptions, values: Mapping[str, Any], environ: Mapping[str, str]
) -> dict[str, Any]:
    """Reads parameters from options, in the order of the model's members.

    Raises `ParameterError` for a value that cannot be read, and `ValueError` for a number that is none.
    """
    members = {option.flag: member for option, member in options.members}
    parameters: dict[str, Any] = {}
    for option in options.all:
        value: Any = values[option.dest]
        if value is None:
            continue
        # Files are read for every option, even for those that will read them again.
        value = load_option(option.flag, value, environ)
        member = members.get(option.flag)
        if member is not None:
            is_switch = member.shape.kind == "boolean"
            read = value if is_switch else read_value(option.flag, value, member.shape, environ)
            parameters[member.name] = read
        elif option.dest in _PAGING_OPTIONS:
            if option.dest == "max_items" and value <= 0:
                print(
                    "warning: Non-positive values for --max-items may result in undefined behavior.",
                    file=sys.stderr,
                )
            parameters.setdefault(PAGING, {})[_PAGING_OPTIONS[option.dest]] = value
    return parameters


_BLANKS = " \t\n\r"


class _Pairs(dict[str, object]):
    """An object. Quoted in a message it looks as the AWS CLI's OrderedDict does under Python 3.11."""

    def __repr__(self) -> str:
        return f"OrderedDict({list(self.items()) if self else ''})"


_Pairs.__module__, _Pairs.__qualname__ = "collections", "OrderedDict"


def read_json(text: str) -> Any:
    """The value. Raises `ValueError`, with the text that Python 3.11 has for it."""
    try:
        return json.loads(text, object_pairs_hook=_Pairs)
    except json.JSONDecodeError as error:
        if not error.msg.startswith("Illegal trailing comma"):
            raise
        # Since 3.13 it is the comma that is complained of; before, what should have followed it.
        place = error.pos + 1
        while text[place] in _BLANKS:
            place += 1
        wanted = "property name enclosed in double quotes" if text[place] == "}" else "value"
        raise json.JSONDecodeError(f"Expecting {wanted}", text, place) from None


def add_input_document(
    parameters: dict[str, Any], json_text: str | None, yaml_text: str | None, environ: Mapping[str, str]
) -> None:
    """Adds what a document says and `parameters` do not say yet. The texts may name files.

    Raises `ParameterError`, and `ClientError` where a YAML document has names that are no texts.
    """
    if json_text is None and yaml_text is None:
        return
    if json_text is not None and yaml_text is not None:
        raise ParameterError("Only one --cli-input- parameter may be specified.")
    if json_text is not None:
        flag, document = "--cli-input-json", _read_json_document(_content(json_text, environ))
    else:
        flag, document = "--cli-input-yaml", _read_yaml_document(_content(yaml_text, environ))
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


def _read_json_document(text: Any) -> object:
    try:
        return json.loads(text)
    except ValueError:
        raise ParameterError("Error parsing parameter 'cli-input-json': Invalid JSON received.") from None


def _read_yaml_document(text: Any) -> object:
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
