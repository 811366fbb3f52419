"""Conditions × ranges × errors on every route of this server: what S3 documents for GetObject and HeadObject.

The routes are the exchange's own signed URLs, and shared buckets on S3 servers of many kinds. (Signed URLs of
an S3 store are answered by that store.)
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
from tests.servers.odd_bucket import Oddity, odd_bucket
from tests.unit.s3_gateway import gateway_in_asgi
from tests.unit.s3_gateway.gateway_in_asgi import ALIAS
from tests.unit.server import signed_urls_in_asgi
from tests.unit.server.signed_urls_in_asgi import asset_with

from entrepot.stores.local import LocalStore
from entrepot.transfer.signed_urls import LocalSignedUrls

CONTENT, EMPTY = b"0123456789", b""
MODIFIED = gateway_in_asgi.NOW.milliseconds // 1000
BEFORE, THEN, LATER = (formatdate(MODIFIED + seconds, usegmt=True) for seconds in (-1, 0, 1))
HUGE = "9" * 5000

Ask = Callable[[str, bytes, Mapping[str, str]], Awaitable[Any]]
"""Method, which object, headers."""


@dataclass(frozen=True)
class Case:
    headers: Mapping[str, str]
    """`{etag}` stands for that of the object."""
    status: int
    span: tuple[int, int] | None = None
    """Of a 206: first and last byte."""
    content: bytes = CONTENT
    code: str = ""


def ranged(text: str, first: int, last: int, **headers: str) -> Case:
    return Case({"range": text, **headers}, 206, (first, last))


def unsatisfiable(text: str, content: bytes = CONTENT, **headers: str) -> Case:
    return Case({"range": text, **headers}, 416, content=content, code="InvalidRange")


def failing(**headers: str) -> Case:
    return Case(headers, 412, code="PreconditionFailed")


def unchanged(**headers: str) -> Case:
    return Case(headers, 304)


def whole(content: bytes = CONTENT, **headers: str) -> Case:
    return Case(headers, 200, content=content)


ETAG, OTHER = '"{etag}"', '"other"'
CASES = (
    whole(),
    whole(EMPTY),
    # ETags
    whole(if_match=ETAG),
    whole(if_match="{etag}"),
    whole(if_match="*"),
    whole(if_match=f"{OTHER}, {ETAG}"),
    whole(if_match=f"{OTHER},{ETAG}"),
    failing(if_match=OTHER),
    failing(if_match=f"W/{ETAG}"),
    failing(if_match="{etag}0"),
    failing(if_match=f"{OTHER}, {OTHER}"),
    unchanged(if_none_match=ETAG),
    unchanged(if_none_match="{etag}"),
    unchanged(if_none_match="*"),
    unchanged(if_none_match=f"W/{ETAG}"),
    unchanged(if_none_match=f"{OTHER}, W/{ETAG}"),
    whole(if_none_match=OTHER),
    # dates
    whole(if_modified_since=BEFORE),
    unchanged(if_modified_since=THEN),
    unchanged(if_modified_since=LATER),
    whole(if_modified_since="yesterday"),
    failing(if_unmodified_since=BEFORE),
    whole(if_unmodified_since=THEN),
    whole(if_unmodified_since=LATER),
    whole(if_unmodified_since="yesterday"),
    # two at once, as S3 documents them
    whole(if_match=ETAG, if_unmodified_since=BEFORE),
    failing(if_match=OTHER, if_unmodified_since=LATER),
    unchanged(if_none_match=ETAG, if_modified_since=BEFORE),
    whole(if_none_match=OTHER, if_modified_since=LATER),
    unchanged(if_match=ETAG, if_none_match=ETAG),
    failing(if_match=OTHER, if_none_match=ETAG),
    failing(if_unmodified_since=BEFORE, if_none_match=ETAG),
    # ranges
    ranged("bytes=0-0", 0, 0),
    ranged("bytes=2-5", 2, 5),
    ranged("bytes=9-9", 9, 9),
    ranged("bytes=7-", 7, 9),
    ranged("bytes=7-99", 7, 9),
    ranged("bytes=-3", 7, 9),
    ranged("bytes=-99", 0, 9),
    ranged("bytes=0-", 0, 9),
    ranged("bytes=0-9", 0, 9),
    ranged(f"bytes=8-{HUGE}", 8, 9),
    ranged(f"bytes=-{HUGE}", 0, 9),
    unsatisfiable("bytes=10-"),
    unsatisfiable("bytes=10-20"),
    unsatisfiable("bytes=-0"),
    unsatisfiable(f"bytes={HUGE}-"),
    whole(range="bytes=5-4"),
    whole(range="bytes=0-1,5-6"),
    whole(range="bytes=0-1, 5-6"),
    whole(range="bytes="),
    whole(range="bytes=-"),
    whole(range="bytes=a-b"),
    whole(range="bytes=1"),
    whole(range="lines=0-1"),
    whole(EMPTY, range="bytes=-5"),
    whole(EMPTY, range=f"bytes=-{HUGE}"),
    unsatisfiable("bytes=-0", EMPTY),
    unsatisfiable("bytes=0-", EMPTY),
    unsatisfiable("bytes=0-0", EMPTY),
    # conditions and ranges
    ranged("bytes=2-5", 2, 5, if_match=ETAG),
    ranged("bytes=2-5", 2, 5, if_none_match=OTHER),
    ranged("bytes=-2", 8, 9, if_modified_since=BEFORE),
    ranged("bytes=-2", 8, 9, if_unmodified_since=LATER),
    failing(range="bytes=2-5", if_match=OTHER),
    failing(range="bytes=99-", if_match=OTHER),
    unchanged(range="bytes=2-5", if_none_match=ETAG),
    unchanged(range="bytes=99-", if_none_match=ETAG),
    unsatisfiable("bytes=99-", if_match=ETAG),
    whole(EMPTY, range="bytes=-5", if_match=ETAG),
    Case({"if_none_match": ETAG}, 304, content=EMPTY),
    ranged("bytes=2-5", 2, 5, if_range=ETAG),
    ranged("bytes=2-5", 2, 5, if_range=THEN),
    whole(range="bytes=2-5", if_range=OTHER),
    whole(range="bytes=2-5", if_range=f"W/{ETAG}"),
    whole(range="bytes=2-5", if_range=BEFORE),
    whole(range="bytes=2-5", if_range=LATER),
    whole(range="bytes=99-", if_range=OTHER),
    unsatisfiable("bytes=99-", if_range=ETAG),
)


async def test_own_signed_urls_answer_as_s3(tmp_path: Path) -> None:
    with ThreadPoolExecutor(2) as executor:
        urls = LocalSignedUrls("http://127.0.0.1:8250", b"secret")
        exchange = signed_urls_in_asgi.Exchange(LocalStore(tmp_path), urls, executor)
        for content in (CONTENT, EMPTY):
            key = f"assets/{len(content)}"
            exchange.store.put(key, memoryview(content), len(content))
            exchange.assets[key] = asset_with(content)

        async def ask(method: str, content: bytes, headers: Mapping[str, str]) -> Any:
            later = signed_urls_in_asgi.LATER
            url = urls.download_url(
                f"assets/{len(content)}", download_name="x", expires_at=later, now=exchange.now
            )
            return await exchange.ask(method, url, **headers)

        assert await differences(ask, CASES) == []


@pytest.mark.parametrize("oddity", Oddity, ids=lambda oddity: oddity.name.lower())
async def test_a_shared_bucket_is_answered_as_s3_whatever_its_server_says(
    tmp_path: Path, migrated: Path, oddity: Oddity
) -> None:
    async with AsyncExitStack() as stack:
        objects = {str(len(content)): content for content in (CONTENT, EMPTY)}
        url = stack.enter_context(odd_bucket(objects, MODIFIED, oddity))
        exchange = await gateway_in_asgi.filled_exchange(stack, migrated, tmp_path, url)

        async def ask(method: str, content: bytes, headers: Mapping[str, str]) -> Any:
            return await exchange.ask(method, f"/{ALIAS}/shared/{len(content)}", **headers)

        cases = CASES if oddity is not Oddity.NO_RANGES else tuple(map(without_parts, CASES))
        assert await differences(ask, cases) == []


def without_parts(case: Case) -> Case:
    """What of an object is not served is refused, rather than answered with all of it."""
    if case.span is None or case.span == (0, len(case.content) - 1):
        return case
    return Case(case.headers, 501, content=case.content, code="NotImplemented")


async def differences(ask: Ask, cases: tuple[Case, ...]) -> list[str]:
    """What is answered otherwise than expected; GET and HEAD of each case."""
    etag = (await ask("HEAD", CONTENT, {})).headers["etag"].strip('"')
    etag_of_nothing = (await ask("HEAD", EMPTY, {})).headers["etag"].strip('"')
    found = []
    for case in cases:
        named = etag if case.content else etag_of_nothing
        headers = {name: value.replace("{etag}", named) for name, value in case.headers.items()}
        for method in ("GET", "HEAD"):
            if method == "HEAD" and case.status == 501:
                continue  # HeadObject reads nothing, and so needs no parts
            wrong = wrong_in(await ask(method, case.content, headers), method, case, named)
            if wrong:
                found.append(f"{method} {case.content!r} {str(case.headers)[:150]}: {wrong}")
    return found


def wrong_in(answer: Any, method: str, case: Case, etag: str) -> str:
    size, said = len(case.content), answer.headers
    if answer.status != case.status:
        return f"{answer.status} instead of {case.status}, {answer.body!r}"
    if case.code:
        wanted_range = f"bytes */{size}" if case.status == 416 else None
        if said.get("content-range") != wanted_range:
            return f"Content-Range {said.get('content-range')}"
        if f"<Code>{case.code}</Code>".encode() not in answer.body:
            return f"another error: {answer.body!r}"
        return ""
    wanted = {"etag": f'"{etag}"', "last-modified": THEN}
    body = b""
    if case.status == 304:
        unwanted = {"content-length", "content-range", "content-type"}
    else:
        body = case.content if case.span is None else case.content[case.span[0] : case.span[1] + 1]
        wanted |= {"content-length": str(len(body)), "accept-ranges": "bytes"}
        wanted["content-type"] = "binary/octet-stream"
        unwanted = {"content-encoding", "x-amz-checksum-crc32"}
        if case.span is None:
            unwanted.add("content-range")
        else:
            wanted["content-range"] = f"bytes {case.span[0]}-{case.span[1]}/{size}"
    if answer.body != (body if method == "GET" else b""):
        return f"other bytes: {answer.body!r}"
    if not wanted.items() <= said.items() or unwanted & said.keys():
        return f"other headers: {said}"
    return ""
