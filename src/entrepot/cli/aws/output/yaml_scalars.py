"""How a scalar is written in YAML: plain where it can be, quoted where it must."""

from __future__ import annotations

import re

from entrepot.cli.aws.output.yaml_text import WIDTH, YamlText

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

LINE_BREAKS = "\n\r\x85\u2028\u2029"
_NAMED_ESCAPES = {
    "\0": "0",
    "\a": "a",
    "\b": "b",
    "\t": "t",
    "\n": "n",
    "\v": "v",
    "\f": "f",
    "\r": "r",
    "\x1b": "e",
    '"': '"',
    "\\": "\\",
    "\x85": "N",
    "\u2028": "L",
    "\u2029": "P",
}
_UNPRINTABLE = re.compile(r"[^\n\x20-\x7e\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd]")
"""Needs double quotes and an escape. All beyond the Basic Multilingual Plane counts as unprintable here."""
_ESCAPED = re.compile(r"""["\\\u2028\u2029]|[^\x20-\x7e\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd]""")
_BLANK_BESIDE_BREAK = re.compile(f" [{LINE_BREAKS}]|[{LINE_BREAKS}] ")
"""What single quotes would lose."""
_INDICATOR = re.compile(
    r"""
      \A (?: --- | \.\.\. | [#,\[\]{}&*!|>'"%@`] )   # says something else at the start
    | \A [-?] (?: \  | \Z )                          # does so before a blank
    | : (?: \  | \Z )                                # ends a name
    | \ \#                                           # begins a comment
    """,
    re.VERBOSE,
)
_NOT_A_STRING = re.compile(
    r"""
      true | True | TRUE | false | False | FALSE
    | ~ | null | Null | NULL
    | << | =
    | (?!_) [-+]? [0-9_]+
    | [-+]? (?: 0b[01_]+ | 0o[0-7_]+ | 0x[0-9a-fA-F_]+ )
    | [-+]? [0-9][0-9_]* (?: \.[0-9_]* (?: [eE][-+]?[0-9]+ )? | [eE][-+]?[0-9]+ )
    | [-+]? \.[0-9_]+ (?: [eE][-+][0-9]+ )?
    | [-+]? \.(?: inf | Inf | INF )
    | \.(?: nan | NaN | NAN )
    | \d{4}-\d\d-\d\d
    | \d{4}-\d\d?-\d\d? (?: [Tt] | [ \t]+ ) \d\d? :\d\d :\d\d (?: \.\d* )?
      (?: [ \t]* (?: Z | [-+]\d\d? (?: :\d\d )? ) )?
    """,
    re.VERBOSE | re.ASCII,
)
"""What a reader takes for a boolean, null, a number or a time when it is not quoted."""
_SINGLE_BLANK = re.compile("(?<=[^ ]) (?=[^ ])")
_LINES_AND_BREAKS = re.compile(f"[{LINE_BREAKS}]+|[^{LINE_BREAKS}]+")
_WORDS_AND_BLANKS = re.compile(" +|[^ ]+")


def write_scalar(text: YamlText, value: Any, *, foldable: bool) -> None:
    """Write a value; a long one is folded at blanks where it may be: everywhere but in a name before a colon.

    Raises UnicodeEncodeError for half of a surrogate pair.
    """
    if not isinstance(value, str):
        text.mark(_of_no_string(value))
        return
    value.encode()  # the only way it can fail, and in the words it fails with
    if _is_plain(value):
        if not text.spaced:
            text.put(" ")
        _write_folded(text, value, foldable=foldable)
        text.spaced = text.at_line_start = False
    elif _UNPRINTABLE.search(value) or _BLANK_BESIDE_BREAK.search(value):
        _write_double_quoted(text, value, foldable=foldable)
    else:
        _write_single_quoted(text, value, foldable=foldable)


def has_line_break(value: str) -> bool:
    """Whether a text has more than one line."""
    return any(character in value for character in LINE_BREAKS)


def _of_no_string(value: float | None) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    written = repr(value)
    return {"inf": ".inf", "-inf": "-.inf", "nan": ".nan"}.get(written, written)


def _is_plain(value: str) -> bool:
    return not (
        not value
        or value[0] == " "
        or value[-1] == " "
        or has_line_break(value)
        or _UNPRINTABLE.search(value)
        or _INDICATOR.search(value)
        or _NOT_A_STRING.fullmatch(value)
    )


def _write_folded(text: YamlText, line: str, *, foldable: bool) -> None:
    """Write one line of a scalar, as several where a blank between two words comes late enough."""
    if not foldable or text.column + len(line) <= WIDTH:
        text.put(line)
        return
    for number, words in enumerate(_SINGLE_BLANK.split(line)):
        if number:
            _blank_or_new_line(text)
        text.put(words)


def _blank_or_new_line(text: YamlText) -> None:
    if text.column > WIDTH:
        text.break_line()
        text.put(" " * text.indentation)
    else:
        text.put(" ")


def _write_single_quoted(text: YamlText, value: str, *, foldable: bool) -> None:
    """Newlines are written twice, since one alone reads as a blank."""
    text.mark("'")
    for part in _LINES_AND_BREAKS.findall(value):
        if part[0] not in LINE_BREAKS:
            _write_folded(text, part.replace("'", "''"), foldable=foldable)
            continue
        if part[0] == "\n":
            text.break_line()
        for character in part:
            text.break_line(character)
        text.put(" " * text.indentation)
    text.mark("'", apart=False)


def _write_double_quoted(text: YamlText, value: str, *, foldable: bool) -> None:
    text.mark('"')
    for part in _WORDS_AND_BLANKS.finditer(value):
        words = part.group()
        inside = part.start() > 0 and part.start() < len(value) - 1
        if words[0] == " " and foldable and inside and text.column > WIDTH:
            text.break_line()
            # The new line stands for one blank; what is left of them needs protection from being indentation.
            text.put(" " * text.indentation + "\\" * (len(words) > 1) + words[1:])
        else:
            text.put(_ESCAPED.sub(_escape, words))
    text.mark('"', apart=False)


def _escape(found: re.Match[str]) -> str:
    character = found.group()
    named = _NAMED_ESCAPES.get(character)
    if named is not None:
        return f"\\{named}"
    code = ord(character)
    if code <= 0xFF:
        return f"\\x{code:02X}"
    return f"\\u{code:04X}" if code <= 0xFFFF else f"\\U{code:08X}"
