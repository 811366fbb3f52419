"""The model's documentation is HTML of a simple kind; people at a terminal read paragraphs."""

from __future__ import annotations

import re

_BLOCK = r"</?(?:p|ul|ol|li|dl|dt|dd|note|important|fullname|br|h\d)\b[^>]*>"
_LINK = r"<a\b[^>]*?\bhref=\"([^\"]*)\"[^>]*>(.*?)</a>"
_ABBREVIATIONS = ("e.g.", "i.e.", "etc.", "vs.")


def paragraphs(documentation: str) -> list[str]:
    """The paragraphs, each on one line without markup; an item of a list begins with a hyphen.

    A link is followed by its address in brackets, since nothing can be clicked on.
    """
    text = re.sub(_LINK, r"\2 (\1)", documentation, flags=re.DOTALL)
    text = re.sub(r"<li\b[^>]*>\s*(?:<p\b[^>]*>)?", "\0- ", text)
    text = re.sub(_BLOCK, "\0", text)
    text = re.sub(r"<[^>]+>", "", text)
    if "&" in text:
        from html import unescape

        text = unescape(text)
    lines = (" ".join(part.split()) for part in text.split("\0"))
    return [line for line in lines if line]


def first_sentence(documentation: str) -> str:
    """What fits beside a name in a list; empty when nothing is said."""
    first = next(iter(paragraphs(documentation)), "")
    end = 0
    while (end := first.find(". ", end)) >= 0:
        end += 1
        if not first[:end].endswith(_ABBREVIATIONS):
            return first[:end]
    return first
