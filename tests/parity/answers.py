"""The answers that the stub server gives: data, and the few that follow from the request."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of the service, or what it does instead of answering."""

    name: str
    job_id: str = ""
    """The job that is answered with it; empty where the case says when it is given."""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    behaviour: str = ""
    """Of the server, beside the plain answer: `echo`, `drop`, `sleep:1.0`, `flaky:500:2` and others."""


def bytes_of(text: str | dict[str, str]) -> bytes:
    """What a line of data writes as text, or as `{"b64": …}` where it is none."""
    if isinstance(text, dict):
        return base64.b64decode(text["b64"])
    return text.encode("utf-8", "surrogateescape")


def read_lines(name: str) -> Iterator[dict[str, Any]]:
    """The JSON objects of one of this folder's data files."""
    with (HERE / name).open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


@cache
def jobs() -> dict[str, Answer]:
    """What GetJob is answered with, by the short name that cases use."""
    return {answer.name: answer for answer in _read("answers.jsonl")}


@cache
def jobs_by_id() -> dict[str, Answer]:
    """The same, by job id."""
    return {answer.job_id: answer for answer in jobs().values()}


@cache
def scripted() -> dict[str, Answer]:
    """What the other operations are answered with, by name; a case lists the ones it wants, in order."""
    return {answer.name: answer for answer in _read("other_answers.jsonl")}


def _read(name: str) -> Iterator[Answer]:
    for line in read_lines(name):
        yield Answer(
            name=line["name"],
            job_id=line.get("id", ""),
            status=line.get("status", 200),
            headers=line.get("headers", {}),
            body=bytes_of(line["body"]),
            behaviour=line.get("behaviour", ""),
        )
