from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from entrepot.cli.aws.output.query import compile_query
from entrepot.cli.aws.output.terminal import Pager
from entrepot.cli.aws.output.writer import write
from entrepot.client.client_errors import OutputError, OutputLost, PagerUnavailable
from entrepot.client.command_line_model import Pagination
from entrepot.client.pagination import Pages


def listing(*answers: dict[str, Any], max_items: int | None = None) -> Pages:
    """The pages that a service gives out one after the other."""
    waiting = list(answers)
    return Pages(lambda _: waiting.pop(0), Pagination("Jobs"), {}, max_items, None)


def two_pages(max_items: int | None = None) -> Pages:
    return listing(
        {"Jobs": [{"Id": "a"}], "NextToken": "2"},
        {"Jobs": [{"Id": "b"}, {"Id": "c"}]},
        max_items=max_items,
    )


TOKEN = two_pages(max_items=2).full_result()["NextToken"]


def shown(
    capsys: pytest.CaptureFixture[str],
    answers: list[dict[str, Any]] | Pages,
    output_format: str,
    query: str | None = None,
) -> str:
    compiled = None if query is None else compile_query(query)
    write(answers, operation_name="ListJobs", output_format=output_format, query=compiled)
    return capsys.readouterr().out


@pytest.mark.parametrize(
    ("output_format", "query", "expected"),
    [
        ("text", None, f"JOBS\ta\nJOBS\tb\nNEXTTOKEN\t{TOKEN}\n"),
        ("text", "Jobs[].Id", "a\nb\nNone\n"),
        ("text", "NextToken", f"None\nNone\n{TOKEN}\n"),
        ("yaml-stream", None, "- Jobs:\n  - Id: a\n  NextToken: '2'\n- Jobs:\n  - Id: b\n"),
        ("yaml-stream", "Jobs[].Id", "- - a\n- - b\n"),
        ("yaml", None, f"Jobs:\n- Id: a\n- Id: b\nNextToken: {TOKEN}\n"),
        ("yaml", "length(Jobs)", "2\n"),
        ("json", "[length(Jobs), NextToken]", f'[\n    2,\n    "{TOKEN}"\n]\n'),
        ("off", None, ""),
    ],
)
def test_a_listing_is_shown_as_a_whole_or_page_by_page(
    output_format: str, query: str | None, expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert shown(capsys, two_pages(max_items=2), output_format, query) == expected


@pytest.mark.parametrize("output_format", ["json", "text", "table", "yaml", "yaml-stream", "off"])
def test_an_answer_without_members_is_nothing(output_format: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(capsys, [{}], output_format) == ""


def test_a_listing_without_its_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(capsys, listing({}), "json") == ""
    assert shown(capsys, listing({}), "text") == "None\n"
    assert shown(capsys, listing({}), "yaml-stream") == "- {}\n"
    assert shown(capsys, listing({"Jobs": []}), "json") == '{\n    "Jobs": []\n}\n'


def test_a_query_makes_even_an_empty_answer_something(capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(capsys, [{}], "json", "State") == "null\n"
    assert shown(capsys, [{}], "yaml-stream", "State") == "- null\n"


def test_no_page_is_fetched_for_a_format_that_does_not_exist() -> None:
    def fetch(_: Mapping[str, Any]) -> dict[str, Any]:
        raise AssertionError

    pages = Pages(fetch, Pagination("Jobs"), {}, None, None)
    with pytest.raises(OutputError, match=r"^Unknown output type: xml$"):
        write(pages, operation_name="ListJobs", output_format="xml")


@pytest.mark.parametrize(
    ("output_format", "written"),
    [("json", '{\n    "Id": "x",\n    "Name": '), ("text", ""), ("yaml", ""), ("yaml-stream", "")],
)
def test_half_a_surrogate_pair_ends_the_output_where_it_stands(
    output_format: str, written: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    behind = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(behind, encoding="utf-8"))
    with pytest.raises(OutputError, match="surrogates not allowed"):
        write([{"Id": "x", "Name": "a\ud83d"}], operation_name="GetJob", output_format=output_format)
    assert behind.getvalue().decode() == written


@pytest.mark.parametrize("output_format", ["json", "text", "table", "yaml", "yaml-stream"])
def test_an_output_that_was_closed_before_is_told(
    output_format: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    with pytest.raises(OutputError, match=r"^Standard output is closed\.$"):
        write([{"Id": "x"}], operation_name="GetJob", output_format=output_format)


class _Left(io.StringIO):
    """A reader who went away."""

    def write(self, text: str, /) -> int:
        raise BrokenPipeError(32, "Broken pipe")


@pytest.mark.parametrize("output_format", ["json", "table", "yaml", "yaml-stream"])
def test_a_reader_who_left_is_no_error(output_format: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", _Left())
    write([{"Id": "x"}], operation_name="GetJob", output_format=output_format)


def test_a_reader_who_left_is_one_with_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", _Left())
    with pytest.raises(OutputError, match=r"^\[Errno 32\] Broken pipe$"):
        write([{"Id": "x"}], operation_name="GetJob", output_format="text")


class TestPager:
    @pytest.fixture(autouse=True)
    def _terminal(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("entrepot.cli.aws.output.writer.on_terminal", lambda: True)

    def test_output_goes_through_it(self, capfd: pytest.CaptureFixture[str]) -> None:
        pager = Pager("sed 's/^/a page: /'", dict(os.environ))
        write([{"Id": "x"}], operation_name="GetJob", output_format="text", pager=pager)
        assert capfd.readouterr().out == "a page: x\n"

    @pytest.mark.parametrize(("environ", "flags"), [({}, "FRX"), ({"LESS": "i"}, "i")])
    def test_less_is_told_to_leave_short_output_alone(
        self, environ: dict[str, str], flags: str, capfd: pytest.CaptureFixture[str]
    ) -> None:
        pager = Pager("sh -c 'cat; echo $LESS'", {"PATH": os.environ["PATH"], **environ})
        write([{"Id": "x"}], operation_name="GetJob", output_format="text", pager=pager)
        assert capfd.readouterr().out == f"x\n{flags}\n"

    def test_a_missing_one_is_told(self) -> None:
        pager = Pager("no-such-pager", dict(os.environ))
        with pytest.raises(PagerUnavailable) as raised:
            write([{"Id": "x"}], operation_name="GetJob", output_format="json", pager=pager)
        assert raised.value.message == (
            "Unable to redirect output to pager. Received the following error when opening pager:\n"
            "[Errno 2] No such file or directory: 'no-such-pager'\n\n"
            'Learn more about configuring the output pager by running "aws help config-vars".'
        )

    def test_a_missing_one_does_not_matter_without_output(self) -> None:
        pager = Pager("no-such-pager", dict(os.environ))
        write([{}], operation_name="StartJob", output_format="json", pager=pager)

    def test_an_open_quotation_is_told(self) -> None:
        with pytest.raises(OutputError, match=r"^No closing quotation$"):
            write(
                [{"Id": "x"}],
                operation_name="GetJob",
                output_format="json",
                pager=Pager("less '", dict(os.environ)),
            )

    @pytest.mark.parametrize("output_format", ["json", "text", "yaml-stream"])
    def test_leaving_it_early_is_no_error(
        self, output_format: str, capfd: pytest.CaptureFixture[str]
    ) -> None:
        pager = Pager("true", dict(os.environ))
        answer = {"Names": ["x" * 100] * 5000}
        write([answer], operation_name="GetJob", output_format=output_format, pager=pager)
        assert capfd.readouterr() == ("", "")

    def test_an_empty_one_is_none(self, capsys: pytest.CaptureFixture[str]) -> None:
        write([{"Id": "x"}], operation_name="GetJob", output_format="text", pager=Pager("", {}))
        assert capsys.readouterr().out == "x\n"


class TestColour:
    PROGRAM = """
import sys
from entrepot.cli.aws.output.writer import write
write([{"a": "b"}], operation_name="GetJob", output_format="table", colour=sys.argv[1])
sys.stderr.write("told")
"""

    def told(self, colour: str, tmp_path: Path) -> tuple[str, str]:
        done = subprocess.run(
            [sys.executable, "-c", self.PROGRAM, colour],
            capture_output=True,
            text=True,
            check=True,
            cwd=tmp_path,
        )
        return done.stdout, done.stderr

    @pytest.mark.parametrize("colour", ["off", "auto"])
    def test_there_is_none_in_a_pipe(self, colour: str, tmp_path: Path) -> None:
        assert "\x1b" not in "".join(self.told(colour, tmp_path))

    def test_everything_is_reset_when_it_is_on(self, tmp_path: Path) -> None:
        out, err = self.told("on", tmp_path)
        reset, value = "\x1b[0m", "\x1b[1m\x1b[34m"
        line_end = f"{reset}{reset}\n{reset}{reset}"
        assert out == (
            f"------------\n{reset}{reset}|  GetJob  |{line_end}+----+-----+{line_end}"
            f"|  {value}a{reset} |  {value}b{reset}  |{line_end}+----+-----+{reset}{reset}\n{reset}"
        )
        assert err == f"told{reset}"


def test_json_needs_none_of_the_other_formats_modules(tmp_path: Path) -> None:
    program = """
import sys
from entrepot.cli.aws.output.writer import write
write([{"Id": "x"}], operation_name="GetJob", output_format="json")
heavy = ("jmespath", "ruamel", "unicodedata", "subprocess", "shlex")
print([name for name in heavy if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == '{\n    "Id": "x"\n}\n[]\n'


@pytest.mark.parametrize("output_format", ["json", "table", "yaml", "yaml-stream"])
def test_a_full_disk_is_told_and_a_reader_who_went_away_is_not(
    output_format: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = {"Jobs": [{"Id": "x" * 100} for _ in range(2000)]}
    with Path("/dev/full").open("w") as full, monkeypatch.context() as patched:
        patched.setattr(sys, "stdout", full)
        with pytest.raises(OutputLost, match="No space left on device"):
            write([answer], operation_name="ListJobs", output_format=output_format)
        os.dup2(os.open(os.devnull, os.O_WRONLY), full.fileno())
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as unread, monkeypatch.context() as patched:
        patched.setattr(sys, "stdout", unread)
        write([answer], operation_name="ListJobs", output_format=output_format)
        os.dup2(os.open(os.devnull, os.O_WRONLY), unread.fileno())
