from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha1
from pathlib import Path

import pytest

from entrepot.client.client_errors import CredentialsFailed, SettingInvalid
from entrepot.client.configuration import Configuration
from entrepot.client.credentials import check_single_sign_on, find_credentials

Find = Callable[..., str | None]
KEYS = "aws_access_key_id = {0}\naws_secret_access_key = secret\n"


@pytest.fixture
def find(tmp_path: Path) -> Find:
    """Finds keys and answers with the access key, and the token where there is one."""

    def found(
        *, config: str = "", credentials: str = "", profile: str | None = None, **environ: str
    ) -> str | None:
        folder = tmp_path / ".aws"
        folder.mkdir(exist_ok=True)
        (folder / "config").write_text(config)
        (folder / "credentials").write_text(credentials)
        environ = {"HOME": str(tmp_path), "AWS_EC2_METADATA_DISABLED": "true", **environ}
        source = find_credentials(Configuration(environ, profile), "us-east-1")
        if source is None:
            return None
        keys = source.current()
        return f"{keys.access_key_id} {keys.session_token}" if keys.session_token else keys.access_key_id

    return found


ENVIRONMENT = {"AWS_ACCESS_KEY_ID": "variable", "AWS_SECRET_ACCESS_KEY": "secret"}


def test_no_place_has_keys(find: Find) -> None:
    assert find() is None
    assert find(AWS_SECRET_ACCESS_KEY="secret") is None


def test_the_environment_comes_before_a_profile_that_it_names_itself(find: Find) -> None:
    credentials = "[a]\n" + KEYS.format("file")
    assert find(credentials=credentials, AWS_PROFILE="a", **ENVIRONMENT) == "variable"
    assert find(credentials=credentials, profile="a", **ENVIRONMENT) == "file"


def test_the_order_of_the_places_in_a_profile(find: Find) -> None:
    program = program_that_writes({"Version": 1, "AccessKeyId": "process", "SecretAccessKey": "secret"})
    config = f"[default]\ncredential_process = {program}\n{KEYS.format('config')}"
    assert find(config=config, credentials="[default]\n" + KEYS.format("file")) == "file"
    assert find(config=config) == "process"
    assert find(config="[default]\n" + KEYS.format("config")) == "config"


def test_old_places_come_after_the_profile(find: Find, tmp_path: Path) -> None:
    (tmp_path / "ec2").write_text("AWSAccessKeyId = old\nAWSSecretKey = secret\n")
    (tmp_path / ".boto").write_text("[Credentials]\n" + KEYS.format("older"))
    assert find(AWS_CREDENTIAL_FILE="~/ec2") == "old"
    assert find() == "older"
    with pytest.raises(
        CredentialsFailed, match=r"^The specified config file \(/absent\) could not be found\.$"
    ):
        find(AWS_CREDENTIAL_FILE="/absent")


def test_the_data_directory_is_asked_last(find: Find, tmp_path: Path) -> None:
    folder = tmp_path / "data" / "aws"
    folder.mkdir(parents=True)
    (folder / "credentials").write_text("[entrepot]\n" + KEYS.format("local"))
    data = {"ENTREPOT_DATA_DIR": str(tmp_path / "data")}
    assert find(**data) == "local"
    assert find(config="[default]\n" + KEYS.format("config"), **data) == "config"


def test_session_tokens_have_two_names(find: Find) -> None:
    assert find(AWS_SESSION_TOKEN="new", **ENVIRONMENT) == "variable new"
    assert find(AWS_SESSION_TOKEN="new", AWS_SECURITY_TOKEN="old", **ENVIRONMENT) == "variable old"
    assert find(credentials=f"[default]\n{KEYS.format('file')}aws_session_token = t\n") == "file t"


@pytest.mark.parametrize(
    ("place", "missing", "settings"),
    [
        ("env", "AWS_SECRET_ACCESS_KEY", {"AWS_ACCESS_KEY_ID": "x"}),
        (
            "shared-credentials-file",
            "aws_secret_access_key",
            {"credentials": "[default]\naws_access_key_id = x\n"},
        ),
        ("config-file", "aws_secret_access_key", {"config": "[default]\naws_access_key_id = x\n"}),
    ],
)
def test_half_a_key_is_an_error(find: Find, place: str, missing: str, settings: dict[str, str]) -> None:
    with pytest.raises(CredentialsFailed) as caught:
        find(**settings)
    assert caught.value.message == f"Partial credentials found in {place}, missing: {missing}"


def program_that_writes(answer: object) -> str:
    text = answer if isinstance(answer, str) else json.dumps(answer)
    return program(f"print({text!r})")


