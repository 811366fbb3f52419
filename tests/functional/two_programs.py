"""The AWS CLI and `entrepot`, each given the same arguments against the same exchange."""

from __future__ import annotations

import os
import re
import subprocess
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.parity.placeholders import without_program

ENTREPOT: Final = [str(Path(sysconfig.get_path("scripts")) / "entrepot")]
_METADATA = re.compile(r'    "ResponseMetadata": \{\n.*?\n    \},\n', re.DOTALL)
_SIGNED_URL = re.compile(r'(?<="SignedUrl": ")[^"]+')
_ID = re.compile(r"\b[0-9a-f]{32}\b")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{6})?\+00:00")


@dataclass(frozen=True, slots=True)
class Ran:
    """What a program said, and the status with which it ended."""

    stdout: str
    stderr: str
    status: int


@dataclass(frozen=True, slots=True)
class Program:
    """One of the two, in an environment where nothing differs but the account."""

    command: list[str]
    url: str
    folder: Path
    account: str

    def run(self, *arguments: str, stdin: str | None = None) -> Ran:
        """Runs an operation. (The URL is an option, as editions before 2.13 know no AWS_ENDPOINT_URL.)"""
        ran = subprocess.run(
            [*self.command, *arguments, "--endpoint-url", self.url],
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(self.folder),
                "LANG": "C.UTF-8",
                "TZ": "UTC",
                "AWS_ACCESS_KEY_ID": self.account,
                "AWS_SECRET_ACCESS_KEY": "any",
                "AWS_DEFAULT_REGION": "us-east-1",
                "AWS_PAGER": "",
                "AWS_EC2_METADATA_DISABLED": "true",
            },
            cwd=self.folder,
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        return Ran(ran.stdout, without_program(ran.stderr), ran.returncode)


def without_response_metadata(ran: Ran) -> Ran:
    """Of editions before 2.13, which print it with every answer that has a member `Errors`."""
    return Ran(_METADATA.sub("", ran.stdout), ran.stderr, ran.status)


def without_what_is_made_up(ran: Ran, account: str, ids: dict[str, str]) -> Ran:
    """Without what an exchange makes up: times, signed URLs, and ids, whose numbers are in `ids`."""

    def number(found: re.Match[str]) -> str:
        return ids.setdefault(found.group(), f"{{ID {len(ids) + 1}}}")

    def clean(text: str) -> str:
        without_urls = _SIGNED_URL.sub("{URL}", text.replace(account, "{ACCOUNT}"))
        return _ID.sub(number, _TIME.sub("{TIME}", without_urls))

    return Ran(clean(ran.stdout), clean(ran.stderr), ran.status)
