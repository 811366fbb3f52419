"""`--generate-cli-skeleton output`: an answer such as the operation may give, with every member it may have.

The AWS CLI makes up answers that break the model's own rules and fails on them. These keep the rules: ids,
ARNs and times look like real ones, strings have the length and form that the model asks for.
"""

from __future__ import annotations

from entrepot.client.command_line_model import Shape

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from entrepot.client.command_line_model import Operation

_ACCOUNT = "123456789012"
_SERVICE = f"arn:aws:dataexchange:us-east-1:{_ACCOUNT}"
_CREATED, _UPDATED, _LATER = (f"2025-01-{day}T12:00:00+00:00" for day in ("15", "16", "17"))
_RESOURCES = ("EventAction", "DataGrant", "Job", "Asset", "Revision", "DataSet")
"""What the name of a structure tells it is about; the first that is in it counts."""


def sample_answer(operation: Operation) -> dict[str, Any]:
    """The made-up answer; empty where the operation answers with nothing."""
    if operation.output is None:
        return {}
    answer: dict[str, Any] = _structure(operation.output, _resource(operation.name, "DataSet"))
    return answer


def _resource(name: str, default: str) -> str:
    return next((resource for resource in _RESOURCES if resource in name.removesuffix("Summaries")), default)


def _structure(shape: Shape, resource: str) -> dict[str, Any]:
    return {name: _value(member.shape, name, resource) for name, member in shape.members.items()}


def _value(shape: Shape, name: str, resource: str) -> Any:
    """A value for the member of that name, of something that is about that resource."""
    if shape.kind == "structure":
        return _structure(shape, resource)
    if shape.item is not None:
        item = _value(shape.item, name.removesuffix("s"), _resource(shape.item.name, resource))
        return [item] if shape.kind == "list" else {"key": item}
    if shape.enum:
        return shape.enum[0]
    if shape.kind == "string":
        return _fitted(_string(name, resource), shape)
    if shape.kind == "timestamp":
        return _CREATED if name == "CreatedAt" else _UPDATED if name == "UpdatedAt" else _LATER
    return {"integer": 1, "double": 1024.0, "boolean": False}[shape.kind]


def _string(name: str, resource: str) -> str:
    """A string such as the member of that name may hold."""
    known = {
        "ApiId": "a1b2c3d4e5",
        "Arn": f"{_SERVICE}:{_path(resource)}",
        "Bucket": "amzn-s3-demo-bucket",
        "CatalogId": _ACCOUNT,
        "DataShareArn": f"arn:aws:redshift:us-east-1:{_ACCOUNT}:datashare:{_id('Cluster')}/example",
        "EventActionArn": f"{_SERVICE}:{_path('EventAction')}",
        "Id": _id(resource),
        "Key": "data/example.csv",
        "KeyPattern": "${Revision.CreatedAt}/${Asset.Name}",
        "KeyPrefixe": "data/",
        "KmsKeyArn": f"arn:aws:kms:us-east-1:{_ACCOUNT}:key/{_uuid()}",
        "Name": "example.csv" if resource == "Asset" else "Example",
        "ProductId": f"prod-{_id('Product')[:13]}",
        "ReceiverPrincipal": _ACCOUNT,
        "RoleArn": f"arn:aws:iam::{_ACCOUNT}:role/ExampleRole",
        "S3AccessPointAlias": f"example-{_id('AccessPoint')}-s3alias",
        "S3AccessPointArn": f"arn:aws:s3:us-east-1:{_ACCOUNT}:accesspoint/example",
        "SenderPrincipal": "111122223333",
        "SourceId": _id(resource),
    }
    if name in known:
        return known[name]
    if name.endswith("Md5Hash"):
        return "1B2M2Y8AsgTpgAmY7PhCfg=="
    if name.endswith(("Url", "Endpoint")):
        return f"https://example.amazonaws.com/{name}"
    if name.endswith("Id"):
        return _id(name.removesuffix("Id").removeprefix("Source"))
    return f"Example {name}"


def _id(of: str) -> str:
    """An id that is always the same for the same kind of thing."""
    import hashlib

    return hashlib.sha256(of.encode()).hexdigest()[:32]


def _uuid() -> str:
    digits = _id("Key")
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def _path(resource: str) -> str:
    """The end of an ARN."""
    if resource == "EventAction":
        return f"event-actions/{_id(resource)}"
    if resource == "DataGrant":
        return f"data-grants/{_id(resource)}"
    if resource == "Job":
        return f"jobs/{_id(resource)}"
    path = f"data-sets/{_id('DataSet')}"
    if resource in {"Revision", "Asset"}:
        path += f"/revisions/{_id('Revision')}"
    return f"{path}/assets/{_id('Asset')}" if resource == "Asset" else path


def _fitted(text: str, shape: Shape) -> str:
    """The text at the length that the model asks for."""
    if shape.minimum is not None and len(text) < shape.minimum:
        text = text.ljust(shape.minimum, "x")
    return text if shape.maximum is None else text[: shape.maximum]
