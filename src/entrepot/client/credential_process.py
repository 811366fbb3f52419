"""Keys from a program: what a profile's `credential_process` names writes them to its standard output."""

from __future__ import annotations

import json
import shlex
import subprocess

from entrepot.client.client_errors import CredentialsFailed
from entrepot.client.credentials import Credentials

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from entrepot.client.credentials import CredentialSource


def run_credential_process(command: str, environ: Mapping[str, str]) -> CredentialSource:
    """Runs the program and takes the keys that it writes; keys that expire are asked for again in time.

    The command is split as a shell would, but no shell runs. Raises CredentialsFailed where it cannot be
    started, fails, or writes something else.
    """
    keys, expiration = _ask(command, environ)
    if expiration is None:
        return keys
    from entrepot.client.expiring_credentials import ExpiringCredentials

    def again() -> tuple[Credentials, str]:
        keys, expiration = _ask(command, environ)
        if expiration is None:
            raise CredentialsFailed("Parser must be a string or character stream, not NoneType")
        return keys, expiration

    return ExpiringCredentials(keys, expiration, again)


def _ask(command: str, environ: Mapping[str, str]) -> tuple[Credentials, str | None]:
    try:
        # The user's own profile names the program, to be run by this user.
        done = subprocess.run(shlex.split(command), capture_output=True, env=dict(environ), check=False)  # noqa: S603
        if done.returncode != 0:
            raise _failure(done.stderr.decode("utf-8"))
        answer = json.loads(done.stdout.decode("utf-8"))
        version = answer.get("Version", "<Version key not provided>")
    except (OSError, ValueError, AttributeError, IndexError) as error:
        raise CredentialsFailed(str(error)) from error
    if version != 1:
        raise _failure(
            f"Unsupported version '{version}' for credential process provider, supported versions: 1"
        )
    for name in ("AccessKeyId", "SecretAccessKey"):
        if name not in answer:
            raise _failure(f"Missing required key in response: '{name}'")
    keys = Credentials(answer["AccessKeyId"], answer["SecretAccessKey"], answer.get("SessionToken"))
    return keys, answer.get("Expiration")


def _failure(reason: str) -> CredentialsFailed:
    return CredentialsFailed(f"Error when retrieving credentials from custom-process: {reason}")
