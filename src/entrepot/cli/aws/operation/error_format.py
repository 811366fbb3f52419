"""`--cli-error-format`: errors in the form that later editions of the AWS CLI give them, or as data.

`legacy` is the message alone; `enhanced` adds the further members of the service's errors, which the other
formats show as an answer is shown, but on standard error.
"""

from __future__ import annotations

import contextlib
import sys

from entrepot.cli.aws.operation.grammar import PROGRAM
from entrepot.client.client_errors import (
    ClientConfigurationError,
    NoCredentials,
    NoRegion,
    PagerUnavailable,
    ParameterError,
    ServiceAnswer,
    UnknownOptions,
    UsageError,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_CODES: tuple[tuple[type[Exception], str], ...] = (
    (UsageError, "ParamValidation"),
    (ParameterError, "ParamValidation"),
    (NoRegion, "NoRegion"),
    (NoCredentials, "NoCredentials"),
    (PagerUnavailable, "Pager"),
    (ClientConfigurationError, "Configuration"),
)
_FEW = 5
"""Collections of fewer items are shown in one line."""
_COMPLEX = "<complex value>"


def show_error(error: Exception, text: str, error_format: str, colour: str) -> None:
    """Writes an error to standard error. `text` is its message."""
    information = _information(error, text)
    if information is None or error_format == "legacy":
        usage = f"\n{error.usage}" if isinstance(error, UnknownOptions) else ""
        sys.stderr.write(f"{usage}\n{_line(text)}\n")
    elif error_format == "enhanced":
        sys.stderr.write(f"\n{_line(_summary(error, information))}\n{_details(information)}")
    else:
        from entrepot.cli.aws.output.writer import write

        with contextlib.redirect_stdout(sys.stderr):
            write([information], operation_name="error", output_format=error_format, colour=colour)


def _information(error: Exception, text: str) -> dict[str, Any] | None:
    """The error as data; None for what has no code."""
    if isinstance(error, ServiceAnswer):
        return {"Message": error.text, "Code": error.code.rpartition("#")[2], **_members(error)}
    if isinstance(error, UnknownOptions):
        return None
    code = next((code for kind, code in _CODES if isinstance(error, kind)), None)
    if code is None:
        return None
    return {"Code": code, "Message": f"{text}\n\n{error.usage}" if isinstance(error, UsageError) else text}


def _summary(error: Exception, information: dict[str, Any]) -> str:
    if isinstance(error, ServiceAnswer):
        return error.message.replace(f"({error.code})", f"({information['Code']})", 1)
    return f"An error occurred ({information['Code']}): {information['Message']}"


def _members(error: ServiceAnswer) -> dict[str, Any]:
    import json

    from entrepot.model.document import read_document

    shape = read_document()["shapes"].get(error.code.rpartition("#")[2], {})
    try:
        body = json.loads(error.body)
    except ValueError:
        body = None
    if not shape.get("exception") or not isinstance(body, dict):
        return {}
    return {
        name: body[name]
        for name in shape["members"]
        if name.lower() not in {"code", "message"} and body.get(name) is not None
    }


def _line(text: str) -> str:
    return f"{PROGRAM}: [ERROR]: {text.strip()}".rstrip()


def _details(information: dict[str, Any]) -> str:
    members = {name: value for name, value in information.items() if name.lower() not in {"code", "message"}}
    if not members:
        return ""
    lines = [f"{name}: {_shown(value)}" for name, value in members.items()]
    if any(_shown(value) == _COMPLEX for value in members.values()):
        lines.append('Use "--cli-error-format json" or another error format to see the full details.')
    return "\n".join(["\nAdditional error details:", *lines, ""])


def _shown(value: object) -> str:
    has_nested = isinstance(value, list) and any(isinstance(one, (list, dict)) for one in value)
    if isinstance(value, list) and len(value) < _FEW and not has_nested:
        return f"[{', '.join(str(one) for one in value)}]"
    if isinstance(value, (list, dict)):
        return _COMPLEX
    return str(value)
