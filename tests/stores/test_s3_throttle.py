"""An endpoint that throttles is asked for less at once, and no other one is."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from tests.servers.scripted_http import Scripted, answer, error
from tests.stores.objects import get, put
from tests.stores.scripted_bucket import OK, bucket_at, found, playing

from entrepot.domain.errors import StoreUnavailable
from entrepot.stores.credentials import StaticCredentials
from entrepot.stores.s3 import S3Store
from entrepot.stores.s3_client import S3Client, S3Options
from entrepot.stores.s3_throttle import ROUNDS, UNLIMITED_FROM, NoTurn, Throttle

LONG = 120.0
"""Seconds for what is expected at once."""


class Busy(ThreadingHTTPServer):
    """Answers `most` GETs at a time, each after a few milliseconds, and 503 SlowDown to all above that."""

    daemon_threads = False

    def __init__(self, most: int) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.room = threading.Semaphore(most)
        self.refused = 0
        self.answered = 0
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


class _Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Busy

    def do_GET(self) -> None:
        if not self.server.room.acquire(blocking=False):
            self.server.refused += 1
            self.wfile.write(error(503, "SlowDown"))
            return
        time.sleep(0.002)
        self.server.room.release()
        self.server.answered += 1
        self.wfile.write(found(b"bytes"))

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def busy(most: int) -> Iterator[Busy]:
    with Busy(most) as server:
        serving = threading.Thread(target=server.serve_forever, args=(0.01,))
        serving.start()
        try:
            yield server
        finally:
            server.shutdown()
            serving.join()


def test_an_endpoint_that_throttles_gets_all_its_requests_and_refuses_few() -> None:
    with busy(3) as server, bucket_at(server.url) as store, ThreadPoolExecutor(24) as threads:
        bodies = list(threads.map(lambda number: get(store, f"key {number}"), range(480)))
        assert bodies == [b"bytes"] * 480
        assert server.refused < server.answered / 4


def test_other_endpoints_are_not_slowed() -> None:
    throttle = Throttle()
    with (
        playing(found(b"other")) as (_, other),
        playing(error(503, "SlowDown"), Scripted(found(b"it")[:-2], silent=True)) as (_, throttled),
        ThreadPoolExecutor(2) as threads,
    ):
        clients = [
            S3Client(
                StaticCredentials(name, "secret"),
                endpoint_url=server.url,
                options=S3Options(pause_seconds=0.001),
                throttle=throttle,
            )
            for name, server in (("one", throttled), ("another", throttled), ("other", other))
        ]
        one, another, elsewhere = (S3Store(client, "bucket") for client in clients)
        first = threads.submit(one.list, "")  # refused once, then it waits for the rest of its answer
        while len(throttled.requests) < 2:
            assert not first.done()
        second = threads.submit(another.list, "")  # by other credentials, and for its turn
        assert get(elsewhere, "key") == b"other"
        assert len(throttled.requests) == 2
        assert not second.done()
        for client in clients:
            client.close()
        with pytest.raises(StoreUnavailable, match="throttles"):
            second.result(LONG)
        throttled.close()
        with pytest.raises(StoreUnavailable):
            first.result(LONG)


@pytest.mark.parametrize(
    "throttled",
    [
        error(503, "SlowDown"),
        error(503, "ServiceUnavailable"),
        answer(503),
        error(429, "TooManyRequests"),
        answer(429),
        error(400, "RequestLimitExceeded"),
        error(400, "ThrottlingException"),
        error(503, "SlowDownWrite"),
        answer(200, b"<Error><Code>SlowDown</Code></Error>"),
    ],
)
def test_every_way_to_ask_for_fewer_requests_is_understood(throttled: bytes) -> None:
    throttle = Throttle()
    with playing(throttled, OK) as (_, server), the_client(server.url, throttle) as store:
        assert put(store, "key", b"bytes").etag == "abc"
        assert throttle.limit_of(server.url.removeprefix("http://")) is not None


@pytest.mark.parametrize(
    "other", [error(500, "InternalError"), error(400, "RequestTimeout"), Scripted(hang_up=True)]
)
def test_other_failures_do_not_slow_an_endpoint(other: Scripted | bytes) -> None:
    throttle = Throttle()
    with playing(other, OK) as (_, server), the_client(server.url, throttle) as store:
        put(store, "key", b"bytes")
        assert throttle.limit_of(server.url.removeprefix("http://")) is None


@contextmanager
def the_client(url: str, throttle: Throttle) -> Iterator[S3Store]:
    options = S3Options(pause_seconds=0.001)
    client = S3Client(
        StaticCredentials("key", "secret"), endpoint_url=url, options=options, throttle=throttle
    )
    yield S3Store(client, "bucket")
    client.close()


class Endpoint:
    """Turns at one endpoint, taken and ended by hand."""

    def __init__(self) -> None:
        self.throttle = Throttle()
        self.closing = threading.Event()

    def begin(self, count: int, *, within: float = LONG) -> list[Begun]:
        return [Begun(self, within) for _ in range(count)]

    def limit(self) -> float | None:
        return self.throttle.limit_of("endpoint")


class Begun:
    def __init__(self, endpoint: Endpoint, within: float) -> None:
        self._stack = ExitStack()
        deadline = time.monotonic() + within
        self._turn = self._stack.enter_context(endpoint.throttle.turn("endpoint", endpoint.closing, deadline))

    def end(self, *, throttled: bool | None) -> None:
        self._turn.throttled = throttled
        self._stack.close()


def test_what_is_under_way_is_halved_once_for_each_round_and_one_is_always_left() -> None:
    endpoint = Endpoint()
    for begun in endpoint.begin(16):
        begun.end(throttled=True)
    assert endpoint.limit() == 8
    for expected in (4, 2, 1, 1):
        for begun in endpoint.begin(int(endpoint.limit() or 0)):
            begun.end(throttled=True)
        assert endpoint.limit() == expected


def test_successes_add_one_after_some_rounds_until_there_is_no_limit() -> None:
    endpoint = Endpoint()
    for begun in endpoint.begin(8):
        begun.end(throttled=True)
    for _ in range(ROUNDS):
        for begun in endpoint.begin(4):
            begun.end(throttled=False)
    limit = endpoint.limit()
    assert limit is not None
    assert 4.5 < limit <= 5
    while endpoint.limit() is not None:
        for begun in endpoint.begin(1):
            begun.end(throttled=False)
    assert endpoint.begin(2 * UNLIMITED_FROM)


def test_what_was_never_answered_says_nothing() -> None:
    endpoint = Endpoint()
    for begun in endpoint.begin(8):
        begun.end(throttled=True)
    for begun in endpoint.begin(4):
        begun.end(throttled=None)
    assert endpoint.limit() == 4


def test_turns_come_in_the_order_in_which_they_were_waited_for() -> None:
    endpoint = Endpoint()
    for begun in endpoint.begin(2):
        begun.end(throttled=True)
    (begun,) = endpoint.begin(1)
    order: list[int] = []

    def take(number: int) -> None:
        (own,) = endpoint.begin(1)
        order.append(number)
        own.end(throttled=None)

    threads = []
    for number in range(5):
        threads.append(threading.Thread(target=take, args=(number,)))
        threads[-1].start()
        while endpoint.throttle.waiting_at("endpoint") <= number:
            time.sleep(0)
    begun.end(throttled=None)
    for thread in threads:
        thread.join(LONG)
    assert order == [0, 1, 2, 3, 4]


def test_whoever_has_waited_too_long_leaves_the_line_and_harms_nobody() -> None:
    endpoint = Endpoint()
    for begun in endpoint.begin(2):
        begun.end(throttled=True)
    (begun,) = endpoint.begin(1)
    with pytest.raises(NoTurn):
        endpoint.begin(1, within=0.0)
    endpoint.closing.set()
    with pytest.raises(NoTurn):
        endpoint.begin(1)
    begun.end(throttled=None)
    assert endpoint.begin(1)
