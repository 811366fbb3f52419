"""The one place that reads the environment of this process; everybody else is given what it says.

Apart from `settings`, because the command line's operations need it before anything else and nothing more.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


def environment() -> dict[str, str]:
    return dict(os.environ)


def debugging(environ: Mapping[str, str]) -> bool:
    """Whether `ENTREPOT_DEBUG` asks for tracebacks instead of one-line messages."""
    return environ.get("ENTREPOT_DEBUG", "") not in {"", "0"}


def data_directory(environ: Mapping[str, str]) -> str:
    """The path of the data directory: `ENTREPOT_DATA_DIR`, else the default. It need not exist."""
    given = environ.get("ENTREPOT_DATA_DIR")
    if given:
        return os.path.abspath(os.path.expanduser(given))  # noqa: PTH100, PTH111 - pathlib costs 5 ms of start
    return default_data_directory(environ)


def default_data_directory(environ: Mapping[str, str]) -> str:
    """The platform's user data directory; on Linux without platformdirs' cost (a test compares the two)."""
    linux = sys.platform.startswith("linux")  # asked in two steps: a type checker knows its own platform
    if linux:
        # XDG Base Directory Specification; a relative path there counts as not set, as platformdirs has it.
        base = environ.get("XDG_DATA_HOME", "")
        base = base if os.path.isabs(base) else os.path.expanduser("~/.local/share")  # noqa: PTH111, PTH117
        return os.path.join(base, "entrepot")  # noqa: PTH118
    import platformdirs

    return platformdirs.user_data_dir("entrepot", appauthor=False)
