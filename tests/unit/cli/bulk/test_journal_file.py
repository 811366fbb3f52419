from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.cli.bulk.failures import AlreadyRunning, CannotBegin
from entrepot.cli.bulk.journal_file import Record, read_lines
from entrepot.cli.bulk.upload_journal import Command, Journal, PutFile

COMMAND = Command("s3://bucket/", "a data set named x", "http://127.0.0.1 us-east-1", "KEY")


def test_lines_are_there_for_the_next_process(tmp_path: Path) -> None:
    with Record(tmp_path / "deep" / "record.jsonl", "work") as record:
        record.add({"a": 1})
        record.add({"b": "ü\ud800"})
    assert read_lines(tmp_path / "deep" / "record.jsonl") == [{"a": 1}, {"b": "ü\ud800"}]


@given(st.integers(min_value=0, max_value=60))
def test_a_torn_line_is_not_there_and_spoils_none_that_follows(
    tmp_path_factory: pytest.TempPathFactory, kept_bytes: int
) -> None:
    path = tmp_path_factory.mktemp("torn") / "record.jsonl"
    with Record(path, "work") as record:
        record.add({"first": 1})
        whole = path.stat().st_size
        record.add({"second": "x" * 40})
    with path.open("r+b") as file:
        file.truncate(min(whole + kept_bytes, path.stat().st_size))
    with Record(path, "work") as record:
        record.add({"third": 3})
        lines = record.lines()
    assert lines[0] == {"first": 1}
    assert lines[-1] == {"third": 3}
    assert all(line in ({"first": 1}, {"second": "x" * 40}, {"third": 3}) for line in lines)


def test_replacing_leaves_only_the_new_lines(tmp_path: Path) -> None:
    with Record(tmp_path / "record.jsonl", "work") as record:
        record.add({"old": 1})
        record.replace([{"new": 1}])
        record.add({"new": 2})
        assert record.lines() == [{"new": 1}, {"new": 2}]
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["record.jsonl", "record.lock"]


def test_a_record_belongs_to_one_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "record.jsonl"
    words = r"the work is running already \(process \d+\)"
    with Record(path, "the work"), pytest.raises(AlreadyRunning, match=words):
        Record(path, "the work")
    Record(path, "the work").close()


def test_a_place_that_cannot_be_written_to_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(CannotBegin, match="cannot be written"):
        Record(tmp_path / "file" / "record.jsonl", "work")


def test_a_journal_remembers_what_was_sent_to_which_revision(tmp_path: Path) -> None:
    with Journal.open(tmp_path, COMMAND) as journal:
        journal.note_data_set("ds")
        journal.begin_revision("ds", "rev")
        journal.note_sent("one", {"a": "etag", "b": "md5"})
        journal.note_sent("two", {"a": "other"})
        journal.note_staged("s3://way/", "c")
        journal.note_uploaded(["job"])
    found = Journal.look_at(tmp_path, COMMAND)
    assert (found.data_set_id, found.revision_id) == ("ds", "rev")
    assert (found.staging, found.staged) == ("s3://way/", {"c"})
    assert found.sent == {"one": {"a": "etag", "b": "md5"}, "two": {"a": "other"}}
    assert found.uploaded == {"job"}


def test_a_journal_remembers_what_may_be_on_the_way_until_it_is_removed(tmp_path: Path) -> None:
    with Journal.open(tmp_path, COMMAND) as journal:
        journal.note_put("one", {"a": PutFile("md5", "etag"), "b": PutFile("md5", "etag")})
        journal.note_staged("s3://elsewhere/", "x")
        journal.note_staged("s3://way/", "a")
        journal.begin_revision("ds", "rev")
        journal.note_put("two", {"b": PutFile("md5", "etag")})
        assert journal.arrived == {"b"}
        journal.note_staged("s3://way/", "b")
    found = Journal.look_at(tmp_path, COMMAND)
    assert (found.staging, found.staged) == ("s3://way/", {"a", "b"})
    assert found.put == {"two": {"b": PutFile("md5", "etag")}}
    assert found.arrived == set()  # what is put there anew has not arrived yet
    with Journal.open(tmp_path, COMMAND) as journal:
        journal.note_unstaged()
    assert Journal.look_at(tmp_path, COMMAND).staged == set()


def test_a_new_revision_forgets_what_was_sent_to_the_one_before(tmp_path: Path) -> None:
    with Journal.open(tmp_path, COMMAND) as journal:
        journal.begin_revision("ds", "one")
        journal.note_sent("job", {"a": "etag"})
        journal.begin_revision("ds", "two")
    found = Journal.look_at(tmp_path, COMMAND)
    assert (found.revision_id, found.sent) == ("two", {})


def test_looking_at_a_journal_makes_none(tmp_path: Path) -> None:
    assert Journal.look_at(tmp_path, COMMAND).revision_id is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "change",
    [{"source": "s3://b/"}, {"target": "y"}, {"exchange": "z"}, {"access_key_id": "K"}, {"host": "H"}],
)
def test_another_command_has_another_token(change: dict[str, str]) -> None:
    parts = {"source": "s", "target": "t", "exchange": "e", "access_key_id": "k", "host": "h"}
    assert Command(**parts).token == Command(**parts).token
    assert Command(**{**parts, **change}).token != Command(**parts).token


def test_what_the_exchange_keeps_of_a_command_is_the_same_from_everywhere() -> None:
    here = Command("/data", "t", "e", "k", host="h")
    assert Command("/data", "u", "f", "l", host="i").tag == here.tag
    assert Command("/other", "t", "e", "k", host="h").tag != here.tag
