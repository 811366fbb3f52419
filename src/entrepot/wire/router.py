"""From method and undecoded path to an operation and the decoded values of its path parameters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from entrepot.domain.errors import ResourceNotFound, ValidationFailed
from entrepot.model.service_model import Operation

_SHOWN_PATH_CHARACTERS = 200


class Route(NamedTuple):
    """Where a request goes. A tuple, as all that is made for every request: it is made fastest."""

    operation: Operation
    parameters: Mapping[str, str]
    """By member name. A byte that is not UTF-8 is a lone surrogate here, which validation refuses."""


class MethodNotAllowed(ValidationFailed):
    """The path exists, but not with this verb; the response names those that do in `Allow`."""

    def __init__(self, message: str, allowed: tuple[str, ...]) -> None:
        super().__init__(message)
        self.allowed = allowed


@dataclass(slots=True)
class _Node:
    """A place in the tree of paths: literal segments, or one parameter, lead further."""

    literals: dict[str, _Node] = field(default_factory=dict)
    parameter: _Node | None = None
    operations: dict[str, tuple[Operation, tuple[str, ...]]] = field(default_factory=dict)
    """By verb: the operation, and the member names of the parameters on the way here."""


@dataclass(frozen=True, slots=True)
class _ArnPath:
    """A path with one parameter, for ARNs whose slashes were sent as they are."""

    before: list[str]
    after: list[str]
    node: _Node

    def matches(self, segments: list[str]) -> str | None:
        """The parameter's undecoded text if the path is of this form and the text is an ARN."""
        end = len(segments) - len(self.after)
        middle = segments[len(self.before) : end]
        if len(middle) < 2 or segments[: len(self.before)] != self.before or segments[end:] != self.after:
            return None
        return "/".join(middle) if middle[0].lower().startswith(("arn:", "arn%3a")) else None


class Router:
    """The tree of all paths.

    A path is split at `/` before percent-encoding is undone, so an ARN arrives as one segment. Some clients
    send its slashes unencoded; such a path is tried as one ARN when it fits nothing else. An empty segment is
    an empty identifier, which validation refuses.
    """

    def __init__(self, operations: Iterable[Operation]) -> None:
        self._root = _Node()
        arn_paths: list[_ArnPath] = []
        for operation in operations:
            arn_paths += self._add(operation)
        self._arn_paths = sorted(arn_paths, key=lambda path: len(path.after), reverse=True)

    def route(self, method: str, raw_path: str) -> Route:
        """Finds the operation.

        Raises `ResourceNotFound` when there is no such path, `MethodNotAllowed` when it has no such verb.
        """
        node, values = self._find(method, raw_path)
        found = node.operations.get(method)
        if found is None:
            allowed = tuple(node.operations)
            raise MethodNotAllowed(
                f"{method} is not supported on {_shown(raw_path)}; supported: {', '.join(allowed)}.", allowed
            )
        operation, names = found
        return Route(operation, dict(zip(names, values, strict=True)))

    def _find(self, method: str, raw_path: str) -> tuple[_Node, list[str]]:
        node = self._root
        values: list[str] = []
        segments = raw_path.split("/")
        for segment in segments[1:]:
            if segment in node.literals:
                node = node.literals[segment]
            elif node.parameter is not None:
                node = node.parameter
                values.append(decode_segment(segment))
            else:
                return self._find_arn(method, raw_path, segments)
        return (node, values) if node.operations else self._find_arn(method, raw_path, segments)

    def _find_arn(self, method: str, raw_path: str, segments: list[str]) -> tuple[_Node, list[str]]:
        for path in self._arn_paths:
            arn = path.matches(segments)
            if arn is not None:
                return path.node, [decode_segment(arn)]
        raise ResourceNotFound(
            f"{method} {_shown(raw_path)}: there is no such path in this API.",
            resource_id=None,
            resource_type=None,
        )

    def _add(self, operation: Operation) -> list[_ArnPath]:
        node = self._root
        names: list[str] = []
        segments = operation.path.split("/")
        for segment in segments[1:]:
            if segment.startswith("{"):
                names.append(segment.strip("{}"))
                node.parameter = node.parameter or _Node()
                node = node.parameter
            else:
                node = node.literals.setdefault(segment, _Node())
        is_new = not node.operations
        node.operations[operation.method] = operation, tuple(names)
        if not is_new or len(names) != 1:
            return []
        position = segments.index(f"{{{names[0]}}}")
        return [_ArnPath(before=segments[:position], after=segments[position + 1 :], node=node)]


def decode_segment(segment: str) -> str:
    """Undoes percent-encoding; bytes that are not UTF-8 become lone surrogates."""
    if "%" not in segment and segment.isascii():
        return segment
    return unquote_to_bytes(segment).decode("utf-8", "surrogateescape")


def _shown(raw_path: str) -> str:
    return raw_path if len(raw_path) <= _SHOWN_PATH_CHARACTERS else raw_path[:_SHOWN_PATH_CHARACTERS] + "…"
