"""`--generate-cli-skeleton`: an input to fill in, as JSON or as YAML with comments, or a sample answer.

The AWS CLI makes up answers that break the model's own rules and fails on them. These keep the rules: ids,
ARNs and times look like real ones, strings have the length and form that the model asks for.
"""

from __future__ import annotations

from entrepot.client.command_line_model import Shape

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from entrepot.client.command_line_model import Operation

_TIME = "1970-01-01T00:00:00"
_MAP_KEY = "KeyName"


def input_skeleton(operation: Operation) -> str:
    """The input as JSON, with an empty or the first possible value for every member."""
    import json

    return json.dumps(_empty(operation.input), indent=4) + "\n"


def yaml_input_skeleton(operation: Operation) -> str:
    """The input as YAML. Each line says whether the member is required, what it is, and what it may be."""
    if not operation.input.members:
        return "{}\n"
    from entrepot.model.document import read_document

    document = read_document()
    shape_name: str = document["operations"][operation.name]["input"]["shape"]
    lines = _Comments(document["shapes"]).structure(operation.input, shape_name)
    return "".join(f"{line}\n" for line in lines)


def _empty(shape: Shape) -> Any:
    if shape.kind == "structure":
        return {name: _empty(member.shape) for name, member in shape.members.items()}
    if shape.item is not None:
        item = _empty(shape.item)
        return [item] if shape.kind == "list" else {_MAP_KEY: item}
    if shape.kind == "string":
        return shape.enum[0] if shape.enum else ""
    return {"integer": 0, "double": 0.0, "boolean": True, "timestamp": _TIME}[shape.kind]


class _Comments:
    def __init__(self, shapes: dict[str, Any]) -> None:
        self.shapes = shapes

    def structure(self, shape: Shape, name: str) -> Iterator[str]:
        # The first comment of a mapping stands two blanks off, the others one.
        gap = "  "
        for member in shape.members.values():
            described = self.shapes[name]["members"][member.name]
            comment = self._comment(described, member.shape, required=member.required)
            value, nested = self._value(member.shape, described["shape"])
            yield f"{member.name}:{value}{gap}# {comment}" if comment else f"{member.name}:{value}"
            if comment:
                gap = " "
            yield from nested

    def _value(self, shape: Shape, name: str) -> tuple[str, Iterator[str]]:
        """What stands behind the colon, and the lines below."""
        if shape.kind == "structure":
            if not shape.members:
                return " {}", iter(())
            return "", _indented(self.structure(shape, name))
        if shape.item is None:
            return f" {_yaml_scalar(shape)}", iter(())
        described = self.shapes[name].get("member") or self.shapes[name]["value"]
        value, nested = self._value(shape.item, described["shape"])
        if shape.kind == "map":
            return "", _indented(iter([f"{_MAP_KEY}:{value}", *nested]))
        if value:
            return "", iter([f"-{value}", *nested])
        return "", _as_item(nested)

    def _comment(self, described: dict[str, Any], shape: Shape, *, required: bool) -> str:
        text = described.get("documentation", self.shapes[described["shape"]].get("documentation", ""))
        parts = ["[REQUIRED]"] if required else []
        parts.append(_first_sentence(text))
        if shape.enum:
            parts.append(f"Valid values are: {', '.join(shape.enum)}.")
        return " ".join(parts).rstrip() if any(parts) else ""


def _yaml_scalar(shape: Shape) -> str:
    if shape.kind == "string":
        return shape.enum[0] if shape.enum else "''"
    others = {"integer": "0", "double": "0.0", "boolean": "true", "timestamp": _TIME.replace("T", " ")}
    return others[shape.kind]


def _indented(lines: Iterator[str]) -> Iterator[str]:
    return (f"  {line}" for line in lines)


def _as_item(lines: Iterator[str]) -> Iterator[str]:
    return (f"{'  ' if number else '- '}{line.removeprefix('  ')}" for number, line in enumerate(lines))


def _first_sentence(documentation: str) -> str:
    """The text up to its first full stop or colon, on one line, without its mark-up."""
    import re
    from html import unescape

    text = re.split(r"[.:]+", unescape(re.sub(r"<[^>]*>", "", documentation)), maxsplit=1)[0]
    return re.sub(r"[\n\r]", " ", f"{text}.") if text else ""


_ACCOUNT = "123456789012"
_SERVICE = f"arn:aws:dataexchange:us-east-1:{_ACCOUNT}"
_CREATED, _UPDATED, _LATER = (f"2025-01-{day}T12:00:00+00:00" for day in ("15", "16", "17"))
_RESOURCES = ("EventAction", "DataGrant", "Job", "Asset", "Revision", "DataSet")
"""What the name of a structure tells it is about; the first that is in it counts."""


def sample_answer(operation: Operation) -> dict[str, Any]:
    """Makes up an answer; empty where the operation answers with nothing."""
    if operation.output is None:
        return {}
    answer: dict[str, Any] = _structure(operation.output, _resource(operation.name, "DataSet"))
    return answer


def _resource(name: str, default: str) -> str:
    return next((resource for resource in _RESOURCES if resource in name.removesuffix("Summaries")), default)


def _structure(shape: Shape, resource: str) -> dict[str, Any]:
    return {name: _value(member.shape, name, resource) for name, member in shape.members.items()}


def _value(shape: Shape, name: str, resource: str) -> Any:
    """Makes a value for the member of that name, which describes that resource."""
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
    """Makes a string such as the member of that name may hold."""
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
    folder = {"EventAction": "event-actions", "DataGrant": "data-grants", "Job": "jobs"}.get(resource)
    if folder is not None:
        return f"{folder}/{_id(resource)}"
    path = f"data-sets/{_id('DataSet')}"
    if resource in {"Revision", "Asset"}:
        path += f"/revisions/{_id('Revision')}"
    return f"{path}/assets/{_id('Asset')}" if resource == "Asset" else path


def _fitted(text: str, shape: Shape) -> str:
    if shape.minimum is not None and len(text) < shape.minimum:
        text = text.ljust(shape.minimum, "x")
    return text if shape.maximum is None else text[: shape.maximum]
