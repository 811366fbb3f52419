"""Key patterns of EXPORT_REVISIONS_TO_S3: literal text around references such as `${Asset.Name}`.

The references, and that one of `${Asset.Id}` and `${Asset.Name}` must occur, are documented [C]; that month
and day have two digits, that a literal `${` cannot be written, and that an unknown reference is refused are
our choice [G] (behaviour reference, section 3.5).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from entrepot.domain.asset import Asset
from entrepot.domain.data_set import DataSet
from entrepot.domain.errors import ValidationFailed
from entrepot.domain.revision import Revision

DEFAULT_KEY_PATTERN = "${Asset.Name}"
MAX_KEY_BYTES = 1024
"""How long a key of S3 may be, in bytes of UTF-8."""

_REFERENCE = re.compile(r"\$\{([^}]*)\}")


class Reference(Enum):
    """What may stand between `${` and `}`."""

    ASSET_ID = "Asset.Id"
    ASSET_NAME = "Asset.Name"
    DATA_SET_ID = "DataSet.Id"
    DATA_SET_NAME = "DataSet.Name"
    REVISION_ID = "Revision.Id"
    REVISION_CREATED_AT = "Revision.CreatedAt"
    REVISION_YEAR = "Revision.CreatedAt.Year"
    REVISION_MONTH = "Revision.CreatedAt.Month"
    REVISION_DAY = "Revision.CreatedAt.Day"


@dataclass(frozen=True, slots=True)
class KeyPattern:
    """A parsed pattern: literal texts and references, in order."""

    parts: tuple[str | Reference, ...]

    @classmethod
    def parse(cls, text: str) -> KeyPattern:
        """Raises `ValidationFailed` that says what is wrong with the pattern, and what may be written."""
        parts: list[str | Reference] = []
        end = 0
        for match in _REFERENCE.finditer(text):
            _append_literal(parts, text[end : match.start()], text)
            parts.append(_reference(match[1], text))
            end = match.end()
        _append_literal(parts, text[end:], text)
        if Reference.ASSET_ID not in parts and Reference.ASSET_NAME not in parts:
            raise ValidationFailed(
                f"The key pattern {text!r} gives every asset the same key; "
                "it must contain ${Asset.Name} or ${Asset.Id}."
            )
        return cls(tuple(parts))

    @property
    def beginning(self) -> str:
        """What every key that it makes begins with."""
        first = self.parts[0]
        return first if isinstance(first, str) else ""

    def key(self, data_set: DataSet, revision: Revision, asset: Asset) -> str:
        """The key of the asset. It may be longer than S3 allows: only the one who has all names can tell."""
        created_at = revision.created_at.to_datetime()
        values = {
            Reference.ASSET_ID: asset.id,
            Reference.ASSET_NAME: asset.name,
            Reference.DATA_SET_ID: data_set.id,
            Reference.DATA_SET_NAME: data_set.name,
            Reference.REVISION_ID: revision.id,
            Reference.REVISION_CREATED_AT: revision.created_at.isoformat(),
            Reference.REVISION_YEAR: f"{created_at.year:04d}",
            Reference.REVISION_MONTH: f"{created_at.month:02d}",
            Reference.REVISION_DAY: f"{created_at.day:02d}",
        }
        return "".join(part if isinstance(part, str) else values[part] for part in self.parts)


def _append_literal(parts: list[str | Reference], literal: str, pattern: str) -> None:
    if "${" in literal:
        raise ValidationFailed(f"The key pattern {pattern!r} has a ${{ without its closing brace; add it.")
    if literal:
        parts.append(literal)


def _reference(name: str, pattern: str) -> Reference:
    try:
        return Reference(name)
    except ValueError:
        known = ", ".join(f"${{{reference.value}}}" for reference in Reference)
        raise ValidationFailed(
            f"The key pattern {pattern!r} has the unknown reference ${{{name}}}; write one of {known}."
        ) from None
