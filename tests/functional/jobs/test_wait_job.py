"""`entrepot wait-job` in a script: silence, and an exit code that says what happened."""

from __future__ import annotations

import socket
import threading
import time
from pathlib import Path

import pytest
from tests.functional.watching import client, entrepot, exchange_on, free_port, slow_job, started
from tests.servers.slow_bucket import SlowBucket, slow_bucket

from entrepot.testing import RunningServer


def test_it_waits_in_silence_until_all_have_ended(
    exchange: RunningServer, slow: SlowBucket, tmp_path: Path
) -> None:
    with client(exchange) as api:
        job_id, cancelled = slow_job(api), slow_job(api, start=False)
        slow.wait_for_reader()
        with started(exchange, "wait-job", cancelled, job_id, output=tmp_path / "output") as waiting:
            api.cancel_job(JobId=cancelled)
            threading.Timer(0.5, slow.release).start()
            assert waiting.end() == 3
        assert api.get_job(JobId=job_id)["State"] == "COMPLETED"
    assert waiting.text == ""
    assert (tmp_path / "output").read_text() == ""


def test_any_ends_with_the_first_and_names_it(exchange: RunningServer, slow: SlowBucket) -> None:
    with client(exchange) as api:
        job_id, cancelled = slow_job(api), slow_job(api, start=False)
        api.cancel_job(JobId=cancelled)
    ran = entrepot(exchange, "wait-job", "--any", job_id, cancelled)
    assert (ran.returncode, ran.stdout, ran.stderr) == (3, f"{cancelled}\n", "")
    slow.release()
    ran = entrepot(exchange, "wait-job", job_id)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")


@pytest.mark.parametrize("seconds", ["0", "0.3"])
def test_time_that_is_up_has_a_code_of_its_own(
    exchange: RunningServer, slow: SlowBucket, seconds: str
) -> None:
    with client(exchange) as api:
        job_id = slow_job(api)
    ran = entrepot(exchange, "wait-job", job_id, "--timeout", seconds)
    assert (ran.returncode, ran.stdout, ran.stderr) == (124, "", "")
    slow.release()
    assert entrepot(exchange, "wait-job", job_id, "--timeout", "60").returncode == 0


def test_a_server_that_never_answers_does_not_outlast_the_time(exchange: RunningServer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        began = time.monotonic()
        ran = entrepot(exchange, "wait-job", "0" * 32, "--timeout", "1", "--endpoint-url", url)
        assert time.monotonic() - began < 30  # where one answer may take a minute, and is asked for thrice
    assert (ran.returncode, ran.stdout, ran.stderr) == (124, "", "")


def test_a_restart_is_waited_for_in_silence(tmp_path: Path) -> None:
    port = free_port()
    with slow_bucket() as slow, exchange_on(tmp_path / "exchange", slow, port) as server:
        with client(server) as api:
            job_id = slow_job(api)
        slow.wait_for_reader()
        output = tmp_path / "output"
        with started(server, "wait-job", job_id, output=output, AWS_MAX_ATTEMPTS="1") as waiting:
            assert entrepot(server, "wait-job", job_id, "--timeout", "1").returncode == 124  # it asks by now
            server.kill()
            with exchange_on(tmp_path / "exchange", slow, port):
                slow.release()
                assert waiting.end() == 0
    assert waiting.text == ""


def test_ctrl_c_ends_it(exchange: RunningServer, slow: SlowBucket, tmp_path: Path) -> None:
    with client(exchange) as api:
        job_id = slow_job(api)
    slow.wait_for_reader()
    with started(exchange, "wait-job", job_id, output=tmp_path / "output") as waiting:
        assert entrepot(exchange, "wait-job", job_id, "--timeout", "1").returncode == 124
        waiting.interrupt()
        assert waiting.end() == 130
    assert waiting.text == ""
    slow.release()
