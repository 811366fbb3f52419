"""The S3 client against answers as servers and proxies frame them: what is odd is understood or refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.servers.scripted_http import Scripted, answer, error
from tests.stores.objects import MIB, get, pattern, put, read_all
from tests.stores.scripted_bucket import OK, found, playing

from entrepot.domain.errors import (
    InvalidStoreRequest,
    ObjectChanged,
    StoreAccessDenied,
    StoreError,
    StoreUnavailable,
)
from entrepot.domain.job import UploadedPart
from entrepot.domain.object_headers import NO_HEADERS
from entrepot.stores.checksum import checksum_of
from entrepot.stores.s3 import S3Store
from entrepot.stores.s3_uploads import CopyLimits
from entrepot.stores.s3_view import S3View

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
PROCESSING = b"HTTP/1.1 102 Processing\r\n\r\n"
HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n"
LARGE = memoryview(pattern(8 * MIB))


# Interim answers


@pytest.mark.parametrize("interim", [CONTINUE, PROCESSING, HINTS, CONTINUE + PROCESSING * 9 + HINTS])
@pytest.mark.parametrize("cut", [0, 5, 12])
@pytest.mark.parametrize("kind", ["memory", "reader"])
def test_an_interim_answer_does_not_end_the_sending(interim: bytes, cut: int, kind: str) -> None:
    early, late = interim[: len(interim) - cut], interim[len(interim) - cut :]
    script = [Scripted(late + OK, first=early), OK]
    if kind == "reader":
        script.insert(0, found(LARGE))
    with playing(*script, attempts=1) as (store, server):
        if kind == "memory":
            store.put("key", LARGE, len(LARGE), checksum=checksum_of(LARGE))
        else:
            with store.open("source") as reader:
                store.put("key", reader, len(LARGE))
        put(store, "key", b"next")
        sent = [request for request in server.requests if request.line.startswith("PUT")]
        assert [request.body for request in sent] == [LARGE, b"next"]
        assert sent[0].connection == sent[1].connection


def test_a_refusal_after_an_interim_answer_ends_the_sending() -> None:
    refused = Scripted(first=CONTINUE + error(403, "AccessDenied"), reads_body=False, silent=True)
    body = memoryview(bytes(64 * MIB))
    with playing(refused, attempts=1) as (store, _), pytest.raises(StoreAccessDenied):
        store.put("key", body, len(body), checksum=checksum_of(b""))


def test_interim_answers_without_end_are_no_answer() -> None:
    babbling = Scripted(first=PROCESSING * 10_000, reads_body=False, silent=True)
    body = memoryview(bytes(64 * MIB))
    with playing(babbling, attempts=1, read_seconds=0.5) as (store, _), pytest.raises(StoreUnavailable):
        store.put("key", body, len(body), checksum=checksum_of(b""))


# Lengths


def headed(*lines: str) -> bytes:
    """An answer to HEAD with these lines."""
    return "\r\n".join(["HTTP/1.1 200 OK", 'ETag: "abc"', *lines, "", ""]).encode("latin-1")


@pytest.mark.parametrize("lines", [[], ["Transfer-Encoding: chunked"]])
def test_an_object_of_untold_length_is_not_taken_for_an_empty_one(lines: list[str]) -> None:
    chunked = b'HTTP/1.1 200 OK\r\nETag: "abc"\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n'
    for ask, script in (
        (lambda store: store.head("some key"), [headed(*lines)]),
        (lambda store: store.open("some key", length=0), [headed(*lines)]),
        (lambda store: store.open("some key"), [chunked, headed(*lines)]),
    ):
        with playing(*script) as (store, server), pytest.raises(InvalidStoreRequest) as caught:
            ask(store)
        assert f"s3://bucket/some key at {server.url} was answered without" in caught.value.message
        assert (caught.value.bucket, caught.value.key) == ("bucket", "some key")


@pytest.mark.parametrize("length", ["-1", "+5", "0x5", "1_0", "5, 6", "", "5 5", "\u00b2", "9" * 5000])
def test_a_length_that_is_none_is_a_failure_that_names_the_object(length: str) -> None:
    with (
        playing(*[headed(f"Content-Length: {length}")] * 2, attempts=2) as (store, _),
        pytest.raises(StoreUnavailable, match=r"s3://bucket/key .* Content-Length"),
    ):
        store.head("key")


def test_a_length_told_twice_is_one_length_where_both_are_alike() -> None:
    twice = headed("Content-Length: 5", "Content-Length: 5")
    with playing(twice, twice + b"bytes", OK) as (store, server):
        assert store.head("key").size_bytes == 5
        assert get(store, "key") == b"bytes"
        put(store, "key", b"next")
        assert {request.connection for request in server.requests} == {1}


def test_two_lengths_that_differ_are_none() -> None:
    twice = headed("Content-Length: 5", "Content-Length: 6")
    with (
        playing(*[twice + b"bytes "] * 2, attempts=2) as (store, _),
        pytest.raises(StoreUnavailable, match="Content-Length '5, 6'"),
    ):
        store.open("key")


@pytest.mark.parametrize("size", ["-5", "0x5", "1_0", "+5", "", " ", "5 5", "g", "\u00b2"])
def test_a_chunk_whose_size_is_none_gives_no_bytes(size: str) -> None:
    head = 'HTTP/1.1 200 OK\r\nETag: "abc"\r\nTransfer-Encoding: chunked\r\n\r\n'
    body = f"{head}{size}\r\nbytes\r\n0\r\n\r\n".encode("latin-1")
    broken, rest = Scripted(body, hang_up=True), error(416, "InvalidRange")
    with (
        playing(broken, broken, attempts=2) as (store, _),
        pytest.raises(StoreUnavailable, match="a chunk has the size"),
    ):
        store.list("")
    with playing(broken, headed("Content-Length: 5"), rest) as (store, _), pytest.raises(StoreError):
        get(store, "key")


def test_a_coding_that_nobody_undoes_is_not_taken_for_the_bytes() -> None:
    coded = headed("Transfer-Encoding: gzip") + b"\x1f\x8b"
    with (
        playing(*[Scripted(coded, hang_up=True)] * 2, attempts=2) as (store, _),
        pytest.raises(StoreUnavailable, match="Transfer-Encoding 'gzip'"),
    ):
        store.open("key")


# Ranges


def ranged(first: int, last: int, total: str, body: bytes) -> bytes:
    return answer(206, body, [("ETag", '"abc"'), ("Content-Range", f"bytes {first}-{last}/{total}")])


def test_a_range_that_is_answered_in_part_is_asked_for_again() -> None:
    script = [ranged(2, 4, "10", b"234"), ranged(5, 5, "10", b"5"), ranged(6, 7, "10", b"67")]
    with playing(*script) as (store, server):
        assert read_all(store.open("key", offset=2, length=6)) == b"234567"
        asked = [request.headers["range"] for request in server.requests]
        assert asked == ["bytes=2-7", "bytes=5-7", "bytes=6-7"]
    with playing(ranged(2, 4, "10", b"234"), ranged(5, 9, "10", b"56789")) as (store, _):
        assert read_all(store.open("key", offset=2)) == b"23456789"


@pytest.mark.parametrize(
    "told", ["bytes 0-5/10", f"bytes 2-{'9' * 5000}/*", "bytes 2-7", "2-7/10", "bytes 2-7/10, bytes 2-7/10"]
)
def test_a_range_that_was_not_asked_for_is_no_answer(told: str) -> None:
    other = answer(206, b"234567", [("ETag", '"abc"'), ("Content-Range", told)])
    with playing(other) as (store, _), pytest.raises(InvalidStoreRequest, match="range"):
        store.open("key", offset=2, length=6)


# XML


LISTING = "<ListBucketResult><IsTruncated>false</IsTruncated><Contents>{}</Contents></ListBucketResult>"
ENTRY = "<Key>key</Key><Size>1</Size><ETag>&quot;abc&quot;</ETag>"
BEFORE = [b"", b"\n", b" \r\n\t ", b"\xef\xbb\xbf", b"\n\xef\xbb\xbf\n", b"\n" * 5000]


@pytest.mark.parametrize("before", BEFORE, ids=[ascii(each[:9]) for each in BEFORE])
def test_what_stands_before_a_document_is_passed_over(before: bytes) -> None:
    def document(text: str) -> bytes:
        return before + b'<?xml version="1.0" encoding="UTF-8"?>\n' + text.encode()

    with playing(
        answer(200, document(LISTING.format(ENTRY))),
        answer(200, document("<R><UploadId>id</UploadId></R>")),
        answer(200, document("<R><ETag>abc</ETag></R>")),
        answer(403, document("<Error><Code>AccessDenied</Code><Message>no</Message></Error>")),
        answer(200, document("<Error><Code>AccessDenied</Code><Message>no</Message></Error>")),
    ) as (store, _):
        assert [each.key for each in store.list("")] == ["key"]
        assert store.begin_upload("key") == "id"
        assert store.finish_upload("key", "id", [UploadedPart(1, 1, "e", None)]).etag == "abc"
        for _ in range(2):
            with pytest.raises(StoreAccessDenied, match="no"):
                store.list("")


@pytest.mark.parametrize("size", ["-1", "+1", "1_0", "0x1", "", "1.0", "\u0661", "9" * 5000])
def test_a_size_in_a_listing_that_is_none_is_no_listing(size: str) -> None:
    entry = f"<Key>key</Key><Size>{size}</Size><ETag>e</ETag><LastModified>x</LastModified>"
    listing = answer(200, LISTING.format(entry).encode())
    with playing(listing, listing) as (store, _):
        for ask in (store.list, S3View(store).page):
            with pytest.raises(StoreUnavailable, match="Check that the endpoint is an S3 service"):
                ask("")


def test_a_document_type_is_refused_wherever_it_stands() -> None:
    late = b"<!-- " + b"x" * 5000 + b' --><!DOCTYPE x [<!ENTITY a "aaa">]><ListBucketResult/>'
    with playing(answer(200, late)) as (store, _), pytest.raises(StoreUnavailable, match="document type"):
        store.list("")


# ETags


FORMS = ['"abc"', "abc", 'W/"abc"', ' "abc" ']


def tagged(etag: str | None, body: bytes = b"bytes", status: int = 200) -> bytes:
    return answer(status, body, [] if etag is None else [("ETag", etag)])


@pytest.mark.parametrize("form", FORMS)
def test_an_etag_is_the_same_in_every_form(form: str) -> None:
    entry = f"<Key>key</Key><Size>1</Size><ETag>{form.replace(chr(34), '&quot;')}</ETag>"
    headers = [("ETag", form), ("Content-Length", "5")]
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
    head = f"HTTP/1.1 200 OK\r\n{lines}\r\n".encode()
    with playing(
        head,
        tagged(form, b""),
        tagged(form, b""),
        answer(200, LISTING.format(entry).encode()),
        tagged(form),
        answer(200, f"<R><ETag>{form}</ETag></R>".encode()),
    ) as (store, server):
        assert store.head("key").etag == "abc"
        assert put(store, "key", b"bytes").etag == "abc"
        assert store.upload_part("key", "id", 1, memoryview(b"bytes")).etag == "abc"
        assert store.list("")[0].etag == "abc"
        assert read_all(store.open("key", if_match="abc")) == b"bytes"
        assert server.requests[4].headers["if-match"] == '"abc"'
        assert store.finish_upload("key", "id", [UploadedPart(1, 5, "abc", None)]).etag == "abc"
        assert b"<ETag>&quot;abc&quot;</ETag>" in server.requests[5].body


@pytest.mark.parametrize("form", FORMS)
def test_a_server_that_does_not_know_its_own_etag_again_is_asked_what_the_object_is(form: str) -> None:
    refused = error(412, "PreconditionFailed")
    with playing(refused, tagged(form)) as (store, server):
        assert read_all(store.open("key", if_match="abc")) == b"bytes"
        assert ["if-match" in request.headers for request in server.requests] == [True, False]
    with playing(refused, tagged('"other"')) as (store, _), pytest.raises(ObjectChanged, match="now other"):
        store.open("key", if_match="abc")
    with playing(refused, tagged(form, b"")) as (store, _):
        assert read_all(store.open("key", length=0, if_match="abc")) == b""


@pytest.mark.parametrize("length", [None, 5, 0])
def test_a_server_that_ignores_conditions_is_found_out(length: int | None) -> None:
    status, headers = (200, []) if length is None else (206, [("Content-Range", "bytes 0-4/5")])
    other = answer(status, b"other", [("ETag", '"other"'), *headers])
    with playing(other) as (store, _), pytest.raises(ObjectChanged, match="ETag abc, now other"):
        store.open("key", length=length, if_match="abc")


@pytest.mark.parametrize("way", ["store", "view"])
def test_an_object_is_not_patched_together_where_conditions_are_ignored(way: str) -> None:
    torn = Scripted(tagged('"abc"', pattern(1000))[:-500], hang_up=True)
    rest = answer(206, pattern(500), [("ETag", '"other"'), ("Content-Range", "bytes 500-999/1000")])
    with playing(torn, rest) as (store, _):
        body = store.open("key") if way == "store" else S3View(store).get("key").body
        buffer = memoryview(bytearray(2000))
        assert body.readinto(buffer) == 500
        with pytest.raises(ObjectChanged):
            body.readinto(buffer)


@pytest.mark.parametrize("form", FORMS)
def test_a_copy_that_cannot_be_pinned_is_left_to_streaming(form: str) -> None:
    refused = error(412, "PreconditionFailed")
    with playing(refused, tagged(form, b"")) as (store, _):
        assert store.copy_from(store, "from", "to", size_bytes=5, if_match="abc", headers=NO_HEADERS) is None
    with playing(refused, tagged('"other"', b"")) as (store, _), pytest.raises(ObjectChanged, match="from"):
        store.copy_from(store, "from", "to", size_bytes=5, if_match="abc", headers=NO_HEADERS)


MULTIPART = "0123456789abcdef0123456789abcdef-2"


def part_head(size: int, etag: str = MULTIPART, count: str = "2") -> bytes:
    lines = [f"Content-Length: {size}", f"ETag: {etag}", f"x-amz-mp-parts-count: {count}"]
    return "\r\n".join(["HTTP/1.1 206 Partial Content", *lines, "", ""]).encode()


@pytest.mark.parametrize("form", [f'"{MULTIPART}"', MULTIPART, f'W/"{MULTIPART}"'])
def test_parts_are_those_of_the_object_in_whatever_form_its_etag_comes(form: str) -> None:
    with playing(part_head(8, form), part_head(3, form)) as (store, _):
        assert store.part_sizes("key", MULTIPART, 11) == (8, 3)


def test_parts_of_another_object_are_none_of_this_one() -> None:
    with playing(part_head(8, "other"), part_head(8), part_head(3, "other"), part_head(3, "other")) as (
        store,
        _,
    ):
        for _ in range(2):
            assert store.part_sizes("key", MULTIPART, 11) is None


@pytest.mark.parametrize("count", ["", "3", "-2", "2.0", "9" * 5000])
def test_a_count_of_parts_that_the_etag_does_not_tell_is_none(count: str) -> None:
    with playing(part_head(8, count=count)) as (store, _):
        assert store.part_sizes("key", MULTIPART, 11) is None


@pytest.mark.parametrize("etag", [None, "", '""', 'W/""'])
@pytest.mark.parametrize(
    "ask",
    [
        lambda store: store.head("some key"),
        lambda store: store.open("some key"),
        lambda store: store.open("some key", if_match="abc"),
        lambda store: put(store, "some key", b"bytes"),
        lambda store: store.upload_part("some key", "id", 1, memoryview(b"bytes")),
    ],
    ids=["head", "open", "pinned", "put", "part"],
)
def test_an_answer_without_an_etag_is_said_to_be_one(
    etag: str | None, ask: Callable[[S3Store], object]
) -> None:
    with playing(tagged(etag, b"")) as (store, server), pytest.raises(InvalidStoreRequest) as caught:
        ask(store)
    assert f"s3://bucket/some key at {server.url} was answered without an ETag" in caught.value.message
    assert (caught.value.bucket, caught.value.key) == ("bucket", "some key")


@pytest.mark.parametrize("etag", ["", "&quot;&quot;"])
def test_a_document_without_an_etag_is_said_to_be_one(etag: str) -> None:
    listing = answer(200, LISTING.format(f"<Key>k</Key><Size>1</Size><ETag>{etag}</ETag>").encode())
    done = answer(200, f"<R><ETag>{etag}</ETag></R>".encode())
    with playing(listing, done, done) as (store, _):
        for ask in (
            lambda: store.list(""),
            lambda: store.finish_upload("key", "id", [UploadedPart(1, 5, "abc", None)]),
            lambda: store.copy_from(store, "from", "to", size_bytes=5, headers=NO_HEADERS),
        ):
            with pytest.raises(StoreUnavailable, match="has no ETag"):
                ask()


# Pages


def page(keys: list[str], *, truncated: bool = True, token: str = "") -> bytes:
    entries = "".join(
        f"<Contents><Key>{key}</Key><Size>1</Size><ETag>e</ETag><LastModified>x</LastModified></Contents>"
        for key in keys
    )
    marker = f"<NextContinuationToken>{token}</NextContinuationToken>" if token else ""
    return answer(
        200,
        f"<ListBucketResult><IsTruncated>{str(truncated).lower()}</IsTruncated>{marker}{entries}"
        "</ListBucketResult>".encode(),
    )


def test_a_listing_without_a_marker_goes_on_behind_its_last_key() -> None:
    with playing(page(["a", "b"]), page(["c"]), page([], truncated=False)) as (store, server):
        assert [each.key for each in store.list("", after="0")] == ["a", "b", "c"]
        asked = [request.line.partition("start-after=")[2][:1] for request in server.requests]
        assert asked == ["0", "b", "c"]


@pytest.mark.parametrize(
    "script",
    [
        [page([])],
        [page(["a"]), page([])],
        [page(["a"]), page(["a"])],
        [page(["a"], token="t"), page([], token="t")],
        [page(["a", "b"], token="t")] * 9,
        [page([], token=f"t{number}") for number in range(200)],
    ],
    ids=["nothing", "stuck", "ignored", "same token", "same page", "empty pages"],
)
def test_a_listing_that_does_not_get_on_ends(script: list[bytes]) -> None:
    with playing(*script) as (store, server):
        with pytest.raises(StoreUnavailable, match="Check that the endpoint is an S3 service"):
            store.list("")
        assert len(server.requests) < 150


def test_a_page_that_says_that_it_goes_on_and_not_where_is_none() -> None:
    with playing(page(["a"]), page(["a"], token="t"), page(["a"], truncated=False)) as (store, _):
        view = S3View(store)
        for token in (None, "t"):
            with pytest.raises(StoreUnavailable, match="does not say where"):
                view.page("", token=token)
        assert view.page("").next_token is None


def parts_page(numbers: list[int], *, truncated: bool = True) -> bytes:
    parts = "".join(
        f"<Part><PartNumber>{number}</PartNumber><Size>5</Size><ETag>e{number}</ETag></Part>"
        for number in numbers
    )
    return answer(200, f"<R><IsTruncated>{str(truncated).lower()}</IsTruncated>{parts}</R>".encode())


def test_all_parts_are_listed_page_by_page() -> None:
    with playing(parts_page([1, 2]), parts_page([3], truncated=False)) as (store, server):
        assert [part.number for part in store.uploaded_parts("key", "id")] == [1, 2, 3]
        assert "part-number-marker=2" in server.requests[1].line


@pytest.mark.parametrize("again", [[1, 2], [], [1]])
def test_a_listing_of_parts_that_does_not_get_on_ends(again: list[int]) -> None:
    with playing(parts_page([1, 2]), *[parts_page(again)] * 50) as (store, server):
        with pytest.raises(StoreUnavailable, match="ListParts"):
            store.uploaded_parts("key", "id")
        assert len(server.requests) == 2


# Sizes and numbers


MEBIBYTE, TEBIBYTE = 1024**2, 1024**4


@pytest.mark.parametrize(
    "size",
    [
        5 * 1024**3 + 1,
        512 * MEBIBYTE * 10_000 - 1,
        512 * MEBIBYTE * 10_000,
        512 * MEBIBYTE * 10_000 + 1,
        513 * MEBIBYTE * 10_000,
        513 * MEBIBYTE * 10_000 + 1,
        5 * TEBIBYTE - 1,
        5 * TEBIBYTE,
        50 * 10**12,
    ],
)
def test_a_copy_has_no_more_parts_than_s3_takes(size: int) -> None:
    part = CopyLimits().part_of(size)
    assert -(-size // part) <= 10_000
    assert part <= 5 * 1024**3
    assert part % MEBIBYTE == 0
    assert part == 512 * MEBIBYTE or -(-size // (part - MEBIBYTE)) > 10_000


def test_a_date_that_no_clock_can_hold_is_no_clock() -> None:
    for year in ("99999", "9" * 30, "0000"):
        refused = error(403, "RequestTimeTooSkewed", [("Date", f"Mon, 01 Jan {year} 00:00:00 GMT")])
        with playing(*[refused] * 2) as (store, _), pytest.raises(StoreError, match="RequestTimeTooSkewed"):
            put(store, "key", b"bytes")


def test_a_pause_without_end_is_not_made() -> None:
    later = error(503, "SlowDown", [("Retry-After", "9" * 400)])
    with playing(later, OK, longest_pause_seconds=0.01) as (store, _):
        put(store, "key", b"bytes")
