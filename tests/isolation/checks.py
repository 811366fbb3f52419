"""What is true of whoever names what is not theirs, whichever way the operations are called."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from tests.isolation.account_resources import AccountResources, Client, Refused
from tests.isolation.forms import Form, Position
from tests.isolation.rows import Receiver, Stranger, row

_ID = re.compile(r"[0-9a-f]{32}")
_ACCOUNT = re.compile(r"(?<!\d)\d{12}(?!\d)")
_GRANTED = frozenset(
    {"data_set", "data_set_arn", "revision", "revision_arn", "asset", "asset_arn", "entitled_data_set"}
)


class Angle(NamedTuple):
    """Somebody, and the belongings of somebody else that it names."""

    words: str
    viewer: Client
    mine: AccountResources
    theirs: AccountResources


class Outcome(NamedTuple):
    """What became of a request, in a form in which its identifiers are only numbered."""

    code: str | None
    members: Mapping[str, Any]


async def sees_nothing(angle: Angle, form: Form) -> None:
    """Whichever of the names in the request are somebody else's, it is as if there were no such thing."""
    whole = tuple(form.positions)
    for at in {whole, *((position,) for position in whole)}:
        for theirs in (angle.theirs, angle.theirs.forged_for(angle.mine)):
            if form.filled(angle.mine, theirs, at) != form.filled(angle.mine):
                await _is_as_nothing(angle, form, theirs, at)


async def _is_as_nothing(
    angle: Angle, form: Form, theirs: AccountResources, at: tuple[Position, ...]
) -> None:
    case = f"{angle.words}: {form} with {at} of somebody else"
    request = form.filled(angle.mine, theirs, at)
    outcome = await _outcome(angle, request, form)
    nothing = await _outcome(angle, form.filled(angle.mine, theirs.which_are_nowhere(), at), form)
    assert outcome == nothing, f"{case} differs from what there is not"
    met = row(form.operation.name, form.label).stranger
    if met is Stranger.FINDS_NOTHING:
        assert outcome.code is None, case
        assert [value for value in outcome.members.values() if value] == [], case
        return
    assert outcome.code == met.value, f"{case}: {outcome}"
    if met is Stranger.NOT_FOUND:
        declared = "ResourceNotFoundException" in form.operation.errors or not form.operation.errors
        assert declared, case
        blamed = outcome.members["ResourceId"]
        assert re.fullmatch(r"#\d+", blamed), f"{case}: {blamed} was not in the request"
    said = repr(outcome.members)
    known = {angle.mine.account_id, *_ACCOUNT.findall(repr(request))}
    told = _ID.findall(said) + [account for account in _ACCOUNT.findall(said) if account not in known]
    assert told == [], f"{case} tells of {told}"
    for secret in angle.theirs.secrets:
        assert secret not in said, f"{case} tells {secret!r}"


async def _outcome(angle: Angle, request: Mapping[str, Any], form: Form) -> Outcome:
    order = list(dict.fromkeys(_ID.findall(repr(request))))
    try:
        code, members = None, await angle.viewer.call(form.operation.name, request)
    except Refused as refused:
        code, members = refused.code, dict(refused.members)
    return Outcome(code, _numbered(members, order))


def _numbered(value: Any, order: list[str]) -> Any:
    """The same, with a number for each identifier that is in `order`."""
    if isinstance(value, Mapping):
        return {name: _numbered(content, order) for name, content in value.items()}
    if isinstance(value, list):
        return [_numbered(content, order) for content in value]
    if isinstance(value, str):
        return _ID.sub(lambda m: f"#{order.index(m.group())}" if m.group() in order else m.group(), value)
    return value


async def may_use_what_was_granted(angle: Angle, form: Form) -> None:
    """By the names that the viewer knows: reading and exporting are allowed, nothing else is."""
    it = row(form.operation.name, form.label)
    looks_at_its_own = angle.mine.account_id == angle.theirs.account_id
    met = it.owner if looks_at_its_own and it.owner is not None else it.receiver
    if not form.positions or not _GRANTED.issuperset(form.positions.values()):
        return
    assert met is not Receiver.NOT_OF_DATA_SETS, f"{form} can name what was granted; its row says it cannot"
    outcome = await _outcome(angle, form.filled(angle.theirs), form)
    if met is Receiver.ALLOWED:
        assert outcome.code is None, f"{angle.words}: {form} is refused: {outcome}"
    else:
        assert outcome.code == met.value, f"{angle.words}: {form}: {outcome}"
