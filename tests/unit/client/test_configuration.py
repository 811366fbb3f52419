from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from entrepot.client.client_errors import ClientConfigurationError, ProfileNotFound, SettingInvalid
from entrepot.client.configuration import Configuration

Make = Callable[..., Configuration]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def configuration(
        *, config: str = "", credentials: str = "", profile: str | None = None, **environ: str
    ) -> Configuration:
        folder = tmp_path / ".aws"
        folder.mkdir()
        if config:
            (folder / "config").write_text(config)
        if credentials:
            (folder / "credentials").write_text(credentials)
        return Configuration({"HOME": str(tmp_path), **environ}, profile)

    return configuration


def test_variables_come_first_then_the_profile(make: Make) -> None:
    configuration = make(config="[default]\nregion = of-file\n", AWS_DEFAULT_REGION="of-variable")
    assert configuration.setting("region", "AWS_REGION", "AWS_DEFAULT_REGION") == "of-variable"
    assert configuration.setting("region", "AWS_REGION") == "of-file"


def test_an_empty_variable_is_set(make: Make) -> None:
    assert make(config="[default]\nregion = x\n", AWS_REGION="").setting("region", "AWS_REGION") == ""


def test_the_credentials_file_wins_over_the_config_file(make: Make) -> None:
    configuration = make(
        config="[profile a]\nregion = b\noutput = text\n", credentials="[a]\nregion = c\n", profile="a"
    )
    assert configuration.setting("region") == "c"
    assert configuration.output() == "text"


def test_the_option_names_the_profile_before_the_variables_do(make: Make) -> None:
    configuration = make(AWS_PROFILE="b", AWS_DEFAULT_PROFILE="c", profile="a")
    assert (configuration.profile, configuration.named_by_option) == ("a", True)
    configuration.use_profile("")
    assert (configuration.profile, configuration.named_by_option) == ("b", False)


def test_a_profile_that_is_named_must_exist_and_an_empty_name_is_one(make: Make) -> None:
    with pytest.raises(ProfileNotFound, match=r"^The config profile \(\) could not be found$"):
        make(AWS_PROFILE="").section()


def test_without_a_name_there_need_be_no_profile(make: Make) -> None:
    assert make().section() == {}


def test_formats_do_not_mind_a_profile_that_is_absent(make: Make) -> None:
    configuration = make(profile="absent")
    assert (configuration.timestamp_format(), configuration.binary_format()) == ("iso8601", "base64")
    assert configuration.auto_prompt() == "off"


def test_unknown_formats_are_refused(make: Make) -> None:
    configuration = make(config="[default]\ncli_timestamp_format = none\ncli_binary_format = hex\n")
    with pytest.raises(ClientConfigurationError) as caught:
        configuration.timestamp_format()
    assert caught.value.message == (
        'Unknown cli_timestamp_format value: none, valid values are "wire" or "iso8601"'
    )
    with pytest.raises(SettingInvalid, match=r"^'hex'$"):
        configuration.binary_format()


def test_the_prompt_is_decided_before_options_are_known(make: Make) -> None:
    configuration = make(
        config="[default]\ncli_auto_prompt = ON\n[profile a]\ncli_auto_prompt = off\n", profile="a"
    )
    assert configuration.auto_prompt() == "on"


@pytest.mark.parametrize(
    ("environ", "pager"),
    [
        ({}, "of-profile"),
        ({"PAGER": "more"}, "of-profile"),
        ({"AWS_PAGER": ""}, ""),
        ({"AWS_PROFILE": "bare", "PAGER": "more"}, "more"),
        ({"AWS_PROFILE": "bare"}, "less"),
    ],
)
def test_the_pager(make: Make, environ: dict[str, str], pager: str) -> None:
    configuration = make(config="[default]\ncli_pager = of-profile\n[profile bare]\nx = y\n", **environ)
    assert configuration.pager() == pager


def test_a_services_section_that_is_named_must_exist(make: Make) -> None:
    configuration = make(config="[default]\nservices = absent\n")
    with pytest.raises(SettingInvalid) as caught:
        configuration.service_setting("endpoint_url")
    assert caught.value.message == (
        'The profile is configured to use the services section but the "absent" services '
        "configuration does not exist."
    )


def test_the_data_directory_has_the_last_word(make: Make, tmp_path: Path) -> None:
    configuration = make(ENTREPOT_DATA_DIR=str(tmp_path / "data"))
    folder = tmp_path / "data" / "aws"
    folder.mkdir(parents=True)
    (folder / "config").write_text(
        "[profile entrepot]\nregion = us-east-1\nendpoint_url = http://local:8250\n"
    )
    (folder / "credentials").write_text("[entrepot]\naws_access_key_id = A\naws_secret_access_key = B\n")
    assert configuration.data_directory_setting("endpoint_url") == "http://local:8250"
    assert configuration.data_directory_setting("aws_secret_access_key") == "B"
    assert configuration.setting("region") is None
