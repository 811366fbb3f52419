"""Writes `client/command_line_model.json`: `python -m entrepot.model.write_command_line_model`.

The command line equals edition 2.23.6 of the AWS CLI, whose model is a little older than the one that the
server follows. What came later is left out here, in one table. Documentation is not in the compact form: help
reads it from the whole model.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from entrepot.model.document import read_document
from entrepot.model.loader import apply_patch, read_patches
from entrepot.model.service_model import snake_case

EDITION = "2.23.6"
COMPACT = Path(__file__).parents[1] / "client" / "command_line_model.json"
NEWER = {
    # The configuration of assets and the tags they get came in spring 2026.
    "CreateJobRequest": {"AssetConfiguration"},
    "CreateJobResponse": {"AssetConfiguration"},
    "GetJobResponse": {"AssetConfiguration"},
    "JobEntry": {"AssetConfiguration"},
    "GetAssetResponse": {"Tags"},
    # So did the tags of event actions.
    "CreateEventActionRequest": {"Tags"},
    "CreateEventActionResponse": {"Tags"},
    "GetEventActionResponse": {"Tags"},
}
"""Shape → the members that the edition does not know."""


def compact(document: dict[str, Any]) -> dict[str, Any]:
    """The compact model of a (patched) document; shapes that no operation reaches are left out."""
    operations = {
        snake_case(name).replace("_", "-"): _operation(name, content, document)
        for name, content in document["operations"].items()
    }
    reached: dict[str, Any] = {}
    for operation in operations.values():
        for name in (operation["input"], operation["output"]):
            if name is not None:
                _reach(name, document, reached)
    return {
        "edition": EDITION,
        "operations": dict(sorted(operations.items())),
        "shapes": dict(sorted(reached.items())),
    }


def render() -> str:
    """The text of the file: one operation or shape a line."""
    document = read_document()
    for patch in read_patches():
        apply_patch(document, patch)
    content = compact(document)
    blocks = [
        f' "{key}": {{\n' + ",\n".join(_lines(content[key])) + "\n }" for key in ("operations", "shapes")
    ]
    return "{\n" + ",\n".join([f' "edition": "{content["edition"]}"', *blocks]) + "\n}\n"


def _lines(entries: dict[str, Any]) -> Iterator[str]:
    for name, entry in entries.items():
        yield f"  {json.dumps(name)}: {json.dumps(entry, separators=(',', ':'))}"


def _operation(name: str, content: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    output = content.get("output", {}).get("shape")
    return {
        "name": name,
        "method": content["http"]["method"],
        "path": content["http"]["requestUri"],
        "input": content["input"]["shape"],
        "output": output,
        "host_prefix": content.get("endpoint", {}).get("hostPrefix"),
        "result_key": _result_key(output, document),
    }


def _result_key(output: str | None, document: dict[str, Any]) -> str | None:
    """The one list of an answer that comes in pages; None for an operation that has no pages."""
    members = {} if output is None else document["shapes"][output].get("members", {})
    if "NextToken" not in members:
        return None
    (key,) = (name for name in members if name != "NextToken")
    return str(key)


def _reach(name: str, document: dict[str, Any], reached: dict[str, Any]) -> None:
    if name in reached:
        return
    shape = document["shapes"][name]
    entry: dict[str, Any] = {"kind": shape["type"]}
    reached[name] = entry
    for key, found in (("enum", "enum"), ("minimum", "min"), ("maximum", "max"), ("pattern", "pattern")):
        if found in shape:
            entry[key] = shape[found]
    item = shape.get("member") or shape.get("value")
    if item is not None:
        entry["item"] = item["shape"]
        _reach(item["shape"], document, reached)
    if shape["type"] == "structure":
        entry["members"] = {
            member: _member(content, member, shape)
            for member, content in shape.get("members", {}).items()
            if member not in NEWER.get(name, ())
        }
        for member in entry["members"].values():
            _reach(member["shape"], document, reached)


def _member(content: dict[str, Any], name: str, owner: dict[str, Any]) -> dict[str, Any]:
    """What differs from the usual: a member of the body, by its own name, not required."""
    member: dict[str, Any] = {"shape": content["shape"]}
    if name in owner.get("required", ()):
        member["required"] = True
    location = "payload" if owner.get("payload") == name else content.get("location")
    if location is not None:
        member["location"] = location
    if content.get("locationName", name) != name:
        member["key"] = content["locationName"]
    if content.get("idempotencyToken"):
        member["token"] = True
    return member


if __name__ == "__main__":
    COMPACT.write_text(render(), encoding="utf-8")
