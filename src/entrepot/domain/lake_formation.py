"""LF-tag policies: which databases and tables of an AWS Glue Data Catalog are shared, by their tags.

The tags of Lake Formation have nothing in common with those of resources (`domain/tags`). Sources: behaviour
reference, section 3.9, and the constraints of Lake Formation's own model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from entrepot.domain.errors import AccessDenied, ValidationFailed
from entrepot.domain.scope import Scope

MAX_TAGS = 50
"""In one expression, so that an asset has bounds [G]."""
MAX_VALUES = 50
MAX_KEY_LENGTH = 128
MAX_VALUE_LENGTH = 256


class LFResourceType(StrEnum):
    """What a policy is about; the value is that of `ResourceType`."""

    DATABASE = "DATABASE"
    TABLE = "TABLE"


@dataclass(frozen=True, slots=True)
class LFTag:
    """One condition: the tag of that key has one of these values."""

    key: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LFCatalog:
    """Whose data catalogue it is, and where; and the role through which it may be worked with."""

    owner: Scope
    catalog_id: str
    role_arn: str


@dataclass(frozen=True, slots=True)
class LFTagPolicy:
    """Everything of that kind to which each of the tags applies, now or later, with these permissions."""

    catalog: LFCatalog
    resource_type: LFResourceType
    expression: tuple[LFTag, ...]
    permissions: tuple[str, ...]


def require_own_catalog(account_id: str, catalog_id: str, role_arn: str) -> None:
    """Raises `AccessDenied` unless catalogue and role belong to the account that names them.

    The exchange's own credentials may be able to act on the catalogues of many providers, and to assume the
    roles of each. So an account that could name another's would be granted what is not its own: the confused
    deputy. AWS has the same rule for roles, which nobody can pass to a service from another account [C]; for
    catalogues it is our choice [G].
    """
    if catalog_id != account_id:
        raise AccessDenied(
            f"CatalogId {catalog_id} is not this account, {account_id}; share the data catalogue of your own."
        )
    role_account = role_arn.split(":")[4]
    if role_account != account_id:
        raise AccessDenied(
            f"RoleArn {role_arn} names a role of account {role_account}; "
            f"a role of this account, {account_id}, is needed."
        )


def require_expression(member: str, expression: Sequence[LFTag]) -> None:
    """Raises `ValidationFailed` unless Lake Formation could look for it; `member` is what the request says.

    Lake Formation knows keys and values in lower case only, so two spellings of a key are the same [L].
    """
    if not 1 <= len(expression) <= MAX_TAGS:
        raise ValidationFailed(
            f"{member}.Expression has {len(expression)} LF-tags; it takes 1 to {MAX_TAGS}."
        )
    seen: set[str] = set()
    for tag in expression:
        if not 1 <= len(tag.key) <= MAX_KEY_LENGTH:
            raise ValidationFailed(f"A TagKey of {member}.Expression has 1 to {MAX_KEY_LENGTH} characters.")
        if tag.key.lower() in seen:
            raise ValidationFailed(
                f"{member}.Expression names the TagKey {tag.key!r} twice; give all of its TagValues at once."
            )
        seen.add(tag.key.lower())
        _require_values(member, tag)


def _require_values(member: str, tag: LFTag) -> None:
    if not 1 <= len(tag.values) <= MAX_VALUES:
        raise ValidationFailed(
            f"The TagKey {tag.key!r} of {member}.Expression has {len(tag.values)} TagValues; "
            f"it takes 1 to {MAX_VALUES}."
        )
    if len({value.lower() for value in tag.values}) < len(tag.values):
        raise ValidationFailed(f"A value of TagKey {tag.key!r} of {member}.Expression is given twice.")
    if not all(1 <= len(value) <= MAX_VALUE_LENGTH for value in tag.values):
        raise ValidationFailed(
            f"A value of TagKey {tag.key!r} of {member}.Expression has 1 to {MAX_VALUE_LENGTH} characters."
        )


def require_permissions(member: str, permissions: Sequence[str]) -> None:
    """Raises `ValidationFailed` unless there are permissions, each once; the model says which there are."""
    if not permissions or len(set(permissions)) < len(permissions):
        raise ValidationFailed(f"{member}.Permissions names one permission or more, each of them once.")


def missing_from(expression: Sequence[LFTag], known: Sequence[LFTag]) -> list[str]:
    """What of an expression the catalogue's tags do not have, in words; case does not matter [L]."""
    values_of = {tag.key.lower(): {value.lower() for value in tag.values} for tag in known}
    problems = []
    for tag in expression:
        values = values_of.get(tag.key.lower())
        if not values:
            problems.append(f"there is no LF-tag {tag.key!r}")
            continue
        unknown = [value for value in tag.values if value.lower() not in values]
        if unknown:
            problems.append(f"LF-tag {tag.key!r} has no value {', '.join(map(repr, unknown))}")
    return problems
