"""Which documents are OpenAPI: told by a process of its own, that looks at nothing but the document."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from entrepot.domain.errors import JobHeldUp
from entrepot.domain.timestamp import Timestamp
from entrepot.jobs import import_asset_from_api_gateway_api
from entrepot.jobs.import_asset_from_api_gateway_api import problems_of
from entrepot.jobs.openapi_check import MOST_PROBLEMS, problems
from entrepot.model import shapes


def document(version: str = "3.0.3", **members: Any) -> dict[str, Any]:
    return {"openapi": version, "info": {"title": "Weather", "version": "1"}, "paths": {}, **members}


def told(content: object) -> list[str]:
    return problems(json.dumps(content).encode())


def with_reference(reference: str, version: str = "3.0.3") -> dict[str, Any]:
    schema = {"application/json": {"schema": {"$ref": reference}}}
    responses = {"200": {"description": "d", "content": schema}}
    node = {
        "type": "object",
        "properties": {"children": {"type": "array", "items": {"$ref": "#/components/schemas/Node"}}},
    }
    return document(
        version, paths={"/w/{x}": {"get": {"responses": responses, "parameters": [
            {"name": "x", "in": "path", "required": True, "schema": {"type": "string"}}
        ]}}}, components={"schemas": {"Node": node}},
    )  # fmt: skip


@pytest.mark.parametrize("version", ["3.0.0", "3.0.4", "3.1.0", "3.1.1"])
def test_a_document_of_3_0_and_3_1_is_good_with_recursive_schemas_too(version: str) -> None:
    assert told(with_reference("#/components/schemas/Node", version)) == []


def test_a_byte_order_mark_is_no_reason() -> None:
    assert problems(b"\xef\xbb\xbf" + json.dumps(document()).encode()) == []


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not JSON"),
        (b"openapi: 3.0.3", "not JSON"),
        (b"\xff\xfe{\x00}\x00", "not UTF-8"),
        (b'{"openapi": NaN}', "NaN"),
        (b"[]", "not a JSON object"),
        (b"{}", '"openapi"'),
        (b'{"openapi": "2.0"}', "3.0 or 3.1"),
        (b'{"openapi": "3.2.0"}', "3.0 or 3.1"),
        (b'{"openapi": 3.0}', "3.0 or 3.1"),
        (b'{"swagger": "2.0", "info": {}}', "Swagger"),
        (b'{"a":' * 100_000, "nested"),
        (b"[" * 100_000, "nested"),
    ],
)
def test_what_is_no_document_at_all_is_said(content: bytes, reason: str) -> None:
    (problem,) = problems(content)
    assert reason in problem


def test_problems_are_quoted_with_their_places_the_first_few() -> None:
    broken = document(paths={f"/{number}": {"get": {}} for number in range(20)})
    found = told(broken)
    assert len(found) == MOST_PROBLEMS
    assert found[0] == "at #/paths/~10/get: 'responses' is a required property"


def test_a_long_problem_is_cut() -> None:
    (problem, *_) = told(document(paths=["x" * 10_000]))
    assert len(problem) < 300


def test_a_reference_leads_nowhere_but_into_the_document(tmp_path: Path) -> None:
    schema = tmp_path / "schema.json"
    schema.write_text('{"type": "object"}')
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.05)
        port = listener.getsockname()[1]
        references = [
            f"http://127.0.0.1:{port}/schema.json",
            f"https://127.0.0.1:{port}/schema.json",
            f"ftp://127.0.0.1:{port}/schema.json",
            schema.as_uri(),
            str(schema),
            "schema.json",
            "data:application/json,{}",
            "#/components/schemas/Missing",
        ]
        documents = [with_reference(one, version) for version in ("3.0.3", "3.1.0") for one in references]
        ran = subprocess.run(
            [sys.executable, "-c", WATCHED],
            input=json.dumps(documents).encode(),
            cwd=tmp_path,
            capture_output=True,
            check=True,
        )
        with pytest.raises(TimeoutError):
            listener.accept()
    said = [f"a $ref leads to what is not in the document: {one.lstrip('#')}" for one in references]
    assert json.loads(ran.stdout) == [[problem] for problem in said * 2]
    assert ran.stderr == b""


WATCHED = """
import sys
from entrepot.jobs.openapi_check import problems
import openapi_spec_validator, json
problems(b'{"openapi": "3.0.3", "info": {"title": "a", "version": "1"}, "paths": {}}')
problems(b'{"openapi": "3.1.0", "info": {"title": "a", "version": "1"}, "paths": {}}')
def watch(event, arguments):
    if event.startswith("socket.") or event == "open" and "schema.json" in str(arguments[0]):
        print(event, file=sys.stderr)
sys.addaudithook(watch)
print(json.dumps([problems(json.dumps(one).encode()) for one in json.load(sys.stdin)]))
"""

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "$ref",
                    "get",
                    "/a",
                    "schema",
                    "parameters",
                    "responses",
                    "200",
                    "allOf",
                    "properties",
                    "type",
                    "$id",
                ]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=12,
)


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=60, deadline=None)
@given(
    st.sampled_from(["3.0.3", "3.1.0"]),
    st.dictionaries(st.sampled_from(["paths", "components", "tags", "servers", "info"]), JSON, max_size=3),
)
def test_nonsense_is_told_and_never_an_accident(version: str, members: dict[str, Any]) -> None:
    found = told(document(version, **members))
    assert all(isinstance(problem, str) for problem in found)


async def test_the_process_tells_what_the_function_does() -> None:
    assert await problems_of(json.dumps(document()).encode()) == []
    assert await problems_of(b"[]") == ["it is not a JSON object"]


async def test_a_document_that_takes_too_long_ends_its_process_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(import_asset_from_api_gateway_api, "_SECONDS", 1.5)
    endless = {"type": "string", "pattern": "^(a+)+$", "default": "a" * 60 + "!"}
    content = json.dumps(document(components={"schemas": {"A": endless}})).encode()
    beats = 0

    async def beat() -> None:
        nonlocal beats
        while True:
            await asyncio.sleep(0.05)
            beats += 1

    beating = asyncio.create_task(beat())
    with pytest.raises(TimeoutError):
        await problems_of(content)
    beating.cancel()
    assert beats > 5


async def test_a_machine_that_is_too_busy_says_nothing_of_a_document(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_asset_from_api_gateway_api, "_SECONDS", 0.01)
    content = json.dumps(document()).encode()
    md5 = base64.b64encode(hashlib.md5(content).digest()).decode()
    details = shapes.ImportAssetFromApiGatewayApiResponseDetails(
        api_id="a", api_name="Prices", api_specification_md5_hash=md5, protocol_type="REST", stage="prod",
        api_specification_upload_url="", api_specification_upload_url_expires_at=Timestamp(0),
        data_set_id="d", revision_id="r",
    )  # fmt: skip
    with pytest.raises(JobHeldUp, match="very busy"):
        await import_asset_from_api_gateway_api._require_proven(details, content)


async def test_a_check_that_is_cancelled_leaves_no_process_behind() -> None:
    endless = {"type": "string", "pattern": "^(a+)+$", "default": "a" * 60 + "!"}
    content = json.dumps(document(components={"schemas": {"A": endless}})).encode()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await problems_of(content)
