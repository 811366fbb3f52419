"""Where credentials come from."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from entrepot.domain.errors import StoreAccessDenied
from entrepot.sigv4.signature_parameters import Credentials
from entrepot.stores.credentials import ChainCredentials, StaticCredentials


@pytest.fixture(autouse=True)
def bare_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))


def test_given_credentials_stay_what_they_are() -> None:
    source = StaticCredentials("key", "secret", "token")
    assert source.get() == Credentials("key", "secret", "token")
    assert not source.refresh(source.get())


def test_the_chain_reads_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    assert ChainCredentials().get() == Credentials("key", "secret")


def test_the_chain_is_walked_again_when_its_credentials_were_refused(tmp_path: Path) -> None:
    file = tmp_path / "credentials"
    file.write_text("[default]\naws_access_key_id = one\naws_secret_access_key = secret\n")
    source = ChainCredentials()
    first = source.get()
    assert first.access_key_id == "one"
    assert not source.refresh(first)
    file.write_text("[default]\naws_access_key_id = two\naws_secret_access_key = secret\n")
    assert source.get() == first
    assert source.refresh(first)
    assert source.get().access_key_id == "two"
    assert source.refresh(first)


def test_a_profile_is_taken_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "credentials").write_text("[b]\naws_access_key_id = b\naws_secret_access_key = s\n")
    assert ChainCredentials("b").get().access_key_id == "b"
    with pytest.raises(StoreAccessDenied, match="missing"):
        ChainCredentials("missing").get()


def test_a_process_of_the_chain_is_asked_again_when_its_credentials_expire(tmp_path: Path) -> None:
    answer = tmp_path / "answer.json"
    expired = {"Version": 1, "AccessKeyId": "a", "SecretAccessKey": "s", "SessionToken": "t"}
    answer.write_text(json.dumps({**expired, "Expiration": "2099-01-01T00:00:00Z"}))
    (tmp_path / "config").write_text(f"[default]\ncredential_process = cat {answer}\n")
    assert ChainCredentials().get() == Credentials("a", "s", "t")


def test_no_credentials_at_all_is_denied_with_advice() -> None:
    with pytest.raises(StoreAccessDenied, match="AWS_ACCESS_KEY_ID"):
        ChainCredentials().get()


def test_secrets_are_not_shown() -> None:
    assert "hush" not in repr(StaticCredentials("key", "hush", "hush-token").get())
