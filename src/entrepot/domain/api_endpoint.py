"""Where the APIs of API assets are: what `ENTREPOT_API_ENDPOINT` says.

    a template   https://{ApiId}.execute-api.{region}.amazonaws.com/{Stage}, which is the default
    a table      {"weather/prod": "https://weather.example/v2", …}: an ApiId and a Stage, and where they lead

A provider names ApiId and Stage, an operator everything else. So a host that the operator wrote out is
trusted, wherever it is; a host of which users choose a part must be a public one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from entrepot.domain.identifiers import ACCOUNT_ID_PATTERN
from entrepot.domain.scope import Scope

API_ID = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
"""An ApiId becomes one label of a host: with neither dot, slash nor colon it stays one."""
STAGE = re.compile(r"[A-Za-z0-9_$-]{1,128}", re.ASCII)
"""A Stage becomes one segment of a path; `$default` is one of API Gateway's own."""

DEFAULT_TEMPLATE = "https://{ApiId}.execute-api.{region}.amazonaws.com/{Stage}"
_ALLOWED = (
    f"a URL such as {DEFAULT_TEMPLATE}, in which {{ApiId}}, {{Stage}}, {{region}} and {{AccountId}} are "
    "filled in ({Stage} not in the host); or a JSON object such as "
    '{"weather/prod": "https://weather.example/v2"}, or the path of a file with one'
)
_FIELD = re.compile(r"\{(\w*)\}")
_FIELDS = frozenset({"ApiId", "Stage", "region", "AccountId"})
_CHOSEN_BY_USERS = frozenset({"ApiId", "region"})
_AWS_HOST = re.compile(
    r"(?:[a-z0-9-]+\.)+execute-api\.(?P<region>[a-z0-9-]+)(?:\.vpce)?\.amazonaws\.com(?:\.cn)?", re.ASCII
)
_BASE_URL = re.compile(r"https?://[A-Za-z0-9.:\[\]-]+(?:/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class ApiTarget:
    url: str
    """A base URL without a slash at its end; it has neither query nor fragment."""
    trusted: bool
    """Whether its operator chose the host, which may then be a private one."""

    @property
    def signing_region(self) -> str | None:
        """The Region for which a call is signed where the host is one of Amazon API Gateway; else None."""
        parts = urlsplit(self.url)
        match = _AWS_HOST.fullmatch(parts.hostname or "") if parts.scheme == "https" else None
        return None if match is None else match["region"]


@dataclass(frozen=True, slots=True)
class ApiEndpoints:
    """The setting `ENTREPOT_API_ENDPOINT`; two are equal where their texts are."""

    text: str = DEFAULT_TEMPLATE
    _template: str | None = field(default=DEFAULT_TEMPLATE, compare=False, repr=False)
    _table: Mapping[str, _Row] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def parse(cls, text: str, content: str | None = None) -> ApiEndpoints:
        """Reads a template or a table; where `text` is the path of a file, `content` is what is in it.

        Raises `ValueError` saying what is allowed.
        """
        source = text if content is None else content
        if content is None and not source.lstrip().startswith("{"):
            _require_template(source)
            return cls(text, source.rstrip("/"), {})
        try:
            rows = json.loads(source)
        except ValueError:
            raise ValueError(f"{_ALLOWED}; this is not JSON") from None
        if not isinstance(rows, dict) or not rows:
            raise ValueError(_ALLOWED)
        return cls(text, None, {key: _Row.parse(key, value) for key, value in rows.items()})

    def find(self, api_id: str, stage: str, owner: Scope) -> ApiTarget | None:
        """Where that stage of that API of that account is; None where the table does not say."""
        if self._template is None:
            row = self._table.get(f"{api_id}/{stage}")
            allowed = row is not None and (not row.accounts or owner.account_id in row.accounts)
            return ApiTarget(row.url, trusted=True) if row is not None and allowed else None
        values = {"ApiId": api_id, "Stage": stage, "region": owner.region, "AccountId": owner.account_id}
        url = _FIELD.sub(lambda match: values[match[1]], self._template)
        if self._template == DEFAULT_TEMPLATE and owner.partition == "aws-cn":
            url = url.replace(".amazonaws.com/", ".amazonaws.com.cn/")
        chosen = _CHOSEN_BY_USERS & set(_FIELD.findall(urlsplit(self._template).netloc))
        return ApiTarget(url, trusted=not chosen)

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class _Row:
    url: str
    accounts: frozenset[str]
    """Whose assets may lead there; empty: anyone's."""

    @classmethod
    def parse(cls, key: object, value: object) -> _Row:
        api_id, _, stage = str(key).partition("/")
        if not API_ID.fullmatch(api_id) or not STAGE.fullmatch(stage):
            raise ValueError(f'{_ALLOWED}; not {key!r}, where "ApiId/Stage" is expected')
        given = value if isinstance(value, dict) else {"Url": value}
        url, accounts = given.get("Url"), given.get("Accounts", [])
        if (
            not isinstance(url, str)
            or not _BASE_URL.fullmatch(url)
            or not given.keys() <= {"Url", "Accounts"}
        ):
            raise ValueError(f"{_ALLOWED}; {key} leads to no http or https URL")
        if not isinstance(accounts, list) or not all(ACCOUNT_ID_PATTERN.match(str(one)) for one in accounts):
            raise ValueError(f"{_ALLOWED}; Accounts of {key} must be a list of account ids")
        return cls(url.rstrip("/"), frozenset(map(str, accounts)))


def _require_template(text: str) -> None:
    names = set(_FIELD.findall(text))
    try:
        host = urlsplit(text).netloc
    except ValueError:
        raise ValueError(_ALLOWED) from None
    filled = _FIELD.sub("0", text)
    if not names <= _FIELDS or "{Stage}" in host or not _BASE_URL.fullmatch(filled):
        raise ValueError(_ALLOWED)
