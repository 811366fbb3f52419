"""Names of files, for `file://` and for options that take a path."""

from __future__ import annotations

import os

from entrepot.cli.aws.completion.candidate import Candidate

SCHEMES = ("file://", "fileb://")
_MOST = 500


def scheme_of(typed: str) -> str | None:
    """The `file://` or `fileb://` that the word begins with."""
    for scheme in SCHEMES:
        if typed.startswith(scheme):
            return scheme
    return None


def paths(typed: str, *, prefix: str = "", folders_only: bool = False) -> list[Candidate]:
    """The entries of the folder that `typed` is in, each as a whole path behind `prefix`.

    A folder ends with a slash and is not final. Hidden ones are shown once their dot is typed. `~` is
    understood, and left as it is.
    """
    folder, slash, name = typed.rpartition("/")
    folder += slash
    if not slash and typed == "~":
        return [Candidate(f"{prefix}~/", final=False)]
    try:
        with os.scandir(os.path.expanduser(folder) or ".") as entries:  # noqa: PTH111
            found = sorted(
                (entry.name, _is_folder(entry)) for entry in entries if entry.name.startswith(name)
            )
    except OSError:
        return []
    shown = [
        (entry, is_folder)
        for entry, is_folder in found
        if (not entry.startswith(".") or name.startswith(".")) and (is_folder or not folders_only)
    ]
    return [
        Candidate(f"{prefix}{folder}{entry}{'/' if is_folder else ''}", final=not is_folder)
        for entry, is_folder in shown[:_MOST]
        if entry.isprintable()
    ]


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False
