from __future__ import annotations

import re
from pathlib import Path

import pytest

from entrepot.domain.api_endpoint import ApiTarget
from entrepot.domain.errors import ConfigurationError
from entrepot.domain.job import JobType
from entrepot.domain.limits import Limit
from entrepot.domain.scope import Scope
from entrepot.settings.options import OPTIONS
from entrepot.settings.settings import Settings, local_url
from entrepot.settings.values import AuthMode, StoreLocation


def test_an_option_beats_the_environment_which_beats_the_default(tmp_path: Path) -> None:
    environ = {"ENTREPOT_DATA_DIR": str(tmp_path), "ENTREPOT_PORT": "1000", "ENTREPOT_REGION": "eu-west-1"}
    settings = Settings.load({"port": "2000", "region": None}, environ)
    assert (settings.port, settings.region, settings.auth) == (2000, "eu-west-1", AuthMode.SIGV4)
    assert (settings.sources["port"], settings.sources["region"], settings.sources["auth"]) == (
        "--port",
        "ENTREPOT_REGION",
        "default",
    )


def test_what_is_not_given_lies_in_the_data_directory(tmp_path: Path) -> None:
    settings = Settings.load({"data_dir": str(tmp_path)}, {})
    assert settings.database == f"sqlite:///{tmp_path}/entrepot.sqlite"
    assert settings.assets_folder == tmp_path / "assets"
    assert settings.public_url == "http://127.0.0.1:8250"


def test_our_variable_of_the_s3_endpoint_beats_that_of_aws() -> None:
    both = {"AWS_ENDPOINT_URL_S3": "http://aws:1", "ENTREPOT_S3_ENDPOINT_URL": "http://ours:2/"}
    assert Settings.load({}, both).s3_endpoint_url == "http://ours:2"
    del both["ENTREPOT_S3_ENDPOINT_URL"]
    assert Settings.load({}, both).s3_endpoint_url == "http://aws:1"


def test_an_empty_variable_counts_as_not_set() -> None:
    assert Settings.load({}, {"ENTREPOT_PORT": ""}).port == 8250


@pytest.mark.parametrize(
    ("variable", "value", "allowed"),
    [
        ("ENTREPOT_PORT", "65536", "from 0 to 65535"),
        ("ENTREPOT_PORT", "http", "from 0 to 65535"),
        ("ENTREPOT_AUTH", "none", "sigv4"),
        ("ENTREPOT_STORE", "gs://bucket", "s3://bucket/prefix"),
        ("ENTREPOT_STORE", "s3://B", "s3://bucket/prefix"),
        ("ENTREPOT_DATABASE", "mysql://host/name", "postgresql://"),
        ("ENTREPOT_S3_ENDPOINT_URL", "localhost:8333", "http://host:port"),
        ("ENTREPOT_PUBLIC_URL", "https://host:99999", "https://host:port"),
        ("ENTREPOT_REGION", "US EAST", "us-east-1"),
        ("ENTREPOT_JOB_WORKERS", "-1", "from 0"),
        ("ENTREPOT_LIMITS", "[]", "JSON object"),
        ("ENTREPOT_LIMITS", '{"Data sets per account": true}', "whole numbers"),
        ("ENTREPOT_LIMITS", '{"Data sets": 1}', "Data sets per account"),
        ("ENTREPOT_LIMITS", '{"Data sets": 1}', 'not {"Data sets": 1}.'),
        ("ENTREPOT_JOB_TIMEOUT", "0", "from 1"),
        ("ENTREPOT_JOB_TIMEOUT", "60,", "once"),
        ("ENTREPOT_JOB_TIMEOUT", "60,70", "once"),
        ("ENTREPOT_JOB_TIMEOUT", "EXPORT_ASSETS_TO_S3=1d", "from 1"),
        ("ENTREPOT_JOB_TIMEOUT", "EXPORT_ASSETS_TO_S3=", "from 1"),
        ("ENTREPOT_JOB_TIMEOUT", "=60", "EXPORT_REVISIONS_TO_S3"),
        ("ENTREPOT_JOB_TIMEOUT", "EXPORT=60", "EXPORT_REVISIONS_TO_S3"),
        ("ENTREPOT_JOB_TIMEOUT", "EXPORT_ASSETS_TO_S3=1,EXPORT_ASSETS_TO_S3=2", "once"),
        ("ENTREPOT_SERVER_SIDE_COPY", "no", "true or false"),
        ("ENTREPOT_ALLOWED_NETWORKS", "10.0.0.1/8", "10.0.0.0/8"),
        ("ENTREPOT_ALLOWED_NETWORKS", "localhost", "10.0.0.0/8"),
        ("ENTREPOT_API_ENDPOINT", "https://{Nope}.example", "{ApiId}"),
        ("ENTREPOT_API_ENDPOINT", '{"a": "b"}', '"weather/prod"'),
        ("ENTREPOT_API_ENDPOINT", "/no/such/file.json", "cannot be read"),
        ("ENTREPOT_GLUE_ENDPOINT_URL", "AWS", "aws (AWS's own endpoint of each Region), or http://host:port"),
    ],
)
def test_a_bad_value_is_named_with_what_is_allowed(variable: str, value: str, allowed: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(variable)) as caught:
        Settings.load({}, {variable: value})
    assert allowed in caught.value.message


def test_an_error_about_a_database_url_keeps_its_password_to_itself() -> None:
    with pytest.raises(ConfigurationError) as caught:
        Settings.load({"database": "mysql://me:secret@host/name"}, {})
    assert "secret" not in caught.value.message
    assert "--database" in caught.value.message


