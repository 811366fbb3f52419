"""Values that are read from files: `file://path` as text, `fileb://path` as bytes."""

from __future__ import annotations

import os.path

from entrepot.client.client_errors import ParameterError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

TEXT = "file://"
BYTES = "fileb://"


class FileNotRead(Exception):
    """A file that a value names cannot be read; the text says which and why."""


def load_paramfile(value: object, environ: Mapping[str, str]) -> str | bytes | None:
    """What is in the file that `value` names; None where it names none.

    `~` and `$VARIABLES` in the path count. Text is decoded as `AWS_CLI_FILE_ENCODING` says, else as the
    locale says, and its ends of lines become `\\n`. Raises `FileNotRead`.
    """
    if not isinstance(value, str) or not value.startswith((TEXT, BYTES)):
        return None
    prefix = BYTES if value.startswith(BYTES) else TEXT
    path = os.path.expandvars(os.path.expanduser(value[len(prefix) :]))  # noqa: PTH111 - pathlib knows no $HOME
    try:
        if prefix == BYTES:
            with open(path, "rb") as binary:  # noqa: PTH123
                return binary.read()
        with open(path, encoding=_encoding(environ)) as file:  # noqa: PTH123
            return file.read()
    except UnicodeDecodeError:
        raise FileNotRead(
            f"Unable to load paramfile ({path}), text contents could not be decoded.  If this is a binary "
            "file, please use the fileb:// prefix instead of the file:// prefix."
        ) from None
    except OSError as error:
        raise FileNotRead(f"Unable to load paramfile {value}: {error}") from None


def load_option(flag: str, value: object, environ: Mapping[str, str]) -> object:
    """The value of an option, read from the file that it names, if it names one.

    Of a list with one item that item may name the file, which is then the whole value.
    Raises `ParameterError`.
    """
    single = value[0] if isinstance(value, list) and len(value) == 1 else value
    try:
        content = load_paramfile(single, environ)
    except FileNotRead as error:
        raise ParameterError(f"Error parsing parameter '{flag}': {error}") from None
    return value if content is None else content


def _encoding(environ: Mapping[str, str]) -> str:
    given = environ.get("AWS_CLI_FILE_ENCODING")
    if given is not None:
        return given
    import locale

    if locale.setlocale(locale.LC_CTYPE) in {"C", "POSIX"}:
        return "UTF-8"
    return locale.getpreferredencoding()
