"""Requests of every operation, made from the service model: what each could name of somebody's.

A form is a request whose names are left open. Filled from one account's belongings it is about what that
account has; with one name, or all of them, from somebody else's it is what isolation must withstand.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.isolation.account_resources import NOBODY, AccountResources

from entrepot.model.loader import load_model
from entrepot.model.service_model import Kind, Operation, Shape

MODEL = load_model()


@dataclass(frozen=True)
class Open:
    """A name that is left open."""

    belonging: str
    always_mine: bool = False
    """It says nothing of others, but has to fit the caller."""


NAMES: Mapping[str, tuple[str, ...]] = {
    "AssetId": ("asset",),
    "DataGrantArn": ("received_data_grant_arn",),
    "DataGrantId": ("data_grant", "data_grant_arn"),
    "DataSetId": ("data_set",),
    "EventActionId": ("event_action",),
    "EventSourceId": ("entitled_data_set",),
    "JobId": ("job",),
    "ResourceArn": ("data_set_arn", "revision_arn", "asset_arn", "event_action_arn", "data_grant_arn"),
    "RevisionId": ("revision",),
    "SourceDataSetId": ("data_set",),
}
"""The members that name something in an account, and which of its belongings each can name."""
NAMES_OF_OTHER_THINGS = frozenset(
    {"ApiId", "Arn", "CatalogId", "DataShareArn", "KmsKeyArn", "ReceiverPrincipal", "RoleArn"}
)
"""Members that look like names, but of nothing that the exchange keeps. (`Arn` is a datashare's.)"""

_SAMPLES: Mapping[str, Any] = {
    "Action": {"ExportRevisionToS3": {"RevisionDestination": {"Bucket": "target"}}},
    "ApiDescription": "Prices",
    "ApiId": "a1b2c3",
    "ApiName": "prices",
    "ApiSpecificationMd5Hash": "1B2M2Y8AsgTpgAmY7PhCfg==",
    "AssetName": "new.csv",
    "AssetType": "S3_SNAPSHOT",
    "Bucket": "target",
    "CatalogId": Open("account_id", always_mine=True),
    "Comment": "changed by somebody",
    "DataShareArn": Open("datashare_arn", always_mine=True),
    "Database": {"Expression": [{"TagKey": "team", "TagValues": ["a"]}], "Permissions": ["DESCRIBE"]},
    "Description": "described by somebody",
    "Finalized": False,
    "GrantDistributionScope": "NONE",
    "Key": "key.csv",
    "Keys": ["key.csv"],
    "Md5Hash": "1B2M2Y8AsgTpgAmY7PhCfg==",
    "Name": "named by somebody",
    "ProtocolType": "REST",
    "ReceiverPrincipal": NOBODY,
    "RevocationComment": "revoked by somebody",
    "RoleArn": Open("role_arn", always_mine=True),
    "Stage": "prod",
    "TagKeys": ["team"],
    "Tags": {"team": "somebody"},
    "Type": "DATA_DELAY",
}
_OPTIONAL = frozenset({"Action", "Comment", "Database", "Description", "Finalized", "Keys", "Name"})
"""Optional members that are given: without them some requests would change nothing, or be refused at once."""


Position = tuple[str | int, ...]
"""Where in a request something stands."""


@dataclass(frozen=True)
class Form:
    """A request of one operation with its names left open."""

    operation: Operation
    label: str
    """What tells it from the operation's other forms."""
    template: Mapping[str, Any]

    def __str__(self) -> str:
        return f"{self.operation.name} {self.label}".strip()

    @property
    def positions(self) -> Mapping[Position, str]:
        """Where its names are, and of what."""
        return dict(_positions(self.template, ()))

    def filled(
        self, mine: AccountResources, theirs: AccountResources | None = None, at: Collection[Position] = ()
    ) -> dict[str, Any]:
        """The request: with my names, and with theirs at some positions."""

        def fill(value: Any, position: Position) -> Any:
            if isinstance(value, Open):
                return getattr(theirs if position in at else mine, value.belonging)
            if isinstance(value, Mapping):
                return {name: fill(content, (*position, name)) for name, content in value.items()}
            if isinstance(value, list):
                return [fill(content, (*position, number)) for number, content in enumerate(value)]
            return value

        request: dict[str, Any] = fill(self.template, ())
        return request


def forms(operation: Operation) -> list[Form]:
    """Every form of the operation: of CreateJob one for each type, of ARNs one for each kind."""
    if operation.name == "CreateJob":
        return [_job_form(operation, job_type) for job_type in MODEL.shapes["Type"].enum]
    template = _structure(MODEL.shapes[operation.input])
    if operation.name == "CreateEventAction":
        template["Event"] = {"RevisionPublished": {"DataSetId": Open("entitled_data_set")}}
    choices = [
        (name, belonging) for name in template if len(NAMES.get(name, ())) > 1 for belonging in NAMES[name]
    ]
    if not choices:
        return [Form(operation, "", template)]
    return [Form(operation, belonging, {**template, name: Open(belonging)}) for name, belonging in choices]


def names_in_the_model() -> set[str]:
    """Every member of a request, however deep, that looks as if it named something."""
    return {
        member.name
        for operation in MODEL.operations.values()
        for shape in _reachable(operation.input)
        for member in shape.members
        if MODEL.shapes[member.shape].kind is Kind.STRING and member.name.endswith(("Id", "Arn", "Principal"))
    }


def _job_form(operation: Operation, job_type: str) -> Form:
    member = "".join(word.capitalize() for word in job_type.split("_"))
    shapes = {each.name: each.shape for each in MODEL.shapes["RequestDetails"].members}
    details = {member: _structure(MODEL.shapes[shapes[member]])}
    return Form(operation, job_type, {"Type": job_type, "Details": details})


def _structure(shape: Shape) -> dict[str, Any]:
    """Required members, those that name something, and some optional ones."""
    return {
        member.name: _value(member.name, MODEL.shapes[member.shape])
        for member in shape.members
        if member.required or member.name in NAMES or member.name in _OPTIONAL
    }


def _value(name: str, shape: Shape) -> Any:
    if name in NAMES:
        return Open(NAMES[name][0])
    if name in _SAMPLES:
        return _SAMPLES[name]
    if shape.kind is Kind.STRUCTURE:
        return _structure(shape)
    if shape.kind is Kind.LIST:
        assert shape.item is not None
        return [_value(shape.item, MODEL.shapes[shape.item])]
    raise NotImplementedError(f"tests/isolation/forms.py has no sample of {name}, a {shape.kind}")


def _positions(value: Any, position: Position) -> Iterator[tuple[Position, str]]:
    if isinstance(value, Open):
        if not value.always_mine:
            yield position, value.belonging
    elif isinstance(value, Mapping):
        for name, content in value.items():
            yield from _positions(content, (*position, name))
    elif isinstance(value, list):
        for number, content in enumerate(value):
            yield from _positions(content, (*position, number))


def _reachable(name: str, seen: set[str] | None = None) -> Iterator[Shape]:
    seen = set() if seen is None else seen
    if name in seen:
        return
    seen.add(name)
    shape = MODEL.shapes[name]
    yield shape
    inner = [member.shape for member in shape.members] + ([] if shape.item is None else [shape.item])
    for each in inner:
        yield from _reachable(each, seen)