def program(code: str) -> str:
    quoted = code.replace("\\", "\\\\").replace('"', '\\"')
    return f'{sys.executable} -I -S -c "{quoted}"'


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (
            program("import sys; sys.exit('boom')"),
            "Error when retrieving credentials from custom-process: boom\n",
        ),
        (
            program_that_writes({}),
            "Error when retrieving credentials from custom-process: Unsupported version "
            "'<Version key not provided>' for credential process provider, supported versions: 1",
        ),
        (
            program_that_writes({"Version": 1, "AccessKeyId": "x"}),
            "Error when retrieving credentials from custom-process: "
            "Missing required key in response: 'SecretAccessKey'",
        ),
        (program_that_writes("nothing"), "Expecting value: line 1 column 1 (char 0)"),
        ("/absent/program", "[Errno 2] No such file or directory: '/absent/program'"),
        ("sh 'open", "No closing quotation"),
    ],
)
def test_a_process_that_gives_no_keys_says_why(find: Find, command: str, message: str) -> None:
    with pytest.raises(CredentialsFailed) as caught:
        find(config=f"[default]\ncredential_process = {command}\n")
    assert caught.value.message == message


def test_keys_that_expire_are_fetched_again(find: Find, tmp_path: Path) -> None:
    soon = (datetime.now(UTC) + timedelta(minutes=5)).isoformat()
    later = (datetime.now(UTC) + timedelta(hours=5)).isoformat()
    code = (
        f"import json,os; again=os.path.exists('{tmp_path}/ran'); open('{tmp_path}/ran','w');"
        "print(json.dumps(dict(Version=1,AccessKeyId='second' if again else 'first',SecretAccessKey='s',"
        f"Expiration='{later}' if again else '{soon}')))"
    )
    assert find(config=f"[default]\ncredential_process = {program(code)}\n") == "second"


def test_keys_that_are_still_expired_are_refused(find: Find) -> None:
    with pytest.raises(CredentialsFailed, match="the refreshed credentials are still expired"):
        find(AWS_CREDENTIAL_EXPIRATION="2001-01-01T00:00:00Z", **ENVIRONMENT)
    assert find(AWS_CREDENTIAL_EXPIRATION="Jan 1 2099 00:00:00 UTC", **ENVIRONMENT) == "variable"


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (
            "[default]\nrole_arn = arn:aws:iam::123456789012:role/r\n",
            "Partial credentials found in assume-role, missing: source_profile or credential_source",
        ),
        (
            "[default]\nrole_arn = arn:aws:iam::123456789012:role/r\nsource_profile = absent\n",
            'The source_profile "absent" referenced in the profile "default" does not exist.',
        ),
        (
            "[default]\nsso_account_id = 1\nsso_role_name = r\n",
            'The profile "default" is configured to use SSO but is missing required configuration: '
            "sso_start_url, sso_region",
        ),
    ],
)
def test_a_role_that_cannot_be_had_is_explained(find: Find, config: str, message: str) -> None:
    with pytest.raises(CredentialsFailed) as caught:
        find(config=config)
    assert caught.value.message == message


def test_cached_keys_of_a_role_need_no_request(find: Find, tmp_path: Path) -> None:
    """The cache is the AWS CLI's, under the name that it gives to this role."""
    cache = tmp_path / ".aws" / "cli" / "cache"
    cache.mkdir(parents=True)
    later = (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    keys = {"AccessKeyId": "cached", "SecretAccessKey": "s", "SessionToken": "t", "Expiration": later}
    role = json.dumps({"RoleArn": "arn:aws:iam::123456789012:role/r", "RoleSessionName": "session"})
    (cache / f"{sha1(role.encode()).hexdigest()}.json").write_text(json.dumps({"Credentials": keys}))
    config = (
        "[default]\nrole_arn = arn:aws:iam::123456789012:role/r\n"
        "role_session_name = session\nsource_profile = a\n"
    )
    assert find(config=config, credentials="[a]\n" + KEYS.format("source")) == "cached t"


def test_a_single_sign_on_session_that_is_named_must_be_whole(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("[default]\nsso_session = s\n[sso-session s]\nsso_region = x\n")
    configuration = Configuration({"AWS_CONFIG_FILE": str(tmp_path / "config"), "HOME": str(tmp_path)})
    with pytest.raises(SettingInvalid) as caught:
        check_single_sign_on(configuration)
    assert caught.value.message == (
        'The profile "default" is configured to use the SSO token provider but is missing the following '
        "configuration: ['sso_start_url']."
    )
