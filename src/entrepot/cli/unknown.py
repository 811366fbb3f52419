"""A first word that is no command: an operation of the API, a slip of the fingers, or neither."""

from __future__ import annotations

import difflib
import shlex
from collections.abc import Sequence

from entrepot.cli.arguments import UsageError
from entrepot.model.loader import load_model
from entrepot.model.naming import snake_case
from entrepot.server.data_directory import has_profile, profile_variables
from entrepot.environment import environment
from entrepot.settings import Settings

_AWS_KEYS = {"AWS_PROFILE", "AWS_ACCESS_KEY_ID"}
"""Where one of them is set, the user has chosen a key already."""


def explain_unknown(arguments: Sequence[str], commands: Sequence[str]) -> UsageError:
    """The error to raise, with what the user most likely wants to type."""
    word = arguments[0]
    operations = [snake_case(name).replace("_", "-") for name in load_model().operations]
    if word in operations:
        environ = environment()
        settings = Settings.load({}, environ)
        line = shlex.join(["aws", "dataexchange", *arguments, "--endpoint-url", settings.local_url])
        if not _AWS_KEYS & environ.keys() and has_profile(settings.data_dir):
            line = f"{profile_variables(settings.data_dir)} {line}"
        return UsageError(
            "this version has no command line for the operations of the API; the AWS CLI has it. "
            f"The same by it: {line}"
        )
    close = difflib.get_close_matches(word, [*commands, *operations], n=1)
    hint = f"Did you mean `entrepot {close[0]}`?" if close else "`entrepot --help` lists the commands."
    return UsageError(f"{word!r} is not a command. {hint}")
