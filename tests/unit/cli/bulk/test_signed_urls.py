from __future__ import annotations

import base64
import hashlib
from pathlib import Path

import pytest
from tests.servers.scripted_http import Scripted, ScriptedServer, answer, error, scripted_server

from entrepot.cli.bulk.failures import ItemFailed
from entrepot.cli.bulk.signed_urls import FileReader, SignedUrls, UrlRefused

CONTENT = bytes(range(256)) * 40
MD5 = base64.b64encode(hashlib.md5(CONTENT).digest()).decode()


def download(server: ScriptedServer) -> bytes:
    urls, got = SignedUrls(), bytearray()
    try:
        urls.get(f"{server.url}/object?signature=x", len(CONTENT), got.extend)
    finally:
        urls.close()
    return bytes(got)


def torn(at: int, etag: str = '"1"') -> Scripted:
    """The whole is announced, and the connection ends in the middle."""
    whole = answer(200, CONTENT, [("ETag", etag)])
    return Scripted(whole[: len(whole) - len(CONTENT) + at], hang_up=True)


def rest(start: int, *, status: int = 206, total: int = len(CONTENT)) -> bytes:
    return answer(status, CONTENT[start:], [("Content-Range", f"bytes {start}-{len(CONTENT) - 1}/{total}")])


def test_the_bytes_of_the_url_arrive() -> None:
    with scripted_server(answer(200, CONTENT)) as server:
        assert download(server) == CONTENT
        (request,) = server.requests
    assert request.line == "GET /object?signature=x HTTP/1.1"
    assert "authorization" not in request.headers


def test_a_download_that_breaks_off_is_taken_up_where_it_stopped_with_the_same_object() -> None:
    with scripted_server(torn(1000), rest(1000)) as server:
        assert download(server) == CONTENT
        again = server.requests[1]
    assert again.headers["range"] == "bytes=1000-"
    assert again.headers["if-match"] == '"1"'


def test_any_number_of_breaks_is_survived_while_something_arrives() -> None:
    script = [torn(100)]
    for start in range(100, 900, 100):
        whole = rest(start)
        script.append(Scripted(whole[: len(whole) - len(CONTENT) + start + 100], hang_up=True))
    with scripted_server(*script, rest(900)) as server:
        assert download(server) == CONTENT


@pytest.mark.parametrize(
    "second", [answer(200, CONTENT), rest(1000, total=7), rest(999), answer(206, CONTENT[1000:])]
)
def test_an_answer_that_is_not_the_rest_is_not_taken_for_it(second: bytes) -> None:
    with scripted_server(torn(1000), second) as server, pytest.raises(ItemFailed, match="rest"):
        download(server)


def test_an_object_of_another_size_is_refused() -> None:
    with scripted_server(answer(200, CONTENT + b"x")) as server, pytest.raises(ItemFailed, match="10,241"):
        download(server)


def test_a_refusal_says_what_the_server_said() -> None:
    with scripted_server(error(403, "AccessDenied")) as server, pytest.raises(UrlRefused) as caught:
        download(server)
    assert (caught.value.status, caught.value.code) == (403, "AccessDenied")
    assert "as scripted" in caught.value.message


def test_an_overloaded_server_is_asked_again() -> None:
    with scripted_server(error(503, "SlowDown"), answer(200, CONTENT)) as server:
        assert download(server) == CONTENT


def test_an_upload_carries_its_md5_and_nothing_that_is_not_signed(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    told: list[int] = []
    urls = SignedUrls()
    with scripted_server(answer(200), answer(200)) as server:
        urls.put(f"{server.url}/upload", lambda: memoryview(CONTENT), len(CONTENT), MD5)
        urls.put(
            f"{server.url}/upload",
            lambda: FileReader(str(path), len(CONTENT), told.append),
            len(CONTENT),
            MD5,
        )
        urls.close()
        assert [request.body for request in server.requests] == [CONTENT, CONTENT]
        for request in server.requests:
            assert request.headers.keys() == {"host", "content-md5", "content-length", "user-agent"}
            assert request.headers["content-md5"] == MD5
    assert told[-1] == len(CONTENT)


def test_an_upload_that_loses_its_connection_is_sent_again_from_its_beginning(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    urls = SignedUrls()
    with scripted_server(Scripted(hang_up=True), answer(200)) as server:
        urls.put(f"{server.url}/u", lambda: FileReader(str(path), len(CONTENT), print), len(CONTENT), MD5)
        urls.close()
        assert server.requests[-1].body == CONTENT


def test_a_file_that_became_shorter_is_not_sent_as_if_it_were_whole(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(CONTENT[:100])
    urls = SignedUrls()
    with scripted_server(answer(200)) as server, pytest.raises(ItemFailed, match="ended"):
        urls.put(f"{server.url}/u", lambda: FileReader(str(path), len(CONTENT), print), len(CONTENT), MD5)
    urls.close()


def test_nobody_there_is_told_after_some_attempts() -> None:
    with scripted_server() as server:
        url = server.url
    urls = SignedUrls()
    with pytest.raises(ItemFailed, match="upload by signed URL failed"):
        urls.put(f"{url}/u", lambda: memoryview(b""), 0, MD5)
    urls.close()
