"""From the options of a command line to the parameters of a call."""

from __future__ import annotations

import sys

from entrepot.cli.aws.operation.argument_values import read_value
from entrepot.cli.aws.operation.paramfile import load_option
from entrepot.client.client_errors import ParameterError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from entrepot.cli.aws.operation.operation_options import OperationOptions
    from entrepot.client.command_line_model import Operation

PAGING = "PaginationConfig"
"""The key under which what the paging options say travels among the parameters, as in botocore."""

_PAGING_OPTIONS = {"starting_token": "StartingToken", "page_size": "PageSize", "max_items": "MaxItems"}


def paginates(operation: Operation, values: Mapping[str, Any], *, wanted: bool) -> bool:
    """Whether pages are to be followed: a listing, and nobody pages by hand.

    Raises `ParameterError` where options for following pages stand beside what forbids it.
    """
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
    """The parameters that the options give, by the names of the model's members, in its order.

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
            parameters[member.name] = (
                value if is_switch else read_value(option.flag, value, member.shape, environ)
            )
        elif option.dest in _PAGING_OPTIONS:
            if option.dest == "max_items" and value <= 0:
                print(
                    "warning: Non-positive values for --max-items may result in undefined behavior.",
                    file=sys.stderr,
                )
            parameters.setdefault(PAGING, {})[_PAGING_OPTIONS[option.dest]] = value
    return parameters
