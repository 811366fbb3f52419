"""Completion in real shells on a real terminal, with ids from a real exchange."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from tests.functional.local_exchange import Goods, LocalExchange, local_exchange
from tests.functional.terminal import CTRL_U, ENTER, TAB, Terminal, on_terminal
from tests.functional.tools import missing
from tests.servers.exchanges import Exchange


@dataclass(frozen=True, slots=True)
class Shell:
    """How a shell is started without anybody's settings, and made to complete."""

    name: str
    arguments: tuple[str, ...]
    set_up: str
    assign: str


SHELLS = (
    Shell("bash", ("--noprofile", "--norc", "-i"), 'eval "$(entrepot completion bash)"', "{}={}"),
    Shell(
        "zsh",
        ("-f", "-i"),
        'autoload -U compinit; compinit -D; eval "$(entrepot completion zsh)"',
        "{}={}",
    ),
    Shell("fish", ("--no-config", "-i"), "entrepot completion fish | source", "set {} {}"),
)


@pytest.fixture(scope="module")
def exchange(sigv4_exchange: Exchange, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalExchange]:
    with local_exchange(sigv4_exchange, tmp_path_factory.mktemp("completion")) as running:
        yield running


@pytest.fixture(scope="module")
def goods(exchange: LocalExchange) -> Goods:
    return exchange.stock()


@pytest.fixture(scope="module", params=SHELLS, ids=lambda shell: shell.name)
def running_shell(
    request: pytest.FixtureRequest,
    exchange: LocalExchange,
    goods: Goods,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Terminal]:
    """A shell that completes, in a folder with a file, and with a data set's id in a variable of its own."""
    wanted: Shell = request.param
    path = shutil.which(wanted.name)
    if path is None:
        missing(f"{wanted.name} is not installed (Debian: apt-get install {wanted.name})")
        raise AssertionError
    folder = tmp_path_factory.mktemp(wanted.name)
    (folder / "a file.json").write_text("{}")
    environ = exchange.environ | {"INPUTRC": "/dev/null"}
    with on_terminal([path, *wanted.arguments], environ, columns=200) as terminal:
        # The words are split, so that what is typed is not taken for what is said.
        terminal.type(f"{wanted.set_up}; cd {folder}; echo set'-'up{ENTER}")
        terminal.wait_for("set-up\n")
        terminal.type(f"{wanted.assign.format('DATA_SET', goods.data_set_id)}; echo assig'n'ed{ENTER}")
        terminal.wait_for("assigned\n")
        yield terminal


@pytest.fixture
def shell(running_shell: Terminal) -> Iterator[Terminal]:
    """The same with an empty line again after the test."""
    yield running_shell
    running_shell.type(CTRL_U)


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("entrepot get-j", "get-job "),
        ("entrepot get-job --jo", "get-job --job-id "),
        ("true; entrepot list-jobs --output=ta", "--output=table "),
        ("entrepot list-jobs --color a", "--color auto "),
        ("entrepot completion fi", "completion fish "),
        ("entrepot help paginat", "help pagination "),
    ],
)
def test_words_are_completed(shell: Terminal, typed: str, completed: str) -> None:
    shell.type(typed + TAB)
    shell.wait_for(re.escape(completed))


def test_several_possibilities_are_listed(shell: Terminal) -> None:
    shell.type(f"entrepot get-{TAB}{TAB}")
    shell.wait_for("get-event-action")


def test_ids_come_from_the_exchange(shell: Terminal, goods: Goods) -> None:
    shell.type(f"entrepot start-job --job-id {TAB}")
    shell.wait_for(goods.waiting_job_id)


def test_an_id_in_a_variable_is_known(shell: Terminal, goods: Goods) -> None:
    shell.type(f"entrepot get-revision --data-set-id $DATA_SET --revision-id {TAB}")
    shell.wait_for(goods.revision_id)


def test_an_arn_is_completed_in_its_middle(shell: Terminal, goods: Goods) -> None:
    shell.type(f"entrepot tag-resource --resource-arn arn:aws:{TAB}")
    shell.wait_for(f"data-sets/{goods.data_set_id}")


def test_variables_are_completed_too(shell: Terminal) -> None:
    shell.type(f"entrepot get-data-set --data-set-id $DATA_S{TAB}")
    shell.wait_for(r"\$DATA_SET")


def test_paths_are_completed_and_quoted(shell: Terminal) -> None:
    shell.type(f"entrepot get-job --cli-input-json file://a{TAB}")
    shell.wait_for(r"a\\ file\.json")


def test_the_whole_line_runs(shell: Terminal, goods: Goods) -> None:
    shell.type(f"entrepot get-j{TAB}")
    shell.wait_for("get-job ")
    shell.type(f"--job-id {goods.job_id} --query Sta{TAB}")
    shell.wait_for("State")
    shell.type(ENTER)
    shell.wait_for('"COMPLETED"')
