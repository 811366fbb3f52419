"""The service model of the command line: the operations as version 2.23.6 of the AWS CLI knows them.

`command_line_model.json` is written by `python -m entrepot.model.write_command_line_model`; a test keeps it
current. Reading it takes a millisecond, and shapes are made when they are asked for, because every command
starts here.
"""

from __future__ import annotations

import json
import os.path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_FILE = os.path.join(os.path.dirname(__file__), "command_line_model.json")  # noqa: PTH118, PTH120 - pathlib takes 5 ms


class Shape:
    """One shape. What does not apply to its kind is empty or None."""

    __slots__ = ("_entry", "_members", "_model", "enum", "kind", "maximum", "minimum", "name", "pattern")

    def __init__(self, name: str, entry: dict[str, Any], model: Model) -> None:
        self.name = name
        self.kind: str = entry["kind"]
        """structure, list, map, string, timestamp, integer, double or boolean."""
        self.enum: tuple[str, ...] = tuple(entry.get("enum", ()))
        self.minimum: int | None = entry.get("minimum")
        """Of an integer its value, of a string its length, of a list its length."""
        self.maximum: int | None = entry.get("maximum")
        self.pattern: str | None = entry.get("pattern")
        self._entry = entry
        self._model = model
        self._members: dict[str, Member] | None = None

    @property
    def members(self) -> dict[str, Member]:
        """The members of a structure by name, in the model's order; empty for any other kind."""
        if self._members is None:
            entries = self._entry.get("members", {})
            self._members = {name: Member(name, entry, self._model) for name, entry in entries.items()}
        return self._members

    @property
    def item(self) -> Shape | None:
        """The shape of a list's items, or of a map's values (a map's keys are always strings)."""
        name = self._entry.get("item")
        return None if name is None else self._model.shape(name)


class Member:
    __slots__ = ("_model", "_shape", "is_token", "key", "location", "name", "required")

    def __init__(self, name: str, entry: dict[str, Any], model: Model) -> None:
        self.name = name
        self.key: str = entry.get("key", name)
        """Its name on the wire: the JSON key, the query key, the header."""
        self.location: str = entry.get("location", "body")
        """body, uri, querystring, header, headers (a map of all with the prefix `key`) or payload."""
        self.required: bool = entry.get("required", False)
        self.is_token: bool = entry.get("token", False)
        """Whether a client fills it in where the caller does not, so that a repeated call counts once."""
        self._shape: str = entry["shape"]
        self._model = model

    @property
    def shape(self) -> Shape:
        return self._model.shape(self._shape)


class Pagination:
    """How an operation's answer comes in pages; the same for all of this service but for the list's name."""

    __slots__ = ("result_key",)

    input_token = "NextToken"  # noqa: S105 - the name of a member
    output_token = "NextToken"  # noqa: S105
    limit_key = "MaxResults"

    def __init__(self, result_key: str) -> None:
        self.result_key = result_key


class Operation:
    def __init__(self, command: str, entry: dict[str, Any], model: Model) -> None:
        self.command = command
        """`get-job`."""
        self.name: str = entry["name"]
        """`GetJob`."""
        self.method: str = entry["method"]
        self.path: str = entry["path"]
        """The template: `/v1/jobs/{JobId}`."""
        self.host_prefix: str | None = entry["host_prefix"]
        """`api-fulfill.`, where clients put one before the host."""
        result_key = entry["result_key"]
        self.pagination = None if result_key is None else Pagination(result_key)
        self._input: str = entry["input"]
        self._output: str | None = entry["output"]
        self._model = model

    @property
    def input(self) -> Shape:
        return self._model.shape(self._input)

    @property
    def output(self) -> Shape | None:
        """The structure of its answer; None where it answers with nothing."""
        return None if self._output is None else self._model.shape(self._output)


class Model:
    """The whole file; `load` reads it."""

    def __init__(self, content: dict[str, Any]) -> None:
        self._operations: dict[str, Any] = content["operations"]
        self._entries: dict[str, Any] = content["shapes"]
        self._shapes: dict[str, Shape] = {}

    @classmethod
    def load(cls) -> Model:
        with open(_FILE, "rb") as file:  # noqa: PTH123
            return cls(json.loads(file.read()))

    @property
    def commands(self) -> tuple[str, ...]:
        return tuple(self._operations)

    def operation(self, command: str) -> Operation:
        """Raises `KeyError` when there is no operation of that name."""
        return Operation(command, self._operations[command], self)

    def shape(self, name: str) -> Shape:
        """Each shape is made once."""
        shape = self._shapes.get(name)
        if shape is None:
            shape = self._shapes[name] = Shape(name, self._entries[name], self)
        return shape


def load_operation(command: str) -> Operation:
    """The operation of that name, as `get-job`. Raises `KeyError`."""
    return Model.load().operation(command)


def commands() -> tuple[str, ...]:
    return Model.load().commands
