"""The exit codes of the program: those of the AWS CLI v2, and which failure ends with which."""

from __future__ import annotations

from entrepot.client.client_errors import (
    ClientConfigurationError,
    OutputLost,
    ParameterError,
    ServiceAnswer,
    UsageError,
)
from entrepot.domain.errors import ConfigurationError, DatabaseUnavailable

SUCCESS = 0
FAILED = 1
"""It ran, and what it found is not well: a job that failed, a doctor with findings."""
NOT_WRITTEN = 120
"""The end of the output finds no reader or no room, as on a full disk (Python's own code for it)."""
INTERRUPTED = 130
"""By Ctrl-C: 128 + SIGINT, as in a shell."""
TERMINATED = 143
"""By SIGTERM, as whoever stops a container sends it: 128 + SIGTERM."""
NOT_READ = 141
"""Of the program's own commands, where nobody reads their output to its end: 128 + SIGPIPE, as in a shell."""
USAGE = 252
CONFIGURATION = 253
SERVICE = 254
GENERAL = 255

_CODES: tuple[tuple[type[Exception], int], ...] = (
    (UsageError, USAGE),
    (ParameterError, USAGE),
    (ClientConfigurationError, CONFIGURATION),
    (ConfigurationError, CONFIGURATION),
    (ServiceAnswer, SERVICE),
    (OutputLost, NOT_WRITTEN),
    (DatabaseUnavailable, FAILED),
)


class Terminated(KeyboardInterrupt):
    """SIGTERM came to a command that ends by it in order, as by Ctrl-C."""


def exit_code(error: BaseException) -> int:
    for kind, code in _CODES:
        if isinstance(error, kind):
            return code
    return GENERAL