def test_a_child_process_loads_the_very_same_settings(tmp_path: Path) -> None:
    given = {
        "ENTREPOT_DATA_DIR": str(tmp_path),
        "ENTREPOT_STORE": "s3://bucket/some/prefix/",
        "ENTREPOT_LIMITS": '{"Asset size in GB": 1}',
        "ENTREPOT_S3_ENDPOINT_URL": "https://s3.example",
        "ENTREPOT_JOB_TIMEOUT": "60, EXPORT_REVISIONS_TO_S3 = 1000000",
        "ENTREPOT_LAKE_FORMATION_ENDPOINT_URL": "http://lake:5000/",
        "ENTREPOT_STS_ENDPOINT_URL": "aws",
        "ENTREPOT_SERVER_SIDE_COPY": "false",
        "ENTREPOT_SHARE_STORE_BUCKET": "true",
        "ENTREPOT_API_ENDPOINT": '{"weather/prod": "https://weather.example"}',
        "ENTREPOT_ALLOWED_NETWORKS": "10.0.0.0/8, fd00::/8",
    }
    parent = Settings.load({"auth": "trust"}, given).listening_on(4711)
    child = Settings.load({}, parent.to_environ())
    assert child.store == StoreLocation("bucket", "some/prefix/")
    assert child.limits[Limit.ASSET_SIZE_IN_GB] == 1
    assert child.public_url == "http://127.0.0.1:4711"
    for option in OPTIONS:
        assert getattr(child, option.name) == getattr(parent, option.name)


@pytest.mark.parametrize(
    ("value", "imports", "exports"),
    [
        ("60", 60, 60),
        ("60,EXPORT_ASSETS_TO_S3=70", 60, 70),
        ("EXPORT_ASSETS_TO_S3=70,60", 60, 70),
        ("EXPORT_ASSETS_TO_S3=70", 86_400, 70),
        ("EXPORT_ASSETS_TO_S3=70,IMPORT_ASSETS_FROM_S3=80", 80, 70),
    ],
)
def test_a_job_type_may_have_a_time_of_its_own(value: str, imports: int, exports: int) -> None:
    timeouts = Settings.load({}, {"ENTREPOT_JOB_TIMEOUT": value}).job_timeouts
    assert timeouts[JobType.IMPORT_ASSETS_FROM_S3] == imports
    assert timeouts[JobType.EXPORT_ASSETS_TO_S3] == exports


def test_a_table_of_apis_may_be_in_a_file(tmp_path: Path) -> None:
    table = tmp_path / "apis.json"
    table.write_text('{"weather/prod": "https://weather.example/v2"}')
    settings = Settings.load({}, {"ENTREPOT_API_ENDPOINT": str(table)})
    found = settings.api_endpoint.find("weather", "prod", Scope("1" * 12, "us-east-1"))
    assert found == ApiTarget("https://weather.example/v2", trusted=True)
    assert settings.to_environ()["ENTREPOT_API_ENDPOINT"] == str(table)


def test_a_given_public_url_does_not_follow_the_port() -> None:
    settings = Settings.load({"public_url": "https://exchange.example/base/"}, {})
    assert settings.listening_on(1).public_url == "https://exchange.example/base"


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:1"),
        ("0.0.0.0", "http://localhost:1"),
        ("::", "http://localhost:1"),
        ("::1", "http://[::1]:1"),
        ("exchange", "http://exchange:1"),
    ],
)
def test_the_local_url_is_one_a_client_can_use(host: str, url: str) -> None:
    assert local_url(host, 1) == url


def test_secrets_are_never_shown() -> None:
    settings = Settings.load({}, {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "hidden"})
    shown = repr(settings) + repr(settings.described())
    assert "hidden" not in shown


def test_a_password_of_a_proxy_is_never_shown() -> None:
    settings = Settings.load(
        {}, {"HTTPS_PROXY": "http://me:hidden@proxy:1", "http_proxy": "me:hidden@proxy:2"}
    )
    assert "hidden" not in repr(settings) + repr(settings.described())
    assert ("http_proxy", "http://me:***@proxy:2", "http_proxy") in settings.described()


@pytest.mark.parametrize(
    ("text", "expected"), [("true", True), ("1", True), ("False", False), ("0", False), ("", True)]
)
def test_server_side_copies_can_be_switched_off(text: str, expected: bool) -> None:
    assert Settings.load({}, {"ENTREPOT_SERVER_SIDE_COPY": text}).server_side_copy is expected


def test_proxies_are_those_of_the_environment_and_lower_case_counts_first() -> None:
    environ = {
        "HTTPS_PROXY": "http://upper:1",
        "https_proxy": "http://lower:2",
        "HTTP_PROXY": "plain:3",
        "NO_PROXY": "localhost, .internal,,127.0.0.1:9000",
    }
    settings = Settings.load({}, environ)
    assert settings.proxies == {"https": "http://lower:2", "http": "http://plain:3"}
    assert settings.no_proxy == ("localhost", ".internal", "127.0.0.1:9000")
    assert ("no_proxy", "localhost,.internal,127.0.0.1:9000", "NO_PROXY") in settings.described()
    assert Settings.load({}, {}).proxies == {}


def test_half_a_key_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="AWS_SECRET_ACCESS_KEY"):
        Settings.load({}, {"AWS_ACCESS_KEY_ID": "AKIA"})
