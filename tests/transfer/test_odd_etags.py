"""Objects of servers that write ETags in their own way, and know what they wrote in their own way."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from tests.stores.objects import pattern
from tests.stores.scripted_bucket import bucket_at
from tests.transfer.moving import PART, Between, get, item_of, move

from entrepot.domain.errors import InvalidStoreRequest, ObjectChanged
from entrepot.stores.local import LocalStore

LARGE = PART + 7


@dataclass
class Odd:
    """One object, and how its server writes its ETag and compares it with `If-Match`."""

    data: bytes
    etag: str | None
    matches: Callable[[str, str], bool]


def as_text(asked: str, own: str) -> bool:
    return asked == own


def strongly(asked: str, own: str) -> bool:
    return asked == own and not own.startswith("W/")


def never(asked: str, own: str) -> bool:
    return False


def always(asked: str, own: str) -> bool:
    return True


@contextmanager
def serving(odd: Odd) -> Iterator[str]:
    """The URL of a server that has nothing but this object, under every key."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self.answer(with_body=False)

        def do_GET(self) -> None:
            self.answer(with_body=True)

        def answer(self, *, with_body: bool) -> None:
            asked, data, status = self.headers.get("If-Match"), odd.data, 200
            span = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
            if asked is not None and not odd.matches(asked, odd.etag or ""):
                data, status = b"", 412
            elif span is not None:
                data, status = data[int(span[1]) : int(span[2]) + 1], 206
            self.send_response(status)
            if odd.etag is not None:
                self.send_header("ETag", odd.etag)
            if status == 206 and span is not None:
                self.send_header("Content-Range", f"bytes {span[1]}-{span[2]}/{len(odd.data)}")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if with_body:
                self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


EVERY = [
    (size, matches, etag)
    for size in (0, 5_000)
    for matches in (as_text, strongly, never, always)
    for etag in ('"abc"', "abc", 'W/"abc"')
]


@pytest.mark.parametrize(("size", "matches", "etag"), [*EVERY, (LARGE, strongly, 'W/"abc"')])
async def test_an_object_is_moved_whatever_form_its_etag_has(
    size: int, matches: Callable[[str, str], bool], etag: str, local: LocalStore, between: Between
) -> None:
    data = pattern(size)
    with serving(Odd(data, etag, matches)) as url, bucket_at(url) as source:
        await move(between(source, local), item_of(source, "object"))
    assert get(local, "object") == data


@pytest.mark.parametrize(
    ("size", "matches"),
    [(5_000, as_text), (5_000, strongly), (5_000, never), (5_000, always), (LARGE, always)],
)
async def test_an_object_that_changed_is_not_moved_whatever_its_server_compares(
    size: int, matches: Callable[[str, str], bool], local: LocalStore, between: Between
) -> None:
    odd = Odd(pattern(size, 1), 'W/"abc"', matches)
    with serving(odd) as url, bucket_at(url) as source:
        item = item_of(source, "object")
        odd.data, odd.etag = pattern(size, 2), 'W/"other"'
        with pytest.raises(ObjectChanged):
            await move(between(source, local), item)
    assert list(local.list("")) == []


async def test_an_object_without_an_etag_is_said_to_have_none(local: LocalStore) -> None:
    with (
        serving(Odd(pattern(10), None, always)) as url,
        bucket_at(url) as source,
        pytest.raises(InvalidStoreRequest, match=r"s3://bucket/object at .* without an ETag"),
    ):
        item_of(source, "object")
