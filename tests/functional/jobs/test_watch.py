"""`entrepot watch` beside a real exchange: what people see, what scripts get, and what it lives through."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.functional.terminal import CTRL_C
from tests.functional.watching import (
    client,
    entrepot,
    exchange_on,
    free_port,
    in_terminal,
    slow_job,
    started,
)
from tests.servers.scripted_http import Scripted, answer, scripted_server
from tests.servers.slow_bucket import SlowBucket, slow_bucket

from entrepot.testing import RunningServer


def test_a_terminal_shows_progress_and_then_the_job(exchange: RunningServer, slow: SlowBucket) -> None:
    with client(exchange) as api:
        job_id = slow_job(api)
    with in_terminal(exchange, "watch", job_id) as watching:
        watching.wait_for(f"{job_id}  IN_PROGRESS")
        slow.wait_for_reader()
        watching.wait_for("0/1 assets")
        slow.release()
        assert watching.wait_for_end() == 0
    assert b"\x1b[32mCOMPLETED\x1b[0m  100%  1/1 assets  107.4/107.4 KiB" in watching.said
    assert json.loads(watching.text[watching.text.rindex("\n{") :])["State"] == "COMPLETED"


def test_a_script_gets_the_job_as_get_job_prints_it(
    exchange: RunningServer, slow: SlowBucket, tmp_path: Path
) -> None:
    with client(exchange) as api:
        job_id = slow_job(api)
    with started(exchange, "watch", job_id, output=tmp_path / "job.json") as watching:
        watching.wait_for(f"{job_id}: IN_PROGRESS\n")
        slow.release()
        assert watching.end() == 0
    assert watching.text.endswith(f"{job_id}: COMPLETED\n") or ": COMPLETED, 1 of 1 assets" in watching.text
    assert "\x1b" not in watching.text
    assert (tmp_path / "job.json").read_text() == entrepot(exchange, "get-job", "--job-id", job_id).stdout


def test_several_jobs_end_with_the_worst_and_are_printed_in_the_order_asked_for(
    exchange: RunningServer, slow: SlowBucket, tmp_path: Path
) -> None:
    with client(exchange) as api:
        completed, cancelled = slow_job(api), slow_job(api, start=False)
        slow.wait_for_reader()
        ids = (cancelled, completed)
        with started(
            exchange, "watch", *ids, "--query", "[Id,State]", "--output", "text", output=tmp_path / "jobs"
        ) as watching:
            watching.wait_for(f"this starts it: entrepot start-job --job-id {cancelled}")
            watching.wait_for(f"{completed}: IN_PROGRESS")
            api.cancel_job(JobId=cancelled)
            watching.wait_for(f"{cancelled}: CANCELLED")
            slow.release()
            assert watching.end() == 3
    assert (tmp_path / "jobs").read_text() == f"{cancelled}\tCANCELLED\n{completed}\tCOMPLETED\n"


def test_a_job_that_fails_is_told_by_the_exit_code(exchange: RunningServer) -> None:
    with client(exchange) as api:
        data_set = api.create_data_set(AssetType="S3_SNAPSHOT", Name="x", Description="x")
        revision = api.create_revision(DataSetId=data_set["Id"])
        details = {"AssetName": "x", "Md5Hash": "1B2M2Y8AsgTpgAmY7PhCfg==", "DataSetId": data_set["Id"]}
        job = api.create_job(
            Type="IMPORT_ASSET_FROM_SIGNED_URL",
            Details={"ImportAssetFromSignedUrl": details | {"RevisionId": revision["Id"]}},
        )
        api.start_job(JobId=job["Id"])  # and nothing was ever uploaded
    watched = entrepot(exchange, "watch", job["Id"])
    assert watched.returncode == 1
    assert json.loads(watched.stdout)["State"] == "ERROR"
    assert f"{job['Id']}: ERROR\n" in watched.stderr


def test_a_restart_in_the_middle_is_lived_through(tmp_path: Path) -> None:
    port = free_port()
    with slow_bucket() as slow, exchange_on(tmp_path / "exchange", slow, port) as server:
        with client(server) as api:
            job_id = slow_job(api)
        slow.wait_for_reader()
        with started(
            server, "watch", job_id, "--query", "State", output=tmp_path / "state", AWS_MAX_ATTEMPTS="1"
        ) as watching:
            watching.wait_for("IN_PROGRESS")
            server.kill()
            watching.wait_for("Asking again.")
            with exchange_on(tmp_path / "exchange", slow, port):
                watching.wait_for("The exchange answers again.")
                slow.release()
                assert watching.end() == 0
    assert (tmp_path / "state").read_text() == '"COMPLETED"\n'


def test_ctrl_c_leaves_the_job_alone_and_says_so(
    exchange: RunningServer, slow: SlowBucket, tmp_path: Path
) -> None:
    with client(exchange) as api:
        job_id = slow_job(api)
        slow.wait_for_reader()
        with started(exchange, "watch", job_id, output=tmp_path / "nothing") as watching:
            watching.wait_for("IN_PROGRESS")
            watching.interrupt()
            assert watching.end() == 130
        assert watching.text.endswith(f"The job goes on; this shows it again: entrepot watch {job_id}\n")
        assert (tmp_path / "nothing").read_text() == ""
        assert api.get_job(JobId=job_id)["State"] == "IN_PROGRESS"
    slow.release()


def test_ctrl_c_on_a_terminal_leaves_it_in_order(exchange: RunningServer, slow: SlowBucket) -> None:
    with client(exchange) as api:
        job_id = slow_job(api)
    slow.wait_for_reader()
    with in_terminal(exchange, "watch", job_id) as watching:
        watching.wait_for("0/1 assets")
        watching.type(CTRL_C)
        assert watching.wait_for_end() == 130
    assert "Traceback" not in watching.text
    assert watching.text.endswith(f"entrepot watch {job_id}\n")


@pytest.mark.parametrize("command", ["watch", "wait-job"])
def test_an_unknown_job_is_told_as_get_job_tells_it(exchange: RunningServer, command: str) -> None:
    unknown = "0" * 32
    told = entrepot(exchange, "get-job", "--job-id", unknown)
    watched = entrepot(exchange, command, unknown)
    assert (watched.returncode, watched.stdout) == (254, "")
    assert watched.stderr == told.stderr
    assert "ResourceNotFoundException" in told.stderr


@pytest.mark.parametrize("command", ["watch", "wait-job"])
def test_an_address_where_nobody_is_ends_it_at_once(exchange: RunningServer, command: str) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    ran = entrepot(exchange, command, "0" * 32, "--endpoint-url", url, AWS_MAX_ATTEMPTS="1")
    assert ran.returncode == 255
    assert url in ran.stderr
    assert "Asking again" not in ran.stderr


def test_what_cannot_be_printed_in_the_end_is_told_before_anything_is_watched(
    exchange: RunningServer,
) -> None:
    bad = entrepot(exchange, "watch", "0" * 32, "--query", "a[")
    assert bad.returncode == 252
    assert "Bad value for --query a[" in bad.stderr
    configured = entrepot(exchange, "watch", "0" * 32, AWS_DEFAULT_OUTPUT="xml")
    assert configured.returncode == 255
    assert "Unknown output type: xml" in configured.stderr


def test_no_color_and_narrow_windows_are_respected(exchange: RunningServer, slow: SlowBucket) -> None:
    slow.release()
    with client(exchange) as api:
        job_id = slow_job(api)
    with in_terminal(exchange, "watch", job_id, "--query", "State", columns=30, NO_COLOR="1") as watching:
        assert watching.wait_for_end() == 0
    assert f"{job_id[:8]}…  COMPLETED" in watching.text
    assert b"\x1b[32m" not in watching.said
    assert max(map(len, watching.text.splitlines())) < 30


def test_against_aws_itself_the_state_is_shown_and_nothing_is_said_of_what_it_lacks(
    exchange: RunningServer,
) -> None:
    def job(state: str) -> bytes:
        return answer(200, json.dumps({"Id": "a", "State": state}).encode())

    no_such_path = answer(403, b'{"message": "Missing Authentication Token"}')
    script = [job("IN_PROGRESS"), no_such_path, job("IN_PROGRESS"), job("COMPLETED")]
    with scripted_server(*script) as aws:
        watched = entrepot(exchange, "watch", "a", "--query", "State", "--endpoint-url", aws.url)
        paths = [request.line.split()[1] for request in aws.requests]
    assert (watched.returncode, watched.stdout) == (0, '"COMPLETED"\n')
    assert watched.stderr == "a: IN_PROGRESS\na: COMPLETED\n"
    assert paths == ["/v1/jobs/a", "/entrepot/jobs/a/progress", "/v1/jobs/a", "/v1/jobs/a"]


def test_a_server_that_falls_silent_in_the_middle_is_asked_again(exchange: RunningServer) -> None:
    def job(state: str) -> bytes:
        return answer(200, json.dumps({"Id": "a", "State": state}).encode())

    script = [job("IN_PROGRESS"), answer(404), Scripted(silent=True), answer(503), job("COMPLETED")]
    once = ("--cli-read-timeout", "1", "--endpoint-url")
    with scripted_server(*script) as server:
        watched = entrepot(exchange, "watch", "a", *once, server.url, AWS_MAX_ATTEMPTS="1")
    assert watched.returncode == 0
    assert watched.stderr.splitlines() == [
        "a: IN_PROGRESS",
        f'Read timeout on endpoint URL: "{server.url}/v1/jobs/a" Asking again.',
        "The exchange answers again.",
        "a: COMPLETED",
    ]
