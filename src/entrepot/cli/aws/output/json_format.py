"""`--output json`: four blanks, members in the order of the answer, nothing beyond ASCII escaped."""

from __future__ import annotations

import json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from entrepot.cli.aws.output.text_stream import TextStream


def write_json(title: str, answer: Any, stream: TextStream) -> None:
    """Write the answer, or nothing for an operation whose answer is empty."""
    del title
    if answer != {}:
        json.dump(answer, stream, indent=4, ensure_ascii=False, default=_unchanged)
        stream.write("\n")


def _unchanged(value: object) -> object:
    """What JSON cannot say, the result of `--query '&x'`, is reported as a circular reference by this."""
    return value
