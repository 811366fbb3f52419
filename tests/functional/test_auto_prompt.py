"""The prompt on a real terminal, against a real exchange."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest
from tests.functional.local_exchange import Goods, LocalExchange, local_exchange
from tests.functional.terminal import CTRL_C, CTRL_D, ENTER, TAB, on_terminal
from tests.servers.exchanges import Exchange

ENTREPOT = [sys.executable, "-m", "entrepot"]
F3 = "\x1bOR"


@pytest.fixture(scope="module")
def exchange(sigv4_exchange: Exchange, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalExchange]:
    with local_exchange(sigv4_exchange, tmp_path_factory.mktemp("prompt")) as running:
        yield running


@pytest.fixture(scope="module")
def goods(exchange: LocalExchange) -> Goods:
    return exchange.stock()


def test_a_command_is_chosen_word_by_word_and_runs(exchange: LocalExchange, goods: Goods) -> None:
    with on_terminal([*ENTREPOT, "--cli-auto-prompt", "start-job"], exchange.environ) as terminal:
        terminal.wait_for("The unique identifier for a job")  # the menu is open, and explains
        terminal.type(TAB + ENTER)
        terminal.wait_for(goods.waiting_job_id)
        terminal.type(TAB + ENTER)
        terminal.wait_for("--output")  # what else could be given
        terminal.type(f"--debug{CTRL_C}")
        assert terminal.wait_for_end() == 130
        assert f"> entrepot start-job --job-id {goods.waiting_job_id} --debug\n" in terminal.text


def test_enter_runs_what_is_typed(exchange: LocalExchange, goods: Goods) -> None:
    environ = exchange.environ | {"AWS_CLI_AUTO_PROMPT": "on"}
    with on_terminal([*ENTREPOT, "get-job"], environ) as terminal:
        terminal.wait_for("--job-id")
        terminal.type(f"--job-id {goods.job_id} --query 'State'{ENTER}")
        assert terminal.wait_for_end() == 0
        shown = f"> entrepot get-job --job-id {goods.job_id} --query 'State'\n\"COMPLETED\"\n"
        assert terminal.text.endswith(shown)


@pytest.mark.parametrize("key", [CTRL_C, CTRL_D], ids=["Ctrl-C", "Ctrl-D"])
def test_leaving_runs_nothing(exchange: LocalExchange, key: str) -> None:
    with on_terminal(
        [*ENTREPOT, "get-job", "--job-id", "a b", "--cli-auto-prompt"], exchange.environ
    ) as terminal:
        terminal.wait_for("a b")
        terminal.type(key)
        assert terminal.wait_for_end() == 130
        assert terminal.text.endswith("> entrepot get-job --job-id 'a b' \n")


def test_a_partial_prompt_opens_where_something_is_missing(exchange: LocalExchange, goods: Goods) -> None:
    environ = exchange.environ | {"AWS_CLI_AUTO_PROMPT": "on-partial"}
    with on_terminal([*ENTREPOT, "get-job"], environ) as terminal:
        terminal.wait_for("--job-id")
        terminal.type(f"--job-id {goods.job_id} --query Id --output text{ENTER}")
        assert terminal.wait_for_end() == 0
        assert terminal.text.endswith(f"\n{goods.job_id}\n")
    with on_terminal([*ENTREPOT, "get-job", "--job-id", goods.job_id, "--query", "Id"], environ) as terminal:
        assert terminal.wait_for_end() == 0
        assert terminal.text == f'"{goods.job_id}"\n'


def test_an_open_quotation_does_not_run(exchange: LocalExchange) -> None:
    with on_terminal([*ENTREPOT, "list-jobs", "--cli-auto-prompt"], exchange.environ) as terminal:
        terminal.wait_for("--data-set-id")
        terminal.type(f"--query 'Jobs{ENTER}")
        terminal.wait_for("A quotation is open")
        terminal.type(CTRL_C)
        assert terminal.wait_for_end() == 130


def test_help_is_one_key_away(exchange: LocalExchange) -> None:
    with on_terminal([*ENTREPOT, "get-job", "--cli-auto-prompt"], exchange.environ) as terminal:
        terminal.wait_for("--job-id")
        terminal.type(F3)
        terminal.wait_for("This operation returns information about a job")
        terminal.type(CTRL_C)
        assert terminal.wait_for_end() == 130


def test_earlier_lines_come_back(exchange: LocalExchange, goods: Goods) -> None:
    with on_terminal([*ENTREPOT, "get-job", "--cli-auto-prompt"], exchange.environ) as terminal:
        terminal.wait_for("--job-id")
        terminal.type(f"--job-id {goods.job_id} --query Type{ENTER}")
        assert terminal.wait_for_end() == 0
    with on_terminal([*ENTREPOT, "list-jobs", "--cli-auto-prompt"], exchange.environ) as terminal:
        terminal.wait_for("--data-set-id")
        terminal.type("\x12Type")
        terminal.wait_for(f"{goods.job_id} --query Type")
        terminal.type(CTRL_C)
        assert terminal.wait_for_end() == 130


def test_without_a_terminal_it_ends_as_the_aws_cli_does(exchange: LocalExchange) -> None:
    done = subprocess.run(
        [*ENTREPOT, "get-job", "--cli-auto-prompt"],
        env=exchange.environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (255, "")
    assert done.stderr == "Warning: Input is not a terminal (fd=0).\n\n\n"
