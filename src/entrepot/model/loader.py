"""Makes the service model of botocore's description and our corrections."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec

from entrepot.domain.errors import ConfigurationError
from entrepot.model.document import read_document
from entrepot.model.service_model import Kind, Location, Member, Operation, ServiceModel, Shape, snake_case

_PATCHES = Path(__file__).with_name("patches.json")


class Patch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One correction of the model, after RFC 6902 (`replace` is all that was ever needed)."""

    op: str
    path: str
    """A JSON pointer."""
    was: Any
    """What botocore says there."""
    value: Any
    """What is right."""
    reason: str


@cache
def load_model() -> ServiceModel:
    """The patched model; read once per process, some 5 ms.

    Raises `ConfigurationError` when botocore or its model of this service is missing, or is not the one
    that the patches were written for.
    """
    document = read_document()
    for patch in read_patches():
        apply_patch(document, patch)
    return build_model(document)


def read_patches() -> list[Patch]:
    """The corrections in `patches.json`."""
    return msgspec.json.decode(_PATCHES.read_bytes(), type=list[Patch])


def apply_patch(document: dict[str, Any], patch: Patch) -> None:
    """Replaces one value in place. Raises `ConfigurationError` when the document does not fit the patch.

    A document that says already what is right is left as it is: botocore may mend its model.
    """
    *parents, last = patch.path.removeprefix("/").split("/")
    target: Any = document
    try:
        for parent in parents:
            target = target[parent]
        found = target[last]
    except (KeyError, TypeError) as error:
        raise ConfigurationError(f"The service model has nothing at {patch.path}: {patch.reason}") from error
    if patch.op != "replace" or found not in (patch.was, patch.value):
        raise ConfigurationError(
            f"The service model says {found!r} at {patch.path}; the patch was written for {patch.was!r}."
        )
    target[last] = patch.value


def build_model(document: Mapping[str, Any]) -> ServiceModel:
    """The frozen values of a (patched) JSON document."""
    shapes = {name: _shape(name, content) for name, content in document["shapes"].items()}
    operations = {name: _operation(name, content) for name, content in document["operations"].items()}
    return ServiceModel(
        api_version=document["metadata"]["apiVersion"],
        operations=MappingProxyType(operations),
        shapes=MappingProxyType(shapes),
    )


def _operation(name: str, content: Mapping[str, Any]) -> Operation:
    http = content["http"]
    output = content.get("output")
    return Operation(
        name=name,
        python_name=snake_case(name),
        method=http["method"],
        path=http["requestUri"],
        status=http["responseCode"],
        input=content["input"]["shape"],
        output=None if output is None else output["shape"],
        errors=tuple(error["shape"] for error in content.get("errors", ())),
        host_prefix=content.get("endpoint", {}).get("hostPrefix"),
    )


def _shape(name: str, content: Mapping[str, Any]) -> Shape:
    item = content.get("member") or content.get("value")
    required = frozenset(content.get("required", ()))
    payload = content.get("payload")
    return Shape(
        name=name,
        kind=Kind(content["type"]),
        members=tuple(
            _member(member_name, member, required=member_name in required, is_payload=member_name == payload)
            for member_name, member in content.get("members", {}).items()
        ),
        item=None if item is None else item["shape"],
        enum=tuple(content.get("enum", ())),
        pattern=content.get("pattern"),
        minimum=content.get("min"),
        maximum=content.get("max"),
        is_error=content.get("exception", False),
    )


def _member(name: str, content: Mapping[str, Any], *, required: bool, is_payload: bool) -> Member:
    return Member(
        name=name,
        python_name=snake_case(name),
        shape=content["shape"],
        required=required,
        location=Location.PAYLOAD if is_payload else Location(content.get("location", "body")),
        location_name=content.get("locationName", name),
    )
