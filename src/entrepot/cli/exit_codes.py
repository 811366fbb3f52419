"""The exit codes of the program: those of the AWS CLI v2, and which failure ends with which."""

from __future__ import annotations

from entrepot.client.errors import (
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
NOT_FLUSHED = 120
"""Standard output could not take its end, as on a full disk (Python's own code for it)."""
INTERRUPTED = 130
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
    (OutputLost, NOT_FLUSHED),
    (DatabaseUnavailable, FAILED),
)


def exit_code(error: BaseException) -> int:
    """The code that a command ends with when this error ends it."""
    for kind, code in _CODES:
        if isinstance(error, kind):
            return code
    return GENERAL
