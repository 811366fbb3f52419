"""`--auth trust` as a process: whom it answers, and where it does not even start."""

from __future__ import annotations

import http.client
import json
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tests.functional.test_serve import entrepot
from tests.servers.exchanges import Exchange

from entrepot.testing import running_entrepot

BODY = json.dumps({"Name": "n", "Description": "d", "AssetType": "S3_SNAPSHOT"}).encode()
ALIAS = f"/{'a' * 52}-s3alias/key"


def ask(url: str, method: str, path: str, **headers: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
    try:
        connection.request(method, path, body=BODY if method == "POST" else None, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


@pytest.mark.parametrize(
    "path", ["/v1/data-sets", "/v1/jobs", "/entrepot/events", "/healthz", "/metrics", ALIAS]
)
def test_a_foreign_host_or_origin_is_answered_nothing(trusting_exchange: Exchange, path: str) -> None:
    url = trusting_exchange.url
    for method in ("GET", "POST", "OPTIONS"):
        assert ask(url, method, path, Host="evil.example")[0] == 403
        status, body = ask(url, method, path, Origin="http://evil.example")
        assert status == 403
        assert b"AccessDenied" in body or b"another origin" in body
    assert ask(url, "GET", path)[0] != 403


def test_a_request_of_its_own_origin_is_answered(trusting_exchange: Exchange) -> None:
    url = trusting_exchange.url
    assert ask(url, "POST", "/v1/data-sets", Origin=url)[0] == 201
    assert ask(url, "POST", "/v1/data-sets", Host="localhost:8250", Origin="http://localhost:8250")[0] == 201


def test_where_signatures_are_asked_for_the_host_is_what_was_signed(sigv4_exchange: Exchange) -> None:
    status, body = ask(sigv4_exchange.url, "GET", "/v1/jobs", Host="elsewhere", Origin="http://elsewhere")
    assert status == 403
    assert b"Missing Authentication Token" in body


def test_it_does_not_start_where_other_machines_reach_it(tmp_path: Path) -> None:
    for host in ("0.0.0.0", "::"):
        arguments = ("serve", "--port", "0", "--data-dir", str(tmp_path / "data"), "--auth", "trust")
        refused = entrepot(*arguments, "--host", host)
        assert refused.returncode != 0
        assert "--trust-network" in refused.stderr
        assert "Traceback" not in refused.stderr


def test_it_starts_where_it_is_said_that_they_are_trusted(tmp_path: Path) -> None:
    options = ["--auth", "trust", "--host", "0.0.0.0", "--trust-network", "--job-workers", "0"]
    with running_entrepot(tmp_path, arguments=options) as server:
        assert ask(server.url, "POST", "/v1/data-sets", Host="exchange:8250")[0] == 201
        assert ask(server.url, "POST", "/v1/data-sets", Host="evil.example")[0] == 403
