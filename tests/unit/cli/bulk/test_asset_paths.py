from __future__ import annotations

import os
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.cli.bulk.asset_paths import UnsafeName, path_of, paths_of

# What is special to paths comes up often.
names = st.text(st.sampled_from("./ab%") | st.characters(codec="utf-8"), max_size=40)


@pytest.mark.parametrize(
    "name", ["a", "a/b.csv", ".hidden", "..a", "a b/ü", "a%2Fb", "x" * 255, "con", "a\nb"]
)
def test_an_ordinary_name_is_its_path(name: str) -> None:
    assert path_of(name) == name
    assert path_of(name, escape=True) == name


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "empty"),
        ("/a", "begins with a slash"),
        ("a//b", "two slashes"),
        ("a/", "at the end"),
        ("..", "'..'"),
        ("a/../b", "'..'"),
        ("./a", "'.'"),
        ("a\0b", "NUL"),
        ("x" * 256, "longer than 255"),
        ("ü" * 128, "longer than 255"),
        (".entrepot-fetch/record.jsonl", "fetch's own"),
    ],
)
def test_a_name_from_which_no_safe_path_follows_is_refused_with_the_reason(name: str, reason: str) -> None:
    with pytest.raises(UnsafeName, match=reason):
        path_of(name)


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("/a", "%2Fa"),
        ("a//b", "a/%2Fb"),
        ("a///b", "a/%2F%2Fb"),
        ("dir/", "dir%2F"),
        ("..", "%2E%2E"),
        ("a/./b", "a/%2E/b"),
        ("a\0b", "a%00b"),
        ("//", "%2F%2F%2F"),
    ],
)
def test_escaping_makes_paths_of_such_names(name: str, path: str) -> None:
    assert path_of(name, escape=True) == path


@given(names, st.booleans())
def test_no_name_leads_out_of_the_folder(name: str, escape: bool) -> None:
    try:
        path = path_of(name, escape=escape)
    except UnsafeName:
        return
    assert os.path.normpath(f"/folder/{path}") == f"/folder/{path}"
    assert PurePosixPath(path).parts == tuple(path.split("/"))
    assert "\0" not in path


@given(st.lists(names, unique=True, max_size=8), st.booleans(), st.booleans())
def test_no_two_assets_share_a_file_and_none_is_lost(names: list[str], escape: bool, folds: bool) -> None:
    found = paths_of(
        ((str(number), name) for number, name in enumerate(names)), escape=escape, folds_case=folds
    )
    paths = [path.casefold() if folds else path for path in found.paths.values()]
    assert len(set(paths)) == len(paths)
    assert not any(other.startswith(f"{path}/") for path in paths for other in paths)
    assert found.paths.keys() | found.refused.keys() == {str(number) for number in range(len(names))}
    assert not found.paths.keys() & found.refused.keys()


def test_assets_of_one_name_are_all_refused() -> None:
    found = paths_of([("1", "a"), ("2", "a"), ("3", "b")])
    assert found.paths == {"3": "b"}
    assert found.refused.keys() == {"1", "2"}


def test_a_file_where_a_folder_would_have_to_be_keeps_its_place() -> None:
    found = paths_of([("1", "a"), ("2", "a/b"), ("3", "a/c/d"), ("4", "ab")])
    assert found.paths == {"1": "a", "4": "ab"}
    assert "'a'" in found.refused["2"]
    assert "'a'" in found.refused["3"]


def test_names_that_differ_in_case_collide_where_the_file_system_folds_it() -> None:
    assets = [("1", "Data.csv"), ("2", "data.csv")]
    assert len(paths_of(assets).paths) == 2
    assert paths_of(assets, folds_case=True).paths == {}
