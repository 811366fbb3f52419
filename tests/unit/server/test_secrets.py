from __future__ import annotations

import logging
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from entrepot.domain.errors import ConfigurationError
from entrepot.server.secrets import SecretBox, create_key_file

SECRET = b"wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
CRASH = (
    "import os, sys; from pathlib import Path; from entrepot.server.secrets import create_key_file; "
    "os.link = lambda *_: os._exit(9); create_key_file(Path(sys.argv[1]))"
)


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "secret.key"
    assert create_key_file(path)
    return path


class TestKeyFile:
    def test_it_is_its_owners_alone(self, key_file: Path) -> None:
        assert key_file.stat().st_mode & 0o777 == 0o600
        assert [path.name for path in key_file.parent.iterdir()] == ["secret.key"]

    def test_one_that_is_there_is_never_replaced(self, key_file: Path) -> None:
        before = key_file.read_bytes()
        assert not create_key_file(key_file)
        assert key_file.read_bytes() == before

    def test_of_many_processes_at_once_one_makes_it(self, tmp_path: Path) -> None:
        with ThreadPoolExecutor(8) as pool:
            made = list(pool.map(create_key_file, [tmp_path / "secret.key"] * 32))
        assert sum(made) == 1
        assert [path.name for path in tmp_path.iterdir()] == ["secret.key"]

    def test_after_a_crash_before_it_is_in_place_it_is_made_anew(self, tmp_path: Path) -> None:
        path = tmp_path / "secret.key"
        crashed = subprocess.run([sys.executable, "-c", CRASH, str(path)], check=False, timeout=30)
        assert crashed.returncode == 9
        assert not path.exists()
        assert create_key_file(path)
        SecretBox(path)

    def test_a_folder_that_is_not_there_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigurationError, match=r"nowhere/secret\.key cannot be written: No such file"):
            create_key_file(tmp_path / "nowhere" / "secret.key")

    def test_a_missing_one_is_named_with_what_to_do(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigurationError, match=r"There is no key file .*secret\.key\. Restore it"):
            SecretBox(tmp_path / "secret.key")

    def test_one_that_cannot_be_read_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigurationError, match="cannot be read: Is a directory"):
            SecretBox(tmp_path)

    @pytest.mark.parametrize(
        "content", [b"", b"hello", b"entrepot-key-1:", b"entrepot-key-1:c2hvcnQ=\n", b"entrepot-key-1:\xff\n"]
    )
    def test_a_damaged_one_is_refused(self, key_file: Path, content: bytes) -> None:
        key_file.write_bytes(content)
        with pytest.raises(ConfigurationError, match="is not a key file of Entrepot, or is damaged"):
            SecretBox(key_file)

    def test_one_that_others_may_read_is_used_with_a_warning(
        self, key_file: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.WARNING):
            SecretBox(key_file)
            assert not caplog.records
            key_file.chmod(0o644)
            SecretBox(key_file)
        assert caplog.messages == [
            f"Other users of this machine may read the key file {key_file}. Run: chmod 600 {key_file}"
        ]


class TestSealing:
    def test_what_is_sealed_can_be_opened_after_a_restart(self, key_file: Path) -> None:
        sealed = SecretBox(key_file).seal(SECRET, "AKIA1")
        assert SecretBox(key_file).open(sealed, "AKIA1") == SECRET

    def test_what_is_sealed_does_not_show_the_secret_and_never_repeats(self, key_file: Path) -> None:
        box = SecretBox(key_file)
        sealed = box.seal(SECRET, "AKIA1")
        assert SECRET.decode() not in sealed
        assert sealed != box.seal(SECRET, "AKIA1")

    def test_a_secret_cannot_be_moved_to_another_key(self, key_file: Path) -> None:
        box = SecretBox(key_file)
        with pytest.raises(ConfigurationError, match="The secret of 'AKIA2' cannot be decrypted"):
            box.open(box.seal(SECRET, "AKIA1"), "AKIA2")

    def test_another_key_file_does_not_open_it(self, key_file: Path, tmp_path: Path) -> None:
        other = tmp_path / "other.key"
        create_key_file(other)
        with pytest.raises(ConfigurationError, match="Restore the key file that belongs to this database"):
            SecretBox(other).open(SecretBox(key_file).seal(SECRET, "AKIA1"), "AKIA1")

    @pytest.mark.parametrize("sealed", ["", "1:", "1:####", "1:" + "A" * 8, "plain text", "ü"])
    def test_what_was_never_sealed_is_refused(self, key_file: Path, sealed: str) -> None:
        with pytest.raises(ConfigurationError):
            SecretBox(key_file).open(sealed, "AKIA1")

    def test_one_changed_bit_is_found(self, key_file: Path) -> None:
        box = SecretBox(key_file)
        sealed = box.seal(SECRET, "AKIA1")
        changed = sealed[:-6] + ("B" if sealed[-6] == "A" else "A") + sealed[-5:]
        with pytest.raises(ConfigurationError):
            box.open(changed, "AKIA1")


class TestDerivedKeys:
    def test_they_are_those_of_hkdf(self, key_file: Path) -> None:
        box = SecretBox(key_file)
        expected = HKDF(SHA256(), 32, salt=b"entrepot", info=b"page tokens").derive(box._root)
        assert box.derive("page tokens") == expected

    def test_each_purpose_has_its_own_and_keeps_it(self, key_file: Path) -> None:
        box = SecretBox(key_file)
        assert box.derive("page tokens") == SecretBox(key_file).derive("page tokens")
        assert box.derive("page tokens") != box.derive("signed urls")

    def test_deriving_them_loads_no_cryptography(self, key_file: Path) -> None:
        program = (
            "import sys; from pathlib import Path; from entrepot.server.secrets import SecretBox; "
            "SecretBox(Path(sys.argv[1])).derive('page tokens'); sys.exit('cryptography' in sys.modules)"
        )
        subprocess.run(
            [sys.executable, "-c", program, str(key_file)], check=True, timeout=30, env=dict(os.environ)
        )
