"""A service model as frozen values: operations, the shapes of what they take and give, and names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    STRUCTURE = "structure"
    LIST = "list"
    MAP = "map"
    STRING = "string"
    TIMESTAMP = "timestamp"
    INTEGER = "integer"
    DOUBLE = "double"
    BOOLEAN = "boolean"


class Location(StrEnum):
    BODY = "body"
    """A member of the JSON object."""
    URI = "uri"
    QUERY = "querystring"
    HEADER = "header"
    HEADERS = "headers"
    """A map of all headers that begin with `location_name`."""
    PAYLOAD = "payload"
    """The member is the whole body, as it is."""


@dataclass(frozen=True, slots=True)
class Member:
    name: str
    """As in the model: `MaxResults`."""
    python_name: str
    """`max_results`."""
    shape: str
    """The name of its shape."""
    required: bool
    location: Location
    location_name: str
    """The query key, header name or JSON key: `maxResults`."""

    @property
    def key(self) -> str:
        """Its key in a decoded mapping: the JSON key, or the name where it does not travel in JSON."""
        return self.location_name if self.location is Location.BODY else self.name


@dataclass(frozen=True, slots=True)
class Shape:
    """One shape. What does not apply to its kind is empty or None."""

    name: str
    kind: Kind
    members: tuple[Member, ...] = ()
    item: str | None = None
    """The shape of a list's members, or of a map's values; a map's keys are always strings."""
    enum: tuple[str, ...] = ()
    pattern: str | None = None
    """To be matched against the whole value (`anchored`)."""
    minimum: int | None = None
    """Of an integer its value, of a string its length in code points, of a list its length."""
    maximum: int | None = None
    is_error: bool = False

    @property
    def anchored(self) -> str | None:
        """`pattern` as a Python regular expression for the whole value, digits being those of ASCII."""
        return None if self.pattern is None else rf"\A(?a:{self.pattern})\Z"


@dataclass(frozen=True, slots=True)
class Operation:
    name: str
    """`GetJob`."""
    python_name: str
    """`get_job`."""
    method: str
    path: str
    """The template: `/v1/jobs/{JobId}`."""
    status: int
    """Of success."""
    input: str
    """The name of the request's shape; every operation of this service has one."""
    output: str | None
    errors: tuple[str, ...]
    host_prefix: str | None
    """`api-fulfill.`, where SDKs put one before the host."""


@dataclass(frozen=True, slots=True)
class ServiceModel:
    api_version: str
    operations: Mapping[str, Operation]
    shapes: Mapping[str, Shape]


# A word begins at a capital after a small letter or digit, and at the last one of a run: `S3|Data`, `LF|Tag`.
_WORD_BEGINS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=.)(?=[A-Z][a-z])")


def snake_case(name: str) -> str:
    """The snake_case form of a CapitalCase name of the model; what `botocore.xform_name` gives for it."""
    return _WORD_BEGINS.sub("_", name).lower()


def lower_camel(name: str) -> str:
    """The form in which AWS's validation messages name a member: `DataSetId` becomes `dataSetId`."""
    return name[:1].lower() + name[1:]
