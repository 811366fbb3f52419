"""From a case's placeholders to this run's places, and from what a run printed back to placeholders.

{ENDPOINT} {TLS} {TLS_WRONGHOST} {TLS_SELFSIGNED} {DEAD} {DEAD_TLS} {SILENT} {SILENT_TLS}   URLs
{PORT} the port of the first · {CA} the certificate to trust · {TMP} the case's folder
{JOB:name} the id of a canned job · {SECRET:key id} the secret of an access key
{PROG} the program's name · {USAGE} the usage block of an error, which names it
"""

from __future__ import annotations

import re
from pathlib import Path

from tests.parity.answers import jobs
from tests.parity.signatures import SECRETS
from tests.parity.stub_servers import StubServers

_PLACEHOLDER = re.compile(r"\{(?:JOB:([^{}]+)|SECRET:([A-Z0-9]+)|([A-Z_]+))\}")
_USAGE = re.compile(
    r"^usage: .*?(?=^[\w.-]+: (?:error: |\[ERROR\]: )|^(?:Unknown options|Note):|\Z)",
    re.MULTILINE | re.DOTALL,
)
_ERROR = re.compile(r"^[\w.-]+: (error: |\[ERROR\]: )", re.MULTILINE)
_ADVICE = re.compile(r'(by running ")[\w.-]+ (configure|login|help)')


def filled(text: str, stub_servers: StubServers, folder: Path) -> str:
    """The text with every placeholder filled; words in braces that are none stay."""
    words = {
        **stub_servers.urls(),
        "PORT": str(stub_servers.ports()["PORT"]),
        "CA": str(stub_servers.authority),
        "TMP": str(folder),
    }

    def fill(found: re.Match[str]) -> str:
        job, key_id, word = found.groups()
        if job:
            return jobs()[job].job_id
        return SECRETS[key_id] if key_id else words.get(word, found.group())

    return _PLACEHOLDER.sub(fill, text)


def without_places(text: str, stub_servers: StubServers, folder: Path) -> str:
    """The text without this run's folder and ports."""
    return stub_servers.without_ports(
        text.replace(str(stub_servers.authority), "{TMP}/ca.pem").replace(str(folder), "{TMP}")
    )


def without_program(text: str) -> str:
    """An error message without the program's name."""
    text = _ERROR.sub(r"{PROG}: \1", _USAGE.sub("{USAGE}\n", text))
    return _ADVICE.sub(r"\1{PROG} \2", text)
