from __future__ import annotations

from pathlib import Path

import pytest

from entrepot.client.client_errors import ConfigFileInvalid
from entrepot.client.config_file import expand, read_config, read_sections


def written(folder: Path, text: str | bytes) -> str:
    path = folder / "file"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


def test_profiles_sessions_and_services_are_told_apart_by_their_titles(tmp_path: Path) -> None:
    config = read_config(
        written(
            tmp_path,
            "[default]\nregion = a\n[profile one]\nregion = b\n[profile 'two words']\nregion = c\n[alpha]\n"
            "[profile too many words]\nx = y\n[profile 'open]\nx = y\n"
            "[sso-session s]\nsso_region = d\n[services e]\ndataexchange =\n  endpoint_url = http://f\n",
        )
    )
    assert config is not None
    assert config.profiles == {
        "default": {"region": "a"},
        "one": {"region": "b"},
        "two words": {"region": "c"},
    }
    assert config.sso_sessions == {"s": {"sso_region": "d"}}
    assert config.services == {"e": {"dataexchange": {"endpoint_url": "http://f"}}}


def test_keys_are_small_letters_and_values_have_no_comments(tmp_path: Path) -> None:
    assert read_sections(written(tmp_path, "[a]\nKEY : value # not a comment\n; a comment\n")) == {
        "a": {"key": "value # not a comment"}
    }


def test_what_stands_in_the_defaults_section_stands_in_all(tmp_path: Path) -> None:
    assert read_sections(written(tmp_path, "[DEFAULT]\na = 1\n[b]\nc = 2\n")) == {"b": {"a": "1", "c": "2"}}


@pytest.mark.parametrize(
    "text",
    [
        "region = x\n",
        "[default]\nregion = x\nregion = y\n",
        "[default]\n[default]\n",
        "[default]\nregion\n",
        "[default]\ns3 =\n  no equals sign\n",
        b"[default]\nregion = \xff\n",
        "\ufeff[default]\n",
    ],
)
def test_a_file_that_cannot_be_parsed_is_named(tmp_path: Path, text: str | bytes) -> None:
    path = written(tmp_path, text)
    with pytest.raises(ConfigFileInvalid) as caught:
        read_sections(path)
    assert caught.value.message == f"Unable to parse config file: {path}"


def test_no_file_is_no_file_and_a_folder_is_none_either(tmp_path: Path) -> None:
    assert read_config(str(tmp_path / "absent")) is None
    assert read_sections(str(tmp_path)) is None
    assert read_sections("") is None


@pytest.mark.parametrize(
    ("path", "expanded"),
    [
        ("~/.aws/config", "/home/me/.aws/config"),
        ("~", "/home/me"),
        ("$HOME/c", "/home/me/c"),
        ("${HOME}/c", "/home/me/c"),
        ("$NOT_SET/c", "$NOT_SET/c"),
        ("a~b", "a~b"),
        ("", ""),
    ],
)
def test_paths_are_expanded_by_the_environment_that_is_given(path: str, expanded: str) -> None:
    assert expand(path, {"HOME": "/home/me"}) == expanded
