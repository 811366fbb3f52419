"""Tags: the rules that every resource's tags obey (behaviour reference, section 4.5).

That a resource has at most 50 is stated by the model for AssetConfiguration; the rest is the rule of all AWS
services [L]: keys and values are letters, digits and spaces of any script, and `_ . : / = + - @`.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping

from entrepot.domain.errors import ValidationFailed

MAX_TAGS = 50
MAX_KEY_LENGTH = 128
"""In code points."""
MAX_VALUE_LENGTH = 256
"""In code points."""
SIGNS = frozenset("_.:/=+-@")
RESERVED_PREFIX = "aws:"
"""Refused in capitals too."""


def require_valid(tags: Mapping[str, str]) -> None:
    """Raises `ValidationFailed` unless these could be all the tags of one resource."""
    _require_number(tags)
    for key, value in tags.items():
        if not 1 <= len(key) <= MAX_KEY_LENGTH:
            raise ValidationFailed(
                f"The tag key {key[:40]!r} has {len(key)} characters; a key has 1 to {MAX_KEY_LENGTH}."
            )
        if key.lower().startswith(RESERVED_PREFIX):
            raise ValidationFailed(f"The tag key {key!r} begins with {RESERVED_PREFIX!r}, which is reserved.")
        if len(value) > MAX_VALUE_LENGTH:
            raise ValidationFailed(
                f"The value of tag {key!r} has {len(value)} characters; "
                f"a value has at most {MAX_VALUE_LENGTH}."
            )
        for what, text in ((f"key {key!r}", key), (f"value {value!r} of tag {key!r}", value)):
            bad = next((character for character in text if not _is_allowed(character)), None)
            if bad is not None:
                raise ValidationFailed(
                    f"The tag {what} has a {bad!r}; tags have letters, digits, spaces and "
                    f"{' '.join(sorted(SIGNS))}"
                )


def _is_allowed(character: str) -> bool:
    return character in SIGNS or unicodedata.category(character)[0] in "LNZ"


def _require_number(tags: Mapping[str, str]) -> None:
    if len(tags) > MAX_TAGS:
        raise ValidationFailed(f"A resource has at most {MAX_TAGS} tags; this would give it {len(tags)}.")


def merged(present: Mapping[str, str], added: Mapping[str, str]) -> dict[str, str]:
    """The tags after TagResource: added ones replace those of the same key.

    Raises `ValidationFailed` where a tag is bad, or where there would be too many.
    """
    require_valid(added)
    tags = {**present, **added}
    _require_number(tags)  # what is there was taken once, perhaps by other rules
    return tags


def from_pairs(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The tags of a list of keys and values, as AssetConfiguration has them.

    Raises `ValidationFailed` where a tag is bad, where a key occurs twice, or where there are too many.
    """
    tags: dict[str, str] = {}
    for key, value in pairs:
        if key in tags:
            raise ValidationFailed(f"The tag key {key!r} occurs twice; give each key once.")
        tags[key] = value
    require_valid(tags)
    return tags
